"""The folder of one trial with one seed, read back: all that a table or report will ask of it."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from normviz.errors import visible
from training.data.datasets import named
from training.errors import TrainingError
from training.experiments.config import TrialConfig
from training.files import read_json
from training.record.history import Record

# What is read back from each file, so what must be there.
CONFIG_KEYS = {
    "trial": dict,
    "seed": int,
    "data": dict,
    "command": str,
    "precision": str,
    "device": str,
    "threads": int,
    "backend": str,
    "parameters": int,
    "environment": dict,
    "verification": dict,
    "decisive": dict,
}
DATA_KEYS = {"name": str, "description": str, "mean": float, "std": float}
SUMMARY_KEYS = (
    *("epochs", "last_accuracy", "last_loss", "best_accuracy", "best_epoch", "train_seconds"),
    *("first_epoch_at_target", "seconds_to_target", "images_per_second"),
    *("misclassified", "confusion"),
)
CONSTANT_ANSWER = 10.0  # percent, of ten classes
DIVERGED = "diverged"  # how the status of such a seed begins
MISTAKE_ARRAYS = ("index", "true", "predicted", "confidence", "images")


@dataclass(frozen=True)
class Wrong:
    """Which of so many test images a network got wrong, from 0."""

    indices: tuple[int, ...]
    images: int


@dataclass(frozen=True)
class Result:
    """One trial with one seed, as far as it got."""

    folder: Path
    config: TrialConfig
    seed: int
    details: dict[str, Any]  # config.json
    record: Record  # may be empty
    summary: dict[str, Any] | None  # None: not finished
    failure: str | None
    diverged: bool = False
    kept: Wrong | None = None  # of a seed that was kept without its run

    @property
    def counts(self) -> bool:
        """Whether it has a result: finished, or diverged, which is one too."""
        return self.summary is not None or self.diverged

    @property
    def last_accuracy(self) -> float:
        """Test accuracy of the last epoch; of a seed that diverged, that of a constant answer."""
        return float(self.summary["last_accuracy"]) if self.summary else CONSTANT_ANSWER

    @property
    def test_images(self) -> int:
        """How many images tested a finished task."""
        return sum(map(sum, self.summary["confusion"])) if self.summary else 0

    @property
    def status(self) -> str:
        """ "finished", or how far it got and why it stopped ("diverged after 3 of 20 epochs")."""
        if self.summary is not None:
            return "finished"
        done = f"{len(self.record.epochs)} of {self.config.epochs} epochs"
        if self.diverged:
            return f"{DIVERGED} after {done}: {self.failure}"
        return f"failed after {done}: {self.failure}" if self.failure else f"unfinished, {done}"

    def mistakes(self) -> dict[str, np.ndarray] | None:
        """Return the arrays of ``misclassified.npz``, or None before the trial is finished."""
        path = self.folder / "misclassified.npz"
        return _read_mistakes(path) if path.exists() else None

    def wrong(self) -> Wrong | None:
        """Return which test images it got wrong, or None where nobody knows."""
        mistakes = None if self.kept else self.mistakes()
        if mistakes is None or not self.summary or "confusion" not in self.summary:
            return self.kept
        return Wrong(tuple(mistakes["index"].tolist()), self.test_images)


def read_task(folder: Path) -> Result:
    """Read the folder of one trial with one seed, all that a table or report will ask of it.

    Raises:
        TrainingError: when a file of it is damaged, or was written by another version.
    """
    details, config = read_config(folder)
    record = Record()
    if (folder / "history.csv").exists():
        record = Record.read_csv(folder / "history.csv")
    summary = failure = None
    diverged = False
    if (folder / "summary.json").exists():
        summary = read_object(folder / "summary.json", SUMMARY_KEYS)
        if len(record.epochs) != summary["epochs"]:
            raise TrainingError(
                f"{folder / 'history.csv'} is damaged: it has {len(record.epochs)} of the "
                f"{summary['epochs']} epochs of summary.json"
            )
        _read_mistakes(folder / "misclassified.npz")
    elif (folder / "failure.json").exists():
        found = read_object(folder / "failure.json", ("error",))
        failure, diverged = str(found["error"]), found.get("diverged") is True
    return Result(folder, config, details["seed"], details, record, summary, failure, diverged)


def divergence(folder: Path) -> str | None:
    """Return why the seed of a folder diverged; None where it did not, or nobody can say."""
    path = folder / "failure.json"
    if (folder / "summary.json").exists() or not path.exists():
        return None
    try:
        found = read_object(path, ("error",))
    except TrainingError:
        return None
    return str(found["error"]) if found.get("diverged") is True else None


def read_config(folder: Path) -> tuple[dict[str, Any], TrialConfig]:
    """Read ``config.json`` of one trial with one seed, and the trial in it.

    Raises:
        TrainingError: when it is damaged, or was written by another version.
    """
    path = folder / "config.json"
    details = read_object(path, CONFIG_KEYS)
    _check_types(path, details, CONFIG_KEYS)
    _check_types(path, details["data"], DATA_KEYS)
    _name_the_data(details["data"])
    details.setdefault("resumed", [])  # from which epoch on in another environment, if any
    _check_types(path, details["decisive"], {"data": str})
    try:
        return details, TrialConfig.from_dict(details["trial"])
    except (TrainingError, TypeError, ValueError) as error:
        raise TrainingError(f"{path} is damaged, or of another version: {error}") from error


def _name_the_data(found: dict[str, Any]) -> None:
    """Give the record of a run's data, if it is older than these two fields, what they would be."""
    dataset, is_sample = named(found["name"])
    found.setdefault("dataset", dataset)
    found.setdefault("is_sample", is_sample)


def _check_types(path: Path, found: dict[str, Any], types: dict[str, type]) -> None:
    for key, kind in types.items():
        if not isinstance(found.get(key), kind):
            raise TrainingError(
                f"{path} is damaged, or of another version: {key!r} is {found.get(key)!r}, not "
                f"{kind.__name__}"
            )


def read_object(path: Path, keys: Collection[str]) -> dict[str, Any]:
    """Read a JSON object that has these keys; control characters in its texts are replaced."""
    found = _printable(read_json(path))
    if not isinstance(found, dict):
        raise TrainingError(f"{path} is damaged: it holds {type(found).__name__}, not an object")
    for key in keys:
        if key not in found:
            raise TrainingError(f"{path} is damaged, or of another version: it has no {key!r}")
    return found


def _printable(found: Any) -> Any:
    if isinstance(found, str):
        return visible(found)
    if isinstance(found, dict):
        return {visible(key): _printable(value) for key, value in found.items()}
    return list(map(_printable, found)) if isinstance(found, list) else found


def _read_mistakes(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except FileNotFoundError:
        raise TrainingError(f"{path} is missing") from None
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise TrainingError(f"{path} is damaged: {str(error) or type(error).__name__}") from error
    missing = sorted(set(MISTAKE_ARRAYS) - set(found))
    if missing:
        raise TrainingError(f"{path} is damaged: it has no {missing[0]!r}")
    return found
