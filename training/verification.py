"""The check before the first step: a network's own normalization layers against the reference."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

import normviz
from training.errors import TrainingError
from training.model import Net


def layer_inputs(model: Net, x: Tensor) -> dict[str, Tensor]:
    """Return what each normalization layer of ``model`` is given for the batch ``x`` in training.

    The pass runs on a copy, so neither buffers nor generators of ``model`` move.
    """
    probe = copy.deepcopy(model).train()
    for layer in probe.dropout_layers():
        layer.generator = torch.Generator(device=x.device).manual_seed(0)
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(_layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            seen[name] = inputs[0].detach().clone()

        return hook

    for name, layer in probe.norm_layers().items():
        layer.register_forward_pre_hook(keep(name))
    with torch.no_grad():
        probe(x)
    return seen


def verify_layers(model: Net, x: Tensor) -> dict[str, Any]:
    """Check every normalization layer of ``model`` at the activations of the batch ``x``.

    Returns:
        For each layer, by its name in the network: its class, its input shape and the report of
        ``normviz.verify`` (forward, backward, buffers). Empty for a network without normalization.

    Raises:
        TrainingError: when a layer differs from the reference; nothing is trained on it.
    """
    reports: dict[str, Any] = {}
    inputs = layer_inputs(model, x)
    for name, layer in model.norm_layers().items():
        report = normviz.verify(copy.deepcopy(layer).train(), inputs[name])
        if not report:
            raise TrainingError(
                f"refusing to train: layer {name} ({layer}) differs from the NumPy reference at "
                f"input shape {tuple(inputs[name].shape)}: {_first_line(report)}"
            )
        reports[name] = {
            "layer": repr(layer),
            "input_shape": list(inputs[name].shape),
            "report": report.as_dict(),
        }
    return reports


def _first_line(report: object) -> str:
    return next((line.strip() for line in str(report).splitlines() if line.strip()), "no report")
