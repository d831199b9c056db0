"""The metrics of one trial: a row an epoch, and the summary they come to.

``history.csv`` and ``summary.json`` are what every figure and report is made from, so these two
formats are the contract of a run folder.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.experiments.claims import TARGET
from training.files import read_json, write_json, write_whole


@dataclass(frozen=True)
class Epoch:
    """One row of ``history.csv``. Losses are mean NLL, without penalties; accuracies in percent."""

    epoch: int  # from 1
    lr: float  # of the first step of the epoch
    train_loss: float  # while training: with dropout and augmentation
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    train_seconds: float  # training only, without the evaluation
    images_per_second: float


COLUMNS = tuple(f.name for f in dataclasses.fields(Epoch))
_FORMATS = {"epoch": "d", "train_seconds": ".3f", "images_per_second": ".1f"}


@dataclass
class Record:
    """The epochs of one trial so far.

    >>> record = Record()
    >>> record.add(Epoch(1, 0.1, 0.2, 93.0, 0.05, 98.5, 2.0, 30000.0))
    >>> record.add(Epoch(2, 0.1, 0.1, 97.0, 0.03, 99.45, 2.0, 30000.0))
    >>> record.best.test_accuracy, record.last.epoch, record.first_above(99.4)
    (99.45, 2, 2)
    """

    epochs: list[Epoch] = field(default_factory=list)

    def add(self, epoch: Epoch) -> None:
        """Append an epoch."""
        self.epochs.append(epoch)

    @property
    def last(self) -> Epoch:
        """The last epoch."""
        return self.epochs[-1]

    @property
    def best(self) -> Epoch:
        """The epoch of highest test accuracy, the first of equals."""
        return max(self.epochs, key=lambda e: (e.test_accuracy, -e.epoch))

    def first_above(self, accuracy: float) -> int | None:
        """Return the first epoch whose test accuracy is at least ``accuracy``, if there is one."""
        return next((e.epoch for e in self.epochs if e.test_accuracy >= accuracy), None)

    def seconds_to(self, accuracy: float) -> float | None:
        """Return the training seconds until the end of the first epoch at ``accuracy``."""
        first = self.first_above(accuracy)
        return None if first is None else sum(e.train_seconds for e in self.epochs[:first])

    def summary(self) -> dict[str, Any]:
        """Return the numbers of ``summary.json`` that follow from the history."""
        seconds = sorted(e.images_per_second for e in self.epochs)
        return {
            "epochs": len(self.epochs),
            "last_accuracy": self.last.test_accuracy,
            "last_loss": self.last.test_loss,
            "best_accuracy": self.best.test_accuracy,
            "best_epoch": self.best.epoch,
            "first_epoch_at_target": self.first_above(TARGET),
            "seconds_to_target": self.seconds_to(TARGET),
            "target": TARGET,
            "train_seconds": sum(e.train_seconds for e in self.epochs),
            "images_per_second": seconds[len(seconds) // 2],
        }

    def rows(self) -> list[list[float]]:
        """Return the epochs as plain rows, for a checkpoint."""
        return [list(dataclasses.astuple(e)) for e in self.epochs]

    @classmethod
    def from_rows(cls, rows: list[list[float]]) -> Record:
        """Build a record from ``rows()``."""
        return cls([Epoch(int(row[0]), *row[1:]) for row in rows])

    def write_csv(self, path: Path) -> None:
        """Write ``history.csv``."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for epoch in self.epochs:
            values = dataclasses.asdict(epoch)
            writer.writerow(format(v, _FORMATS.get(k, ".10g")) for k, v in values.items())
        write_whole(path, text.getvalue())

    @classmethod
    def read_csv(cls, path: Path) -> Record:
        """Read ``history.csv``.

        Raises:
            TrainingError: when it is missing or damaged.
        """
        try:
            with path.open(encoding="utf-8", newline="") as stream:
                header, *rows = csv.reader(stream)
            if tuple(header) != COLUMNS:
                raise ValueError(f"its columns are {', '.join(header)}")
            record = cls.from_rows([[float(value) for value in row] for row in rows])
        except FileNotFoundError:
            raise TrainingError(f"{path} is missing") from None
        except (OSError, ValueError, TypeError) as error:
            raise TrainingError(f"{path} is damaged: {error}") from error
        if not all(math.isfinite(n) for row in record.rows() for n in row):
            raise TrainingError(f"{path} is damaged: an entry is not a finite number")
        return record


PROGRESS = "progress.json"
TELL_SECONDS = 1.0


class Teller:
    """Leaves in a task's folder how far its epoch is, every second, for who may look there."""

    def __init__(self, folder: Path, steps: int) -> None:
        self.path, self.steps = folder / PROGRESS, steps
        self.epoch, self._last = 0, 0.0

    def __call__(self, step: int) -> None:
        """Say that so many steps of the epoch are done; a disk that refuses is no error."""
        now = time.monotonic()
        if now - self._last >= TELL_SECONDS:
            self._last = now
            with suppress(TrainingError):
                write_json(self.path, {"epoch": self.epoch, "part": step / self.steps})

    def end(self) -> None:
        """Take the file away."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


def part_of_epoch(folder: Path, epoch: int) -> float:
    """Return how much of ``epoch`` is done, from 0 to 1; 0 where nothing is known about it."""
    try:
        found = read_json(folder / PROGRESS)
        return min(1.0, max(0.0, float(found["part"]))) if found["epoch"] == epoch else 0.0
    except (TrainingError, KeyError, TypeError, ValueError):
        return 0.0


def epochs_so_far(folder: Path) -> list[Epoch]:
    """Return the epochs in ``folder/history.csv``; none where it cannot be read (yet)."""
    try:
        return Record.read_csv(folder / "history.csv").epochs
    except TrainingError:
        return []
