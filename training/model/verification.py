"""The check before the first step: a network's own normalization layers against the reference."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

import normviz
from normviz.torch_models.verify import Report
from training.errors import TrainingError
from training.model.fast_norms import FastNorm
from training.model.net import Net


class RefusedLayerError(TrainingError):
    """A layer differs from the reference; ``reports`` are those of ``verify_layers``."""

    def __init__(self, message: str, reports: dict[str, Any]) -> None:
        super().__init__(message)
        self.reports = reports


def layer_inputs(model: Net, x: Tensor) -> dict[str, Tensor]:
    """Return what each normalization layer of ``model`` is given for the batch ``x`` in training.

    The pass runs on a copy, so neither buffers nor generators of ``model`` move.
    """
    probe = copy.deepcopy(model).train()
    for layer in probe.dropout_layers():
        layer.generator = torch.Generator().manual_seed(0)
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(_layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            seen[name] = inputs[0].detach().clone()

        return hook

    for name, norm in probe.norm_layers().items():
        norm.register_forward_pre_hook(keep(name))
    with torch.no_grad():
        probe(x)
    return seen


def verify_layers(model: Net, x: Tensor, precision: str = "float32") -> dict[str, Any]:
    """Check every normalization layer of ``model`` at the activations of the batch ``x``.

    Returns:
        For each layer, by its name in the network: its class, its input shape and the report of
        ``normviz.verify`` (forward, backward, buffers); for channels-last activations also
        ``as_laid_out``, for the loop that runs there, and ``after_relu``, for the loop with ReLU
        inside, as a block calls it; with precision "bfloat16" also ``in_bfloat16``, the last of
        these for activations so rounded. Empty without normalization.

    Raises:
        RefusedLayerError: when a layer differs from the reference; nothing is trained on it.
    """
    reports: dict[str, Any] = {}
    refused = None
    for name, x_layer in layer_inputs(model, x).items():
        layer = copy.deepcopy(model.norm_layers()[name]).train()
        found = {"report": normviz.verify(layer, x_layer.contiguous())}
        if not x_layer.is_contiguous():
            found["as_laid_out"] = normviz.verify(layer, x_layer)
        # Behind a ReLU, where a block lets the norm's loop do both.
        if isinstance(layer, FastNorm) and layer.takes(x_layer) and x_layer.min() >= 0:
            # Above 0, where ReLU changes nothing, the norm's values and gradients are the block's.
            x_layer = x_layer + x_layer.mean()
            layer.forward = partial(layer.step, relu=True)  # type: ignore[method-assign]
            found["after_relu"] = normviz.verify(layer, x_layer)
        if precision == "bfloat16":
            found["in_bfloat16"] = normviz.verify(layer, x_layer.bfloat16())
        for report in found.values():
            if not report and refused is None:
                refused = (
                    f"refusing to train: layer {name} ({layer}) differs from the NumPy reference "
                    f"at input shape {tuple(x_layer.shape)}: {_in_words(report)}"
                )
        reports[name] = {
            "layer": repr(layer),
            "input_shape": list(x_layer.shape),
            **{kind: report.as_dict() for kind, report in found.items()},
        }
    if refused:
        raise RefusedLayerError(refused, reports)
    return reports


def _in_words(report: Report) -> str:
    if report.failure:
        return report.failure
    worst = report.worst
    return (
        f"{worst.tensor} by {worst.relative:.1e} of its terms, where {worst.tolerance:.0e} is "
        f"allowed in {report.dtype}"
    )
