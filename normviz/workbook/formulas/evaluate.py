"""A formula computed in Python, for a cell whose value no spreadsheet program has stored.

It knows the functions of the lint's safe list and the few others that a student reaches for in
their place (VAR.P, STDEV.P, POWER, SUMXMY2 and the like); an operator on areas works element by
element, as in every program of today. What it does not know it refuses: no number is guessed.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from normviz.workbook.book.cells import Value
from normviz.workbook.book.formula import (
    Call,
    Logical,
    Number,
    Operation,
    Reference,
    Text,
    Tree,
)

Lookup = Callable[[str, int, int], Value]
"""The value of a cell by sheet ("" for the formula's own), row and column; None where empty."""


class CellError(ArithmeticError):
    """What a spreadsheet shows as an error: #DIV/0! and the like."""


class UnknownFunctionError(ValueError):
    """A function that only a spreadsheet program can compute; its argument is the name."""


class Cells:
    """The values of an area, row by row; operators and functions see which cells are empty."""

    def __init__(self, rows: list[list[Value]]) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[Value]:
        return (value for row in self.rows for value in row)

    def at(self, row: int, column: int) -> Value:
        """One value; a single row or column goes on for ever, as in array arithmetic."""
        line = self.rows[row if len(self.rows) > 1 else 0]
        return line[column if len(line) > 1 else 0]


Found = Value | Cells


def evaluate(tree: Tree, lookup: Lookup) -> Value:
    """The value of a formula.

    Raises:
        CellError: where a spreadsheet would show an error.
        UnknownFunctionError: a function that is not known here.

    >>> from normviz.workbook.book.formula import parse
    >>> cells = {(1, 1): 1.0, (2, 1): 4.0}
    >>> look = lambda sheet, row, column: cells.get((row, column))
    >>> evaluate(parse("SQRT(VARP(A1:A3)+4)"), look)
    2.5
    """
    return _single(_find(tree, lookup))


def _find(tree: Tree, lookup: Lookup) -> Found:
    """A value, or an area as it stands."""
    match tree:
        case Number(text):
            return float(text)
        case Text(text):
            return text
        case Logical(value):
            return value
        case Reference(sheet, (top, left, bottom, right)):
            across = range(left, right + 1)
            return Cells([[lookup(sheet, r, c) for c in across] for r in range(top, bottom + 1)])
        case Operation("()", (inner,)):
            return _find(inner, lookup)
        case Operation(sign, operands):
            return _each(_OPERATORS[sign], [_find(operand, lookup) for operand in operands])
        case Call(name, arguments):
            return _call(name.removeprefix("_XLFN."), arguments, lookup)
    raise UnknownFunctionError(type(tree).__name__)


def _call(name: str, arguments: tuple[Tree, ...], lookup: Lookup) -> Found:
    def find(at: int) -> Found:
        return _find(arguments[at], lookup)

    try:
        if name == "IF":
            taken = 1 if _number(_single(find(0))) else 2
            return find(taken) if taken < len(arguments) else False
        if name == "IFERROR":
            try:
                return _single(find(0))
            except CellError:
                return find(1)
        if name == "CHOOSE":
            return find(int(_number(_single(find(0)))))
        found = [_find(argument, lookup) for argument in arguments]
        if name in _ELEMENTWISE:
            return _each(_ELEMENTWISE[name], found)
        if name in _OF_NUMBERS:
            return _OF_NUMBERS[name](list(_numbers(found)))
        if name in _OF_AREAS:
            return _OF_AREAS[name](*found)
    except (TypeError, IndexError):  # too few or too many arguments
        raise CellError("#VALUE!") from None
    except (ValueError, OverflowError) as error:
        if isinstance(error, UnknownFunctionError):
            raise
        raise CellError("#NUM!") from None
    raise UnknownFunctionError(name)


def _each(function: Callable[..., Value], operands: list[Found]) -> Found:
    """A function of single values, element by element where an operand is an area."""
    if not any(isinstance(operand, Cells) for operand in operands):
        return function(*operands)
    areas = [o if isinstance(o, Cells) else Cells([[o]]) for o in operands]
    down = max(len(area.rows) for area in areas)
    across = max(len(area.rows[0]) for area in areas)
    rows = [[function(*(a.at(r, c) for a in areas)) for c in range(across)] for r in range(down)]
    return rows[0][0] if down == across == 1 else Cells(rows)


def _single(found: Found) -> Value:
    if not isinstance(found, Cells):
        return found
    values = list(found)
    if len(values) != 1:
        raise CellError("#VALUE!")
    return values[0]


def _number(value: Value) -> float:
    """A value where a number is needed: an empty cell is 0, TRUE is 1, a text may hold one."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise CellError("#VALUE!") from None
    return float(value or 0)


def _numbers(arguments: Iterable[Found]) -> Iterator[float]:
    """The numbers among the arguments of SUM and its like: in an area, texts are passed over."""
    for argument in arguments:
        if not isinstance(argument, Cells):
            yield _number(argument)
            continue
        for value in argument:
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield float(value)


def _plain(function: Callable[..., float]) -> Callable[..., Value]:
    """A function of numbers, on values."""

    def on_values(*values: Value) -> Value:
        try:
            return function(*map(_number, values))
        except (ValueError, OverflowError, ZeroDivisionError):
            raise CellError("#NUM!") from None

    return on_values


def _power(base: float, exponent: float) -> float:
    return math.pow(base, exponent)


def _divide(above: float, below: float) -> float:
    if below == 0:
        raise CellError("#DIV/0!")
    return above / below


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    return f"{value:.15g}" if isinstance(value, int | float) else value or ""


def _compare(holds: Callable[[Any, Any], bool]) -> Callable[..., Value]:
    """A comparison: numbers come before texts and texts before TRUE; letters count without case."""

    def rank(value: Value, other: Value) -> tuple[int, Any]:
        if value is None:
            value = "" if isinstance(other, str) else 0
        if isinstance(value, bool):
            return 2, value
        return (1, value.casefold()) if isinstance(value, str) else (0, value)

    return lambda left, right: holds(rank(left, right), rank(right, left))


def _round(number: float, digits: float = 0) -> float:
    """Halves go away from zero."""
    scale = 10.0 ** int(digits)
    return math.copysign(math.floor(abs(number) * scale + 0.5), number) / scale


def _variance(numbers: list[float], less: int = 0) -> float:
    return _divide(_scatter(numbers), len(numbers) - less)


def _scatter(numbers: list[float]) -> float:
    mean = _mean(numbers)
    return math.fsum((number - mean) ** 2 for number in numbers)


def _mean(numbers: list[float]) -> float:
    return _divide(math.fsum(numbers), len(numbers))


def _sum_product(*areas: Found) -> float:
    products = _each(lambda *row: math.prod(map(_counted, row)), list(areas))
    return math.fsum(_numbers([products]))


def _counted(value: Value) -> float:
    """What counts in SUMPRODUCT and its like: a number, and 0 for all else."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _paired(term: Callable[[float, float], float]) -> Callable[..., float]:
    return lambda one, two: math.fsum(
        term(a, b)
        for a, b in zip(one, two, strict=True)
        if isinstance(a, int | float) and isinstance(b, int | float)
    )


def _meets(criterion: Value) -> Callable[[Value], bool]:
    """The test that a criterion such as 3, "=3" or ">0" stands for."""
    if not isinstance(criterion, str):
        return lambda value: value is not None and bool(_compare(operator.eq)(value, criterion))
    signs = {">=": operator.ge, "<=": operator.le, "<>": operator.ne}
    signs |= {">": operator.gt, "<": operator.lt, "=": operator.eq}
    sign = next((sign for sign in signs if criterion.startswith(sign)), "")
    wanted: Value = criterion[len(sign) :]
    with suppress(ValueError):
        wanted = float(str(wanted))
    holds = _compare(signs[sign or "="])
    return lambda value: type(value) is type(wanted) and bool(holds(value, wanted))


def _selected(tested: Any, criterion: Found, summed: Any = None) -> list[float]:
    test = _meets(_single(criterion))
    pairs = zip(tested, summed or tested, strict=True)
    return list(_numbers([Cells([[value for tried, value in pairs if test(_float(tried))]])]))


def _float(value: Value) -> Value:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _index(area: Any, row: Found, column: Found = None) -> Value:
    down, across = int(_number(_single(row))), int(_number(_single(column)))
    if len(area.rows) == 1 and not across:
        down, across = 1, down
    found: Value = area.rows[max(down, 1) - 1][max(across, 1) - 1]
    return found


def _match(sought: Found, area: Any, kind: Found = 1.0) -> float:
    if _number(_single(kind)) != 0:
        raise UnknownFunctionError("MATCH in a sorted list")
    same = _compare(operator.eq)
    value = _single(sought)
    found = next((at for at, tried in enumerate(area, 1) if same(tried, value)), 0)
    if not found:
        raise CellError("#N/A")
    return float(found)


_OPERATORS: dict[str, Callable[..., Value]] = {
    "+": _plain(operator.add),
    "-": _plain(operator.sub),
    "*": _plain(operator.mul),
    "/": _plain(_divide),
    "^": _plain(_power),
    "&": lambda left, right: _text(left) + _text(right),
    "=": _compare(operator.eq),
    "<>": _compare(operator.ne),
    "<": _compare(operator.lt),
    ">": _compare(operator.gt),
    "<=": _compare(operator.le),
    ">=": _compare(operator.ge),
    "u-": _plain(operator.neg),
    "u+": lambda value: value,
    "%": _plain(lambda number: number / 100),
}
_ELEMENTWISE: dict[str, Callable[..., Value]] = {
    "ABS": _plain(abs),
    "EXP": _plain(math.exp),
    "INT": _plain(math.floor),
    "MOD": _plain(lambda number, by: number - by * math.floor(_divide(number, by))),
    "NOT": lambda value: not _number(value),
    "POWER": _plain(_power),
    "ROUND": _plain(_round),
    "SIGN": _plain(lambda number: (number > 0) - (number < 0)),
    "SQRT": _plain(math.sqrt),
}
_OF_NUMBERS: dict[str, Callable[[list[float]], Value]] = {
    "AND": all,
    "AVERAGE": _mean,
    "COUNT": len,
    "DEVSQ": _scatter,
    "MAX": lambda numbers: max(numbers, default=0.0),
    "MIN": lambda numbers: min(numbers, default=0.0),
    "OR": any,
    "PI": lambda _: math.pi,
    "PRODUCT": math.prod,
    "SUM": math.fsum,
    "SUMSQ": lambda numbers: math.fsum(number * number for number in numbers),
    **dict.fromkeys(("VARP", "VAR.P"), _variance),
    **dict.fromkeys(("VAR", "VAR.S"), lambda numbers: _variance(numbers, 1)),
    **dict.fromkeys(("STDEVP", "STDEV.P"), lambda numbers: math.sqrt(_variance(numbers))),
    **dict.fromkeys(("STDEV", "STDEV.S"), lambda numbers: math.sqrt(_variance(numbers, 1))),
}
_OF_AREAS: dict[str, Callable[..., Value]] = {
    "AVERAGEIF": lambda *given: _mean(_selected(*given)),
    "COUNTIF": lambda tested, criterion: sum(map(_meets(_single(criterion)), map(_float, tested))),
    "INDEX": _index,
    "MATCH": _match,
    "SUMIF": lambda *given: math.fsum(_selected(*given)),
    "SUMPRODUCT": _sum_product,
    "SUMX2MY2": _paired(lambda a, b: a * a - b * b),
    "SUMX2PY2": _paired(lambda a, b: a * a + b * b),
    "SUMXMY2": _paired(lambda a, b: (a - b) ** 2),
}
