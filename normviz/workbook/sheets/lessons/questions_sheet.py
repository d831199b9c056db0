"""The questions people ask, each with its answer and a link to the sheet that shows it."""

from __future__ import annotations

import math

from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import (
    BODY,
    BODY_CENTER,
    HEADER,
    HEADER_LEFT,
    LINK,
)
from normviz.workbook.draw.matrix import Desk
from normviz.workbook.sheets.lessons.questions import QUESTIONS

TITLE = "Questions"
WIDTHS = (5, 50, 80, 20)
LETTERS = 1.25
"""Letters that fit into a unit of width at the size of the table."""


def build(book: Book) -> None:
    """The table."""
    desk = Desk(
        book,
        TITLE,
        "Questions people ask, and where the answer can be seen",
        "Taken from issue trackers and forums. Click the sheet's name: the answer is there, live.",
        WIDTHS,
    )
    page = desk.page
    for at, name in enumerate(("", "question", "answer", "see")):
        page.put(desk.row, 2 + at, name, HEADER if at == 0 else HEADER_LEFT)
    page.heights[desk.row] = 20
    for number, item in enumerate(QUESTIONS, start=1):
        desk.row += 1
        page.put(desk.row, 2, number, BODY_CENTER)
        page.put(desk.row, 3, item.question, BODY.but(bold=True))
        page.put(desk.row, 4, item.answer, BODY)
        page.put(desk.row, 5, item.sheet, LINK.but(edge="C9D2D8", indent=1))
        page.link(desk.row, 5, item.sheet)
        lines = max(
            math.ceil(len(text) / (width * LETTERS))
            for text, width in ((item.question, WIDTHS[1] * 0.95), (item.answer, WIDTHS[2]))
        )
        page.heights[desk.row] = 14 * lines + 6
    desk.row += 1
