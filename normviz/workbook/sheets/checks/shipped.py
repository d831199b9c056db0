"""Every number and formula of every sheet held to its value as shipped, in few formulas a sheet.

A block is as far from what NumPy has for it as the squares of the differences say, cell by cell.
Where numbers of one block differ so much that a change of a small one would not count, each cell is
compared by itself, and so is a text. What an input holds is the user's: it is compared only to know
whether the comparison means anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, zip_longest

from normviz.workbook.book.address import Area, area_text, fixed_area, on_sheet
from normviz.workbook.book.cells import Book, Cell, Page
from normviz.workbook.book.changes import SHIPPED
from normviz.workbook.book.styles import INPUT
from normviz.workbook.formulas.differences import distance

WIDEST_RANGE = 1e6
"""So many times larger may the largest number of a block be than the smallest to be one term."""

Located = tuple[int, int, Cell]


LONGEST = 6_000
"""No engine takes a formula of more than 8,192 characters: a large sheet has several rows."""


@dataclass(frozen=True)
class Summary:
    """A sheet, or a part of it, in one formula: its deviation from the values as shipped, and
    whether its own inputs are the `same`; `reads` are the places of the other rows whose
    inputs it depends on, and `rows` are those its numbers stand in, of a sheet in parts.
    """

    title: str
    cells: int
    blocks: int
    inputs: int
    deviation: str
    same: str
    reads: tuple[int, ...]
    rows: str = ""


@dataclass(frozen=True)
class _Term:
    """A part of a formula, how many cells it is about, their block, and the rows they are in."""

    text: str
    cells: int
    block: Area = (0, 0, 0, 0)
    rows: tuple[int, int] = (0, 0)


def summaries(book: Book) -> list[Summary]:
    """One row or more for every sheet that has formulas or inputs, in their order."""
    parts = {page.title: _parts(page) for page in book.pages}
    counts = [len(parts[page.title]) for page in book.pages]
    rows = {
        page.title: range(end - count, end)
        for page, count, end in zip(book.pages, counts, accumulate(counts), strict=True)
    }
    inputs = [page.title for page in book.pages if any(same for _, same in parts[page.title])]
    found = []
    for page in book.pages:
        texts = "".join(cell.formula or "" for _, _, cell in _cells(page, inputs=False))
        read = [at for at in inputs if at == page.title or on_sheet(at, "") in texts]
        others = [row for title in read for row in rows[title]]
        found += [
            Summary(
                page.title,
                sum(term.cells for term in live),
                len({term.block for term in live}),
                sum(term.cells for term in same),
                _joined("MAX", [term.text for term in live]) or "0",
                _joined("AND", [term.text for term in same]) or "TRUE",
                tuple(other for other in others if other != row),
                _rows_of(live) if len(parts[page.title]) > 1 else "",
            )
            for row, (live, same) in zip(rows[page.title], parts[page.title], strict=True)
        ]
    return found


def _rows_of(terms: Sequence[_Term]) -> str:
    """From which row to which the cells of some terms stand."""
    ends = [row for term in terms for row in term.rows]
    return f"rows {min(ends)} to {max(ends)}" if ends else ""


def _parts(page: Page) -> list[tuple[list[_Term], list[_Term]]]:
    """The formulas of a page and its inputs, in parts that a formula has room for."""
    checked = [cell for cell in _cells(page, inputs=False) if is_checked(page, *cell[:2])]
    blocks = _blocks(page, checked)
    live = [term for area, cells in blocks for term in _terms(page, area, cells)]
    same = [
        _Term(f"{_at(page, r, c)}={_literal(cell)}", 1)
        if cell.formula is None
        else _Term("TRUE", 1)
        for r, c, cell in _cells(page, inputs=True)
    ]
    return list(zip_longest(_chunks(live), _chunks(same), fillvalue=[]))


def _chunks(terms: Sequence[_Term]) -> list[list[_Term]]:
    """Terms in runs of which each is short enough for a formula."""
    ends = accumulate(len(term.text) + 1 for term in terms)
    runs = groupby(zip(terms, ends, strict=True), key=lambda pair: pair[1] // LONGEST)
    return [[term for term, _ in run] for _, run in runs]


def _cells(page: Page, *, inputs: bool) -> Iterator[Located]:
    """The inputs of a page, or its other formulas and numbers."""
    for row, line in sorted(page.rows.items()):
        for column, cell in sorted(line.items()):
            is_input = cell.style.fill == INPUT and cell.value is not None
            is_ours = cell.formula is not None or isinstance(cell.value, int | float)
            if is_input if inputs else (is_ours and not is_input):
                yield row, column, cell


def is_checked(page: Page, row: int, column: int) -> bool:
    """Whether a number is more than rounding."""
    at = page.block_at(row, column)
    return at is None or at[0].checked


def _blocks(page: Page, live: Sequence[Located]) -> list[tuple[Area, list[Located]]]:
    """The numbers of a page by the block they belong to; what belongs to none, by its column."""
    found: dict[Area, list[Located]] = {}
    runs: dict[int, list[Located]] = {}
    for row, column, cell in live:
        at = page.block_at(row, column)
        if at:
            found.setdefault(at[0].area, []).append((row, column, cell))
            continue
        run = runs.get(column, [])
        if not run or run[-1][0] != row - 1:
            run = runs[column] = found[row, column, row, column] = []
        run.append((row, column, cell))
    return [((*area[:2], *cells[-1][:2]), cells) for area, cells in found.items()]


def _terms(page: Page, area: Area, cells: Sequence[Located]) -> Iterator[_Term]:
    """How far a block is from its values, in parts of its largest number."""
    numbers = [cell.value for *_, cell in cells if isinstance(cell.value, int | float)]
    sizes = [abs(value) for value in numbers if abs(value) > 1 / WIDEST_RANGE]
    narrow = not sizes or max(sizes) <= WIDEST_RANGE * min(sizes)
    inside = [value for value in page.values(area) if value is not None]
    if len(cells) > 1 and narrow and len(inside) == len(numbers) == len(cells):
        where, scale = on_sheet(page.title, fixed_area(area)), max([1.0, *sizes])
        text, rows = distance(where, f"{SHIPPED}({where})"), (area[0], area[2])
        yield _Term(text if scale == 1.0 else f"{text}/{scale!r}", len(cells), area, rows)
        return
    for row, column, cell in cells:
        where = _at(page, row, column)
        if isinstance(cell.value, int | float) and not isinstance(cell.value, bool):
            text = _apart(where, cell.value, max(1.0, abs(cell.value)))
        else:
            text = f"IF({where}={_literal(cell)},0,1)"
        yield _Term(text, 1, area, (row, row))


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
