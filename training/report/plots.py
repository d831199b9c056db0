"""Accuracy and loss of all trials in one picture, and what they end at side by side.

A collapsed trial stretches the axis until the others are one line; so each figure has a second
panel without it, scaled to the rest.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from training.experiments.claims import TARGET
from training.record.gallery import save
from training.record.task_folder import Result
from training.results.over_seeds import Overview, overviews
from training.results.run_folder import Results, counted
from training.results.verdicts import Verdict

MEASURES = {
    "accuracy": ("test_accuracy", "test accuracy (%)"),
    "loss": ("test_loss", "test loss (mean negative log-likelihood)"),
}
COLLAPSED = 0.5  # of the best accuracy; a trial below has learned nothing that the others have
OUTLIER_DEVIATIONS = 5.0  # times the median absolute deviation, beyond which a trial is left out
OUTLIER_LEAST = 1.0  # percent; trials nearer to the median than this are never outliers
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f5539", "#444444")
VERDICT_COLORS: dict[str, str] = {
    Verdict.SUPPORTED: "#1b6e3c",
    Verdict.REFUTED: "#d55e00",
    Verdict.EQUIVALENT: "#0072b2",
    Verdict.UNDECIDED: "#7b8794",
}
RECIPE_TITLES = {
    "A": "recipe A, the last half in view",
    "B": "recipe B, the last half in view",
    "own": "our own recipes, the last half in view",
}
CROWDED = 8  # more trials than this in one panel are not told apart
STYLES = ("-", "--", ":", "-.")
INK, SOFT, GRID = "#1f2933", "#5b6770", "#dfe5e8"
# Text as paths: the same picture on every machine. The salt makes the same bytes every time.
SVG = {"svg.fonttype": "path", "svg.hashsalt": "normviz"}


def outliers(last_accuracies: dict[str, float]) -> set[str]:
    """Return the trials that collapsed, and of the others those far below their median.

    >>> sorted(outliers({"a": 99.4, "b": 99.3, "c": 99.2, "d": 92.7, "e": 9.8}))
    ['d', 'e']
    >>> sorted(outliers({"a": 95.0, "b": 9.8}))
    ['b']
    """
    best = max(last_accuracies.values(), default=0.0)
    limit = COLLAPSED * best
    values = np.array([value for value in last_accuracies.values() if value >= limit])
    if len(values) > 2:
        median = np.median(values)
        deviation = np.median(np.abs(values - median))
        limit = max(limit, median - max(OUTLIER_LEAST, OUTLIER_DEVIATIONS * deviation))
    return {name for name, value in last_accuracies.items() if value < limit}


def curves(results: Sequence[Result], column: str) -> np.ndarray:
    """Return (seeds, epochs) values of one column, cut to the epochs that every seed has.

    Once a seed is finished, of the finished ones.
    """
    kept = [r.record.epochs for r in counted(results)]
    epochs = min((len(rows) for rows in kept), default=0)
    return np.array([[getattr(e, column) for e in rows[:epochs]] for rows in kept])


def last_accuracies(run: Results) -> dict[str, float]:
    """Return where the curve of each trial that has one ends, in test accuracy."""
    found = {}
    for name, results in run.by_trial().items():
        values = [r.record.last.test_accuracy for r in counted(results)]
        if values:
            found[name] = float(np.mean(values))
    return found


def far_below(run: Results) -> set[str]:
    """Return the trials that end far below the others, diverged seeds counted."""
    return outliers({trial.name: trial.last.mean for trial in overviews(run) if trial.last})


def draw_all(run: Results) -> None:
    """Write ``accuracy.png`` and ``loss.png`` of a run folder."""
    for name in MEASURES:
        save(draw(run, name), run.folder / f"{name}.png")


def svg(figure: Any) -> bytes:
    """Return a figure as an SVG picture."""
    import matplotlib

    stream = io.BytesIO()
    with matplotlib.rc_context(SVG):  # type: ignore[arg-type]
        figure.savefig(stream, format="svg", metadata={"Date": None}, transparent=True)
    return stream.getvalue()


def draw(run: Results, measure: str) -> Any:
    """Return the figure of "accuracy" or "loss": all trials, then without the outliers.

    Where there are many trials, a second row shows those of each recipe by themselves. A line is
    the mean over the seeds that finished, the band around it their smallest and largest value.
    """
    from matplotlib.figure import Figure

    column, label = MEASURES[measure]
    left_out = outliers(last_accuracies(run))
    trials = run.by_trial()
    recipes = _recipes(run, left_out) if len(trials) > CROWDED else {}
    figure = Figure(figsize=(12.5, 9.6 if recipes else 5.2), dpi=110, layout="constrained")
    figure.suptitle(f"Test {measure} by epoch · {run.data_name}", fontsize=12, color=INK)
    top, *below = figure.subfigures(2 if recipes else 1, 1, squeeze=False).flat
    whole, near = top.subplots(1, 2)
    panels = [
        (whole, "all trials", set(trials)),
        (near, _panel_title(left_out), set(trials) - left_out),
    ]
    if recipes:
        axes = below[0].subplots(1, len(recipes), squeeze=False).flat
        panels += [
            (axis, RECIPE_TITLES.get(recipe, recipe), names)
            for axis, (recipe, names) in zip(axes, recipes.items(), strict=True)
        ]
    named: dict[str, Any] = {}
    for axis, title, names in panels:
        drawn = _panel(axis, trials, names, column)
        named |= {name: line for name, (line, _) in drawn.items() if name not in named}
        if axis is not whole:
            settled = 0.25 if axis is near else 0.5
            _zoom(axis, [values for _, values in drawn.values()], measure, settled)
        axis.set_title(title, fontsize=10, color=SOFT)
        by_epoch(axis)
        calm(axis)
    for part in (top, *below):
        part.axes[0].set_ylabel(label)
    figure.legend(
        named.values(), named.keys(), loc="outside right center", fontsize=9, frameon=False
    )
    return figure


def _recipes(run: Results, left_out: set[str]) -> dict[str, set[str]]:
    """Return the trials of each recipe, without outliers and without recipes left empty."""
    found: dict[str, set[str]] = {}
    for name, results in run.by_trial().items():
        if name not in left_out:
            found.setdefault(results[0].config.recipe, set()).add(name)
    return found


def _panel(
    axis: Any, trials: dict[str, list[Result]], names: set[str], column: str
) -> dict[str, tuple[Any, np.ndarray]]:
    """Draw ``names``; a trial has its color and style by its place among all."""
    drawn = {}
    for place, (name, results) in enumerate(trials.items()):
        values = curves(results, column)
        if name in names and values.size:
            drawn[name] = (_line(axis, place, values), values)
    return drawn


def draw_comparison(run: Results) -> Any | None:
    """Return the figure of where each trial ends: seeds, mean, interval, and what was published.

    Trials far below the others are left out. None while no seed has ended.
    """
    from matplotlib.figure import Figure

    far = far_below(run)
    shown = [t for t in overviews(run) if t.ended and t.name not in far]
    if not shown:
        return None
    figure = Figure(figsize=(9.5, 1.5 + 0.34 * len(shown)), dpi=110, layout="constrained")
    axis = figure.subplots()
    # Beside a run on other data the published numbers would only mislead.
    for row, trial in enumerate(shown):
        _ending(axis, row, trial)
        if run.is_mnist:
            _published(axis, row, trial)
    low, high = axis.get_xlim()
    if low - 0.05 < TARGET < high + 0.05:
        axis.axvline(TARGET, color=SOFT, lw=0.8, ls=(0, (4, 3)), zorder=0, label=f"{TARGET} %")
    axis.set_yticks(range(len(shown)), [t.name for t in shown])
    axis.set_ylim(len(shown) - 0.5, -0.5)
    axis.set_xlabel("test accuracy of the last epoch (%)")
    calm(axis)
    axis.grid(axis="y", visible=False)
    handles, labels = axis.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(
        unique.values(), unique.keys(), loc="outside upper center", ncols=6, fontsize=9,
        frameon=False,
    )  # fmt: skip
    return figure


def _ending(axis: Any, row: int, trial: Overview) -> None:
    """Draw one trial's last epoch: seeds as dots, mean and interval."""
    values = [r.last_accuracy for r in trial.results if r.counts]
    estimate = trial.last
    if estimate is not None and estimate.low is not None:
        axis.plot(
            [estimate.low, estimate.high], [row, row], color=COLORS[0], lw=5, alpha=0.25,
            solid_capstyle="butt", label="95 % interval of the mean",
        )  # fmt: skip
        axis.plot([estimate.mean], [row], "|", color=COLORS[0], ms=13, mew=2, label="mean")
    axis.plot(values, [row] * len(values), "o", color=COLORS[0], ms=4.5, alpha=0.75, label="seed")


