"""`window.normviz`, by which another program drives the page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Error

from normviz.workbook.book.cells import Book
from tests.workbook.page.conftest import Opened


@pytest.fixture
def book() -> Book:
    made = Book("driven")
    page = made.page("Which one?")
    page.put(1, 1, 2.0)
    page.put(2, 1, 4.0, formula="A1^2")
    return made


def test_it_reads_and_writes_cells(opened: Opened, book: Book) -> None:
    page = opened(book)
    assert page.evaluate("normviz.sheets()") == ["Which one?"]
    assert page.evaluate("normviz.formulas('Which one?')") == {"A2": "A1^2"}
    assert page.evaluate("normviz.changed()") == []
    page.evaluate("normviz.set('Which one?', 'A1', 3)")
    assert page.evaluate("normviz.get('Which one?', 'A2')") == 9
    assert page.evaluate("normviz.changed()") == ["'Which one?'!A1", "'Which one?'!A2"]
    page.evaluate("normviz.set('Which one?', 'A1', 'x')")
    assert page.evaluate("normviz.get('Which one?', '$A$2')") == "#VALUE!"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("normviz.get('Nowhere', 'A1')", "there is no cell A1 on a sheet Nowhere"),
        ("normviz.get('Which one?', 'B7')", "there is no cell B7 on a sheet Which one?"),
        ("normviz.set('Which one?', 'A1', NaN)", "a cell holds a finite number"),
        ("normviz.set('Which one?', 'A1', {})", "a cell holds a finite number"),
        ("normviz.formulas('Nowhere')", "there is no sheet Nowhere"),
    ],
)
def test_it_refuses_in_a_sentence(opened: Opened, book: Book, call: str, sentence: str) -> None:
    with pytest.raises(Error, match=sentence.replace("?", r"\?")):
        opened(book).evaluate(call)
