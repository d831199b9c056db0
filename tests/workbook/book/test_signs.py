"""What a color says, a sign or a word says too: every rule and every verdict of all books."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from normviz.workbook.book.address import Area
from normviz.workbook.book.cells import Book, Cell, Page, Rule
from normviz.workbook.book.formula import Call, Operation, Reference, Text, Tree, parse
from normviz.workbook.book.styles import BAD_INK, GOOD_INK, SET_COLORS, shown_as
from normviz.workbook.draw.columns import even
from normviz.workbook.draw.content import Cells, Mark, Table
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.exercise.exercise import exercise
from normviz.workbook.explain.book import explain_book
from normviz.workbook.explain.explain import fresh_call
from normviz.workbook.explain.selection import select
from normviz.workbook.explain.story import Story
from normviz.workbook.sheets.subject.case import Settings
from tests.workbook.books import book_of, default_book


def explained() -> Book:
    x = np.random.default_rng(0).normal(size=(4, 3, 2, 2))
    call = fresh_call("batch_norm", x, 2 * x, training=True)
    story = Story("L", "here", "float64", "given", "given", call.output, call.grad_input)
    return explain_book(call.trace, select(call.trace.sets), story)


BOOKS: dict[str, Callable[[], Book]] = {
    "images": default_book,
    "tokens": lambda: book_of(Settings((2, 5, 8))),
    "rows": lambda: book_of(Settings((4, 6))),
    "exercise": exercise,
    "answers": lambda: exercise(answers=True),
    "explain": explained,
}


@pytest.fixture(scope="module", params=BOOKS)
def book(request: pytest.FixtureRequest) -> Book:
    return BOOKS[request.param]()


def test_no_rule_speaks_by_color_alone(book: Book) -> None:
    silent = [
        (page.title, rule)
        for page in book.pages
        for rule in page.rules
        if not is_said(book, page, rule)
    ]
    assert silent == []


def test_no_verdict_speaks_by_color_alone(book: Book) -> None:
    silent = [
        (page.title, row, column, cell)
        for page in book.pages
        for row, line in page.rows.items()
        for column, cell in line.items()
        if cell.style.color in (GOOD_INK, BAD_INK)
        and isinstance(cell.value, int | float)
        and cell.style.number[:2] not in ('"✓', '"✗')
    ]
    assert silent == []


def test_a_rule_of_a_color_alone_would_be_found() -> None:
    book = Book("one")
    page = book.page("One")
    page.put(1, 1, 2.0, formula="1+1")
    page.put(1, 2, "right", formula='IF(A1=2,"right","wrong")')
    assert not is_said(book, page, Rule((1, 1, 1, 1), "A1>1", "D7F0DD"))
    assert not is_said(book, page, Rule((1, 1, 1, 1), "A1>1", SET_COLORS[0]))
    assert is_said(book, page, Rule((1, 1, 1, 1), "A1>1", "D7F0DD", number=shown_as("✓ {}", "0")))
    assert is_said(book, page, Rule((1, 1, 1, 1), 'B1="right"', "D7F0DD"))
    assert is_said(book, page, Rule((1, 2, 1, 2), "A1>1", "D7F0DD"))


def test_cells_of_several_number_formats_cannot_share_a_sign() -> None:
    sheet = Sheet(Book("one"), "One", "One", "", even(1, (2,), 8))
    looks = ("0.0", "0.00")

    def look(_: int, at: int) -> Any:
        return Cell(0).style.but(number=looks[at])

    marked = Cells("mixed", [[1.0, 2.0]], None, look, marks=(Mark("{this}>1", "", shows="✗ {}"),))
    with pytest.raises(ValueError, match="2 number formats"):
        sheet.draw(Table(marked))


def is_said(book: Book, page: Page, rule: Rule) -> bool:
    """Whether a rule's number format says it, or a text that it reads, or its cells' own texts.

    The color of a set is its number, which a sheet that is painted by rules shows.
    """
    if rule.number or any(compared_texts(parse(rule.formula, book.names))):
        return True
    if rule.fill in SET_COLORS:
        return any("set" in block.name.split() for block in page.blocks)
    cells = list(cells_of(page, rule.area))
    return all(cell.formula is not None and isinstance(cell.value, str) for cell in cells)


def compared_texts(tree: Tree) -> Iterator[Reference]:
    """The cells of the sheet that a formula compares with a text."""
    match tree:
        case Operation("=" | "<>", (Reference() as cell, Text(text))) if text and not cell.sheet:
            yield cell
        case Operation(_, parts) | Call(_, parts):
            for part in parts:
                yield from compared_texts(part)


def cells_of(page: Page, area: Area) -> Iterator[Cell]:
    """The cells of an area that show anything."""
    for row in range(area[0], area[2] + 1):
        for column in range(area[1], area[3] + 1):
            cell = page.rows.get(row, {}).get(column)
            if cell is not None and (cell.value is not None or cell.formula is not None):
                yield cell
