"""The first sheet of an exercise: what to do, and the score so far."""

from __future__ import annotations

from collections.abc import Sequence

from normviz.workbook.book.address import fixed
from normviz.workbook.book.cells import Book, Page, Rule
from normviz.workbook.book.styles import (
    BAD,
    BANNER,
    BODY,
    BODY_CENTER,
    GOOD,
    GOOD_INK,
    HEADER,
    HEADER_LEFT,
    INPUT_NUMBER,
    LINK,
    PLAIN,
    WARN,
    Style,
)
from normviz.workbook.draw.page_head import (
    CONTENTS,
    FIRST_ROW,
    begin,
    explain,
)
from normviz.workbook.exercise.marks import (
    BY_COUNT,
    BY_EPS,
    RIGHT,
    WRONG,
)
from normviz.workbook.exercise.sheet import ExerciseSheet

WIDTHS = {1: 1.5, 2: 24, 3: 14, 4: 14, 5: 14, 6: 60}
LAST = max(WIDTHS)
TOTAL = BODY_CENTER.but(bold=True, size=12)
PERCENT = BODY_CENTER.but(number="0%")


def begin_contents(book: Book) -> Page:
    """The sheet comes first and is filled when the others stand."""
    return begin(book, CONTENTS, book.title)


def fill(book: Book, page: Page, sheets: Sequence[ExerciseSheet], seed: int) -> None:
    """The table of sheets with their scores, the total, and how the marks are meant."""
    page.widths.update(WIDTHS)
    explain(
        page,
        "Work out each norm step by step on its own sheet, with formulas or by hand. Every cell is "
        "marked at once, with a tolerance of three decimals. The numbers are those of seed "
        f"{seed}: another seed makes another exercise of the same kind.",
        LAST,
    )
    row = FIRST_ROW
    for at, name in enumerate(("Sheet", "steps right", "steps", "score", "Sets")):
        page.put(row, 2 + at, name, HEADER if 0 < at < 4 else HEADER_LEFT)
    page.heights[row] = 20
    for sheet in sheets:
        row += 1
        total = len(sheet.done)
        page.put(row, 2, sheet.title, LINK.but(edge="C9D2D8", indent=1))
        page.link(row, 2, sheet.title)
        right = page.put(row, 3, sheet.right, BODY_CENTER, sheet.score)
        steps = page.put(row, 4, total, BODY_CENTER)
        page.put(row, 5, sheet.right / total, PERCENT, f"{right}/{steps}")
        page.put(row, 6, sheet.sets, BODY)
        page.heights[row] = 32
    _total(book, page, row + 1, sheets)
    _legend(page, row + 3)


def _total(book: Book, page: Page, row: int, sheets: Sequence[ExerciseSheet]) -> None:
    first = FIRST_ROW + 1
    right, total = sum(s.right for s in sheets), sum(len(s.done) for s in sheets)
    page.put(row, 2, "Your score", BODY.but(bold=True, size=12))
    for column, value in ((3, right), (4, total)):
        letter = fixed(row, column)[1]
        formula = f"SUM({letter}{first}:{letter}{row - 1})"
        page.put(row, column, value, TOTAL, formula)
    page.put(row, 5, right / total, TOTAL.but(number="0%"), f"C{row}/D{row}")
    page.put(row, 6, None, BODY)
    page.heights[row] = 26
    book.name("exercise_score", page, (row, 3, row, 3))
    book.name("exercise_total", page, (row, 4, row, 4))
    first_cell = fixed(first, 5)[:2]
    page.rules.append(Rule((first, 2, row, 5), f"{first_cell}{first}=1", GOOD, GOOD_INK))


def _legend(page: Page, row: int) -> None:
    page.span((row, 2, row, LAST), "How the marks are meant", BANNER)
    page.heights[row] = 21
    mark = Style(horizontal="center")
    for text, look, words in (
        ("", INPUT_NUMBER, "Yellow: still to be filled in."),
        (RIGHT, mark.filled(GOOD), "Green: right. A step counts when all of its cells are."),
        (
            BY_COUNT,
            mark.filled(WARN),
            "Amber: divided by n - 1 where n is due, or the reverse in running_var.",
        ),
        (BY_EPS, mark.filled(WARN), "Amber: ε added to the root instead of under it."),
        (WRONG, mark.filled(BAD), "Red: not right; the hint beside the marks says how to begin."),
    ):
        row += 1
        page.put(row, 2, text or None, look)
        page.span((row, 3, row, LAST), words, PLAIN.but(wrap=True, indent=1))
        page.heights[row] = 20
