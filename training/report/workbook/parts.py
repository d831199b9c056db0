"""Headings, tables and scales that all sheets of ``results.xlsx`` share."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from normviz.workbook.book.cells import Book, Page
from normviz.workbook.book.charts import Scale
from normviz.workbook.book.styles import (
    BACK_LINK,
    BODY,
    BODY_CENTER,
    HEADER,
    STEP_NAME,
    SUBTITLE,
    Style,
)
from normviz.workbook.draw.page_head import (
    FIRST_ROW,
    LINK_ROW,
    TEXT_ROW,
    begin,
)

HOME = "Summary"
CURVES, COUNTED_L1 = "Curves", "Accumulated L1"
ACCURACY, LOSS, RATE, SECONDS = "0.00", "0.0000", "0.0####", "0.0"
DIFFERENCE, P_VALUE = "+0.000;-0.000;0.000", '[<0.001]"< 0.001";0.000'
TEXT_CELL = BODY
NUMBER_CELL = BODY_CENTER


def number(form: str) -> Style:
    """The look of a number written as ``form``."""
    return BODY_CENTER.but(number=form)


def start(book: Book, title: str, heading: str, text: str, last_column: int) -> Page:
    """Begin a sheet: heading, one sentence, the way back. Content starts at ``FIRST_ROW``."""
    page = begin(book, title, heading)
    page.span((TEXT_ROW, 2, TEXT_ROW, last_column), text, SUBTITLE)
    if title != HOME:
        page.put(LINK_ROW, 2, f"← {HOME}", BACK_LINK)
        page.link(LINK_ROW, 2, HOME)
    return page


def fit_text(page: Page, text: str, last_column: int, row: int = TEXT_ROW) -> None:
    """Give a sentence, as that below the heading, the height it needs once widths are known."""
    lines = math.ceil(len(text) / page.width(2, last_column))
    page.heights[row] = 14 * lines + 3


def heading(page: Page, row: int, text: str) -> int:
    """Put a section's heading and return the row below."""
    page.put(row, 2, text, STEP_NAME)
    page.heights[row] = 22
    return row + 1


def header(page: Page, row: int, names: Sequence[str], left: int = 2, height: float = 30) -> int:
    """Put the names of a table's columns and return the row below."""
    for column, name in enumerate(names, start=left):
        page.put(row, column, name, HEADER)
    page.heights[row] = height
    return row + 1


def height(page: Page, text: str, column: int) -> float:
    """Return how high a row must be for a text in one of its cells."""
    return 13.5 * max(1, math.ceil(1.05 * len(text) / page.width(column, column))) + 3


def nice_scale(values: Sequence[float], marks: int = 6) -> Scale:
    """Return an axis around ``values`` with round ends and at most ``marks`` steps.

    >>> scale = nice_scale([98.93, 99.41])
    >>> scale.low, scale.high, scale.step, scale.number
    (98.9, 99.5, 0.1, '0.0')
    """
    low, high = float(np.min(values)), float(np.max(values))
    rough = max(high - low, 1e-3) / marks
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10, 20) if factor * power >= rough)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    ends = (math.floor(low / step) * step, math.ceil(high / step) * step)
    bottom, top = (round(end, digits) for end in ends)
    top = top if top > bottom else round(bottom + step, digits)
    form = "0." + "0" * digits if digits else "0"
    return Scale(bottom, top, round(step, digits), form)


__all__ = ["FIRST_ROW", "fit_text", "header", "heading", "nice_scale", "number", "start"]
