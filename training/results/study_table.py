"""The finished tasks of a study as a small table, kept over sessions, and what they come to.

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
from scipy import stats

from training.errors import TrainingError
from training.experiments.study import LARGEST_RATE, Question, Study
from training.files import write_whole
from training.results.intervals import CONFIDENCE, Estimate, estimate
from training.run.task import Task
from training.run.task_folder import CONSTANT_ANSWER

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
    "log error": _log_error,
    # Of weights before a norm: their length changes only the size of a step.
    "log effective rate": lambda row: math.log(
        float(row["learning_rate"]) / float(row["weight_norm"]) ** 2
    ),
    # With the running statistics, over the error with statistics counted anew.
    "log stale error": lambda row: math.log(float(row["error"]) / float(row["error_recounted"])),
}


@dataclass(frozen=True)
class Answer:
    """What one data set says to a question; p is that of the side that decides."""

    question: Question
    dataset: str
    estimate: Estimate | None  # of the weighted sum, over the seeds that all its arms have
    verdict: str  # "supported", "refuted", "undecided", "not run"
    p: float | None = None
    detectable: float | None = None  # distance from a limit seen with 80 % power at this spread


def answer(question: Question, table: StudyTable, dataset: str, tests: int = 1) -> Answer:
    """Return what the rows of a data set say, with Bonferroni for ``tests`` primary tests."""
    by_rate = question.measure == LARGEST_RATE
    sums = _largest_rates(question, table, dataset) if by_rate else _sums(question, table, dataset)
    if len(sums) < 2:
        return Answer(question, dataset, None, "not run")
    found = estimate(sums, 1e-6)
    alpha = (1 - CONFIDENCE) / tests
    if by_rate and question.low is not None:
        # Rates come in steps, so an exact sign test: how many seeds are at the limit or above.
        above = sum(value >= question.low for value in sums)
        within = float(stats.binom.sf(above - 1, len(sums), 0.5))
        beyond = float(stats.binom.cdf(above, len(sums), 0.5))
    else:
        within = _p_within(found, question.low, question.high)
        beyond = _p_beyond(found, question.refuted_low, question.refuted_high)
    detectable = _detectable(found, alpha)
    if within <= alpha:
        return Answer(question, dataset, found, "supported", within, detectable)
    if beyond <= alpha:
        return Answer(question, dataset, found, "refuted", beyond, detectable)
    return Answer(question, dataset, found, "undecided", min(within, beyond), detectable)


def _sums(question: Question, table: StudyTable, dataset: str) -> list[float]:
    """The weighted sum of each seed that all arms have."""
    arms = {arm: table.measured(question.measure, arm, dataset) for arm in question.weights}
    seeds = sorted(set.intersection(*(set(values) for values in arms.values())))
    return [sum(w * arms[arm][seed] for arm, w in question.weights.items()) for seed in seeds]


def _largest_rates(question: Question, table: StudyTable, dataset: str) -> list[float]:
    """Of each seed, how far apart the largest usable rates of the two groups are, as a logarithm.

    Usable: an error of at most twice the smallest of the group.
    """
    errors = {arm: table.measured("log error", arm, dataset) for arm in question.weights}
    seeds = sorted(set.intersection(*(set(values) for values in errors.values())))

    def largest(sign: int, seed: int) -> float:
        arms = [arm for arm, weight in question.weights.items() if weight * sign > 0]
        limit = min(errors[arm][seed] for arm in arms) + math.log(2)
        usable = [arm for arm in arms if errors[arm][seed] <= limit]
        return math.log(max(table.study.arms[arm].learning_rate for arm in usable))

    return [largest(1, seed) - largest(-1, seed) for seed in seeds]


def _p_within(found: Estimate, low: float | None, high: float | None) -> float:
    """The larger of two one-sided p values: that the mean is below ``low``, or above ``high``."""
    sides = [_p(found, low, 1)] if low is not None else []
    sides += [_p(found, high, -1)] if high is not None else []
    return max(sides)


def _p_beyond(found: Estimate, low: float | None, high: float | None) -> float:
    """Twice the smaller of two one-sided p values: that the mean is not outside of the limits."""
    sides = [_p(found, low, -1)] if low is not None else []
    sides += [_p(found, high, 1)] if high is not None else []
    return min(1.0, len(sides) * min(sides)) if sides else 1.0


def _p(found: Estimate, limit: float, sign: int) -> float:
    """One-sided p value of "the mean is above the limit" (sign 1), or below it (-1)."""
    assert found.sd is not None
    t = sign * (found.mean - limit) / (found.sd / math.sqrt(found.n))
    return float(stats.t.sf(t, found.n - 1))


def _detectable(found: Estimate, alpha: float) -> float:
    assert found.sd is not None
    t = stats.t.ppf(1 - alpha, found.n - 1) + stats.t.ppf(0.8, found.n - 1)
    return float(t * found.sd / math.sqrt(found.n))


def verdict_of(answers: Sequence[Answer]) -> str:
    """Return what all data sets say together: a verdict needs every one of them.

    >>> verdict_of([])
    'not run'
    """
    verdicts = {one.verdict for one in answers}
    if not verdicts or verdicts == {"not run"}:
        return "not run"
    return verdicts.pop() if len(verdicts) == 1 else "undecided"


def mean_errors(table: StudyTable, dataset: str) -> dict[str, Estimate]:
    """Return each arm's error in percent over its seeds; of a diverged one, a constant answer's."""
    found = {}
    for arm in table.study.arms:
        logs = table.measured("log error", arm, dataset)
        if logs:
            found[arm] = estimate([float(np.exp(value)) for value in logs.values()])
    return found
