"""What the sheet is put together from: a step of four values, of one, or of none."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.workbook.book.styles import INPUT_NUMBER, NUMBER, Style
from normviz.workbook.draw.content import NUMBERS, CellFormula, Cells, Rule
from normviz.workbook.sheets.lessons.four_numbers.case import COUNT, Row

CLOSE = NUMBER.but(size=9.5, shrink=True)
"""Numbers in columns so narrow that all of the lesson is on one screen."""
TYPED = INPUT_NUMBER.but(size=9.5, shrink=True)
STRONG = CLOSE.but(bold=True)


def nothing(name: str, columns: int = COUNT, label: str = "") -> Cells:
    """Where a row of a column has no step."""
    return Cells(f"rest_{name}", [None] * columns, label=label)


def row(values: npt.NDArray[np.float64]) -> Row:
    """The four values of a step."""
    return np.asarray(values, np.float64).ravel()


def yours(name: str, values: Any, label: str, rule: Rule = NUMBERS) -> Cells:
    """Numbers to type over."""
    return Cells(name, values, None, TYPED, label, rule=rule)


def one(name: str, value: Any, label: str, formula: str, look: Style = CLOSE, **more: Any) -> Cells:
    """A step with one value for the whole set."""
    return Cells(name, [float(np.ravel(value)[0])], formula, look, label, **more)


def four(name: str, values: Any, formula: CellFormula, label: str, look: Style = CLOSE) -> Cells:
    """A step with a value for each of the four."""
    return Cells(name, values, formula, look, label)
