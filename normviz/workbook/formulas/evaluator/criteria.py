"""Comparisons, and the criteria of COUNTIF and its like: 3, "text", ">0", "<>1"."""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Callable
from typing import Any

from normviz.workbook.book.cells import Value
from normviz.workbook.formulas.evaluator.operands import (
    CellError,
    Cells,
    Found,
    Held,
    UnknownFunctionError,
    area,
    in_15_digits,
    is_number,
    number_in,
    numbers,
    single,
)

_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "<>": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
Rank = tuple[int, Any]


def compare(holds: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    """A comparison: numbers come before texts and texts before TRUE; letters count without case."""

    def compared(left: Value, right: Value) -> bool:
        one, two = _rank(left, right), _rank(right, left)
        if one[0] == two[0] == 1 and holds not in (operator.eq, operator.ne):
            _check_order(one[1], two[1])
        return holds(one, two)

    return compared


def _rank(value: Value, other: Value) -> Rank:
    if value is None:  # an empty cell is like what it is compared with
        value = "" if isinstance(other, str) else False if isinstance(other, bool) else 0
    if isinstance(value, bool):
        return 2, value
    return (1, value.casefold()) if isinstance(value, str) else (0, in_15_digits(value))


def _check_order(*texts: str) -> None:
    """Where hyphens, accents and signs come in the alphabet hangs on the program's language."""
    for text in texts:
        if text and not (text.isascii() and text.isalnum()):
            raise UnknownFunctionError(f"the place of {text[:40]!r} in the alphabet")


def looks_like(pattern: str) -> Callable[[Value], bool]:
    """The test for a text: ? stands for one letter, * for any, and ~ takes their meaning away."""
    parts = re.findall(r"~[*?~]|.", pattern, re.DOTALL)
    fixed = "".join(f"[{part[-1]}]" if len(part) == 2 or part == "[" else part for part in parts)
    fits = re.compile(fnmatch.translate(fixed), re.IGNORECASE)
    return lambda value: isinstance(value, str) and fits.match(value) is not None


def meets(criterion: Value) -> Callable[[Held], bool]:
    """The test that a criterion stands for."""
    sign = ""
    wanted: Value = 0.0 if criterion is None else criterion
    if isinstance(wanted, str):
        sign = next((sign for sign in _SIGNS if wanted.startswith(sign)), "")
        wanted = _wanted(wanted[len(sign) :])
    if wanted == "":
        return _is_blank(sign)
    if isinstance(wanted, str) and sign in ("", "=", "<>"):
        fits = looks_like(wanted)
        return lambda value: fits(_tested(value, sign)) != (sign == "<>")
    holds = compare(_SIGNS[sign or "="])

    def test(held: Held) -> bool:
        value = _tested(held, sign)
        alike = value is not None and _rank(value, wanted)[0] == _rank(wanted, value)[0]
        if is_number(wanted) and isinstance(value, str) and sign in ("", "=", "<>"):
            _refuse(number_in(value) is not None, "a number written as a text")
        return holds(value, wanted) if alike else sign == "<>"

    return test


def _tested(held: Held, sign: str) -> Value:
    """What a criterion looks at: an error meets none, and programs do not agree on <>."""
    _refuse(sign == "<>" and isinstance(held, CellError), "an error")
    return None if isinstance(held, CellError) else held


def _wanted(text: str) -> Value:
    """What a criterion names behind its sign."""
    if text.upper() in ("TRUE", "FALSE"):
        return text.upper() == "TRUE"
    found = number_in(text)
    return text if found is None else found


def _is_blank(sign: str) -> Callable[[Held], bool]:
    """Of the criteria "", "=" and "<>": programs do not agree on the text "" that a cell holds."""
    _refuse(sign not in ("", "=", "<>"), "nothing")

    def test(value: Held) -> bool:
        _refuse(value == "" and sign != "", "an empty text")
        return (value in (None, "")) != (sign == "<>")

    return test


def _refuse(met: bool, what: str) -> None:
    if met:
        raise UnknownFunctionError(f"a criterion that meets {what}")


def count_if(tested: Found, criterion: Found) -> float:
    """How many cells meet a criterion."""
    return sum(map(meets(single(criterion)), area(tested)))


def selected(tested: Found, criterion: Found, summed: Found = None) -> list[float]:
    """The numbers in the cells beside those that meet a criterion, or in these."""
    asked = area(tested)
    beside = asked if summed is None else area(summed)
    if asked.shape != beside.shape:
        raise UnknownFunctionError("areas of different shapes")
    test = meets(single(criterion))
    pairs = zip(asked, beside, strict=True)
    return list(numbers([Cells([[value for tried, value in pairs if test(tried)]])]))
