"""A sheet of the workbook, drawn from the top down out of content that is data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from normviz.workbook.book.address import fixed_area, on_sheet
from normviz.workbook.book.cells import Block, Book
from normviz.workbook.book.styles import LABEL_RIGHT, Style
from normviz.workbook.draw import content
from normviz.workbook.draw.canvas import Canvas, Spot
from normviz.workbook.draw.columns import Columns
from normviz.workbook.draw.page_breaks import Paper
from normviz.workbook.draw.page_head import FIRST_ROW, LINK_ROW, begin, explain, field
from normviz.workbook.draw.places import NOWHERE, Cells
from normviz.workbook.draw.placing import place
from normviz.workbook.draw.tensor import Frame

FACT, FACT_ROOM = Style(bold=True, horizontal="left"), 6.0
BACK_ROOM = 9.0
"""For the way back, before the facts."""


class Sheet(Canvas):
    """A page with its heading; `draw` puts content below what stands there already.

    `frame` is the tensor its steps are about, `reads` are other sheets by the names that formulas
    use for them. `row` is where the next content begins.
    """

    def __init__(
        self,
        book: Book,
        title: str,
        heading: str,
        idea: str,
        columns: Columns,
        *,
        frame: Frame | None = None,
        reads: Mapping[str, Sheet] | None = None,
        tab: str | None = None,
        scaled: bool = False,
    ) -> None:
        page = begin(book, title, heading, tab)
        page.widths.update(columns.widths)
        abroad = {name: (sheet.page.title, sheet.placed) for name, sheet in (reads or {}).items()}
        super().__init__(page, columns, frame, abroad, scaled)
        self.row = FIRST_ROW
        self.fact_column = 3
        while page.width(2, self.fact_column - 1) < BACK_ROOM:
            self.fact_column += 1
        self.paper = Paper(page)
        explain(page, idea, columns.last)

    def draw(self, *items: content.Item) -> None:
        """Place all of it, then write all of it: a formula may name what stands further down."""
        left = self.columns.lefts[0]
        right = left + len(self.columns.cells[0]) - 1
        writers = []
        for at, item in enumerate(items):
            if isinstance(item, content.Banner) and item.new_page:
                self.paper.begin()
            made = place(item, self, Spot(self.row, left, right))
            writers.append(made.write)
            if not isinstance(item, content.Banner):
                self.paper.keep(made.bottom)
            self.row = made.bottom + 1 + _gap(item, items[at + 1 : at + 2])
        for write in writers:
            write()

    def facts(self, *facts: content.Line) -> None:
        """Numbers that every step needs, in the row that stays in sight, behind those before."""
        column = self.fact_column
        for fact in facts:
            if fact.label:
                room = 1.1 * len(fact.label) + 1
                _, column = field(self.page, column, room, fact.label, LABEL_RIGHT)
            self.know(fact.name, Cells(LINK_ROW, column, 1, 1, fixed=True))
            room = 0.75 * len(fact.value) if isinstance(fact.value, str) else FACT_ROOM
            look, live, left = fact.look or FACT, self.live(fact.formula), column
            _, column = field(self.page, column, room, fact.value, look, live)
            self.mark((LINK_ROW, left, LINK_ROW, column - 1), fact.marks)
            if fact.label.endswith("="):
                name, place = fact.label.removesuffix("=").strip(), (LINK_ROW, left, LINK_ROW, left)
                self.block(Block(name, place, lambda *_: ""))
        self.fact_column = column

    def refer(self, name: str, spec: str = "") -> str:
        """A block, or a part of it, as another sheet writes it."""
        (area,) = self.placed[name].find(NOWHERE, spec)
        return on_sheet(self.page.title, fixed_area(area))


def _gap(item: content.Item, following: Sequence[content.Item]) -> int:
    """How many rows stay free below: none after a banner, nor between lines."""
    lines = isinstance(item, content.Line) and following
    joined = lines and isinstance(following[0], content.Line)
    return 0 if isinstance(item, content.Banner) or joined else 1
