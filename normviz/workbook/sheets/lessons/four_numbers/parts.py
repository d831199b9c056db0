"""What the sheet is put together from: a step of four values or of one, and a column of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.workbook.book.styles import INPUT_NUMBER, NUMBER, Style
from normviz.workbook.draw.content import NUMBERS, Caption, Cells, Table
from normviz.workbook.sheets.lessons.four_numbers.case import COUNT, Row

DX_SUM = "dx adds up to"
"""The sum of dx, to which the lecture leads."""

NOTHING = [None] * COUNT
"""Where a row of a column has no step."""


def row(values: npt.NDArray[np.float64]) -> Row:
    """The four values of a step."""
    return np.asarray(values, np.float64).ravel()


def yours(name: str, values: Any, label: str) -> Cells:
    """Numbers to type over."""
    return Cells(name, values, None, INPUT_NUMBER, label, rule=NUMBERS)


def one(name: str, value: Any, label: str, formula: str, look: Style = NUMBER) -> Cells:
    """A step with one value for the whole set."""
    return Cells(name, [float(np.ravel(value)[0])], formula, look, label)


def column(title: str, parts: Sequence[Cells], across: tuple[str, ...]) -> Table:
    """Steps below each other."""
    caption = Caption(title) if title else None
    return Table(tuple(parts), ("", "i"), across=across, caption=caption)
