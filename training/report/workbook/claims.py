"""The sheet of the published claims: verdicts, and the comparisons that they rest on."""

from __future__ import annotations

from collections.abc import Sequence

from normviz.workbook.book.cells import Book, Page, Value
from normviz.workbook.book.styles import (
    BAD,
    BAD_INK,
    GOOD,
    GOOD_INK,
    LABEL,
    SUBTITLE,
    Style,
)
from training.report.claims import in_one_line, judged
from training.report.workbook.parts import (
    DIFFERENCE,
    FIRST_ROW,
    NUMBER_CELL,
    P_VALUE,
    TEXT_CELL,
    fit_text,
    header,
    height,
    number,
    start,
)
from training.results.comparisons import EQUIVALENT
from training.results.verdicts import (
    Finding,
    Judgment,
    Verdict,
    p_words,
)

TITLE = "Claims"
HEADINGS = ("part", "verdict", "p", "seeds", "margin", "low", "high", "measured")
WIDTHS = (46, 12, 12, 8, 10, 10, 10, 62)
LAST_COLUMN = 1 + len(WIDTHS)
TEXT = (
    "A claim is supported when each of its parts is, refuted when one is, else undecided. p values "
    "are two-sided and corrected for all comparisons of all claims (Holm); equivalent is, likewise "
    f"corrected, a difference within {EQUIVALENT:g} points. The margin is positive as claimed; low "
    "and high are its 95 % interval."
)
FILLS = {Verdict.SUPPORTED: (GOOD, GOOD_INK), Verdict.REFUTED: (BAD, BAD_INK)}


def build(book: Book, judgments: Sequence[Judgment]) -> Page:
    """Make the sheet: for each claim a heading with its verdict, then its parts.

    Claims about trials that the run does not have are its last row.
    """
    page = start(book, TITLE, "The published claims, tested", TEXT, LAST_COLUMN)
    page.widths.update(dict(enumerate(WIDTHS, start=2)))
    fit_text(page, TEXT, LAST_COLUMN)
    row = FIRST_ROW
    for judgment in judged(judgments):
        row = _claim(page, judgment, row) + 1
    if rest := in_one_line(judgments):
        page.span((row, 2, row, LAST_COLUMN), rest, SUBTITLE)
        fit_text(page, rest, LAST_COLUMN, row)
    return page


def _claim(page: Page, judgment: Judgment, row: int) -> int:
    page.span((row, 2, row, 5), judgment.claim.text, LABEL.but(wrap=True))
    at = p_words(judgment.p)
    words = judgment.verdict.value + (f", p {at}" if judgment.p is not None else "")
    page.span((row, 6, row, 8), words, _look(judgment.verdict))
    page.put(row, 9, judgment.claim.remark, TEXT_CELL)
    page.heights[row] = height(page, judgment.claim.remark, 9)
    row = header(page, row + 1, HEADINGS, height=18)
    for finding in judgment.findings:
        for column, (value, style) in enumerate(_cells(finding), start=2):
            page.put(row, column, value, style)
        texts = ((str(finding.part), 2), (finding.words, 9))
        page.heights[row] = max(height(page, text, column) for text, column in texts)
        row += 1
    return row


def _cells(finding: Finding) -> list[tuple[Value, Style]]:
    margin = finding.margin
    numbers = (margin.mean, margin.low, margin.high) if margin else (None, None, None)
    return [
        (str(finding.part), TEXT_CELL),
        (finding.verdict.value, _look(finding.verdict)),
        (finding.p, number(P_VALUE)),
        (finding.seeds, number("0")),
        *((value, number(DIFFERENCE)) for value in numbers),
        (finding.words, TEXT_CELL),
    ]


def _look(verdict: Verdict) -> Style:
    fill, ink = FILLS.get(verdict, (None, None))
    return NUMBER_CELL.but(fill=fill, color=ink, bold=True) if fill else NUMBER_CELL
