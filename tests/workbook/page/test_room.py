"""Every text of a page has the room it needs: none is cut at the edge of its cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import normviz
from normviz.reference.layers import LayerNorm
from normviz.workbook.book.cells import Book
from normviz.workbook.exercise.exercise import exercise
from normviz.workbook.explain.in_notebook import Explained
from normviz.workbook.sheets.subject.case import Settings
from tests.workbook.books import book_of, default_book
from tests.workbook.page.conftest import Opened, until


def explained() -> Book:
    """The book of tokens of many digits, in columns as narrow as there are."""
    x = np.random.default_rng(0).normal(size=(2, 3, 8)).astype(np.float32)
    found = normviz.explain(LayerNorm(8), x)
    assert isinstance(found, Explained)
    return found.book


BOOKS = {
    "images": default_book,
    "tokens": lambda: book_of(Settings((2, 5, 8))),
    "explained tokens": explained,
    "answers": lambda: exercise(answers=True),
}
CUT = """() => [...document.querySelectorAll("td.one.clip")].flatMap(td => {
    const range = document.createRange();
    range.selectNodeContents(td.querySelector(".box") ?? td);
    const [text, cell] = [range.getBoundingClientRect(), td.getBoundingClientRect()];
    const outside = Math.max(text.right - cell.right, cell.left - text.left);
    const isCut = td.offsetParent && text.width && outside > 1;
    return isCut || td.scrollWidth > td.clientWidth + 1 ? [td.textContent] : [];
})"""


@pytest.mark.parametrize("name", BOOKS)
def test_no_text_is_cut(name: str, opened: Opened) -> None:
    book = BOOKS[name]()
    page, cut = opened(book), {}
    for sheet in (sheet for sheet in book.pages if not sheet.hidden):
        page.evaluate("title => { location.hash = `sheet=${title}` }", sheet.title)
        until(page, f"document.title.startsWith({sheet.title!r})")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        if found := page.evaluate(CUT):
            cut[sheet.title] = sorted(set(found))
    assert cut == {}


def test_the_last_border_of_a_table_is_painted(opened: Opened) -> None:
    """What is painted of a band ends at its edge, and half of a border stands outside its table."""
    page = opened(exercise())
    outside = page.evaluate(
        """() => [...document.querySelectorAll(".band")].map(band => {
            const table = band.querySelector("table").getBoundingClientRect();
            return band.getBoundingClientRect().right - table.right;
        })"""
    )
    assert min(outside) >= 0.5


def test_all_of_four_numbers_is_on_one_screen(opened: Opened, default_page: Path) -> None:
    """Graph, paths, algebra and the nudge, above the bar that answers."""
    page = opened(default_page, "#sheet=Four%20numbers")
    until(page, "document.title.startsWith('Four numbers')")
    last, bar, right = page.evaluate(
        """() => {
            const seen = [...document.querySelectorAll("td")].filter(td => td.offsetParent);
            const filled = seen.filter(td => td.textContent).map(td => td.getBoundingClientRect());
            const bar = document.getElementById("ask").getBoundingClientRect();
            const most = side => Math.max(...filled.map(place => place[side]));
            return [most("bottom"), bar.top, most("right")];
        }"""
    )
    assert last <= bar
    assert right <= 1366
