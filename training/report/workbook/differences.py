"""The sheet of what the run was asked: the difference of every two of its trials."""

from __future__ import annotations

from collections.abc import Sequence

from normviz.workbook.book.cells import Book, Page, Value
from normviz.workbook.book.styles import Style
from training.report.workbook.parts import (
    DIFFERENCE,
    FIRST_ROW,
    P_VALUE,
    TEXT_CELL,
    fit_text,
    header,
    height,
    number,
    start,
)
from training.results.comparisons import EQUIVALENT, Comparison

TITLE = "Differences"
HEADINGS = (
    "trials", "seeds", "difference, points", "low, over seeds", "high, over seeds",
    "low, seeds and images", "high, seeds and images", "p", "p, equivalent",
    "would be seen, points", "compared",
)  # fmt: skip
WIDTHS = (42, 8, 12, 12, 12, 12, 12, 10, 12, 12, 14)
LAST_COLUMN = 1 + len(WIDTHS)
TEXT = (
    "The last test accuracy of the first trial minus that of the second, for every two trials of "
    "this run. Low and high are the 95 % interval, over the seeds, and again with the test images "
    "as a sample, too, where it was kept which ones were wrong. p is of the latter where there is "
    "one, two-sided and corrected for all comparisons (Holm). Equivalent is a difference within "
    f"{EQUIVALENT:g} points either way, by two one-sided tests, corrected likewise. Would be seen: "
    "with 80 % power, were it the clearest of all. Two seeds have none of these."
)


def build(book: Book, compared: Sequence[Comparison]) -> Page:
    """Make the sheet: a row for every two trials."""
    page = start(book, TITLE, "Every two trials of this run", TEXT, LAST_COLUMN)
    page.widths.update(dict(enumerate(WIDTHS, start=2)))
    fit_text(page, TEXT, LAST_COLUMN)
    top = header(page, FIRST_ROW, HEADINGS)
    for row, one in enumerate(compared, start=top):
        for column, (value, style) in enumerate(_cells(one), start=2):
            page.put(row, column, value, style)
        page.heights[row] = height(page, str(one), 2)
    return page


def _cells(one: Comparison) -> list[tuple[Value, Style]]:
    margin, images = one.margin, one.with_images
    wider = (images.low, images.high) if images else (None, None)
    points = (margin.mean, margin.low, margin.high, *wider)
    return [
        (str(one), TEXT_CELL),
        (margin.n, number("0")),
        *((value, number(DIFFERENCE)) for value in points),
        *((p, number(P_VALUE)) for p in (one.p, one.p_equivalent)),
        (one.detectable, number("0.000")),
        (one.compared, TEXT_CELL),
    ]
