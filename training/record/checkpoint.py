"""A trial's state after an epoch, in one file that appears whole.

A checkpoint holds the model, the optimizer, the history and the settings it belongs to. It holds no
generator state: every epoch derives its own from the seed (see ``seeding``), so the epoch after a
checkpoint is the same whether or not the process that wrote it lived on.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from training.errors import TrainingError, first_line
from training.experiments.config import DEFAULTS
from training.files import write_whole
from training.record.history import COLUMNS

FORMAT = 1
KEPT = "checkpoints"  # the folder of those after each epoch
KEYS = {"format", "settings", "epoch", "model", "optimizer", "history"}


def save(path: Path, state: dict[str, Any], keep: bool = False) -> None:
    """Write ``state`` (the keys of ``KEYS`` but "format") to ``path``.

    Args:
        path: of the last checkpoint of a task, whose place it takes.
        state: what to write.
        keep: whether it also stays as that of its epoch, see :func:`kept`.

    Raises:
        TrainingError: when it cannot be written; an earlier checkpoint stays as it was.
    """
    # Through memory: torch.save to a full disk fails in C++ after having destroyed the old file.
    stream = io.BytesIO()
    torch.save({"format": FORMAT, **state}, stream)
    if keep:
        write_whole(path.parent / KEPT / f"epoch-{state['epoch']}.pt", stream.getvalue())
    write_whole(path, stream.getvalue())


def kept(folder: Path) -> dict[int, Path]:
    """Return the checkpoints that a task kept of its epochs, in their order."""
    found = {path.stem.removeprefix("epoch-"): path for path in folder.glob(f"{KEPT}/epoch-*.pt")}
    return {int(epoch): found[epoch] for epoch in sorted(filter(str.isdecimal, found), key=int)}


def load(path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Read a checkpoint and check that it is whole and belongs to a trial of these settings.

    Nothing in the file is executed (``weights_only=True``).

    Raises:
        TrainingError: when the file is damaged, not a checkpoint, of another format, or was made
            under other settings, naming the first that differs.
    """
    state = _read(path)
    known = isinstance(state, dict) and "format" in state
    if not known or not isinstance(state.get("settings"), dict):
        raise TrainingError(f"{path} is not a checkpoint of this program; move it away")
    if state["format"] != FORMAT or not set(state) >= KEYS:
        raise TrainingError(
            f"{path} has checkpoint format {state['format']}, this program reads format {FORMAT}; "
            "start again in another --out"
        )
    check_settings(path, state["settings"], settings)
    _check_contents(path, state)
    return state


def restore(path: Path, state: dict[str, Any], take: Callable[[dict[str, Any]], None]) -> None:
    """Hand a checkpoint's model and optimizer to ``take``, a trainer's ``load_state``.

    Raises:
        TrainingError: when they are not those of this trainer's network.
    """
    try:
        take(state)
    except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise _damaged(path, f"its weights do not fit: {reason}") from error


def _check_contents(path: Path, state: dict[str, Any]) -> None:
    epoch, rows = state["epoch"], state["history"]
    if not all(isinstance(state[key], dict) for key in ("model", "optimizer")):
        raise _damaged(path, "it holds no state of model and optimizer")
    try:
        whole = [row[0] for row in rows] == list(range(1, epoch + 1))
        whole = whole and all(len(row) == len(COLUMNS) for row in rows)
    except (TypeError, IndexError):
        whole = False
    if not whole:
        raise _damaged(path, f"its history is not that of {epoch!r} epochs")


def check_settings(path: Path, found: dict[str, Any], asked: dict[str, Any]) -> None:
    """Refuse to mix two runs.

    Raises:
        TrainingError: naming the first setting of ``found`` that differs from ``asked``.
    """
    # What another version did not know was as its default now is.
    found, asked = ({**DEFAULTS, **settings} for settings in (found, asked))
    for key in sorted(set(found) | set(asked)):
        if found.get(key) != asked.get(key):
            raise TrainingError(
                f"{path} belongs to a run with {_setting(key, found)}, this one has "
                f"{_setting(key, asked)}; use the same options or another --out"
            )


def _setting(key: str, settings: dict[str, Any]) -> str:
    return f"{key}={settings[key]!r}" if key in settings else f"no setting {key}"


def _read(path: Path) -> Any:
    try:
        content = path.read_bytes()
        # torch does not look at the checksums of its own archive; a flipped bit in a weight would
        # pass silently.
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.testzip() is not None:
                raise zipfile.BadZipFile("a checksum is wrong")
        return torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except pickle.UnpicklingError:
        # torch's own words would advise to execute what is in there.
        reason = "it holds more than tensors and plain values"
    except (OSError, zipfile.BadZipFile) as error:
        reason = first_line(error)
    except (RuntimeError, ValueError, KeyError, EOFError, NotImplementedError) as error:
        reason = type(error).__name__
    raise _damaged(path, reason)


def _damaged(path: Path, reason: str) -> TrainingError:
    return TrainingError(
        f"{path} is damaged ({reason}); remove it to train this trial again from the start"
    )
