"""The first sheet of an exercise: what to do, and the points so far."""

from __future__ import annotations

from collections.abc import Sequence

from normviz.workbook.book.cells import Book, Link
from normviz.workbook.book.styles import (
    BAD,
    BODY,
    BODY_CENTER,
    GOOD,
    GOOD_INK,
    INPUT_NUMBER,
    INPUT_WORD,
    LINE,
    LINK,
    PLAIN,
    RIGHT_SIGN,
    WARN,
    Style,
)
from normviz.workbook.draw.columns import texts
from normviz.workbook.draw.content import Banner, Entry, Item, Listing, Mark
from normviz.workbook.draw.page_head import CONTENTS
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.exercise.marks import FOLLOWS, RIGHT, ROUNDED, WRONG
from normviz.workbook.exercise.mistakes import BY_COUNT, EPS_OUTSIDE
from normviz.workbook.exercise.sheet import ExerciseSheet

COLUMNS = texts(24, 14, 14, 14, 60)
WORDS = PLAIN.but(wrap=True, indent=1)
TOTAL = BODY_CENTER.but(bold=True, size=12)
PERCENT = "0%"
_MARK = Style(horizontal="center")
_MEANINGS = (
    ("", INPUT_NUMBER.but(unlocked=False), f"{INPUT_WORD.capitalize()}: still to be filled in."),
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


def begin(book: Book, words: str) -> Sheet:
    """The sheet comes first and is filled when the others stand."""
    sheet = Sheet(book, CONTENTS, book.title, words, COLUMNS)
    sheet.page.answers = True
    return sheet


def words_for_one(seed: int) -> str:
    """What stands at the top of an exercise for oneself."""
    return (
        "Work out each norm step by step on its own sheet, with formulas or by hand. Every cell is "
        f"marked at once; two decimals are enough. The numbers are those of seed {seed}: another "
        "seed makes another exercise of the same kind."
    )


def score_table(sheets: Sequence[ExerciseSheet]) -> Listing:
    """A line for each sheet with its points, and their total."""
    share, last = "{points}/{of}", len(sheets)
    rows = [
        (
            Entry(sheet.title, LINK.but(edge=LINE, indent=1), link=Link(sheet.title)),
            Entry(sheet.right, formula=sheet.score),
            sheet.total,
            Entry(sheet.right / sheet.total, BODY_CENTER.but(number=PERCENT), share),
            sheet.trace.norm.sentence,
        )
        for sheet in sheets
    ]
    right, total = sum(s.right for s in sheets), sum(s.total for s in sheets)
    every = f"row=0:{last}"
    whole = (
        Entry("Your points", BODY.but(bold=True, size=12)),
        Entry(right, TOTAL, f"SUM({{points[{every}]}})", "score"),
        Entry(total, TOTAL, f"SUM({{of[{every}]}})", "total"),
        Entry(right / total, TOTAL.but(number=PERCENT), share),
        Entry(None),
    )
    names = ("title", "points", "of", "share")
    full = Mark("{share[row=0]}=1", GOOD, GOOD_INK, RIGHT_SIGN)
    return Listing(
        [*rows, whole],
        ("Sheet", "points", "of", "reached", "Sets"),
        (BODY, BODY_CENTER, BODY_CENTER, BODY_CENTER, BODY),
        names=names,
        marks=dict.fromkeys(("title", "share"), (full,)),
    )


def name_the_score(book: Book, contents: Sheet) -> None:
    """Other programs find the points by the names `exercise_score` and `exercise_total`."""
    for name in ("score", "total"):
        book.name(f"exercise_{name}", contents.page, contents.placed[name].area)


def legend() -> Sequence[Item]:
    """How the marks are meant."""
    rows = [(Entry(text or None, look), words) for text, look, words in _MEANINGS]
    return Banner("How the marks are meant"), Listing(rows, looks=(WORDS,), shares=(24, 102))
