"""The operators and functions of formulas: those of the lint's safe list and a few others.

What a student reaches for in their place is here, too: VAR.P, STDEV.P, POWER, SUMXMY2 and the like.
Where programs give different values, 0^0 say, none is taken for right.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from functools import partial

from normviz.workbook.book.cells import Value
from normviz.workbook.formulas.evaluator.criteria import compare, count_if, looks_like, selected
from normviz.workbook.formulas.evaluator.operands import (
    CellError,
    Cells,
    Found,
    Held,
    UnknownFunctionError,
    area,
    as_area,
    each,
    finite,
    in_15_digits,
    is_number,
    is_true,
    number,
    number_in,
    numbers,
    single,
    truths,
    unless_error,
)

LONGEST_TEXT, LARGEST_QUOTIENT = 32_767, 2.0**27
"""Of a cell, and of MOD: beyond it some programs give an error."""


def _plain(function: Callable[..., float]) -> Callable[..., Value]:
    """A function of numbers, on values."""

    def on_values(*values: Value) -> Value:
        given = [number(value) for value in values]
        try:
            return finite(function(*given))
        except (ValueError, OverflowError) as error:
            if isinstance(error, UnknownFunctionError):
                raise
            raise CellError("#NUM!") from None

    return on_values


def _power(base: float, exponent: float) -> float:
    if base == 0 and exponent <= 0:
        if exponent < 0:
            raise CellError("#DIV/0!")
        raise UnknownFunctionError("0^0")
    root = 1 / exponent if exponent else 0.0
    if base < 0 and abs(root) > 1 and round(root) % 2 and abs(root - round(root)) < 1e-9:
        raise UnknownFunctionError("an odd root of a negative number")
    return math.pow(base, exponent)


def _divide(above: float, below: float) -> float:
    if below == 0:
        raise CellError("#DIV/0!")
    return above / below


def _modulo(value: float, by: float) -> float:
    quotient = _divide(value, by)
    if abs(quotient) >= LARGEST_QUOTIENT:
        raise UnknownFunctionError("MOD of a large quotient")
    return value - by * _floor(quotient)


def _settled(function: Callable[[float], float], value: float) -> float:
    """What hangs on digits that a spreadsheet may or may not see: 1.15*3 is 3.4499999999999997."""
    found = function(value)
    if not math.isclose(found, function(in_15_digits(value)), rel_tol=1e-12):
        raise UnknownFunctionError(f"the last digits of {value!r}")
    return found


def _floor(value: float) -> float:
    return _settled(math.floor, value)


def _round(value: float, digits: float = 0) -> float:
    """The decimals that a number is written with count, not its bits: halves go away from zero."""
    places = max(int(digits), -400)

    def rounded(value: float) -> float:
        written = Decimal(repr(value))
        if places >= -int(written.as_tuple().exponent):
            return value
        step = Decimal(1).scaleb(-places)
        return float(written.quantize(step, ROUND_HALF_UP)) + 0.0  # -0 is 0

    return _settled(rounded, value)


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        text = f"{value + 0.0:.15g}"
        if "e" in text:
            raise UnknownFunctionError(f"{text} as a text")
        return text
    return value or ""


def _joined(left: Value, right: Value) -> str:
    text = _text(left) + _text(right)
    if len(text) > LONGEST_TEXT:
        raise CellError("#VALUE!")
    return text


def _variance(numbers: list[float], less: int = 0) -> float:
    return _divide(_scatter(numbers), len(numbers) - less)


def _scatter(numbers: list[float]) -> float:
    mean = _mean(numbers)
    return math.fsum((number - mean) ** 2 for number in numbers)


def _mean(numbers: list[float]) -> float:
    return _divide(math.fsum(numbers), len(numbers))


def _count(*given: Found) -> float:
    """Errors are passed over as texts are; a text that is typed in the formula may be a number."""
    return sum(
        sum(map(is_number, one))
        if isinstance(one, Cells)
        else one is not None and not (isinstance(one, str) and number_in(one) is None)
        for one in given
    )


def _sum_product(*areas: Found) -> float:
    if len({as_area(area).shape for area in areas}) > 1:
        raise CellError("#VALUE!")
    return math.fsum(numbers([each(lambda *row: math.prod(map(_counted, row)), list(areas))]))


def _counted(value: Value) -> float:
    """What counts in SUMPRODUCT: a number, and 0 for all else."""
    return float(value) if is_number(value) else 0.0


def _paired(term: Callable[[float, float], float]) -> Callable[..., Value]:
    def of_pairs(one: Found, two: Found) -> float:
        if area(one).shape != area(two).shape:
            raise UnknownFunctionError("areas of different shapes")
        given = (map(unless_error, area(one)), map(unless_error, area(two)))
        return math.fsum(
            term(a, b) for a, b in zip(*given, strict=True) if is_number(a) and is_number(b)
        )

    return of_pairs


def _index(found: Found, row: Found, *column: Found) -> Found:
    """Row or column 0 is the whole; of a single row, the one number is the column."""
    rows = area(found).rows
    down, across = int(number(single(row))), 0
    if column:
        across = int(number(single(*column)))
    elif len(rows) == 1:
        down, across = 0, down
    elif len(rows[0]) > 1 and down:
        raise UnknownFunctionError("INDEX of an area by one number")
    if min(down, across) < 0:
        raise CellError("#VALUE!")
    if down > len(rows) or across > len(rows[0]):
        raise CellError("#REF!")
    picked = rows[down - 1 : down] if down else rows
    return Cells([line[across - 1 : across] if across else line for line in picked])


def _match(sought: Found, within: Found, kind: Found = 1.0) -> float:
    if number(single(kind)) != 0:
        raise UnknownFunctionError("MATCH in a sorted list")
    value = single(sought)
    if value is None:
        raise UnknownFunctionError("MATCH of an empty cell")
    if min(area(within).shape) > 1:
        raise CellError("#N/A")
    is_same = looks_like(value) if isinstance(value, str) else partial(compare(operator.eq), value)

    def meets(tried: Held) -> bool:
        return tried is not None and not isinstance(tried, CellError) and is_same(tried)

    found = next((at for at, tried in enumerate(area(within), 1) if meets(tried)), 0)
    if not found:
        raise CellError("#N/A")
    return float(found)


OPERATORS: dict[str, Callable[..., Value]] = {
    "+": _plain(operator.add),
    "-": _plain(operator.sub),
    "*": _plain(operator.mul),
    "/": _plain(_divide),
    "^": _plain(_power),
    "&": _joined,
    "=": compare(operator.eq),
    "<>": compare(operator.ne),
    "<": compare(operator.lt),
    ">": compare(operator.gt),
    "<=": compare(operator.le),
    ">=": compare(operator.ge),
    "u-": _plain(operator.neg),
    "u+": lambda value: value,
    "%": _plain(lambda number: number / 100),
}
ELEMENTWISE: dict[str, Callable[..., Value]] = {
    "ABS": _plain(abs),
    "EXP": _plain(math.exp),
    "INT": _plain(_floor),
    "MOD": _plain(_modulo),
    "NOT": lambda value: not is_true(value),
    "POWER": _plain(_power),
    "ROUND": _plain(_round),
    "SIGN": _plain(lambda number: (number > 0) - (number < 0)),
    "SQRT": _plain(math.sqrt),
}
OF_NUMBERS: dict[str, Callable[[list[float]], float]] = {
    "AVERAGE": _mean,
    "DEVSQ": _scatter,
    "MAX": lambda numbers: max(numbers, default=0.0),
    "MIN": lambda numbers: min(numbers, default=0.0),
    "PRODUCT": lambda numbers: math.prod(numbers) if numbers else 0.0,
    "SUM": math.fsum,
    "SUMSQ": lambda numbers: math.fsum(number * number for number in numbers),
    **dict.fromkeys(("VARP", "VAR.P"), _variance),
    **dict.fromkeys(("VAR", "VAR.S"), lambda numbers: _variance(numbers, 1)),
    **dict.fromkeys(("STDEVP", "STDEV.P"), lambda numbers: math.sqrt(_variance(numbers))),
    **dict.fromkeys(("STDEV", "STDEV.S"), lambda numbers: math.sqrt(_variance(numbers, 1))),
}
OF_AREAS: dict[str, Callable[..., Found]] = {
    "AND": lambda *given: all(truths(given)),
    "AVERAGEIF": lambda *given: _mean(selected(*given)),
    "COUNT": _count,
    "COUNTIF": count_if,
    "INDEX": _index,
    "MATCH": _match,
    "OR": lambda *given: any(truths(given)),
    "PI": lambda: math.pi,
    "SUMIF": lambda *given: math.fsum(selected(*given)),
    "SUMPRODUCT": _sum_product,
    "SUMX2MY2": _paired(lambda a, b: a * a - b * b),
    "SUMX2PY2": _paired(lambda a, b: a * a + b * b),
    "SUMXMY2": _paired(lambda a, b: (a - b) ** 2),
}
