"""``python -m training explain RUN TRIAL --layer NAME``: a trained layer as a workbook.

The trained network sees a batch of test digits; what its normalization layer saw, and the gradient
of the loss that came back to it, are laid out by ``normviz.explain``.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import normviz
from normviz.errors import did_you_mean
from normviz.workbook.write import medium
from training.data import load as data
from training.errors import TrainingError
from training.model.loss import cross_entropy
from training.model.net import Net
from training.record import checkpoint
from training.record.task_folder import read_config
from training.run.one_network import build_model

MOST_NAMED = 5  # of what a folder has, in a sentence on what it has not


def explain(options: Namespace) -> int:
    """Write the workbook, or the page if its name ends in .html; print its path, return 0.

    Raises:
        TrainingError: for a run, trial, seed or layer that is not there (with the nearest), a
            damaged checkpoint, or a file that cannot be written.
    """
    name = f"{options.trial}-{options.layer}" + f"-epoch-{options.epoch}" * bool(options.epoch)
    path = Path(options.output or f"{name}.xlsx")
    try:
        medium(path)
    except ValueError as error:
        raise TrainingError(f"-o: {error}") from None
    if not path.parent.is_dir():
        raise TrainingError(f"-o must name a file in a folder that exists, got {path}")
    details, model, epoch = load_trained(
        Path(options.run), options.trial, options.seed, options.epoch
    )
    x, labels, words = digits_batch(options.data, options.batch, details)
    model.train(not options.eval)
    for layer in model.dropout_layers():
        layer.eval()  # the layer is explained, not the noise before it
    try:
        normviz.explain(
            model,
            x,
            path,
            layer=options.layer,
            model_grad_output=loss_gradient(model, x, labels),
            samples=options.samples,
            channels=options.channels,
            pixels=options.pixels,
        )
    except (ValueError, TypeError) as error:
        raise TrainingError(str(error)) from None
    except OSError as error:
        raise TrainingError(f"{path} cannot be written: {error.strerror or error}") from None
    trained = f"after epoch {epoch} of {details['trial']['epochs']}"
    print(f"note: the network {trained}; what it sees are {words}", file=sys.stderr)
    print(path)
    return 0


def load_trained(
    run: Path, trial: str, seed: str, epoch: int | None = None
) -> tuple[dict[str, Any], Net, int]:
    """Return ``config.json`` of a task, its network as it was after an epoch, and that epoch.

    Args:
        run: the run folder.
        trial: a trial in it.
        seed: one of its seeds.
        epoch: which, from 1; None: the last so far.

    Raises:
        TrainingError: when it is not there, naming the nearest, or its files are damaged.
    """
    folder = _entry(_entry(run, trial, "trial"), f"seed-{seed}", "seed")
    epochs = checkpoint.kept(folder)
    path = epochs.get(epoch or 0, folder / "checkpoint.pt")
    if not path.exists():
        raise TrainingError(f"{folder} has no checkpoint yet; train the trial first")
    details, config = read_config(folder)
    state = checkpoint.load(path, details["decisive"])
    if epoch not in (None, state["epoch"]):
        there = ", ".join(map(str, epochs)) or str(state["epoch"])
        raise TrainingError(
            f"{folder} has no checkpoint of epoch {epoch}; there are {there} (older "
            "runs, and those with --no-record, keep the last one alone)"
        )
    model = build_model(config, details["seed"], details["backend"])
    checkpoint.restore(path, state, lambda state: model.load_state_dict(state["model"]))
    return details, model, state["epoch"]


def digits_batch(source: str, count: int, details: dict[str, Any]) -> tuple[Tensor, Tensor, str]:
    """Return the first test digits as the network takes them, their labels, and what they are.

    Raises:
        TrainingError: when images of the trial's data set cannot be read there.
    """
    trained_on, size = details["data"], details["trial"].get("train_size", 0)
    digits = data.load(source, trained_on["dataset"])
    if digits.digest == details["decisive"]["data"]:
        digits = data.drawn(digits, size, details["seed"])  # what it did not train on
    images = digits.test_images[:count]
    words = f"the first {len(images)} test images of {digits.describe()}"
    if digits.digest != details["decisive"]["data"]:
        words += f"; it was trained on {trained_on['description']}"
    x = data.normalize(images, trained_on["mean"], trained_on["std"])
    return x, digits.test_labels[:count], words


def loss_gradient(model: Net, x: Tensor, labels: Tensor) -> Tensor:
    """Return the gradient of the mean NLL loss for the network's output, log-probabilities."""
    scores = torch.zeros(len(x), 10, dtype=next(model.parameters()).dtype, requires_grad=True)
    cross_entropy(scores, labels).backward()
    assert scores.grad is not None
    return scores.grad


def _entry(folder: Path, name: str, what: str) -> Path:
    """A folder inside a folder, or the sentence that names what there is."""
    if not folder.is_dir():
        raise TrainingError(f"{folder} is not a folder; a run folder is what --out named")
    known = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    if name not in known:
        there = ", ".join(known[:MOST_NAMED]) + ", …" * (len(known) > MOST_NAMED)
        hint = f"; there are {there}{did_you_mean(name, known)}" if known else ""
        raise TrainingError(f"{folder} has no {what} {name!r}{hint}")
    return folder / name
