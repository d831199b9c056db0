"""The first sheet: what there is, how to read it, and whether all checks pass right now."""

from __future__ import annotations

from collections.abc import Sequence

from normviz.workbook.book.cells import Book, Link
from normviz.workbook.book.styles import (
    BAD,
    BAD_INK,
    BODY,
    GOOD,
    GOOD_INK,
    INPUT_NUMBER,
    INPUT_WORD,
    LINE,
    LINK,
    NUMBER,
    PAPER,
    PLAIN,
    SET_COLORS,
    Style,
)
from normviz.workbook.draw.columns import texts
from normviz.workbook.draw.content import Banner, Entry, Item, Listing, Mark
from normviz.workbook.draw.page_head import CONTENTS
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.sheets import checks
from normviz.workbook.sheets.case import Case
from normviz.workbook.sheets.kinds import LAID_OUT, LAYOUTS

STATUS = Style(size=12, bold=True, horizontal="left", indent=1)
TO_SHEET = LINK.but(edge=LINE, indent=1)
COLUMNS = texts(20, 56, 56)
HEADS = ("Sheet", "What it shows", "Try this")
Row = tuple[str, str, str]
"""Title of a sheet, what it shows, what to try on it."""


def begin(book: Book, case: Case) -> Sheet:
    """The sheet comes first and is filled when the others stand."""
    *titles, last = (norm.title for norm in case.norms.values())
    return Sheet(
        book,
        CONTENTS,
        book.title,
        f"{', '.join(titles)} and {last} on one small tensor of shape "
        f"({LAYOUTS[len(case.shape)].replace(',', ', ')}), forward and backward, every number a "
        f"live formula. Change a {INPUT_WORD} cell on the sheet Inputs and watch every step "
        "follow.",
        COLUMNS,
    )


def fill(
    sheet: Sheet, status: str, says: str, rows: Sequence[Row], laid_out: str = LAID_OUT[4]
) -> None:
    """Write the sheet: the state of the checks, the table of sheets, and how to read them."""
    good = 'COUNTIF({status},"All*")'
    looks = (Mark(f"{good}=1", GOOD, GOOD_INK), Mark(f"{good}=0", BAD, BAD_INK))
    link = Link(checks.TITLE)
    verdict = Entry(says, STATUS, status, "status", link, looks)
    sheet.draw(Listing([[verdict]], shares=(1,)), table(rows), *legend(laid_out))


def table(rows: Sequence[Row]) -> Listing:
    """The sheets, what each shows and what to try on it."""
    linked = [(Entry(title, link=Link(title)), shows, tries) for title, shows, tries in rows]
    return Listing(linked, HEADS, (TO_SHEET, BODY, BODY))


def legend(laid_out: str = LAID_OUT[4]) -> Sequence[Item]:
    """How to read a sheet: the colors, and the words."""
    words = PLAIN.but(wrap=True, indent=1)
    colors = (
        (
            Entry(1, INPUT_NUMBER),
            f"{INPUT_WORD.capitalize()}: yours to change. Everything else is a formula, a constant "
            "or a text.",
        ),
        (
            Entry(1.5, NUMBER.filled(SET_COLORS[0])),
            "Colored: a live formula. Cells of one color belong to one statistics set: they share "
            "one mean and one variance.",
        ),
        (
            Entry(2, NUMBER.filled(PAPER)),
            "Gray: shared by all sets, as γ and β are, or a constant.",
        ),
    )
    said = (
        laid_out,
        "Each step has its name as in normviz.trace, its formula in symbols, the NumPy expression "
        "that does the same, and a sentence. Click any number to see its formula.",
        "The arithmetic is torch's: the biased variance (divided by m, the size of a set) "
        "normalizes, the unbiased one (m − 1) goes into running_var, ε is inside the root, "
        "momentum weighs the new value.",
    )
    return (
        Banner("How to read a sheet"),
        Listing(colors, looks=(words,), shares=(20, 112)),
        Listing([(text,) for text in said], looks=(words,), shares=(1,)),
    )
