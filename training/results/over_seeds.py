"""What the seeds of each trial come to: the numbers of every table, counted in one place.

Finished seeds count, and those that diverged, as a constant answer. A trial that is on its way
has its status in words and no mean, because the last epoch so far is not the last epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.experiments.claims import BEST, LAST
from training.experiments.config import TrialConfig
from training.experiments.trials import TRIALS
from training.record.task_folder import Result
from training.results.intervals import Estimate, estimate
from training.results.measures import value
from training.results.run_folder import Results


@dataclass(frozen=True)
class Overview:
    """One trial over its seeds; estimates are None where no seed has what they are of."""

    name: str
    config: TrialConfig
    results: list[Result]  # every seed, finished or not

    @property
    def finished(self) -> list[Result]:
        """The seeds that ran to their end."""
        return [r for r in self.results if r.summary is not None]

    @property
    def ended(self) -> list[Result]:
        """The seeds with a result: those that finished, and those that diverged."""
        return [r for r in self.results if r.counts]

    @property
    def diverged(self) -> int:
        """How many seeds diverged; they count as a constant answer."""
        return sum(r.diverged for r in self.results)

    @property
    def seeds(self) -> str:
        """How many seeds its numbers are of: ``5``, or ``5, of which 1 diverged``."""
        count = len(self.ended)
        return f"{count}, of which {self.diverged} diverged" if self.diverged else str(count)

    @property
    def last(self) -> Estimate | None:
        """Test accuracy of the last epoch, with diverged seeds that of a constant answer."""
        return self._accuracy(LAST)

    @property
    def best(self) -> Estimate | None:
        """Test accuracy of the best epoch, which is chosen by the test set itself; likewise."""
        return self._accuracy(BEST)

    @property
    def train_seconds(self) -> Estimate | None:
        """Seconds of training, evaluations left out."""
        return self._over_seeds("train_seconds")

    @property
    def images_per_second(self) -> Estimate | None:
        """Training images a second, the median epoch of each seed."""
        return self._over_seeds("images_per_second")

    @property
    def seconds_to_target(self) -> Estimate | None:
        """Training seconds until 99.4 %, over the seeds that reached it."""
        return self._over_seeds("seconds_to_target")

    @property
    def best_epochs(self) -> str:
        """The epoch of the best accuracy: ``17``, or ``9 to 18`` over the seeds."""
        return span([r.summary["best_epoch"] for r in self.finished if r.summary])

    @property
    def target_epochs(self) -> str:
        """The first epoch at 99.4 % or above, and how many seeds got there if not all did."""
        found, count = self._values("first_epoch_at_target"), len(self.ended)
        some = f" ({len(found)} of {count})" if len(found) < count else ""
        return span([int(v) for v in found]) + some if found else ("never" if count else "")

    @property
    def is_shortened(self) -> bool:
        """Whether it ran for other than the epochs of its recipe."""
        if any(r.details.get("study") for r in self.results) or " epochs=" in self.name:
            return False  # as its file, or its name, says
        known = TRIALS.get(self.name.partition(" ")[0])
        return known is not None and known.epochs != self.config.epochs

    def _accuracy(self, measure: str) -> Estimate | None:
        found = [value(measure, r) for r in self.ended]
        return estimate([v for v in found if v is not None]) if found else None

    def _over_seeds(self, key: str) -> Estimate | None:
        values = self._values(key)
        return estimate(values) if values else None

    def _values(self, key: str) -> list[float]:
        found = [r.summary.get(key) for r in self.finished if r.summary]
        return [v for v in found if v is not None]


def overviews(run: Results) -> list[Overview]:
    """Return every trial of a run, in the order of the published table."""
    return [Overview(name, results[0].config, results) for name, results in run.by_trial().items()]


def span(values: list[int]) -> str:
    """Write whole numbers as one, or as the smallest to the largest.

    >>> span([7]), span([9, 12, 10]), span([])
    ('7', '9 to 12', '')
    """
    if not values:
        return ""
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"


def confusion(results: list[Result]) -> np.ndarray:
    """Return the (10, 10) confusion matrix added over finished seeds: rows true, columns said."""
    counts = [r.summary["confusion"] for r in results if r.summary]
    return np.array(counts, dtype=np.int64).reshape(-1, 10, 10).sum(0)


def largest_differences(details: dict[str, Any]) -> tuple[int, float, float | None]:
    """Return how many layers were verified before training, and their largest differences.

    They are relative to the terms of the numbers compared; the last one is that of the
    layers in bfloat16, None where they were not to train in it.
    """
    layers = details["verification"].values()

    def largest(kinds: Sequence[str]) -> float | None:
        reports = [layer[kind] for layer in layers for kind in kinds if kind in layer]
        found = [d["relative"] for r in reports for d in r["differences"]]
        # None is one that was no number, of a layer that was refused.
        return max((value for value in found if value is not None), default=None)

    exact = largest(("report", "as_laid_out", "after_relu"))
    return len(layers), exact or 0.0, largest(("in_bfloat16",))


def in_words(config: TrialConfig) -> str:
    """Return a recipe as a person would say it.

    >>> in_words(TRIALS["bn"])[:62]
    '20 epochs, batch 64, SGD 0.1 with momentum 0.9, times 0.01 eve'
    """
    momentum = f" with{' Nesterov' if config.nesterov else ''} momentum {config.momentum:g}"
    rate = f"{config.optimizer.upper() if config.optimizer == 'sgd' else 'Adam'} "
    rate += f"{config.learning_rate:g}{momentum if config.momentum else ''}"
    schedules = {
        "constant": "constant",
        "exponential": f"times {config.gamma:g} every epoch",
        "step": f"times {config.gamma:g} every {config.step_size} epochs",
        "onecycle": f"one cycle, rising for {config.warmup:.0%} of the steps",
    }
    moves = [f"rotations ±{config.rotation:g}°"] if config.rotation else []
    moves += [f"shifts ±{config.shift:g} pixels"] if config.shift else []
    moves += [f"scale e^±{config.log_scale:g}"] if config.log_scale else []
    moves += [f"shear ±{config.shear:g}"] if config.shear else []
    parts = [
        f"{config.epochs} epoch{'s' * (config.epochs != 1)}",
        f"batch {config.batch_size}",
        rate,
    ]
    parts += [schedules[config.schedule], *moves, f"dropout {config.dropout_value:g}"]
    parts += [f"L1 {config.l1:g} ({config.l1_form})"] if config.l1 else []
    parts += [f"weight decay {config.weight_decay:g}"] if config.weight_decay else []
    return ", ".join(parts)
