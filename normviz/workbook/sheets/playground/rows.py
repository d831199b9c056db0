"""The playground's page: two halves of even columns, and in each a tensor with one image a row.

Read row by row a grid is the tensor in row-major order. x stands in the left half with y beside it;
every further step stands in the left half too, and its words beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np

from normviz.workbook.book.address import Area
from normviz.workbook.book.cells import Block, Book, Page, Value
from normviz.workbook.book.layout import Layout
from normviz.workbook.book.styles import AXIS, AXIS_LEFT, BANNER, FORWARD, Style
from normviz.workbook.draw.page_breaks import Paper
from normviz.workbook.draw.panels import Caption, Grid

AXIS_COLUMN, LEFT = 2, 3
MARGIN_WIDTH, AXIS_WIDTH, NUMBER_WIDTH, GAP_WIDTH = 1.2, 5.5, 3.85, 0.7
FEWEST_COLUMNS = 19

Formula = Callable[[int], str] | None


class Rows:
    """Draws from `row` down and remembers where each grid stands."""

    def __init__(self, book: Book, page: Page, shape: tuple[int, ...]) -> None:
        self.book, self.page, self.row = book, page, 1
        self.paper = Paper(page)
        self.layout = Layout(shape, flat=True)
        self.images, self.channels = self.layout.images, self.layout.channels
        self.pixels = self.layout.block[1]
        self.grids: dict[str, Grid] = {}
        half = max(self.layout.size[1], FEWEST_COLUMNS)
        self.middle = LEFT + half
        self.right, self.last = self.middle + 1, self.middle + half
        self._set_widths(half)

    def name(self, name: str, area: Area) -> None:
        """Name an area of this sheet `play_...`."""
        self.book.name(f"play_{name}", self.page, area)

    def banner(self, title: str, note: str = "", fill: str = FORWARD) -> None:
        """A banner across the page."""
        text = f"{title}    {note}" if note else title
        self.page.span((self.row, 2, self.row, self.last), text, BANNER.filled(fill))
        self.page.heights[self.row], self.page.heights[self.row + 1] = 20, 5
        self.row += 2

    def grid(
        self, name: str, left: int, values: Sequence[Value], style: Style, formula: Formula
    ) -> Grid:
        """A cell for every element from the present row on, below the names of the channels."""
        grid = self.grids[name] = Grid(self.page, self.layout, self.row + 1, left)
        self._channels(grid)
        for n in range(self.images):
            self.page.put(grid.top + n, left - 1, f"n = {n}", AXIS_LEFT)
        grid.draw(values, formula, lambda _: style)
        self._tell(name, grid, self._element)
        return grid

    def elements(
        self,
        name: str,
        caption: Caption,
        values: Sequence[Value],
        style: Style,
        formula: Formula,
        below: int = 0,
    ) -> Area:
        """A step with a cell for every element; `formula` takes the element's index.

        As many rows stay free `below` the grid, and are printed with it.
        """
        grid = self.grid(name, LEFT, values, style, formula)
        self._go_below(grid, caption, below)
        return grid.area

    def per_channel(
        self, name: str, caption: Caption, values: Sequence[Value], style: Style, formula: Formula
    ) -> Area:
        """A step with a cell for every channel, as wide as its pixels."""
        layout = Layout((1, *self.layout.shape[1:]), flat=True)
        grid = self.grids[name] = Grid(self.page, layout, self.row + 1, LEFT)
        self._channels(grid)
        for c, value in enumerate(values):
            row, left = grid.rows[0], grid.columns[c * self.pixels]
            live = formula(c) if formula else None
            self.page.span((row, left, row, left + self.pixels - 1), value, style, live)
        self._tell(name, grid, lambda index: f"channel {index // self.pixels}")
        self._go_below(grid, caption)
        return grid.area

    def _tell(self, name: str, grid: Grid, which: Callable[[int], str]) -> None:
        """Say of every cell of a grid what it is, for a medium that shows it."""
        places = zip(grid.rows, grid.columns, strict=True)
        index = {place: at for at, place in enumerate(places)}

        def told(row: int, column: int) -> str | None:
            at = index.get((row, column))
            return None if at is None else which(at)

        self.page.blocks.append(Block(name, grid.area, told))

    def _element(self, index: int) -> str:
        image, rest = divmod(index, self.channels * self.pixels)
        channel, pixel = divmod(rest, self.pixels)
        spatial = self.layout.shape[2:]
        at = ", ".join(str(int(i)) for i in np.unravel_index(pixel, spatial)) if spatial else ""
        return f"image {image}, channel {channel}" + (f", pixel ({at})" if at else "")

    def at(self, name: str, element: int) -> str:
        """The cell of an element."""
        return self.grids[name].at(element)

    def channel_at(self, name: str, element: int) -> str:
        """The cell of the channel that an element is in."""
        return self.grids[name].at(element // self.pixels % self.channels * self.pixels)

    def channel_area(self, name: str, channel: int) -> Area:
        """All elements of a channel in a grid of elements."""
        grid = self.grids[name]
        left = grid.left + self.layout.channel_column(channel)
        return grid.top, left, grid.top + self.images - 1, left + self.pixels - 1

    def reach(self, left: int, width: float) -> int:
        """The column up to which a cell from `left` on is `width` characters wide."""
        columns = range(left, self.last)
        totals = accumulate(self.page.widths[column] for column in columns)
        return next((c for c, total in zip(columns, totals, strict=True) if total >= width), left)

    def _go_below(self, grid: Grid, caption: Caption, free: int = 0) -> None:
        """Write the words beside a grid, and go on below both."""
        below = caption.draw(self.page, self.row, self.right, self.last)
        self.row = max(below, grid.area[2] + 1 + free) + 1
        self.paper.keep(self.row - 2)

    def _channels(self, grid: Grid) -> None:
        for c in range(self.channels):
            column = grid.left + self.layout.channel_column(c)
            area = (grid.top - 1, column, grid.top - 1, column + self.pixels - 1)
            self.page.span(area, f"c = {c}", AXIS)

    def _set_widths(self, half: int) -> None:
        widths, across, gap = self.page.widths, self.layout.size[1], self.layout.gaps[1]
        widths.update({1: MARGIN_WIDTH, AXIS_COLUMN: AXIS_WIDTH, self.middle: AXIS_WIDTH})
        for left in (LEFT, self.right):
            for offset in range(half):
                is_gap = gap and offset < across and offset % (self.pixels + gap) == self.pixels
                widths[left + offset] = GAP_WIDTH if is_gap else NUMBER_WIDTH


def pixel_names(rows: Rows, grid: Grid) -> None:
    """Below a grid, the height and width of each pixel within its block."""
    width = rows.layout.shape[-1]
    below = grid.area[2] + 1
    for index in range(rows.channels * rows.pixels):
        pixel = index % rows.pixels
        text = f"{pixel // width}, {pixel % width}"
        rows.page.put(below, grid.columns[index], text, AXIS)
    rows.page.put(below, grid.left - 1, "h, w", AXIS_LEFT)
