"""The columns of a page, chosen once: words, then blocks of cells, each with a column for names.

What is drawn takes its place from here, so that no sheet counts columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from normviz.workbook.book.layout import Layout
from normviz.workbook.book.sizes import WIDEST, from_pixels, pixels

MARGIN = 1.5
GAP = 1.2
"""The width of the empty column between two channels."""

LABELS, CLOSE_LABELS = 7.9, 5.6
"""Room for `n = 0, t = 0` before a tensor, for `n = 0–1` before several beside each other."""

WORDS, FEWEST_WORDS = 43.0, 26.0
NUMBER_WIDTHS = (7.6, 6.4, 5.6)
"""Columns of numbers with three decimals: comfortable, close, and as close as they can be read."""


@dataclass(frozen=True)
class Columns:
    """Widths: of the words on the left (0 where words stand above), of each block's names, cells.

    >>> even(17, (2, 2), 8.0).lefts, even(17, (2, 2), 8.0).last
    ((3, 6), 7)
    """

    names: tuple[float, ...]
    cells: tuple[tuple[float, ...], ...]
    words: float = 0.0

    @property
    def lefts(self) -> tuple[int, ...]:
        """The first column of cells of each block; its names stand in the column before."""
        before = accumulate((len(cells) + 1 for cells in self.cells), initial=0)
        start = 3 + (self.words > 0)
        return tuple(start + columns for columns, _ in zip(before, self.cells, strict=False))

    @property
    def last(self) -> int:
        """The rightmost column."""
        return self.lefts[-1] + len(self.cells[-1]) - 1

    @property
    def widths(self) -> dict[int, float]:
        """The width of every column by its number."""
        found = {1: MARGIN} | ({2: self.words} if self.words else {})
        for left, name, cells in zip(self.lefts, self.names, self.cells, strict=True):
            found[left - 1] = name
            found |= {left + at: width for at, width in enumerate(cells)}
        return found

    @property
    def pixels(self) -> float:
        """How wide the page is on the screen."""
        return sum(pixels(width) for width in self.widths.values())


def even(names: float, counts: Sequence[int], width: float = 8.2, gap: float = 2.2) -> Columns:
    """Blocks of equally wide cells; the names of all stand before the first."""
    cells = tuple((width,) * count for count in counts)
    return Columns((names, *((gap,) * (len(counts) - 1))), cells)


def texts(*widths: float) -> Columns:
    """A page of text: one column a width."""
    return Columns((widths[0],), (tuple(widths[1:]),))


def of_tensor(layout: Layout, blocks: int = 1, number: float = 0.0) -> Columns:
    """Room for a tensor (or several beside each other), as wide as the screen allows.

    One tensor has its words to the left where there is room for them; `number` is the width of a
    column of numbers, chosen by itself where it is not given.
    """
    for width in (number,) if number else NUMBER_WIDTHS:
        cells = _of_layout(layout, width)
        made = Columns((CLOSE_LABELS if blocks > 1 else LABELS,) * blocks, (cells,) * blocks)
        left = WIDEST - made.pixels
        if blocks == 1 and left >= pixels(FEWEST_WORDS):
            words = min(WORDS, from_pixels(left - 1))
            return Columns(made.names, made.cells, words)
        if left >= 0:
            return made
    return made


def _of_layout(layout: Layout, number: float) -> tuple[float, ...]:
    block, gap = layout.block[1], layout.gaps[1]
    fewest = max(layout.size[1], FEWEST_CELLS)
    return tuple(
        GAP if gap and at < layout.size[1] and at % (block + gap) == block else number
        for at in range(fewest)
    )


FEWEST_CELLS = 6
"""A small tensor still leaves room for a sentence above it."""