def _published(axis: Any, row: int, trial: Overview) -> None:
    published = trial.config.published
    if published and published.last is not None:
        axis.plot(
            [published.last], [row], "D", mfc="none", mec=COLORS[1], ms=6.5, label="published, last"
        )
    if published and published.best is not None and published.last is None:
        axis.plot(
            [published.best], [row], "^", mfc="none", mec=COLORS[1], ms=6.5, label="published, best"
        )


def by_epoch(axis: Any) -> None:
    """Count epochs along the x axis, where there is but one, too."""
    axis.set_xlabel("epoch")
    axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def calm(axis: Any) -> None:
    """Give an axis the quiet look of every figure here."""
    axis.grid(color=GRID, lw=0.7)
    axis.set_axisbelow(True)
    axis.tick_params(colors=SOFT, labelsize=9)
    axis.tick_params(axis="y", labelcolor=INK)
    for name, spine in axis.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(GRID)
    axis.xaxis.label.set_color(SOFT)
    axis.yaxis.label.set_color(SOFT)


def _line(axis: Any, place: int, values: np.ndarray) -> Any:
    color, style = COLORS[place % len(COLORS)], STYLES[place // len(COLORS) % len(STYLES)]
    epochs = np.arange(1, values.shape[1] + 1)
    if len(values) > 1:
        axis.fill_between(epochs, values.min(0), values.max(0), color=color, alpha=0.12, lw=0)
    marker = "o" if values.shape[1] == 1 else None
    return axis.plot(
        epochs, values.mean(0), color=color, linestyle=style, linewidth=1.6, marker=marker
    )[0]


def _zoom(axis: Any, values: Iterable[np.ndarray], measure: str, settled: float) -> None:
    """Scale to the curves after the part ``settled``: the epochs before may leave the picture."""
    late = [v[:, min(math.ceil(v.shape[1] * settled), v.shape[1] - 1) :].ravel() for v in values]
    if not late:
        return
    every = np.concatenate(late)
    low, high = np.quantile(every, [0.02, 1.0] if measure == "accuracy" else [0.0, 0.98])
    margin = 0.06 * max(high - low, 1e-3)
    axis.set_ylim(low - margin, high + margin)


def _panel_title(left_out: set[str]) -> str:
    if not left_out:
        return "closer: scaled to the settled epochs"
    return f"without {', '.join(sorted(left_out))}; scaled to the settled epochs"
