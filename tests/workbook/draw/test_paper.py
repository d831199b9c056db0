"""Printed pages end between bands of steps, and what is put on a page fits on it."""

import itertools

import pytest

from normviz.norms.declared import NORMS
from normviz.workbook.book.cells import Book, Page
from normviz.workbook.draw.page_breaks import HEIGHT, ROW, Paper
from normviz.workbook.sheets import inputs
from normviz.workbook.sheets.norm import sheet as norm
from normviz.workbook.sheets.subject.case import Case, Settings
from tests.workbook.books import default_book


@pytest.mark.parametrize("op", NORMS)
def test_no_page_ends_within_a_step(op: str) -> None:
    case, book = Case(Settings()), Book("one sheet")
    sheet = norm.build(book, case.trace(op), inputs.build(book, case), case.gamma_of(op))
    breaks = sheet.page.breaks
    assert len(breaks) >= 2
    assert breaks == sorted(set(breaks))
    for body in sheet.placed.values():
        top, _, bottom, _ = body.area
        assert not any(top <= after < bottom for after in breaks)


@pytest.mark.parametrize("op", NORMS)
def test_every_page_fits_on_paper(op: str) -> None:
    (page,) = (page for page in default_book().pages if page.title == NORMS[op].title)
    paper = Paper(page)
    for before, after in itertools.pairwise([0, *page.breaks]):
        paper.first = before + 1
        assert paper._height(before + 1, after) <= paper._room()


def test_what_is_higher_than_a_page_is_left_to_the_printer() -> None:
    paper = Paper(Page("narrow"))
    rows = int(HEIGHT / ROW)
    paper.keep(10 * rows)
    assert paper.page.breaks == []
    paper.keep(10 * rows + 5)
    assert paper.page.breaks == [10 * rows]
    paper.keep(10 * rows + 9)
    assert paper.page.breaks == [10 * rows]
