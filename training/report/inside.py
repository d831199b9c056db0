"""Inside the network, layer by epoch: what enters the norms, weights, gradients, dead ReLUs."""

from __future__ import annotations

from typing import Any

import numpy as np

from training.record.inside import FILE, Inside, read_inside
from training.report.plots import COLORS, SOFT, by_epoch, calm
from training.results.run_folder import Results

SHOWN = {  # in lines, as they stand beside a panel
    "input_mean": "mean of what\nenters the norm",
    "input_spread": "spread of what\nenters the norm",
    "stale": "running mean\nfrom the batch's\n(deviations)",
    "stale_variance": "running variance\nfrom the batch's\n(log of the ratio)",
    "weight_norm": "norm of\nthe weights",
    "gradient_norm": "norm of\nthe gradients",
    "dead": "share of\ndead ReLUs",
}
MOST_TRIALS = 6  # beside each other


def draw_inside(run: Results) -> list[Any]:
    """Return the figures: a row a quantity, a column a trial with a record, a line a layer.

    Of each trial the first seed that has a record. The first trial without a norm is in every
    figure, to compare with.
    """
    found = _records(run)
    bare = [name for name, results in run.by_trial().items() if not results[0].config.has_norm]
    bare = [name for name in bare if name in found][:1]
    others = [name for name in found if name not in bare]
    count = MOST_TRIALS - len(bare)
    parts = [others[i : i + count] for i in range(0, len(others), count)] or [[]]
    return [_draw({name: found[name] for name in part + bare}) for part in parts if found]


def _records(run: Results) -> dict[str, list[Inside]]:
    found = {
        trial: next(filter(None, (read_inside(r.folder / FILE) for r in results)), [])
        for trial, results in run.by_trial().items()
    }
    return {trial: rows for trial, rows in found.items() if rows}


def _draw(found: dict[str, list[Inside]]) -> Any:
    from matplotlib.figure import Figure

    size = (2.2 + 2.6 * len(found), 1.9 * len(SHOWN))
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    axes = figure.subplots(len(SHOWN), len(found), squeeze=False, sharex=True, sharey="row")
    # A layer has its color in every panel, whichever others its trial has, or recorded once.
    layers = list(dict.fromkeys(row.layer for rows in found.values() for row in rows))
    named: dict[str, Any] = {}
    for column, (trial, rows) in enumerate(found.items()):
        axes[0][column].set_title(trial, fontsize=9, color=SOFT)
        for row, (name, words) in enumerate(SHOWN.items()):
            axis = axes[row][column]
            named |= _lines(axis, rows, name, layers)
            if column == 0:
                axis.set_ylabel(words, fontsize=8)
            calm(axis)
        by_epoch(axes[-1][column])
    shown = [layer for layer in layers if layer in named]
    handles = [named[layer] for layer in shown]
    figure.legend(handles, shown, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def _lines(axis: Any, rows: list[Inside], name: str, layers: list[str]) -> dict[str, Any]:
    drawn = {}
    for place, layer in enumerate(layers):
        of_layer = [row for row in rows if row.layer == layer]
        values = [getattr(row, name) for row in of_layer]
        numbers = np.array([np.nan if v is None else v for v in values])
        if np.isnan(numbers).all():
            continue
        marker = "o" if len(numbers) == 1 else None
        epochs = [row.epoch for row in of_layer]
        color = COLORS[place % len(COLORS)]
        (drawn[layer],) = axis.plot(
            epochs, numbers, color=color, lw=1.4, marker=marker, ms=4, label=layer
        )
    if not axis.lines:
        centered = {"ha": "center", "va": "center", "transform": axis.transAxes}
        axis.text(0.5, 0.5, "none here", color=SOFT, fontsize=9, **centered)
    return drawn
