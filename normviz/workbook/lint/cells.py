"""Rules for what a cell holds. Each returns a sentence, or None for a cell that is in order."""

from __future__ import annotations

import math
from collections.abc import Callable

from normviz.workbook.lint.source import FileCell

ERRORS = ("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#ERROR!")
LONGEST_TEXT = 32_767


def finite_number(cell: FileCell) -> str | None:
    """openpyxl writes NaN and infinity as an empty number, which Excel repairs."""
    if cell.formula is not None or cell.kind != "n" or cell.value is None:
        return None
    if cell.value == "":
        return "a number cell without a number: was it NaN or infinity?"
    return None if _is_finite(cell.value) else f"the number {cell.value!r} is not finite"


def cached_result(cell: FileCell) -> str | None:
    """Every formula carries the value that NumPy has for it."""
    if cell.formula is None:
        return None
    if cell.value is None or (cell.value == "" and cell.kind != "str"):
        return "the formula has no cached value"
    return None


def cached_type(cell: FileCell) -> str | None:
    """A text result needs t="str", a truth value t="b"; otherwise Excel repairs the file."""
    if cell.formula is None or not cell.value:
        return None
    if cell.kind == "n" and not _is_finite(cell.value):
        return f'the cached value {cell.value!r} is not a number and lacks t="str"'
    if cell.kind == "b" and cell.value not in ("0", "1"):
        return f"the cached truth value is {cell.value!r}, not 0 or 1"
    if cell.kind not in ("n", "str", "b", "e"):
        return f"a formula's cached value cannot be of type {cell.kind!r}"
    return None


def no_error(cell: FileCell) -> str | None:
    """No sheet leaves with an error in it, neither as a value nor as a cached result."""
    if cell.kind == "e" or (cell.formula is not None and cell.value in ERRORS):
        return f"the cell shows the error {cell.value}"
    return None


def text_length(cell: FileCell) -> str | None:
    """A cell holds at most 32,767 characters."""
    length = len(cell.text or "")
    return f"{length} characters; a cell holds {LONGEST_TEXT}" if length > LONGEST_TEXT else None


def plain_formula(cell: FileCell) -> str | None:
    """Array and data table formulas mean different things in different programs."""
    if cell.formula_kind in ("array", "dataTable"):
        return f"a formula of type {cell.formula_kind}; one plain formula a cell is safe everywhere"
    return None


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


CELL_RULES: tuple[Callable[[FileCell], str | None], ...] = (
    finite_number,
    cached_result,
    cached_type,
    no_error,
    text_length,
    plain_formula,
)
