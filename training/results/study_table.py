"""The finished tasks of a study as a small table, kept over sessions.

A row is one arm with one seed on one data set. What it needs for every verdict is in it, so that
hours of training can be collected on several days and machines, and judged again by anybody.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from training.errors import TrainingError
from training.experiments.study import EFFECTIVE_RATE, ERROR, STALE, Study
from training.files import PATIENCE_SECONDS, locked, write_whole
from training.record.task_folder import CONSTANT_ANSWER
from training.results.intervals import Estimate, estimate
from training.run.task import DECISIVE, PRECISIONS, Settings, Task

COLUMNS = (
    "dataset", "arm", "seed", "error", "diverged", "weight_norm", "learning_rate",
    "error_recounted", "revision", "study",
)  # fmt: skip
# A last column, where rows were made under other conditions than the default ones: full data,
# float32, torch's norms, one process on the CPU.
CONDITIONS, DEFAULT = "conditions", "full data in float32"
DIVERGED_ERROR = 100 - CONSTANT_ANSWER
SMALLEST_ERROR = 1e-3  # percent: of an error of 0, which has no logarithm


def conditions(settings: Settings) -> str:
    """Return under which other conditions than the default ones a task runs, in words.

    >>> conditions(Settings("data")), conditions(Settings("sample", precision="bfloat16"))
    ('', 'data=sample precision=bfloat16')
    """
    usual = Settings(settings.data)
    other = [name for name in DECISIVE if getattr(settings, name) != getattr(usual, name)]
    said = ["data=sample"] if settings.data == "sample" else []
    return " ".join((*said, *(f"{name}={getattr(settings, name)}" for name in other)))


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

    @property
    def conditions(self) -> str:
        """Under which conditions its rows were made; empty: the default ones, or no rows."""
        return " and ".join(sorted({row[CONDITIONS] for row in self.own}))

    @property
    def precision(self) -> str | None:
        """Of its rows; None before the first."""
        if not self.own:
            return None
        return next((p for p in PRECISIONS if f"precision={p}" in self.conditions), PRECISIONS[0])

    def refuse_others(self, asked: set[str]) -> None:
        """Keep a table to one data set, precision, device and backend.

        Raises:
            TrainingError: when ``asked`` and the rows are not of the same conditions.
        """
        have = {row[CONDITIONS] for row in self.own}
        if len(have | asked) > 1:
            rows, run = (
                " and ".join(sorted(one or DEFAULT for one in each)) for each in (have, asked)
            )
            raise TrainingError(
                f"{self.path} holds tasks with {rows}, this run is with {run}; use another --table"
                if have
                else f"the tasks are with {run}, and one table takes one of them; use another --out"
            )

    def add(self, task: Task, summary: dict[str, Any] | None, revision: str) -> None:
        """Add a finished task and write the table; one without a summary diverged.

        Rows that another run wrote in the meantime stay.

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
            CONDITIONS: conditions(task.settings),
            **((summary or {}).get("measures") or {}),
        }
        columns = (*COLUMNS, CONDITIONS)
        known = {k: _plain(v) for k, v in row.items() if k in columns}
        with locked(self.path.parent, PATIENCE_SECONDS, self.path.name, "--table"):
            if self.path.exists():
                self.rows = _read(self.path)
            self.refuse_others({row[CONDITIONS]})
            self.rows = [r for r in self.rows if _key(r) != self._key(task)]
            self.rows.append({column: known.get(column, "") for column in columns})
            self.rows.sort(key=lambda r: (r["dataset"], r["arm"], int(r["seed"])))
            self._write()

    def _write(self) -> None:
        columns = (*COLUMNS, CONDITIONS) if any(r[CONDITIONS] for r in self.rows) else COLUMNS
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
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

    @property
    def judged(self) -> Sequence[str]:
        """The data sets that its verdict is about: of a study that names none, all of its rows."""
        return self.study.datasets or self.datasets

    def left(self, dataset: str) -> int:
        """How many tasks of the study a data set still lacks."""
        have = {(r["arm"], int(r["seed"])) for r in self.own if r["dataset"] == dataset}
        wanted = {(arm, seed) for arm in self.study.arms for seed in self.study.seeds}
        return len(wanted - have)

    @property
    def is_whole(self) -> bool:
        """Whether every task is in it; before that the study has no verdict."""
        return bool(self.judged) and not any(map(self.left, self.judged))

    @property
    def remarks(self) -> str:
        """What a title must say besides, in parentheses; empty for a whole table as by default."""
        said = [*self.conditions.split(), *([] if self.is_whole else ["not whole yet"])]
        return f" ({', '.join(said)})" if said else ""

    def measured(self, measure: str, arm: str, dataset: str) -> dict[int, float]:
        """Return one measure of an arm by seed, without the seeds that have none.

        A seed that diverged has an error and no other measure. Where there are questions, only the
        seeds that the study asks for count: more would be a second look.
        """
        found = {
            int(row["seed"]): MEASURED[measure](row)
            for row in self.own
            if row["arm"] == arm and row["dataset"] == dataset
        }
        counts = self.study.seeds if self.study.tests else found
        return {s: value for s, value in found.items() if value is not None and s in counts}

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
        if tuple(reader.fieldnames or ()) not in (COLUMNS, (*COLUMNS, CONDITIONS)):
            raise ValueError(f"its columns are not {', '.join(COLUMNS)}")
        for row in rows:
            row[CONDITIONS] = row.get(CONDITIONS) or ""
            float(row["error"]), int(row["seed"])
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(f"{path} is not the table of a study: {error}") from error
    return rows


def _number(row: dict[str, str], column: str) -> float | None:
    return float(row[column]) if row[column] else None


def _at_least(value: float) -> float:
    return max(value, SMALLEST_ERROR)


def _log_error(row: dict[str, str]) -> float | None:
    return math.log(_at_least(float(row["error"])))


def _log_effective_rate(row: dict[str, str]) -> float | None:
    """Of weights before a norm: their length changes only the size of a step."""
    norm = _number(row, "weight_norm")
    return math.log(float(row["learning_rate"]) / norm**2) if norm else None


def _log_stale(row: dict[str, str]) -> float | None:
    """With the running statistics, over the error with statistics counted anew."""
    recounted = _number(row, "error_recounted")
    if recounted is None:
        return None
    return math.log(_at_least(float(row["error"])) / _at_least(recounted))


MEASURED = {ERROR: _log_error, EFFECTIVE_RATE: _log_effective_rate, STALE: _log_stale}


def mean_errors(table: StudyTable, dataset: str) -> dict[str, Estimate]:
    """Return each arm's error in percent over its seeds; of a diverged one, a constant answer's."""
    found = {}
    for arm in table.study.arms:
        logs = table.measured(ERROR, arm, dataset)
        if logs:
            found[arm] = estimate([float(np.exp(value)) for value in logs.values()])
    return found
