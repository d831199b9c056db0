"""The digits a trial gets wrong, as one picture: the most confident mistakes first."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from training.files import write_whole

COLUMNS, ROWS = 8, 4


def draw(path: Path, title: str, mistakes: dict[str, np.ndarray]) -> None:
    """Draw up to 32 misclassified digits with true class, predicted class and confidence.

    Args:
        path: the PNG to write.
        title: of the trial.
        mistakes: the arrays of ``misclassified.npz``.
    """
    # Figure and not pyplot: no global state, no window system, safe in any worker.
    from matplotlib.figure import Figure

    count = min(len(mistakes["images"]), COLUMNS * ROWS)
    rows = max(1, -(-count // COLUMNS))
    figure = Figure(figsize=(1.25 * COLUMNS, 1.62 * rows + 0.7), dpi=100, layout="constrained")
    total = len(mistakes["index"])
    noun = "mistake" if total == 1 else "mistakes"
    shown = f", the {count} most confident" if count < total else ""
    figure.suptitle(f"{title}: {total:,} {noun} in the test set{shown}", fontsize=12)
    axes = figure.subplots(rows, COLUMNS, squeeze=False)
    for place, axis in enumerate(axes.flat):
        axis.set_axis_off()
        if place < count:
            axis.imshow(mistakes["images"][place], cmap="gray_r", interpolation="nearest")
            axis.set_title(_caption(mistakes, place), fontsize=9)
    save(figure, path)


def save(figure: Any, path: Path) -> None:
    """Write a matplotlib figure as a PNG that appears whole."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    write_whole(path, stream.getvalue())


def _caption(mistakes: dict[str, np.ndarray], place: int) -> str:
    true, predicted = mistakes["true"][place], mistakes["predicted"][place]
    return f"{true} as {predicted}\n{100 * mistakes['confidence'][place]:.1f} %"
