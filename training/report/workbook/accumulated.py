"""The sheet that counts the accumulated L1: how often each parameter tensor was penalized."""

from __future__ import annotations

import numpy as np

from normviz.workbook.book.address import address, area_text, fixed
from normviz.workbook.book.cells import Book, Page
from normviz.workbook.book.styles import INPUT_NUMBER, INPUT_WORD, LABEL, LABEL_RIGHT
from training.experiments.trials import find_trial
from training.report.page import ACCUMULATED, factors
from training.report.workbook.parts import (
    COUNTED_L1,
    FIRST_ROW,
    TEXT_CELL,
    fit_text,
    header,
    number,
    start,
)

WIDTHS = (26, 16, 13, 13, 16)
LAST_COLUMN = 1 + len(WIDTHS)
TEXT = (
    "The published loop added λ times the running sum of |p| to the loss once for every parameter "
    "tensor, while that sum was still growing. Of T tensors the first is so penalized T times, the "
    f"last once. Change the {INPUT_WORD} λ to see the strength in effect."
)


def build(book: Book) -> Page:
    """Make the sheet."""
    page = start(book, COUNTED_L1, "Why L1 seemed to destroy the model", TEXT, LAST_COLUMN)
    page.widths.update(dict(enumerate(WIDTHS, start=2)))
    fit_text(page, TEXT, LAST_COLUMN)
    rows, strength = factors(), find_trial(ACCUMULATED).l1
    page.put(FIRST_ROW, 2, "λ that was meant", LABEL)
    page.put(FIRST_ROW, 3, strength, INPUT_NUMBER)
    row = header(
        page, FIRST_ROW + 2, ("tensor", "shape", "parameters", "times counted", "λ in effect")
    )
    top, bottom = row, row + len(rows) - 1
    sizes = area_text((top, 4, bottom, 4))
    for entry in rows:
        page.put(row, 2, entry["tensor"], TEXT_CELL.but(mono=True, size=9))
        page.put(row, 3, " × ".join(map(str, entry["shape"])), number("0"))
        page.put(row, 4, entry["count"], number("#,##0"))
        first = row == top
        counted = f"COUNT({sizes})" if first else f"{address(row - 1, 5)}-1"
        page.put(row, 5, entry["factor"], number("0"), counted)
        effect = f"{fixed(FIRST_ROW, 3)}*{address(row, 5)}"
        page.put(row, 6, entry["strength"], number("0.####"), effect)
        row += 1
    _average(page, rows, row, (sizes, area_text((top, 5, bottom, 5))))
    return page


def _average(page: Page, rows: list[dict], row: int, areas: tuple[str, str]) -> None:  # type: ignore[type-arg]
    sizes, counted = areas
    count = np.array([entry["count"] for entry in rows], dtype=np.float64)
    factor = np.array([entry["factor"] for entry in rows], dtype=np.float64)
    page.put(row, 3, "all", LABEL_RIGHT)
    page.put(row, 4, float(count.sum()), number("#,##0"), f"SUM({sizes})")
    mean = float((count * factor).sum() / count.sum())
    page.put(row, 5, mean, number("0.00"), f"SUMPRODUCT({sizes},{counted})/SUM({sizes})")
    page.put(row, 6, "on average", LABEL_RIGHT.but(horizontal="left"))
