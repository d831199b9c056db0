"""The page as a file: one, small, closed to the world, the same bytes for the same book."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from normviz.workbook.book.cells import Book, Choice
from normviz.workbook.book.styles import INPUT_NUMBER
from normviz.workbook.lint.formulas import SAFE_FUNCTIONS
from normviz.workbook.page.cells import MOST_CELLS, PageError
from normviz.workbook.page.shapes import FUNCTIONS
from normviz.workbook.page.write import page_bytes
from tests.workbook.page.conftest import Opened, until

EVIL = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "=1+1",
    "<!--<script>",
)


def test_a_page_is_small(default_page: Path) -> None:
    content = default_page.read_bytes()
    assert len(content) <= 1_500_000
    assert len(gzip.compress(content)) <= 350_000


def test_a_page_speaks_of_cells_to_type_into_where_there_are_any(opened: Opened) -> None:
    said = []
    for look in (INPUT_NUMBER, INPUT_NUMBER.but(unlocked=False)):
        book = Book("one")
        page = book.page("One")
        page.put(1, 1, 2.0, look)
        page.put(1, 2, 3.0, formula="A1+1")
        said.append(opened(book).locator("#ask-how").inner_text())
    assert said[0].startswith("Yours are the yellow cells")
    assert said[1] == "No cell of this book is to be typed over."


def test_a_page_is_made_without_openpyxl() -> None:
    code = (
        "import sys; import normviz.workbook.page.write; "
        "print([name for name in sys.modules if name.startswith('openpyxl')])"
    )
    run = [sys.executable, "-c", code]
    assert subprocess.run(run, check=True, capture_output=True, text=True).stdout == "[]\n"


def test_a_page_asks_nobody_anything(opened: Opened, default_page: Path) -> None:
    page = opened(default_page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("normviz.set('Inputs', 'C18', 2.5)")
    for title in page.evaluate("normviz.sheets()"):
        page.evaluate("title => { location.hash = `sheet=${encodeURIComponent(title)}` }", title)
    loaded = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert asked == []
    assert loaded == []


def test_the_policy_forbids_other_scripts(
    opened: Opened, default_page: Path, faults: list[str]
) -> None:
    text = default_page.read_text(encoding="utf-8")
    policy = text.split('Content-Security-Policy" content="')[1].split('"')[0]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    page = opened(default_page)
    code = "import('data:text/javascript,1').then(() => 'loaded', () => 'refused')"
    assert page.evaluate(f"new Promise(done => done({code}))") == "refused"
    assert len(faults) == 1
    assert "Content Security Policy" in faults.pop()


def test_exactly_the_safe_functions_compile() -> None:
    assert FUNCTIONS == SAFE_FUNCTIONS


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        ("OFFSET(A1,1,1)", "cell Sheet!B2: a page has no function OFFSET"),
        ("A1:A2+1", "cell Sheet!B2: an area stands where a single value is needed"),
        ("SUM(A1", "cell Sheet!B2: the formula 'SUM(A1' cannot be read"),
        ("ABS(1,2)", "cell Sheet!B2: ABS takes 1 arguments, not 2"),
        ("Nowhere!A1", "cell Sheet!B2: the sheet 'Nowhere' does not exist"),
        ("missing+1", "cell Sheet!B2: the formula 'missing+1' cannot be read: the name 'missing'"),
        ("B2+1", "cell Sheet!B2 depends on itself"),
        ("A1*B3", "cell Sheet!B2 depends on itself"),
    ],
)
def test_what_cannot_be_computed_is_refused_with_its_cell(formula: str, sentence: str) -> None:
    book = Book("refused")
    page = book.page("Sheet")
    page.put(1, 1, 1.0)
    page.put(2, 2, 2.0, formula=formula)
    page.put(3, 2, 2.0, formula="B2")
    with pytest.raises(PageError) as refused:
        page_bytes(book)
    assert str(refused.value).startswith(sentence)


def test_a_book_too_large_is_refused_with_the_limit() -> None:
    book = Book("large")
    book.page("Sheet").put(MOST_CELLS, 2, 1.0)
    with pytest.raises(PageError, match="has 400,000 cells and a page holds 200,000"):
        page_bytes(book)


def test_texts_of_a_user_stay_texts(opened: Opened) -> None:
    book = Book(EVIL[0])
    for text in EVIL:
        page = book.page(text[:20].replace("/", "").replace("?", ""))
        page.put(1, 1, text)
        page.put(2, 1, 1.0, INPUT_NUMBER)
        page.choices.append(Choice((2, 1, 2, 1), (), "COUNT(A2)=1", text, text))
        page.put(3, 1, f"{text}!", formula='A1&"!"')
        page.put(4, 1, "x", formula='"</script><b>"&"x"')
    shown = opened(book)
    titles = shown.evaluate("normviz.sheets()")
    for title, text in zip(titles, EVIL, strict=True):
        shown.evaluate("title => { location.hash = `sheet=${encodeURIComponent(title)}` }", title)
        until(shown, f"document.title.startsWith({title!r})")
        assert shown.evaluate("title => normviz.get(title, 'A3')", title) == f"{text}!"
        assert shown.locator("td[data-at]").first.inner_text() == text
        shown.locator("td[data-at]").nth(1).click()
        assert shown.locator("#ask b, #ask img, td b, td img, td script").count() == 0
    shown.evaluate("title => normviz.set(title, 'A2', '=1+1')", titles[0])
    assert shown.evaluate("title => normviz.get(title, 'A2')", titles[0]) == "=1+1"
