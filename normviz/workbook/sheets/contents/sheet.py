"""The first sheet: what there is, how to read it, and whether all checks pass right now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from normviz.workbook.book.cells import Book, Link
from normviz.workbook.book.changes import CHANGES, MARKED
from normviz.workbook.book.styles import (
    BODY,
    BODY_CENTER,
    CHANGED,
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
from normviz.workbook.draw.content import Banner, Entry, Item, Listing, judged
from normviz.workbook.draw.page_head import CONTENTS
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.sheets import your_layer
from normviz.workbook.sheets.checks import sheet as checks
from normviz.workbook.sheets.contents import lecture
from normviz.workbook.sheets.lessons import questions
from normviz.workbook.sheets.subject.case import Case
from normviz.workbook.sheets.subject.kinds import IMAGES

STATUS = Style(size=12, bold=True, horizontal="left", indent=1)
TO_SHEET = LINK.but(edge=LINE, indent=1)
COLUMNS = texts(7, 13, 52, 30, 20, 13)
SHARES = (20, 52, 50, 13)
HEADS = ("Sheet", "What it shows", "Try this", CHANGES)
READING = "How to read a sheet"
NOW_SAYS = f"The column {CHANGES} says on which sheets there are any."
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
        f"({case.kind.layout}), forward and backward, step by step in "
        f"live formulas. Change a {INPUT_WORD} cell on the sheet Inputs: the steps on the norms' "
        "own sheets follow."
        + (
            f" Some other sheets have {INPUT_WORD} cells of their own."
            if case.kind == IMAGES
            else " Lessons (why, which norm when, evaluation) are in the workbook that the command "
            "normviz workbook makes without a shape."
        ),
        COLUMNS,
    )


def fill(
    sheet: Sheet,
    verdict: checks.Verdict,
    rows: Sequence[Row],
    laid_out: str = IMAGES.laid_out,
    stops: Sequence[Item] = (),
) -> None:
    """Write the sheet: the state of the checks, the table of sheets, and how to read them.

    `stops` are those of a lecture.
    """
    to = LINK.but(size=9.5, indent=1)
    ways = [
        Entry(text, to, link=Link(CONTENTS, name=text)) for text in (your_layer.HEADING, READING)
    ]
    shares: tuple[float, ...] = (1, 1)
    if stops:
        first = Entry(lecture.HEADING, to, link=Link(CONTENTS, name=lecture.HEADING))
        answers = Entry("Questions, each answered in a sentence", to, link=Link(questions.TITLE))
        ways, shares = [first, answers, *ways], (20, 52, 30, 33)
    good = 'COUNTIF({status},"All*")'
    looks = judged(f"{good}=0")
    link = Link(checks.TITLE)
    says = Entry(verdict.says, STATUS, verdict.cell, "status", link, looks)
    sheet.draw(
        Listing([[says]], shares=(1,)),
        Listing([ways], looks=(to,), shares=shares),
        table(rows, verdict.changed),
        *stops,
        *your_layer.box(),
        *legend(laid_out, NOW_SAYS),
    )


def table(rows: Sequence[Row], changed: Mapping[str, str] | None = None) -> Listing:
    """The sheets, what each shows and what to try on it, and whether it still is as shipped."""
    linked = [(Entry(title, link=Link(title)), shows, tries) for title, shows, tries in rows]
    if changed is None:
        return Listing(linked, HEADS[:3], (TO_SHEET, BODY, BODY), shares=(20, 56, 56))
    now = {
        title: Entry("", BODY_CENTER, f'IF({when},"changed","")') for title, when in changed.items()
    }
    cells = [(*line, now.get(title, "")) for line, (title, *_) in zip(linked, rows, strict=True)]
    return Listing(cells, HEADS, (TO_SHEET, BODY, BODY, BODY_CENTER), SHARES)


TORCHS = (
    "The arithmetic is torch's: the biased variance (divided by m, the size of a set) normalizes, "
    "the unbiased one (m − 1) goes into running_var, ε is inside the root, momentum weighs the new "
    "value."
)


def legend(
    laid_out: str = IMAGES.laid_out,
    changed: str = "",
    arithmetic: str = TORCHS,
    live: bool = True,
) -> Sequence[Item]:
    """How to read a sheet: the colors, and the words; without formulas nothing is to be changed."""
    words = PLAIN.but(wrap=True, indent=1)
    colors = (
        (
            Entry(1, INPUT_NUMBER),
            f"{INPUT_WORD.capitalize()}: yours to change. Everything else is a formula, a constant "
            "or a text.",
        ),
        (
            Entry(1.5, NUMBER.filled(SET_COLORS[0])),
            "Colored: where a sheet shows sets, cells of one color are one statistics set, with "
            "one mean and one variance (RMSNorm: one mean square). Where there are more sets than "
            "colors, the sheet says so.",
        ),
        (
            Entry(2, NUMBER.filled(PAPER)),
            "Gray: shared by all sets, as γ and β are, or a constant.",
        ),
        (
            Entry(2.5, CHANGED),
            f"{MARKED.capitalize()}: no longer the number as shipped. You changed it, or it "
            f"follows from what you changed. {changed}".strip(),
        ),
    )
    said = (
        laid_out,
        "On the sheet of a norm a step has its name as in normviz.trace, its formula in symbols, "
        "the NumPy expression that does the same, and a sentence."
        + (" Click a number to see its formula." if live else ""),
        arithmetic,
    )
    return (
        Banner(READING),
        Listing(colors if live else colors[1:-1], looks=(words,), shares=(20, 112)),
        Listing([(text,) for text in said], looks=(words,), shares=(1,)),
    )
