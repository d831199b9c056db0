"""Where a cell is: numbers to letters, and areas as Excel writes them.

Rows and columns are counted from 1 throughout the package, as in the sheet itself.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384

Area = tuple[int, int, int, int]
"""First row, first column, last row, last column; all four inclusive."""


@lru_cache(maxsize=MAX_COLUMNS)
def column_letter(column: int) -> str:
    """The letters of a column.

    >>> column_letter(1), column_letter(28), column_letter(16384)
    ('A', 'AB', 'XFD')
    """
    letters = ""
    while column:
        column, digit = divmod(column - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters


@lru_cache(maxsize=MAX_COLUMNS)
def column_number(letters: str) -> int:
    """The number of a column given by its letters.

    >>> column_number("AB")
    28
    """
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def address(row: int, column: int) -> str:
    """The address of one cell.

    >>> address(3, 2)
    'B3'
    """
    return f"{column_letter(column)}{row}"


def fixed(row: int, column: int) -> str:
    """The address of one cell, with dollar signs: copied formulas keep pointing at it.

    >>> fixed(3, 2)
    '$B$3'
    """
    return f"${column_letter(column)}${row}"


def area_text(area: Area) -> str:
    """An area as a formula writes it.

    >>> area_text((1, 1, 2, 3)), area_text((5, 2, 5, 2))
    ('A1:C2', 'B5')
    """
    first, last = address(area[0], area[1]), address(area[2], area[3])
    return first if first == last else f"{first}:{last}"


def fixed_area(area: Area) -> str:
    """An area with dollar signs, as defined names and print areas need it.

    >>> fixed_area((1, 1, 2, 3))
    '$A$1:$C$2'
    """
    first, last = fixed(area[0], area[1]), fixed(area[2], area[3])
    return first if first == last else f"{first}:{last}"


def on_sheet(title: str, reference: str) -> str:
    """A reference seen from another sheet; the title is quoted where it has to be.

    >>> on_sheet("Inputs", "B3"), on_sheet("Which LayerNorm?", "B3")
    ('Inputs!B3', "'Which LayerNorm?'!B3")
    """
    if re.fullmatch(r"[A-Za-z_][A-Za-z_]*", title):
        return f"{title}!{reference}"
    quoted = title.replace("'", "''")
    return f"'{quoted}'!{reference}"
