"""What a file has around the values of its cells: sheets, looks, rules, charts, names; a value.

The files of a class differ in what stands in their cells and in nothing else, so what is around
them is written once: equal frames are equal files but for the cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from normviz.workbook.book.address import Area, on_sheet
from normviz.workbook.book.cells import Book, Cell, Choice, Link, Page, Picture, Rule, Value
from normviz.workbook.book.changes import SHIPPED
from normviz.workbook.book.charts import Chart
from normviz.workbook.book.styles import Style
from normviz.workbook.xlsx.shipped_values import ShippedValues

Texts = tuple[str | None, ...]
_SHIPPED = re.compile(rf"{SHIPPED}\(((?:'(?:[^']|'')*'|\w+)!)([$A-Z0-9:]+)\)")


@dataclass(frozen=True)
class PageFrame:
    """One sheet but for its cells."""

    title: str
    last_row: int
    widths: tuple[tuple[int, float], ...]
    heights: tuple[tuple[int, float], ...]
    hidden_columns: tuple[int, int] | None
    merges: tuple[Area, ...]
    links: tuple[tuple[tuple[int, int], Link], ...]
    rules: tuple[Rule, ...]
    choices: tuple[Choice, ...]
    breaks: tuple[int, ...]
    charts: tuple[Chart, ...]
    charted: tuple[tuple[Area, Texts], ...]
    """The numbers that a chart shows where nothing recalculates them, as texts."""
    pictures: tuple[Picture, ...]
    freeze: tuple[int, int] | None
    repeat_rows: tuple[int, int] | None
    tab: str | None
    zoom: int
    hidden: bool
    protected: bool

    def texts(self, area: Area) -> Texts:
        """The values of an area that a chart shows."""
        return dict(self.charted)[area]


@dataclass(frozen=True)
class BookFrame:
    """A whole file but for its cells; `styles` in the order in which the cells wear them."""

    title: str
    pages: tuple[PageFrame, ...]
    names: tuple[tuple[str, str], ...]
    styles: tuple[Style, ...]


Line = tuple[int, list[tuple[int, Cell]]]
"""A row's number, and its cells by their columns, in order."""


@dataclass(frozen=True)
class FilePage:
    """One sheet as a file has it, with the values as shipped in its hidden columns."""

    page: Page
    shipped: ShippedValues

    def lines(self) -> Iterator[Line]:
        """Every row that has cells, in order."""
        hidden = self.shipped.lines
        for row, line in sorted(self.page.rows.items()):
            yield row, sorted((line | hidden[row] if row in hidden else line).items())

    def frame(self) -> PageFrame:
        """What is around the cells."""
        page = self.page
        areas = {area for chart in page.charts for area in _areas(chart)}
        return PageFrame(
            page.title,
            max(page.rows, default=0),
            tuple(sorted(page.widths.items())),
            tuple(sorted(page.heights.items())),
            self.shipped.hidden,
            tuple(page.merges),
            tuple(sorted(page.links.items())),
            tuple(self.shipped.rules()),
            tuple(page.choices),
            tuple(page.breaks),
            tuple(page.charts),
            tuple((area, tuple(map(_text, page.values(area)))) for area in sorted(areas)),
            tuple(page.pictures),
            page.freeze,
            page.repeat_rows,
            page.tab,
            page.zoom,
            page.hidden,
            page.protected,
        )


class FileBook:
    """A book as a file has it: its sheets, its frame, and which look a cell wears."""

    def __init__(self, book: Book) -> None:
        self.pages = [FilePage(page, ShippedValues(page)) for page in book.pages]
        self._shipped = {on_sheet(p.page.title, ""): p.shipped for p in self.pages}
        looks: dict[Style, int] = {}
        # Equal looks are mostly one object, which is found sooner than what equals it.
        self._known: dict[int, int] = {}
        for page in self.pages:
            for _, line in page.lines():
                for _, cell in line:
                    if id(cell.style) not in self._known:
                        self._known[id(cell.style)] = looks.setdefault(cell.style, len(looks))
        pages = tuple(page.frame() for page in self.pages)
        self.frame = BookFrame(book.title, pages, tuple(book.names.items()), tuple(looks))

    def formula(self, formula: str) -> str:
        """A formula of the book as the file has it."""
        if SHIPPED not in formula:
            return formula
        return _SHIPPED.sub(lambda m: m[1] + self._shipped[m[1]].beside(m[2]), formula)

    def look(self, cell: Cell) -> int:
        """The place of a cell's style among the frame's."""
        return self._known[id(cell.style)]


def _areas(chart: Chart) -> Iterator[Area]:
    if chart.x:
        yield chart.x
    for line in chart.lines:
        yield line.area
        if line.x:
            yield line.x


def _text(value: Value) -> str | None:
    return value if value is None or isinstance(value, str) else repr(value)
