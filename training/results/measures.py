"""What the published claims are about, each as one number of a trial's history.

Accuracies are of the test set, in percent; differences of them are points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.run.history import TARGET, Record

SPAN = 10  # epochs that count as early, and as late; late ones of recipe B are those after epoch 10
ONE_DIGIT = 0.01  # points: one of 10,000 test digits


@dataclass(frozen=True)
class Measure:
    """A number of a history, with the words of a sentence that compares two trials by it."""

    name: str
    more: str  # "FIRST ... SECOND", where FIRST has the larger number
    unit: str
    resolution: float  # differences below it are not seen
    of: Callable[[Record], float]


def late_deviation(record: Record) -> float:
    """Return the standard deviation of the test accuracy over the last ten epochs, in points."""
    return float(np.std(_accuracies(record)[-SPAN:], ddof=1))


def early_fall(record: Record) -> float:
    """Return the largest fall from one epoch to the next within the first ten, in points."""
    steps = np.diff(_accuracies(record)[:SPAN])
    return float(max(0.0, -steps.min()))


def crossing(record: Record) -> float:
    """Return the first epoch at 99.4 %; for a trial that never gets there, the one after its last.

    So a trial that never crosses counts as later by less than it is, never by more.
    """
    return float(record.first_above(TARGET) or len(record.epochs) + 1)


def _accuracies(record: Record) -> np.ndarray:
    return np.array([epoch.test_accuracy for epoch in record.epochs])


LAST = Measure(
    "accuracy of the last epoch", "ends above", "points", ONE_DIGIT, lambda r: r.last.test_accuracy
)
BEST = Measure(
    "accuracy of the best epoch", "peaks above", "points", ONE_DIGIT, lambda r: r.best.test_accuracy
)
LATE_DEVIATION = Measure(
    f"standard deviation over the last {SPAN} epochs",
    "is less steady than",
    "points",
    ONE_DIGIT,
    late_deviation,
)
EARLY_FALL = Measure(
    f"largest fall within the first {SPAN} epochs",
    "falls further than",
    "points",
    ONE_DIGIT,
    early_fall,
)
CROSSING = Measure(f"first epoch at {TARGET} %", "is later than", "epochs", 1.0, crossing)
