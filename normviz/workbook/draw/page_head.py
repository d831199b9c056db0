"""The top of every sheet: its title, what it shows, and the way back."""

from __future__ import annotations

from normviz.workbook.book.cells import Book, Page, Value
from normviz.workbook.book.sizes import height_of, lines_of
from normviz.workbook.book.styles import (
    ACCENT,
    BACK_LINK,
    SUBTITLE,
    TITLE,
    Style,
)

CONTENTS = "Contents"
TITLE_ROW, LINK_ROW, TEXT_ROW, FIRST_ROW = 1, 2, 3, 5


def begin(book: Book, title: str, heading: str, tab: str | None = None) -> Page:
    """A new sheet with its heading; the text is added when the widths are known."""
    page = book.page(title, tab or ACCENT)
    page.put(TITLE_ROW, 2, heading, TITLE)
    page.heights[TITLE_ROW] = 30
    page.widths.setdefault(1, 1.5)
    page.freeze = (LINK_ROW + 1, 1)
    page.repeat_rows = (TITLE_ROW, LINK_ROW)
    return page


def field(
    page: Page,
    column: int,
    width: float,
    value: Value,
    style: Style,
    formula: str | None = None,
) -> tuple[str, int]:
    """A value in the link row over as many columns as its width takes; cell and next column."""
    last = column
    while page.width(column, last) < width:
        last += 1
    return page.span((LINK_ROW, column, LINK_ROW, last), value, style, formula), last + 1


def explain(page: Page, text: str, last_column: int, row: int = TEXT_ROW) -> None:
    """The way back, in the rows that stay in sight; below them what the sheet shows."""
    page.span((row, 2, row, last_column), text, SUBTITLE)
    lines = lines_of(text, page.width(2, last_column), SUBTITLE.size)
    page.heights[row] = height_of(lines, SUBTITLE.size)
    if page.title != CONTENTS:
        page.put(LINK_ROW, 2, "← Contents", BACK_LINK)
        page.link(LINK_ROW, 2, CONTENTS)
    page.heights[LINK_ROW] = 20
