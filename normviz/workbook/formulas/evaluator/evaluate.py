"""A formula computed in Python, for a cell whose value no spreadsheet program has stored.

It knows the functions of the lint's safe list and the few others that a student reaches for in
their place; an operator on areas works element by element, as in every program of today. What it
does not know it refuses: no number is guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

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
from normviz.workbook.formulas.evaluator.functions import (
    ELEMENTWISE,
    OF_AREAS,
    OF_NUMBERS,
    OPERATORS,
)
from normviz.workbook.formulas.evaluator.operands import (
    MOST_CELLS,
    CellError,
    Cells,
    Found,
    Held,
    UnknownFunctionError,
    as_area,
    cell_by_cell,
    each,
    finite,
    held,
    is_true,
    number,
    numbers,
    single,
)

T = TypeVar("T")
Lookup = Callable[[str, int, int], Value]
"""The value of a cell by sheet ("" for the formula's own), row and column; None where empty."""


def evaluate(tree: Tree, lookup: Lookup) -> Value:
    """The value of a formula.

    Raises:
        CellError: where a spreadsheet would show an error.
        UnknownFunctionError: a function that is not known here, or an area instead of a value:
            a program shows the cell of it that stands in the formula's own row.

    >>> from normviz.workbook.book.formula import parse
    >>> cells = {(1, 1): 1.0, (2, 1): 4.0}
    >>> look = lambda sheet, row, column: cells.get((row, column))
    >>> evaluate(parse("SQRT(VARP(A1:A3)+4)"), look)
    2.5
    """
    return _shown(single(_find(tree, lookup)))


def spread(tree: Tree, lookup: Lookup, down: int, across: int) -> list[list[Held]]:
    """The values of an array formula in the cells that it fills, errors among them.

    Raises:
        UnknownFunctionError: a function that is not known here.

    >>> from normviz.workbook.book.formula import parse
    >>> spread(parse("A1:A2*2"), lambda sheet, row, column: float(row), 2, 1)
    [[2.0], [4.0]]
    """
    area = as_area(held(lambda: _find(tree, lookup)))
    return [[_shown(area.at(row, column)) for column in range(across)] for row in range(down)]


def _shown(found: T) -> T | float:
    """A formula that gives an empty cell shows 0."""
    return 0.0 if found is None else found


def _find(tree: Tree, lookup: Lookup) -> Found:
    """A value, or an area as it stands."""
    match tree:
        case Number(text):
            return float(text)
        case Text(text):
            return text
        case Logical(value):
            return value
        case Reference():
            return _read(tree, lookup)
        case Operation("()", (inner,)):
            return _find(inner, lookup)
        case Operation(sign, operands):
            return each(OPERATORS[sign], [_find(operand, lookup) for operand in operands])
        case Call(name, arguments):
            return _call(name.removeprefix("_XLFN."), arguments, lookup)
    raise UnknownFunctionError(type(tree).__name__)


def _read(reference: Reference, lookup: Lookup) -> Cells:
    """The cells of an area, written from whichever corner."""
    top, left, bottom, right = reference.area
    (top, bottom), (left, right) = sorted((top, bottom)), sorted((left, right))
    if (bottom - top + 1) * (right - left + 1) > MOST_CELLS:
        raise UnknownFunctionError(f"an area of {bottom - top + 1} rows")

    def value(row: int, column: int) -> Held:
        try:
            return lookup(reference.sheet, row, column)
        except CellError as error:
            return error

    across = range(left, right + 1)
    return Cells([[value(row, column) for column in across] for row in range(top, bottom + 1)])


def _call(name: str, arguments: tuple[Tree, ...], lookup: Lookup) -> Found:
    def find(at: int) -> Found:
        return _find(arguments[at], lookup)

    try:
        if name in _LAZY:
            return _LAZY[name](find, len(arguments))
        found = [held(partial(find, at)) for at in range(len(arguments))]
        if name in OF_AREAS:
            return _checked(OF_AREAS[name](*found))
        if name in ELEMENTWISE:
            return each(ELEMENTWISE[name], found)
        if name in OF_NUMBERS and found:
            return _checked(OF_NUMBERS[name](list(numbers(found))))
    except (TypeError, IndexError):
        raise UnknownFunctionError(f"{name} with so many arguments") from None
    except (ValueError, OverflowError) as error:
        if isinstance(error, UnknownFunctionError):
            raise
        raise CellError("#NUM!") from None
    raise UnknownFunctionError(name)


def _checked(found: Found) -> Found:
    return finite(found) if isinstance(found, float) else found


Find = Callable[[int], Found]
"""The argument of a number, counted from 0, computed when it is asked for."""


def _if(find: Find, count: int) -> Found:
    condition = find(0)
    if as_area(condition).shape == (1, 1):
        taken = 1 if is_true(single(condition)) else 2
        return find(taken) if taken < count else False

    def taken_of(chosen: Held, then: Held, other: Held) -> Held:
        if isinstance(chosen, CellError):
            return chosen
        try:
            return then if is_true(chosen) else other
        except CellError as error:
            return error

    other = held(lambda: find(2)) if count > 2 else False
    return cell_by_cell(taken_of, [condition, held(lambda: find(1)), other])


def _if_error(find: Find, _: int) -> Found:
    tried = held(lambda: find(0))
    if as_area(tried).shape == (1, 1):
        try:
            return single(tried)
        except CellError:
            return find(1)
    otherwise = held(lambda: find(1))
    return cell_by_cell(lambda a, b: b if isinstance(a, CellError) else a, [tried, otherwise])


def _choose(find: Find, count: int) -> Found:
    chosen = int(number(single(find(0))))
    if not 1 <= chosen < count:
        raise CellError("#VALUE!")
    return find(chosen)


_LAZY: dict[str, Callable[[Find, int], Found]] = {
    "IF": _if,
    "IFERROR": _if_error,
    "CHOOSE": _choose,
}
"""Those that compute only the argument that they take: 1/0 in the other is no error."""
