"""What the claims are about, each counted as one number of a trial's history.

Accuracies are of the test set, in percent; differences of them are points.
"""

from __future__ import annotations

import math

import numpy as np

from training.experiments.claims import (
    BEST,
    CROSSING,
    EARLY_FALL,
    LAST,
    LATE_DEVIATION,
    SPAN,
)
from training.record.history import Record
from training.record.task_folder import Result


def late_deviation(record: Record) -> float:
    """Return the standard deviation of the test accuracy over the last ten epochs, in points.

    About a straight line through them, so that an accuracy that still rises is not unsteady.
    """
    values = _accuracies(record)[-SPAN:]
    epochs = np.arange(len(values))
    residuals = values - np.polyval(np.polyfit(epochs, values, 1), epochs)
    return float(np.sqrt(np.sum(residuals**2) / (len(values) - 2)))


def early_fall(record: Record) -> float:
    """Return the largest fall from one epoch to the next within the first ten, in points."""
    steps = np.diff(_accuracies(record)[:SPAN])
    return float(max(0.0, -steps.min()))


def _accuracies(record: Record) -> np.ndarray:
    return np.array([epoch.test_accuracy for epoch in record.epochs])


def value(measure: str, result: Result) -> float | None:
    """Return one measure of a finished seed, or None where its history was not kept.

    A seed that diverged has the accuracies of a constant answer, and never crosses the target; one
    that never does has no epoch of it, which is infinity.
    """
    summary = result.summary or {}
    if measure == LAST or (measure == BEST and result.diverged):
        return result.last_accuracy
    if measure == BEST:
        return float(summary["best_accuracy"])
    if measure == CROSSING:
        return float(summary.get("first_epoch_at_target") or math.inf)
    if result.diverged or not result.record.epochs:
        return None
    return {LATE_DEVIATION: late_deviation, EARLY_FALL: early_fall}[measure](result.record)
