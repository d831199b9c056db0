"""What goes on inside the network: a few numbers a layer, after each epoch and at the end.

After an epoch a copy of the network takes one step on the first batch of the epoch, watched by
hooks; the network itself, its buffers and generators stay as they are. So a record costs one step
an epoch.
"""

from __future__ import annotations

import copy
import csv
import dataclasses
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.data import load as data
from training.errors import TrainingError
from training.files import write_whole
from training.model.loss import cross_entropy
from training.model.net import Net
from training.record.tensorboard import Board
from training.run.one_network import Trainer

FILE = "inside.csv"


@dataclass(frozen=True)
class Inside:
    """One row of ``inside.csv``: a block of the network after an epoch."""

    epoch: int
    layer: str  # e.g. "block1"
    input_mean: float | None  # of what enters the norm; without one, of what the ReLU gives
    input_spread: float | None  # its standard deviation
    stale: float | None  # of the running means from the batch's, in its standard deviations
    weight_norm: float  # of the convolution
    gradient_norm: float
    dead: float  # share of ReLUs that are 0 for the whole batch
    stale_variance: float | None = None  # of the running variances, as a logarithm of the ratio


COLUMNS = tuple(f.name for f in dataclasses.fields(Inside))


def look_inside(trainer: Trainer, epoch: int, board: Board | None = None) -> list[Inside]:
    """Return a row for each block after ``epoch``; ``board`` gets the values themselves, too."""
    x, y = next(data.get_iterator(trainer.digits, trainer.config, trainer.seed, epoch))
    x, y = x.to(trainer.device), y.to(trainer.device)
    model = copy.deepcopy(trainer.model).train()
    before = {name: norm.state_dict() for name, norm in trainer.model.norm_layers().items()}
    for layer in model.dropout_layers():
        layer.generator = torch.Generator().manual_seed(epoch)
    entered, alive = _watch(model)
    cross_entropy(model(x), y).backward()
    rows = []
    for name, block in model.named_children():
        conv = getattr(block, "conv", None)
        if conv is None:
            continue
        mean = spread = stale = stale_variance = None
        if (seen := entered.get(name)) is not None:
            mean, spread = seen.mean().item(), seen.std().item()
            stale, stale_variance = _staleness(seen, before.get(f"{name}.norm", {}))
        weight, gradient = conv.weight.norm().item(), conv.weight.grad.norm().item()
        dead = 1 - alive[name].float().mean().item() if name in alive else 0.0
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


def write_inside(path: Path, rows: list[Inside]) -> None:
    """Write ``inside.csv``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        values = dataclasses.astuple(row)
        writer.writerow([format(v, ".6g") if isinstance(v, float) else v for v in values])
    write_whole(path, text.getvalue())


def read_inside(path: Path, epochs: int | None = None) -> list[Inside]:
    """Read ``inside.csv``, of the first epochs if so many are given; nothing where it is not there.

    Raises:
        TrainingError: when it is damaged.
    """
    if not path.exists():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            found = [_row(row) for row in csv.DictReader(stream)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} is damaged: {error}") from error
    return [row for row in found if epochs is None or row.epoch <= epochs]


def _row(texts: dict[str, str]) -> Inside:
    # The last column is younger than the others.
    numbers: list[Any] = [
        float(texts[name]) if texts[name] else None for name in COLUMNS[2:] if name in texts
    ]
    return Inside(int(texts["epoch"]), texts["layer"], *numbers)


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
