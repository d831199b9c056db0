"""What a reader sees: numbers as they come into sight, outlines on cells, print, a phone."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from normviz.workbook.book.cells import Book, Picture
from normviz.workbook.book.styles import INPUT_NUMBER, NUMBER
from tests.workbook.page.conftest import Opened, first_of, until

ROWS = 400


@pytest.fixture
def tall() -> Book:
    """A yellow number, and many rows that follow from it."""
    book = Book("tall")
    page = book.page("Data")
    page.put(1, 1, 1.0, INPUT_NUMBER)
    for row in range(2, ROWS + 1):
        if row % 5:
            page.put(row, 1, 1.0 + row, NUMBER, f"$A$1+{row}")
    return book


def shown(page: Page, row: int) -> str:
    """What stands in the first cell of a row, as the table has it."""
    text: str = page.evaluate(
        "row => document.querySelector(`tr[aria-rowindex='${row}'] td`).textContent", row
    )
    return text


def test_numbers_out_of_sight_are_written_when_they_come_into_sight(
    opened: Opened, tall: Book
) -> None:
    page = opened(tall)
    page.evaluate("normviz.set('Data', 'A1', 2)")
    assert shown(page, 4) == "6.000"
    assert page.evaluate("normviz.get('Data', 'A399')") == 401
    page.evaluate("document.getElementById('view').scrollTop = 1e6")
    until(page, "document.querySelector(\"tr[aria-rowindex='399'] td\").textContent === '401.000'")


def test_numbers_out_of_sight_are_written_a_moment_later(opened: Opened, tall: Book) -> None:
    page = opened(tall)
    page.evaluate("normviz.set('Data', 'A1', 3)")
    until(page, "document.querySelector(\"tr[aria-rowindex='399'] td\").textContent === '402.000'")


def marked(page: Page) -> list[str]:
    """What is said to have another value than as shipped, by a line and by weight."""
    script = """[...document.querySelectorAll("td.differs")].filter(td => {
        const { textDecorationStyle, fontWeight } = getComputedStyle(td);
        return textDecorationStyle === "double" && Number(fontWeight) >= 600;
    }).map(td => td.textContent)"""
    found: list[str] = page.evaluate(script)
    return found


def test_what_differs_from_the_book_as_shipped_is_marked(opened: Opened) -> None:
    book = Book("marks")
    data = book.page("Data")
    data.put(1, 1, 1.0, INPUT_NUMBER)
    data.put(2, 1, 2.0, NUMBER, "$A$1+1")
    data.put(3, 1, 5.0, NUMBER, "5+0*$A$1")
    page = opened(book)
    assert marked(page) == []
    page.evaluate("normviz.set('Data', 'A1', 2)")
    assert marked(page) == ["2", "3.000"]
    page.evaluate("normviz.set('Data', 'A1', 1)")
    assert marked(page) == []


def test_on_a_sheet_of_answers_only_what_is_given_is_marked(opened: Opened) -> None:
    book = Book("answers")
    data = book.page("Data")
    data.answers = True
    data.put(1, 1, 1.0, NUMBER)
    data.put(2, 1, None, INPUT_NUMBER)
    data.put(3, 1, 1.0, NUMBER, "$A$1+$A$2")
    page = opened(book)
    page.evaluate("normviz.set('Data', 'A2', 4)")
    assert marked(page) == []
    page.evaluate("normviz.set('Data', 'A1', 3)")
    assert marked(page) == ["3.000"]


def test_a_printed_sheet_has_every_number(opened: Opened, tall: Book, tmp_path: Path) -> None:
    reader = shutil.which("pdftotext")
    if reader is None:
        pytest.skip("pdftotext is not installed")
    page = opened(tall)
    page.evaluate("normviz.set('Data', 'A1', 4)")
    page.pdf(path=tmp_path / "sheet.pdf", prefer_css_page_size=True)
    command = [reader, "-layout", str(tmp_path / "sheet.pdf"), "-"]
    words = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert {f"{4 + row}.000" for row in range(2, ROWS) if row % 5} <= set(words)
    assert "Undo" not in words


def test_what_changed_is_marked_and_fades(opened: Opened, tall: Book) -> None:
    page = opened(tall)
    page.evaluate("normviz.set('Data', 'A1', 2)")
    assert page.locator(".changed").count() > 10
    until(page, "document.querySelectorAll('.fading').length > 10")
    until(page, "document.querySelectorAll('.changed, .fading').length === 0")


@pytest.mark.parametrize("way", ["dragged", "slid"])
def test_what_a_moving_number_changed_is_marked_when_it_rests(
    opened: Opened, tall: Book, way: str
) -> None:
    page = opened(tall, "#sheet=Data&cell=A1")
    until(page, "document.querySelector('.slider')")
    page.evaluate("window.slider = document.querySelector('.slider')")
    if way == "dragged":
        box = page.locator("td.yours").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 10, box["y"] + 10)
        page.mouse.down()
        page.mouse.move(box["x"] + 40, box["y"] + 10)
    else:
        page.evaluate("slider.value = '10'; slider.dispatchEvent(new Event('input'))")
    until(page, "normviz.get('Data', 'A1') === 2")
    assert page.locator(".changed").count() == 0
    if way == "dragged":
        page.mouse.up()
    else:
        page.evaluate("slider.dispatchEvent(new Event('change'))")
    until(page, "document.querySelectorAll('.changed').length > 10")
    until(page, "document.querySelectorAll('.changed, .fading').length === 0")


def test_a_slider_stays_where_it_is_while_it_slides(opened: Opened, tall: Book) -> None:
    page = opened(tall, "#sheet=Data&cell=A1")
    slider = page.locator(".slider")
    before = slider.bounding_box()
    slider.evaluate("(own) => { window.slider = own; own.value = '10' }")
    slider.evaluate("(own) => own.dispatchEvent(new Event('input'))")
    until(page, "normviz.get('Data', 'A1') === 2")
    assert page.evaluate("document.querySelector('.slider') === slider")
    assert slider.bounding_box() == before
    page.get_by_role("button", name="Put it back").click()
    assert page.evaluate("normviz.changed()") == []


@pytest.mark.parametrize(
    ("sheet", "block", "size"),
    [("BatchNorm", "grad_input", (1366, 768)), ("Evaluation", "y in evaluation", (390, 844))],
    ids=["a screen", "a phone"],
)
def test_outlines_lie_on_the_cells_that_a_number_comes_from(
    opened: Opened,
    default_book: Book,
    default_page: Path,
    sheet: str,
    block: str,
    size: tuple[int, int],
) -> None:
    cell = first_of(default_book, sheet, block)
    page = opened(default_page, f"#sheet={sheet}&cell={cell}", size)
    expect(page.locator("#ask-what .where")).to_have_text(f"{sheet} {cell}")
    page.wait_for_timeout(300)
    apart = page.evaluate("""() => [...document.querySelectorAll('.outline')].map(outline => {
        const own = outline.getBoundingClientRect();
        const middle = [own.left + own.width / 2, own.top + own.height / 2];
        const cells = [...document.querySelectorAll('td[data-at]')].map(td => {
            const box = td.getBoundingClientRect();
            return Math.hypot(box.left + box.width / 2 - middle[0],
                              box.top + box.height / 2 - middle[1]);
        });
        return Math.min(...cells);
    })""")
    assert len(apart) >= 5
    assert max(apart) < 3


def test_texts_are_folded_to_the_width_of_a_phone(opened: Opened, default_page: Path) -> None:
    page = opened(default_page, "#sheet=Why", (390, 844), is_mobile=True, has_touch=True)
    ends = page.evaluate("""() => [...document.querySelectorAll("tr")].slice(0, 8).flatMap(row =>
        [...row.querySelectorAll("td[data-at]")].filter(td => td.textContent).map(td => {
            const range = document.createRange();
            range.selectNodeContents(td.firstElementChild ?? td);
            return range.getBoundingClientRect().right;
        }))""")
    assert len(ends) > 8
    assert max(ends) <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_title_stays_in_sight_on_a_phone(opened: Opened, default_page: Path) -> None:
    page = opened(default_page, "#sheet=Evaluation", (390, 844), is_mobile=True, has_touch=True)
    page.evaluate("document.getElementById('view').scrollLeft = 400")
    box = page.get_by_text("Evaluation: why the same input").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


def test_the_button_turns_light_and_dark(opened: Opened, tall: Book) -> None:
    page = opened(tall, color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    for _ in range(2):
        page.locator("#theme").click()
    assert page.evaluate(paper) != light
    page.locator("#theme").click()
    assert page.evaluate(paper) == light


def test_a_picture_of_the_book_stands_in_its_row(opened: Opened) -> None:
    drawn = io.BytesIO()
    Image.new("RGB", (30, 20), "#336699").save(drawn, "PNG")
    book = Book("pictured")
    page = book.page("Data")
    page.put(1, 1, "above")
    page.put(9, 2, "below")
    page.pictures.append(Picture(drawn.getvalue(), 3, 2, 60, 40))
    shown_page = opened(book)
    assert shown_page.evaluate("document.querySelector('img').naturalWidth") == 30
    box = shown_page.locator("img").bounding_box()
    above = shown_page.locator("td[data-at]").first.bounding_box()
    assert box is not None
    assert above is not None
    assert above["y"] + above["height"] <= box["y"] < above["y"] + 3 * above["height"]
