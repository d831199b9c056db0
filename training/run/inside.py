"""What goes on inside the network: a few numbers a layer, after each epoch and at the end.

After an epoch a copy of the network takes one step on the first batch of the epoch, watched by
hooks; the network itself, its buffers and generators stay as they are. So a record costs one step
an epoch.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from training.data import load as data
from training.model.loss import cross_entropy
from training.model.net import Net
from training.record.inside import Inside
from training.record.tensorboard import Board
from training.run.one_network import Trainer


def look_inside(trainer: Trainer, epoch: int, board: Board | None = None) -> list[Inside]:
    """Return a row for each layer with weights; ``board`` gets the values themselves, too."""
    x, y = next(data.get_iterator(trainer.digits, trainer.config, trainer.seed, epoch))
    x, y = x.to(trainer.device), y.to(trainer.device)
    model = copy.deepcopy(trainer.model).train()
    before = {name: norm.state_dict() for name, norm in trainer.model.norm_layers().items()}
    for dropout in model.dropout_layers():
        dropout.generator = torch.Generator().manual_seed(epoch)
    entered, alive = _watch(model)
    cross_entropy(model(x), y).backward()
    rows = []
    for name, layer in model.named_children():
        conv: Any = layer if isinstance(layer, nn.Conv2d) else getattr(layer, "conv", None)
        if conv is None:
            continue  # a pooling
        mean = spread = stale = stale_variance = None
        if (seen := entered.get(name)) is not None:
            mean, spread = seen.mean().item(), seen.std().item()
            stale, stale_variance = _staleness(seen, before.get(f"{name}.norm", {}))
        weight, gradient = conv.weight.norm().item(), conv.weight.grad.norm().item()
        dead = 1 - alive[name].float().mean().item() if name in alive else None
        found = (mean, spread, stale, weight, gradient, dead, stale_variance)
        rows.append(Inside(epoch, name, *found))
        if board:
            tensors = {"what enters the norm": seen, "weights": conv.weight}
            _show(board, rows[-1], tensors | {"gradients": conv.weight.grad})
    return rows


def _show(board: Board, row: Inside, tensors: dict[str, Tensor | None]) -> None:
    for name, value in dataclasses.asdict(row).items():
        if isinstance(value, float):
            board.number(f"{row.layer}/{name}", value, row.epoch)
    for name, tensor in tensors.items():
        if tensor is not None:
            board.values(f"{row.layer}/{name}", tensor, row.epoch)


def _watch(model: Net) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Let hooks fill, by block, what enters its norm, and which ReLUs are not 0 throughout.

    Without a norm, what the ReLU gives, which would enter one.
    """
    entered: dict[str, Tensor] = {}
    alive: dict[str, Tensor] = {}

    def watch(name: str, block: Any) -> None:
        if hasattr(block, "norm"):
            block.norm.register_forward_pre_hook(
                lambda _layer, inputs: entered.__setitem__(name, inputs[0].detach().clone())
            )
        elif hasattr(block, "relu"):
            block.relu.register_forward_hook(
                lambda _layer, _inputs, output: entered.__setitem__(name, output.detach().clone())
            )
        if hasattr(block, "relu"):
            block.relu.register_forward_hook(
                lambda _layer, _inputs, output: alive.__setitem__(name, (output > 0).any(0))
            )

    for name, block in model.named_children():
        watch(name, block)
    return entered, alive


def _staleness(seen: Tensor, running: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """How far running means and variances lie from the batch's, root mean square over channels.

    Means in standard deviations of the batch, variances as the logarithm of their ratio.
    """
    mean, variance = running.get("running_mean"), running.get("running_var")
    if mean is None or variance is None:
        return None, None
    axes = (0, 2, 3)
    away = (seen.mean(axes) - mean) / seen.std(axes).clamp_min(1e-12)
    ratio = variance.clamp_min(1e-24).log() - seen.var(axes).clamp_min(1e-24).log()
    return away.square().mean().sqrt().item(), ratio.square().mean().sqrt().item()


def closing_measures(trainer: Trainer, recount: bool) -> dict[str, float]:
    """Return what a study may ask of the trained network, besides its error.

    ``weight_norm``: geometric mean over the blocks' convolutions; not there without a block, or
    where one's weights are all 0. With ``recount``, and only where a norm has running statistics,
    ``error_recounted``: the test error in percent with these counted anew over the training images,
    without dropout.
    """
    found = {}
    blocks: list[Any] = [b for b in trainer.model.children() if hasattr(b, "conv")]
    norms = [block.conv.weight.norm().item() for block in blocks]
    if norms and all(norms):
        found["weight_norm"] = math.exp(sum(map(math.log, norms)) / len(norms))
    has_buffers = any(
        getattr(norm, "running_mean", None) is not None
        for norm in trainer.model.norm_layers().values()
    )
    if recount and has_buffers:
        found["error_recounted"] = _error_recounted(trainer)
    return found


@torch.no_grad()
def _error_recounted(trainer: Trainer) -> float:
    model = copy.deepcopy(trainer.model).eval()
    norms: list[Any] = list(model.norm_layers().values())
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
        norm.train()
    digits, config = trainer.digits, trainer.config
    # Where all images are fewer than a batch, they were one in training, too.
    size = min(config.batch_size, len(digits.train_images) // config.splits * config.splits)
    for images in digits.train_images.split(size):
        if len(images) == size:
            model(data.normalize(images, digits.mean, digits.std).to(trainer.device))
    return trainer.error_of(model)
