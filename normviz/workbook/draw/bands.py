"""Steps as bands down a sheet: words on the left, and on the right a tensor with one image a row.

A band is low and wide, so that many of them are seen at once; read row by row it is the tensor in
row-major order. A band can hold a value for each element, for each block (the pixels of one channel
of one image) or for each channel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from normviz.workbook.book.address import Area
from normviz.workbook.book.cells import Page, Value
from normviz.workbook.book.layout import Layout
from normviz.workbook.book.styles import (
    AXIS,
    AXIS_LEFT,
    BANNER,
    FORWARD,
    Style,
)
from normviz.workbook.draw.panels import Caption, Grid

CAPTION, AXIS_COLUMN, LEFT = 2, 3, 4
MARGIN_WIDTH, CAPTION_WIDTH, AXIS_WIDTH, NUMBER_WIDTH, GAP_WIDTH = 1.5, 50.0, 6.5, 7.0, 1.2
FEWEST_COLUMNS = 8

Formula = Callable[[int], str] | None


class Bands:
    """Draws bands from `row` down and remembers where each stands."""

    def __init__(self, page: Page, shape: tuple[int, ...]) -> None:
        self.page, self.row = page, 0
        self.layout = Layout(shape, flat=True)
        self.images, self.channels = self.layout.images, self.layout.channels
        self.pixels = self.layout.block[1]
        self.grids: dict[str, Grid] = {}
        self.last_column = LEFT + max(self.layout.size[1], FEWEST_COLUMNS) - 1
        self._set_widths()

    def banner(self, title: str, note: str = "", fill: str = FORWARD) -> None:
        """A banner across the page."""
        text = f"{title}    {note}" if note else title
        self.page.span((self.row, 2, self.row, self.last_column), text, BANNER.filled(fill))
        self.page.heights[self.row], self.page.heights[self.row + 1] = 21, 6
        self.row += 2

    def elements(
        self, name: str, caption: Caption, values: Sequence[Value], style: Style, formula: Formula
    ) -> Area:
        """A band with a cell for every element; `formula` takes the element's index."""
        grid = self._begin(name, caption, self.layout)
        grid.draw(values, formula, lambda _: style)
        return grid.area

    def blocks(
        self, name: str, caption: Caption, values: Sequence[Value], style: Style, formula: Formula
    ) -> Area:
        """A band with a cell for every block; values and `formula` go by the block's index."""
        grid = self._begin(name, caption, self.layout)
        self._draw_wide(grid, values, style, formula)
        return grid.area

    def per_channel(
        self, name: str, caption: Caption, values: Sequence[Value], style: Style, formula: Formula
    ) -> Area:
        """A band with a cell for every channel."""
        grid = self._begin(name, caption, Layout((1, *self.layout.shape[1:]), flat=True))
        self._draw_wide(grid, values, style, formula)
        return grid.area

    def at(self, name: str, element: int) -> str:
        """The cell of an element."""
        return self.grids[name].at(element)

    def block_at(self, name: str, element: int) -> str:
        """The cell of the block that an element is in."""
        return self.grids[name].at(element // self.pixels * self.pixels)

    def channel_at(self, name: str, element: int) -> str:
        """The cell of the channel that an element is in."""
        return self.grids[name].at(element // self.pixels % self.channels * self.pixels)

    def channel_area(self, name: str, channel: int) -> Area:
        """All elements of a channel in a band of elements."""
        grid = self.grids[name]
        left = grid.left + self.layout.channel_column(channel)
        return grid.top, left, grid.top + self.images - 1, left + self.pixels - 1

    def _begin(self, name: str, caption: Caption, layout: Layout) -> Grid:
        """Write a band's words and axes, and go on below it."""
        below = caption.draw(self.page, self.row, CAPTION, CAPTION)
        grid = self.grids[name] = Grid(self.page, layout, self.row + 1, LEFT)
        self._draw_axes(grid)
        self.row = max(below, grid.area[2] + 1) + 1
        return grid

    def _draw_axes(self, grid: Grid) -> None:
        for c in range(self.channels):
            column = LEFT + self.layout.channel_column(c)
            area = (grid.top - 1, column, grid.top - 1, column + self.pixels - 1)
            self.page.span(area, f"c = {c}", AXIS)
        for n in range(grid.layout.images):
            if grid.layout.images == self.images:
                self.page.put(grid.top + n, AXIS_COLUMN, f"n = {n}", AXIS_LEFT)

    def _draw_wide(
        self, grid: Grid, values: Sequence[Value], style: Style, formula: Formula
    ) -> None:
        """One cell over all pixels of a block."""
        for index, value in enumerate(values):
            first = index * self.pixels
            row, left = grid.rows[first], grid.columns[first]
            live = formula(index) if formula else None
            self.page.span((row, left, row, left + self.pixels - 1), value, style, live)

    def _set_widths(self) -> None:
        widths, across, gap = self.page.widths, self.layout.size[1], self.layout.gaps[1]
        widths.update({1: MARGIN_WIDTH, CAPTION: CAPTION_WIDTH, AXIS_COLUMN: AXIS_WIDTH})
        for offset in range(self.last_column - LEFT + 1):
            is_gap = gap and offset < across and offset % (self.pixels + gap) == self.pixels
            widths[LEFT + offset] = GAP_WIDTH if is_gap else NUMBER_WIDTH
