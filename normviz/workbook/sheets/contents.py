"""The first sheet: what there is, how to read it, and whether all checks pass right now."""

from __future__ import annotations

import math
from collections.abc import Sequence

from normviz.workbook.book.cells import Book, Page, Rule
from normviz.workbook.book.styles import (
    BAD,
    BAD_INK,
    BANNER,
    BODY,
    GOOD,
    GOOD_INK,
    HEADER_LEFT,
    INPUT_NUMBER,
    LINK,
    NUMBER,
    PAPER,
    PLAIN,
    SET_COLORS,
    Style,
)
from normviz.workbook.draw.page_head import (
    CONTENTS,
    FIRST_ROW,
    begin,
    explain,
)
from normviz.workbook.sheets import checks

STATUS = Style(size=12, bold=True, horizontal="left", indent=1)
WIDTHS = {1: 1.5, 2: 20, 3: 54, 4: 54}
LAST = max(WIDTHS)
Row = tuple[str, str, str]
"""Title of a sheet, what it shows, what to try on it."""


def begin_contents(book: Book) -> Page:
    """The sheet comes first and is filled when the others stand."""
    return begin(book, CONTENTS, book.title)


def fill(page: Page, status: str, status_value: str, rows: Sequence[Row]) -> None:
    """Write the sheet: the state of the checks, the table of sheets, and how to read them."""
    page.widths.update(WIDTHS)
    explain(
        page,
        "BatchNorm, LayerNorm, GroupNorm, InstanceNorm, GhostBatchNorm and RMSNorm on one small "
        "tensor of shape (N, C, H, W), forward and backward, every number a live formula. Change a "
        "yellow cell on the sheet Inputs and watch every step follow.",
        LAST,
    )
    row = FIRST_ROW
    cell = page.span((row, 2, row, LAST), status_value, STATUS, status)
    page.heights[row] = 24
    anchor, area = f"${cell[0]}${cell[1:]}", (row, 2, row, LAST)
    page.rules.append(Rule(area, f'COUNTIF({anchor},"All*")=1', GOOD, GOOD_INK))
    page.rules.append(Rule(area, f'COUNTIF({anchor},"All*")=0', BAD, BAD_INK))
    page.link(row, 2, checks.TITLE)
    row = table(page, row + 2, rows)
    legend(page, row + 1)


def table(page: Page, row: int, rows: Sequence[Row]) -> int:
    """The sheets, what each shows and what to try on it; the row below."""
    for at, name in enumerate(("Sheet", "What it shows", "Try this")):
        page.put(row, 2 + at, name, HEADER_LEFT)
    page.heights[row] = 20
    for title, shows, tries in rows:
        row += 1
        page.put(row, 2, title, LINK.but(edge="C9D2D8", indent=1))
        page.link(row, 2, title)
        page.put(row, 3, shows, BODY)
        page.put(row, 4, tries, BODY)
        page.heights[row] = 16 * max(1, math.ceil(max(len(shows), len(tries)) / 58)) + 6
    return row + 1


def legend(page: Page, row: int) -> None:
    """How to read a sheet: the colors, and the words."""
    page.span((row, 2, row, LAST), "How to read a sheet", BANNER)
    page.heights[row] = 21
    looks = (
        (1, INPUT_NUMBER, "Yellow: yours to change. Everything else is a formula or a text."),
        (
            1.5,
            NUMBER.filled(SET_COLORS[0]),
            "Colored: a live formula. Cells of one color belong to one statistics set: they share "
            "one mean and one variance.",
        ),
        (2, NUMBER.filled(PAPER), "Gray: shared by all sets, as γ and β are, or a constant."),
    )
    for value, style, text in looks:
        row += 1
        page.put(row, 2, value, style)
        page.span((row, 3, row, LAST), text, PLAIN.but(wrap=True, indent=1))
        page.heights[row] = 20
    for text in (
        "Images n go down, channels c across; a block is one channel of one image, H × W pixels.",
        "Each step has its name as in normviz.trace, its formula in symbols, the NumPy expression "
        "that does the same, and a sentence. Click any number to see its formula.",
        "The arithmetic is torch's: the biased variance (divided by n) normalizes, the unbiased "
        "one (n − 1) goes into running_var, ε is inside the root, momentum weighs the new value.",
    ):
        row += 1
        page.span((row, 2, row, LAST), text, PLAIN.but(wrap=True, indent=1))
        page.heights[row] = 20
