"""The first sheet of an exercise: what to do, and the points so far."""

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
from normviz.workbook.exercise.marks import FOLLOWS, RIGHT, ROUNDED, WRONG
from normviz.workbook.exercise.mistakes import BY_COUNT, EPS_OUTSIDE
from normviz.workbook.exercise.sheet import ExerciseSheet

WIDTHS = {1: 1.5, 2: 24, 3: 14, 4: 14, 5: 14, 6: 60}
LAST = max(WIDTHS)
TOTAL = BODY_CENTER.but(bold=True, size=12)
PERCENT = BODY_CENTER.but(number="0%")
_MARK = Style(horizontal="center")
_MEANINGS = (
    ("", INPUT_NUMBER.but(unlocked=False), "Yellow: still to be filled in."),
    (RIGHT, _MARK.filled(GOOD), "Green: right. A step gives its points when all its cells are."),
    (ROUNDED, _MARK.filled(GOOD), "Green: right, to two decimals. That is enough."),
    (
        FOLLOWS,
        _MARK.filled(GOOD),
        "Green: right from your own earlier numbers, one of which is wrong: it counts.",
    ),
    (
        BY_COUNT.mark,
        _MARK.filled(WARN),
        "Amber: a usual mistake explains it, here the division by m − 1 where m is due.",
    ),
    (EPS_OUTSIDE.mark, _MARK.filled(WARN), "Amber: ε added to the root instead of under it."),
    (WRONG, _MARK.filled(BAD), "Red: not right; the hint beside the marks says how to begin."),
)


def begin_contents(book: Book) -> Page:
    """The sheet comes first and is filled when the others stand."""
    return begin(book, CONTENTS, book.title)


def fill(book: Book, page: Page, sheets: Sequence[ExerciseSheet], seed: int) -> None:
    """The table of sheets with their points, the total, and how the marks are meant."""
    page.widths.update(WIDTHS)
    explain(
        page,
        "Work out each norm step by step on its own sheet, with formulas or by hand. Every cell is "
        "marked at once; two decimals are enough. The numbers are those of seed "
        f"{seed}: another seed makes another exercise of the same kind.",
        LAST,
    )
    below = score_table(book, page, FIRST_ROW, sheets)
    legend(page, below + 1)


def score_table(book: Book, page: Page, row: int, sheets: Sequence[ExerciseSheet]) -> int:
    """A line for each sheet with its points, and their total; the row below."""
    first = row + 1
    for at, name in enumerate(("Sheet", "points", "of", "reached", "Sets")):
        page.put(row, 2 + at, name, HEADER if 0 < at < 4 else HEADER_LEFT)
    page.heights[row] = 20
    for sheet in sheets:
        row += 1
        page.put(row, 2, sheet.title, LINK.but(edge="C9D2D8", indent=1))
        page.link(row, 2, sheet.title)
        right = page.put(row, 3, sheet.right, BODY_CENTER, sheet.score)
        of = page.put(row, 4, sheet.total, BODY_CENTER)
        page.put(row, 5, sheet.right / sheet.total, PERCENT, f"{right}/{of}")
        page.put(row, 6, sheet.sets, BODY)
        page.heights[row] = 32
    row += 1
    right_now, total = sum(s.right for s in sheets), sum(s.total for s in sheets)
    page.put(row, 2, "Your points", BODY.but(bold=True, size=12))
    for column, value in ((3, right_now), (4, total)):
        letter = fixed(row, column)[1]
        page.put(row, column, value, TOTAL, f"SUM({letter}{first}:{letter}{row - 1})")
    page.put(row, 5, right_now / total, TOTAL.but(number="0%"), f"C{row}/D{row}")
    page.put(row, 6, None, BODY)
    page.heights[row] = 26
    book.name("exercise_score", page, (row, 3, row, 3))
    book.name("exercise_total", page, (row, 4, row, 4))
    page.rules.append(Rule((first, 2, row, 5), f"$E{first}=1", GOOD, GOOD_INK))
    return row + 1


def legend(page: Page, row: int) -> int:
    """How the marks are meant; the row below."""
    page.span((row, 2, row, LAST), "How the marks are meant", BANNER)
    page.heights[row] = 21
    for text, look, words in _MEANINGS:
        row += 1
        page.put(row, 2, text or None, look)
        page.span((row, 3, row, LAST), words, PLAIN.but(wrap=True, indent=1))
        page.heights[row] = 20
    return row + 1
