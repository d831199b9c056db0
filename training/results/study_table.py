"""The finished tasks of a study as a small table, kept over sessions.

A row is one arm with one seed on one data set. What it needs for every verdict is in it, so that
hours of training can be collected on several days and machines, and judged again by anybody.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from training.errors import TrainingError
from training.experiments.study import EFFECTIVE_RATE, ERROR, STALE, Study
from training.files import write_whole
from training.record.task_folder import CONSTANT_ANSWER
from training.results.intervals import Estimate, estimate
from training.run.task import Task

COLUMNS = (
    "dataset", "arm", "seed", "error", "diverged", "weight_norm", "learning_rate",
    "error_recounted", "revision", "study",
)  # fmt: skip
DIVERGED_ERROR = 100 - CONSTANT_ANSWER


@dataclass
class StudyTable:
    """The rows of one study; those of another version of it are kept, and count as not run."""

    path: Path
    study: Study
    rows: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.path.exists():
            self.rows = _read(self.path)

    def has(self, task: Task) -> bool:
        """Whether this task was finished before."""
        return any(_key(row) == self._key(task) for row in self.rows)

    def add(self, task: Task, summary: dict[str, Any] | None, revision: str) -> None:
        """Add a finished task and write the table; one without a summary diverged.

        Raises:
            TrainingError: when it cannot be written.
        """
        row: dict[str, Any] = {
            "dataset": task.settings.dataset,
            "arm": task.config.name,
            "seed": task.seed,
            "error": 100 - summary["last_accuracy"] if summary else DIVERGED_ERROR,
            "diverged": int(summary is None),
            "learning_rate": task.config.learning_rate,
            "revision": revision,
            "study": self.study.digest,
            **((summary or {}).get("measures") or {}),
        }
        known = {k: _plain(v) for k, v in row.items() if k in COLUMNS}
        self.rows = [r for r in self.rows if _key(r) != self._key(task)]
        self.rows.append({column: known.get(column, "") for column in COLUMNS})
        self.rows.sort(key=lambda r: (r["dataset"], r["arm"], int(r["seed"])))
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_whole(self.path, text.getvalue())

    @property
    def own(self) -> list[dict[str, str]]:
        """The rows of this version of the study."""
        return [row for row in self.rows if row["study"] == self.study.digest]

    @property
    def datasets(self) -> list[str]:
        """The data sets that there are rows of."""
        return sorted({row["dataset"] for row in self.own})

    def left(self, dataset: str) -> int:
        """How many tasks of the study a data set still lacks."""
        have = {(r["arm"], int(r["seed"])) for r in self.own if r["dataset"] == dataset}
        wanted = {(arm, seed) for arm in self.study.arms for seed in self.study.seeds}
        return len(wanted - have)

    @property
    def is_whole(self) -> bool:
        """Whether every task is in it; before that the study has no verdict."""
        names = self.study.datasets or self.datasets
        return bool(names) and not any(map(self.left, names))

    def measured(self, measure: str, arm: str, dataset: str) -> dict[int, float]:
        """Return one measure of an arm by seed."""
        return {
            int(row["seed"]): MEASURED[measure](row)
            for row in self.own
            if row["arm"] == arm and row["dataset"] == dataset
        }

    def _key(self, task: Task) -> tuple[str, ...]:
        return (task.settings.dataset, task.config.name, str(task.seed), self.study.digest)


def _key(row: dict[str, str]) -> tuple[str, ...]:
    return (row["dataset"], row["arm"], row["seed"], row["study"])


def _plain(value: Any) -> str:
    return format(value, ".8g") if isinstance(value, float) else str(value)


def _read(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            rows = list(reader)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(f"its columns are not {', '.join(COLUMNS)}")
        for row in rows:
            float(row["error"]), int(row["seed"])
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(f"{path} is not the table of a study: {error}") from error
    return rows


def _log_error(row: dict[str, str]) -> float:
    return math.log(max(float(row["error"]), 1e-3))


MEASURED = {
    ERROR: _log_error,
    # Of weights before a norm: their length changes only the size of a step.
    EFFECTIVE_RATE: lambda row: math.log(
        float(row["learning_rate"]) / float(row["weight_norm"]) ** 2
    ),
    # With the running statistics, over the error with statistics counted anew.
    STALE: lambda row: math.log(float(row["error"]) / float(row["error_recounted"])),
}


def mean_errors(table: StudyTable, dataset: str) -> dict[str, Estimate]:
    """Return each arm's error in percent over its seeds; of a diverged one, a constant answer's."""
    found = {}
    for arm in table.study.arms:
        logs = table.measured(ERROR, arm, dataset)
        if logs:
            found[arm] = estimate([float(np.exp(value)) for value in logs.values()])
    return found
