"""Every formula cell of every sheet held to its value as shipped, in one formula a sheet.

A block of formulas must add up to what NumPy has for it: a number typed over one of them moves the
sum. Where numbers of one block differ so much that a small one would be lost in the sum, each cell
is compared by itself, and so is a text. What is yellow is the user's: it is compared only to know
whether the comparison means anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from normviz.workbook.book.address import Area, area_text, fixed_area, on_sheet
from normviz.workbook.book.cells import Book, Cell, Page
from normviz.workbook.book.styles import INPUT

WIDEST_RANGE = 1e6
"""So many times larger may the largest number of a block be than the smallest to be added up."""

Located = tuple[int, int, Cell]


@dataclass(frozen=True)
class Summary:
    """A sheet in one formula: its deviation from the values as shipped, and whether its own yellow
    cells are the `same`; `reads` are the places of the other sheets whose yellow cells it reads.
    """

    title: str
    formulas: int
    blocks: int
    yellow: int
    deviation: str
    same: str
    reads: tuple[int, ...]


def summaries(book: Book) -> list[Summary]:
    """One for every sheet that has formulas or yellow cells, in their order."""
    pages = [page for page in book.pages if any(_cells(page, yellow=False))]
    with_inputs = [page for page in book.pages if any(_cells(page, yellow=True))]
    shown = [page for page in book.pages if page in pages or page in with_inputs]
    places = {page.title: at for at, page in enumerate(shown)}
    found = []
    for page in shown:
        texts = "".join(cell.formula or "" for _, _, cell in _cells(page, yellow=False))
        reads = (
            places[other.title]
            for other in with_inputs
            if other is not page and on_sheet(other.title, "") in texts
        )
        found.append(_summary(page, tuple(reads)))
    return found


def _cells(page: Page, *, yellow: bool) -> Iterator[Located]:
    """The yellow cells of a page, or its other formulas."""
    for row, line in sorted(page.rows.items()):
        for column, cell in sorted(line.items()):
            is_input = cell.style.fill == INPUT and cell.value is not None
            if is_input if yellow else (cell.formula is not None and not is_input):
                yield row, column, cell


def _summary(page: Page, reads: tuple[int, ...]) -> Summary:
    live, yellow = list(_cells(page, yellow=False)), list(_cells(page, yellow=True))
    blocks = _blocks(page, [located for located in live if is_checked(page, *located[:2])])
    terms = [term for area, cells in blocks for term in _terms(page, area, cells)]
    same = [f"{_at(page, r, c)}={_literal(cell)}" for r, c, cell in yellow if cell.formula is None]
    return Summary(
        page.title,
        len(live),
        len(blocks),
        len(yellow),
        _joined("MAX", terms) or "0",
        _joined("AND", same) or "TRUE",
        reads,
    )


def is_checked(page: Page, row: int, column: int) -> bool:
    """Whether a formula is more than rounding."""
    at = page.block_at(row, column)
    return at is None or at[0].checked


def _blocks(page: Page, live: Sequence[Located]) -> list[tuple[Area, list[Located]]]:
    """The formulas of a page by the block they belong to; what belongs to none, by its row."""
    found: dict[Area, list[Located]] = {}
    others: dict[int, list[Located]] = {}
    for row, column, cell in live:
        at = page.block_at(row, column)
        into = found.setdefault(at[0].area, []) if at else others.setdefault(row, [])
        into.append((row, column, cell))
    for row, cells in others.items():
        found[row, cells[0][1], row, cells[-1][1]] = cells
    return list(found.items())


def _terms(page: Page, area: Area, cells: Sequence[Located]) -> Iterator[str]:
    """How far a block is from its values, in parts of its largest number."""
    numbers = [cell.value for *_, cell in cells if isinstance(cell.value, int | float)]
    sizes = [abs(value) for value in numbers if abs(value) > 1 / WIDEST_RANGE]
    narrow = not sizes or max(sizes) <= WIDEST_RANGE * min(sizes)
    inside = [value for value in page.values(area) if isinstance(value, int | float)]
    if len(numbers) == len(cells) and narrow and len(inside) == len(numbers):
        where = on_sheet(page.title, fixed_area(area))
        yield _apart(f"SUM({where})", math.fsum(inside), max([1.0, *sizes]))
        return
    for row, column, cell in cells:
        where = _at(page, row, column)
        if isinstance(cell.value, int | float) and not isinstance(cell.value, bool):
            yield _apart(where, cell.value, max(1.0, abs(cell.value)))
        else:
            yield f"IF({where}={_literal(cell)},0,1)"


def _apart(where: str, value: float, scale: float) -> str:
    text = f"ABS({where}-{value!r})" if value >= 0 else f"ABS({where}+{-value!r})"
    return text if scale == 1.0 else f"{text}/{scale!r}"


def _at(page: Page, row: int, column: int) -> str:
    return on_sheet(page.title, area_text((row, column, row, column)))


def _literal(cell: Cell) -> str:
    if isinstance(cell.value, bool):
        return "TRUE" if cell.value else "FALSE"
    if isinstance(cell.value, str) or cell.value is None:
        return '"' + (cell.value or "").replace('"', '""') + '"'
    return repr(cell.value)


def _joined(function: str, terms: Sequence[str], most: int = 200) -> str:
    """A function of many terms: of functions of so many, as no engine takes more than 255."""
    if len(terms) <= 1:
        return "".join(terms)
    groups = groupby(enumerate(terms), key=lambda pair: pair[0] // most)
    parts = [f"{function}({','.join(term for _, term in group)})" for _, group in groups]
    return parts[0] if len(parts) == 1 else f"{function}({','.join(parts)})"
