"""The digits a trial gets wrong, as one picture: the most confident mistakes first."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from training.files import write_whole

COLUMNS, ROWS = 8, 4
# Inches.
CELL_WIDTH, CELL_HEIGHT, TITLE_HEIGHT, DIGIT, MARGIN = 1.25, 1.58, 0.5, 1.08, 0.08


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
    width, height = COLUMNS * CELL_WIDTH, rows * CELL_HEIGHT + TITLE_HEIGHT
    figure = Figure(figsize=(width, height), dpi=100)
    total = len(mistakes["index"])
    noun = "mistake" if total == 1 else "mistakes"
    shown = f", the {count} most confident" if count < total else ""
    title = f"{title}: {total:,} {noun} in the test set{shown}"
    # One axis in inches for all digits: an axis each takes a second to lay out.
    axis = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axis.set_axis_off()
    axis.text(width / 2, TITLE_HEIGHT / 2, title, fontsize=12, ha="center", va="center")
    for place in range(count):
        left = place % COLUMNS * CELL_WIDTH + (CELL_WIDTH - DIGIT) / 2
        bottom = TITLE_HEIGHT + (place // COLUMNS + 1) * CELL_HEIGHT - MARGIN
        box = (left, left + DIGIT, bottom, bottom - DIGIT)
        image = mistakes["images"][place]
        axis.imshow(image, cmap="gray_r", interpolation="nearest", extent=box)
        caption = _caption(mistakes, place)
        axis.text(left + DIGIT / 2, bottom - DIGIT - 0.04, caption, fontsize=9, ha="center")
    axis.set(xlim=(0, width), ylim=(height, 0))
    save(figure, path)


def save(figure: Any, path: Path) -> None:
    """Write a matplotlib figure as a PNG that appears whole."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    write_whole(path, stream.getvalue())


def _caption(mistakes: dict[str, np.ndarray], place: int) -> str:
    true, predicted = mistakes["true"][place], mistakes["predicted"][place]
    return f"{true} as {predicted}\n{100 * mistakes['confidence'][place]:.1f} %"
