"""What a reader changed: a cell that no longer has the value it was shipped with wears a mark.

The mark is bold, doubly underlined and of an ink of its own, so that it is seen without colors too.
A medium that starts from the model knows what a cell was shipped with; a file has to carry it. A
formula asks for it by `SHIPPED(area)`, which each medium turns into what it has there.
"""

from __future__ import annotations

from collections.abc import Iterator

from normviz.workbook.book.cells import Cell, Page, Value

NEAR, TINY = 1e-9, 1e-12
"""As a part of the value, and where it is zero: what engines differ in without any change."""

MARKED = "bold and doubly underlined"
"""How a sheet says what the mark looks like."""

CHANGES = "Changed?"
"""The head of the column that says on which sheets there are any."""

SHIPPED = "SHIPPED"
"""In a formula: an area as it was shipped, cell by cell, where areas are calculated with."""


def remembered(page: Page) -> Iterator[tuple[int, int, Value]]:
    """Row, column and value of every cell whose change is marked: numbers, formulas, inputs.

    Not what is made of rounding alone, of which every engine has its own, nor an input that waits
    for an answer. On a page of `answers` only the numbers that are given.
    """
    rounding = [block for block in page.blocks if not block.checked]
    for row, line in sorted(page.rows.items()):
        for column, cell in sorted(line.items()):
            if not _is_marked(cell, page.answers):
                continue
            if not any(_covers(block.area, row, column) for block in rounding):
                yield row, column, cell.value


def _is_marked(cell: Cell, answers: bool) -> bool:
    if answers:
        return cell.formula is None and _is_number(cell.value) and not cell.style.unlocked
    if cell.formula is None and cell.value is None:
        return False
    return cell.formula is not None or cell.style.unlocked or _is_number(cell.value)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float)


def _covers(area: tuple[int, int, int, int], row: int, column: int) -> bool:
    return area[0] <= row <= area[2] and area[1] <= column <= area[3]
