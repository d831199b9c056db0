"""The playground's page: two halves of even columns, and in each a tensor with one image a row.

Read row by row a grid is the tensor in row-major order. x stands in the left half with y beside it;
every further step stands in the left half too, and its words beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from normviz.norms.sets import statistics_sets
from normviz.workbook.book.address import Area
from normviz.workbook.book.cells import Book, Page, Value
from normviz.workbook.book.layout import Layout
from normviz.workbook.book.styles import AXIS, AXIS_LEFT, FORWARD, Style
from normviz.workbook.draw.canvas import Canvas, Spot
from normviz.workbook.draw.columns import Columns
from normviz.workbook.draw.content import Banner, Caption, Item, Spaced, Step, StepFormula
from normviz.workbook.draw.page_breaks import Paper
from normviz.workbook.draw.placing import place
from normviz.workbook.draw.tensor import Body, Frame, Grid
from normviz.workbook.draw.words import caption_rows, write_caption

LEFT = 3
MARGIN_WIDTH, AXIS_WIDTH, NUMBER_WIDTH, GAP_WIDTH = 1.2, 5.5, 3.85, 0.7
FEWEST_COLUMNS = 19


class Rows(Canvas):
    """Draws from `row` down; `bodies` are the steps that stand, by name."""

    def __init__(self, book: Book, page: Page, shape: tuple[int, ...]) -> None:
        self.layout = Layout(shape, flat=True)
        half = _half(self.layout)
        columns = Columns((AXIS_WIDTH, AXIS_WIDTH), (half, half))
        # One set is one channel here, as one parameter is: the playground's own sets are formulas.
        frame = Frame(statistics_sets("batch_norm", shape), flat=True)
        super().__init__(page, columns, frame, {}, scaled=False)
        page.widths.update(columns.widths | {1: MARGIN_WIDTH})
        self.book, self.row, self.paper = book, 1, Paper(page)
        self.bodies: dict[str, Body] = self.placed  # type: ignore[assignment]
        self.images, self.channels = self.layout.images, self.layout.channels
        self.pixels = self.layout.block[1]
        self.right, self.last = columns.lefts[1], columns.last
        self.middle = self.right - 1

    def name(self, name: str, area: Area) -> None:
        """Name an area of this sheet `play_...`."""
        self.book.name(f"play_{name}", self.page, area)

    def banner(self, title: str, note: str = "", fill: str = FORWARD) -> None:
        """A banner across the page."""
        made = place(Banner(title, note, fill), self, Spot(self.row, LEFT, self.last))
        made.write()
        self.row = made.bottom + 1

    def put(self, item: Item, free: int = 1) -> None:
        """What is no step, across the page, and free rows below it."""
        made = place(item, self, Spot(self.row, LEFT, self.last))
        made.write()
        self.row = made.bottom + 1 + free

    def around(self, row: int, item: Spaced) -> None:
        """Entries around what stands already, from a row on."""
        place(item, self, Spot(row, LEFT, self.last)).write()

    def words(self, caption: Caption, left: int, right: int) -> int:
        """The words of a step, from the present row on; the row below."""
        write_caption(self, caption, self.row, left, right)
        return self.row + caption_rows(caption, self.page.width(left, right))

    def draw(
        self,
        name: str,
        left: int,
        values: Sequence[Value],
        style: Style,
        formula: StepFormula,
        caption: Caption,
        per: str = "element",
    ) -> Body:
        """A cell for every element or channel from the present row on, with the axes around."""
        step = Step(name, caption, values, per, formula, style, worded=False)
        place(step, self, Spot(self.row, left, self.right, alone=False)).write()
        return self.bodies[name]

    def step(
        self,
        name: str,
        caption: Caption,
        values: Sequence[Value],
        style: Style,
        formula: StepFormula,
        per: str = "element",
        below: int = 0,
    ) -> Area:
        """A step in the left half, its words beside it.

        As many rows stay free `below` its cells, and are printed with them.
        """
        area = self.draw(name, LEFT, values, style, formula, caption, per).area
        under = self.words(caption, self.right, self.last)
        self.row = max(under, area[2] + 1 + below) + 1
        self.paper.keep(self.row - 2)
        return area

    def at(self, name: str, element: int) -> str:
        """The cell of an element."""
        return self.bodies[name].at(element)

    def reach(self, left: int, width: float) -> int:
        """The column up to which a cell from `left` on is `width` characters wide."""
        columns = range(left, self.last)
        totals = accumulate(self.page.widths[column] for column in columns)
        return next((c for c, total in zip(columns, totals, strict=True) if total >= width), left)


def _half(layout: Layout) -> tuple[float, ...]:
    """The widths of one half, with a gap between two channels."""
    across, gap, pixels = layout.size[1], layout.gaps[1], layout.block[1]
    return tuple(
        GAP_WIDTH if gap and at < across and at % (pixels + gap) == pixels else NUMBER_WIDTH
        for at in range(max(across, FEWEST_COLUMNS))
    )


def pixel_names(rows: Rows, grid: Body) -> None:
    """Below a grid, the height and width of each pixel within its block."""
    assert isinstance(grid, Grid)
    width = rows.layout.shape[-1]
    below = grid.area[2] + 1
    pixels = [f"{pixel // width}, {pixel % width}" for pixel in range(rows.pixels)]
    columns = (grid.left - 1, *grid.columns[: rows.channels * rows.pixels])
    rows.around(below, Spaced([["h, w", *pixels * rows.channels]], columns, (AXIS_LEFT, AXIS)))
