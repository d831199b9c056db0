"""What a reader of a figure would stumble over: words cut off by its edge, words on words."""

import itertools
from collections.abc import Iterator
from typing import Any

from matplotlib.text import Text
from matplotlib.transforms import BboxBase


def clipped(figure: Any) -> list[str]:
    """The words that reach beyond the figure's edge."""
    page = figure.bbox
    return [
        words
        for words, box in _boxes(figure).items()
        if not (page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1)
    ]


def overlapping(figure: Any) -> list[tuple[str, str]]:
    """The words that lie on one another."""
    boxes = _boxes(figure)
    return [(a, b) for a, b in itertools.combinations(boxes, 2) if boxes[a].overlaps(boxes[b])]


def _boxes(figure: Any) -> dict[str, BboxBase]:
    """Where each text lies, in pixels; one that is there again has its place behind it."""
    figure.draw_without_rendering()
    hidden = {text for axis in figure.axes for text in _out_of_sight(axis)}
    texts = [t for t in figure.findobj(Text) if t.get_text().strip() and t.get_visible()]
    return {
        f"{text.get_text()} ({place})": text.get_window_extent()
        for place, text in enumerate(texts)
        if text not in hidden
    }


def _out_of_sight(axis: Any) -> Iterator[Text]:
    """Labels of places beyond the limits, which exist and are not drawn."""
    for labels, coordinate, limits in (
        (axis.get_xticklabels(which="both"), 0, axis.get_xlim()),
        (axis.get_yticklabels(which="both"), 1, axis.get_ylim()),
    ):
        low, high = sorted(limits)
        yield from (each for each in labels if not low <= each.get_position()[coordinate] <= high)
