"""What formulas compute with: values, areas of them, and the errors that a cell may hold instead.

An error in a cell of an area is a value like others until something reads that cell: COUNT passes
over it, INDEX may take the cell beside it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeGuard

from normviz.workbook.book.cells import Value


class CellError(ArithmeticError):
    """What a spreadsheet shows as an error: #DIV/0! and the like."""


class UnknownFunctionError(ValueError):
    """What only a spreadsheet program can compute; the argument names it."""


Held = Value | CellError
"""What a cell of an area may hold."""

MOST_CELLS = 200_000
"""Of an area; a formula that reads more belongs to no exercise."""


class Cells:
    """The values of an area, row by row; operators and functions see which cells are empty."""

    def __init__(self, rows: list[list[Held]]) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[Held]:
        return (value for row in self.rows for value in row)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.rows), len(self.rows[0])

    def at(self, row: int, column: int) -> Held:
        """One value; a single row or column goes on for ever, as in array arithmetic."""
        down, across = self.shape
        row, column = (row if down > 1 else 0), (column if across > 1 else 0)
        return self.rows[row][column] if row < down and column < across else CellError("#N/A")


Found = Value | Cells


def as_area(found: Found) -> Cells:
    """An area as it stands, and one of one cell around a value."""
    return found if isinstance(found, Cells) else Cells([[found]])


def area(found: Found) -> Cells:
    """What has to be an area: where a value stands instead, programs do not agree."""
    if not isinstance(found, Cells):
        raise UnknownFunctionError("a value where an area belongs")
    return found


def single(found: Found) -> Value:
    """The value where one is needed. Of an area, a program may take the cell of its own row."""
    around = as_area(found)
    if around.shape != (1, 1):
        raise UnknownFunctionError("an area where one value belongs")
    return unless_error(around.rows[0][0])


def unless_error(held: Held) -> Value:
    """The value of a cell that is read."""
    if isinstance(held, CellError):
        raise held
    return held


def held(find: Callable[[], Found]) -> Found:
    """What is found, or the error as a value."""
    try:
        return find()
    except CellError as error:
        return Cells([[error]])


def cell_by_cell(function: Callable[..., Held], operands: Iterable[Found]) -> Found:
    """A function of what the cells of areas hold, errors too, at each place."""
    areas = [as_area(operand) for operand in operands]
    down = max(area.shape[0] for area in areas)
    across = max(area.shape[1] for area in areas)
    if down * across > MOST_CELLS:
        raise UnknownFunctionError(f"an area of {down} rows and {across} columns")
    rows = [[function(*(a.at(r, c) for a in areas)) for c in range(across)] for r in range(down)]
    return unless_error(rows[0][0]) if down == across == 1 else Cells(rows)


def each(function: Callable[..., Value], operands: list[Found]) -> Found:
    """A function of single values, element by element where an operand is an area."""

    def guarded(*given: Held) -> Held:
        try:
            return function(*map(unless_error, given))
        except CellError as error:
            return error

    return cell_by_cell(guarded, operands)


_PLAIN = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)(E[-+]?\d+)?\s*", re.IGNORECASE)
# No word can be read in two ways (the e of june is a letter of numbers): a text of a student's
# would be tried in all of them.
_PERHAPS = re.compile(
    r"([\d\s.,:;/%+−'’$€£¥()e-]|jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|jun|july?|aug(ust)?"
    r"|sep(tember)?|oct(ober)?|nov(ember)?|dec(ember)?|am|pm)+",
    re.IGNORECASE,
)


def number_in(text: str) -> float | None:
    """The number that a text holds, if it holds one.

    What 1,5 or 50% or 1/2 is hangs on the program and its language: it is not guessed.
    """
    if _PLAIN.fullmatch(text):
        return float(text)
    if any(letter.isdigit() for letter in text) and _PERHAPS.fullmatch(text):
        raise UnknownFunctionError(f"{text[:40]!r} as a number")
    return None


def number(value: Value) -> float:
    """A value where a number is needed: an empty cell is 0, TRUE is 1, a text may hold one."""
    if isinstance(value, str):
        found = number_in(value)
        if found is None:
            raise CellError("#VALUE!")
        return found
    return float(value or 0)


def is_number(held: Held) -> TypeGuard[float]:
    """What counts as a number in an area: TRUE does not."""
    return isinstance(held, int | float) and not isinstance(held, bool)


def numbers(arguments: Iterable[Found]) -> Iterator[float]:
    """The numbers among the arguments of SUM and its like: in an area, texts are passed over."""
    for argument in arguments:
        if isinstance(argument, Cells):
            yield from (float(v) for v in map(unless_error, argument) if is_number(v))
        else:
            yield number(argument)


def is_true(value: Value) -> bool:
    """A value where TRUE or FALSE is needed, which a text may say."""
    if isinstance(value, str) and value.upper() in ("TRUE", "FALSE"):
        return value.upper() == "TRUE"
    if isinstance(value, str) and number_in(value) is not None:
        raise CellError("#VALUE!")
    return bool(number(value))


def truths(arguments: Iterable[Found]) -> list[bool]:
    """What AND and OR count: in an area, texts and empty cells are passed over."""
    found = []
    for argument in arguments:
        if isinstance(argument, Cells):
            given = map(unless_error, argument)
            found += [bool(value) for value in given if isinstance(value, int | float)]
        else:
            found.append(is_true(argument))
    if not found:
        raise CellError("#VALUE!")
    return found


def finite(value: float) -> float:
    """A result, unless it is too large for a cell."""
    if not math.isfinite(value):
        raise CellError("#NUM!")
    return value


def in_15_digits(number: float) -> float:
    """A number as a spreadsheet shows and compares it: 0.1+0.2 is 0.3."""
    return float(f"{number:.15g}")
