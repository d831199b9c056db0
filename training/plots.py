"""Accuracy and loss of all trials in one picture, and again with the outliers left out.

A collapsed trial stretches the axis until the others are one line; so each figure has a second
panel without it, scaled to the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from training.gallery import save
from training.results import Result, Results

MEASURES = {
    "accuracy": ("test_accuracy", "test accuracy (%)"),
    "loss": ("test_loss", "test loss (mean negative log-likelihood)"),
}
OUTLIER_DEVIATIONS = 5.0  # times the median absolute deviation, beyond which a trial is left out
OUTLIER_LEAST = 1.0  # percent; trials nearer to the median than this are never outliers
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f5539", "#444444")
STYLES = ("-", "--", ":", "-.")


def outliers(last_accuracies: dict[str, float]) -> set[str]:
    """Return the trials far below the median of all.

    >>> sorted(outliers({"a": 99.4, "b": 99.3, "c": 99.2, "d": 9.8}))
    ['d']
    """
    if len(last_accuracies) < 3:
        return set()
    values = np.array(list(last_accuracies.values()))
    median = np.median(values)
    deviation = np.median(np.abs(values - median))
    limit = median - max(OUTLIER_LEAST, OUTLIER_DEVIATIONS * deviation)
    return {name for name, value in last_accuracies.items() if value < limit}


def curves(results: Sequence[Result], column: str) -> np.ndarray:
    """Return (seeds, epochs) values of one column, cut to the epochs that every seed has."""
    kept = [r.record.epochs for r in results if r.record.epochs]
    epochs = min((len(rows) for rows in kept), default=0)
    return np.array([[getattr(e, column) for e in rows[:epochs]] for rows in kept])


def last_accuracies(run: Results) -> dict[str, float]:
    """Return the mean test accuracy of the last epoch of each trial that has one."""
    found = {}
    for name, results in run.by_trial().items():
        values = [r.record.last.test_accuracy for r in results if r.record.epochs]
        if values:
            found[name] = float(np.mean(values))
    return found


def draw_all(run: Results) -> None:
    """Write ``accuracy.png`` and ``loss.png`` of a run folder."""
    for name in MEASURES:
        save(draw(run, name), run.folder / f"{name}.png")


def draw(run: Results, measure: str) -> Any:
    """Return the figure of "accuracy" or "loss": all trials, then without the outliers."""
    from matplotlib.figure import Figure

    column, label = MEASURES[measure]
    left_out = outliers(last_accuracies(run))
    figure = Figure(figsize=(15, 6.2), dpi=100, layout="constrained")
    figure.suptitle(f"{run.folder.name}: test {measure} by epoch, {run.data_name}", fontsize=13)
    whole, near = figure.subplots(1, 2)
    named: dict[str, Any] = {}
    trials = run.by_trial()
    for place, (name, results) in enumerate(trials.items()):
        values = curves(results, column)
        if values.size:
            named[name] = _line(whole, place, values)
            if name not in left_out:
                _line(near, place, values)
    rest = [curves(r, column) for name, r in trials.items() if name not in left_out]
    _zoom(near, [v for v in rest if v.size], measure)
    whole.set_title("all trials", fontsize=11)
    near.set_title(_panel_title(left_out), fontsize=11)
    for axis in (whole, near):
        axis.set_xlabel("epoch")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
        axis.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(named.values(), named.keys(), loc="outside right center", fontsize=9)
    return figure


def _line(axis: Any, place: int, values: np.ndarray) -> Any:
    color, style = COLORS[place % len(COLORS)], STYLES[place // len(COLORS) % len(STYLES)]
    epochs = np.arange(1, values.shape[1] + 1)
    if len(values) > 1:
        axis.fill_between(epochs, values.min(0), values.max(0), color=color, alpha=0.15, lw=0)
    marker = "o" if values.shape[1] == 1 else None
    return axis.plot(
        epochs, values.mean(0), color=color, linestyle=style, linewidth=1.6, marker=marker
    )[0]


def _zoom(axis: Any, values: Iterable[np.ndarray], measure: str) -> None:
    """Scale to the settled part of the curves: the first epochs may leave the picture."""
    settled = [v[:, v.shape[1] // 4 :].ravel() for v in values]
    if not settled:
        return
    every = np.concatenate(settled)
    low, high = np.quantile(every, [0.02, 1.0] if measure == "accuracy" else [0.0, 0.98])
    margin = 0.06 * max(high - low, 1e-3)
    axis.set_ylim(low - margin, high + margin)


def _panel_title(left_out: set[str]) -> str:
    if not left_out:
        return "closer: scaled to the settled epochs"
    return f"without {', '.join(sorted(left_out))}; scaled to the settled epochs"
