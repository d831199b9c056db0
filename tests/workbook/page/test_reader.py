"""What a reader does: ask a number, change it, find the way, by mouse or keyboard alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from normviz.workbook.book.cells import Book, Choice
from normviz.workbook.book.styles import INPUT_NUMBER, NUMBER
from tests.workbook.page.conftest import Opened, first_of, until


def go(page: Page, sheet: str, cell: str) -> None:
    """Follow a link to a cell."""
    script = "hash => { location.hash = hash }"
    page.evaluate(script, f"sheet={sheet.replace(' ', '%20')}&cell={cell}")
    expect(page.locator("#ask-what .where")).to_have_text(f"{sheet} {cell}")


@pytest.fixture
def small() -> Book:
    """Two sheets: three yellow numbers, a mean that a switch can turn off, and what follows."""
    book = Book("small")
    page = book.page("Data")
    for row, value in enumerate((1.0, 2.0, 6.0), start=1):
        page.put(row, 1, value, INPUT_NUMBER)
    page.put(4, 1, "mean", INPUT_NUMBER.but(bold=True))
    page.put(1, 3, 3.0, NUMBER, 'IF(A4="mean",AVERAGE(A1:A3),SUM(A1:A3))')
    page.put(60, 3, -2.0, NUMBER, "A1-C1")
    page.choices.append(Choice((1, 1, 3, 1), (), "COUNT(A1)=1", "x", "A number, please."))
    page.choices.append(Choice((4, 1, 4, 1), ("mean", "sum"), None, "what", ""))
    book.page("Behind").put(1, 1, 6.0, NUMBER, "Data!C1*2")
    book.name("total", page, (1, 3, 1, 3))
    return book


def test_a_number_says_what_it_is_and_where_it_comes_from(
    opened: Opened, default_book: Book, default_page: Path
) -> None:
    page = opened(default_page)
    where = first_of(default_book, "BatchNorm", "output")
    go(page, "BatchNorm", where)
    what = page.locator("#ask-what")
    expect(what).to_contain_text("output y of image 0, channel 0, pixel (0, 0)")
    expect(page.locator("#ask-how .symbols")).to_have_text("y = γ · x̂ + β")
    assert page.locator("#ask-how .term").count() == 3
    assert page.locator(".outline").count() == 3


def test_only_the_branch_that_was_taken_is_shown(opened: Opened, small: Book) -> None:
    page = opened(small)
    go(page, "Data", "C1")
    expect(page.locator(".formula")).to_contain_text("AVERAGE(1, 2, 6")
    expect(page.locator(".guard")).to_have_text('because A4 = "mean"')
    page.evaluate("normviz.set('Data', 'A4', 'sum')")
    expect(page.locator(".formula")).to_contain_text("SUM(1, 2, 6")
    expect(page.locator(".guard")).to_have_text('because not A4 = "mean"')


def test_a_criterion_shows_the_cells_of_the_set_alone(
    opened: Opened, default_book: Book, default_page: Path
) -> None:
    page = opened(default_page)
    sheet = next(one for one in default_book.pages if one.title == "Playground")
    where = next(w for w, cell in sheet.formulas() if "AVERAGEIF" in str(cell.formula))
    go(page, "Playground", where)
    expect(page.locator(".formula")).to_contain_text("AVERAGE(16 numbers")


def test_a_cell_that_only_shows_another_is_explained_by_that(opened: Opened) -> None:
    book = Book("shown again")
    page = book.page("Data")
    page.put(1, 1, 2.0, INPUT_NUMBER)
    page.put(2, 1, 6.0, NUMBER, "A1*3")
    page.put(3, 1, 6.0, NUMBER, 'IF(A1>0,A2,"")')
    shown = opened(book)
    go(shown, "Data", "A3")
    assert shown.locator(".formula .term").all_inner_texts() == ["6a", "2b"]
    expect(shown.locator(".formula")).to_contain_text("= 6a = 2b × 3")


def test_a_sum_of_products_is_read_as_one(opened: Opened) -> None:
    book = Book("products")
    page = book.page("Data")
    for column, value in enumerate((2.0, 3.0), start=1):
        page.put(1, column, value, INPUT_NUMBER)
        page.put(2, column, value, INPUT_NUMBER)
    page.put(3, 1, 13.0, NUMBER, "SUMPRODUCT(A1:B1,A2:B2)/2")
    shown = opened(book)
    go(shown, "Data", "A3")
    expect(shown.locator(".formula")).to_contain_text("Σ(2, 3a × 2, 3b) / 2")


def test_pointing_asks_until_a_cell_is_selected(opened: Opened, small: Book) -> None:
    page = opened(small)
    cells = page.locator("td.number")
    cells.nth(1).hover()
    expect(page.locator("#ask-what .where")).to_have_text("Data C1")
    cells.nth(0).click()
    cells.nth(2).hover()
    page.wait_for_timeout(200)
    expect(page.locator("#ask-what .where")).to_have_text("Data A1")


def test_arrows_lead_to_what_is_out_of_sight_and_back(opened: Opened, small: Book) -> None:
    page = opened(small)
    go(page, "Data", "C60")
    arrow = page.locator(".arrow").first
    expect(arrow).to_contain_text("↑")
    arrow.click()
    expect(page.locator("#ask-what .where")).to_have_text(re.compile("Data (A1|C1)"))
    page.locator("#back").click()
    expect(page.locator("#ask-what .where")).to_have_text("Data C60")


def test_a_term_on_another_sheet_is_a_jump(opened: Opened, small: Book) -> None:
    page = opened(small)
    go(page, "Behind", "A1")
    expect(page.locator(".term .elsewhere")).to_contain_text("Data")
    page.locator(".term").click()
    expect(page.locator("#ask-what .where")).to_have_text("Data C1")
    page.keyboard.press("Alt+ArrowLeft")
    expect(page.locator("#ask-what .where")).to_have_text("Behind A1")


def test_what_follows_is_tinted_and_counted(opened: Opened, small: Book) -> None:
    page = opened(small)
    go(page, "Data", "A1")
    page.get_by_role("button", name="What follows?").click()
    assert page.locator("td.follows").count() == 2
    expect(page.locator("#tabs .count")).to_have_text("1")


def test_the_keyboard_alone_changes_a_number_and_takes_it_back(opened: Opened, small: Book) -> None:
    page = opened(small)
    go(page, "Data", "A1")
    page.keyboard.press("Tab")
    expect(page.locator("#ask-what .where")).to_have_text("Data A2")
    page.keyboard.type("12")
    page.keyboard.press("Enter")
    assert page.evaluate("[normviz.get('Data', 'A2'), normviz.get('Behind', 'A1')]") == [12, 38 / 3]
    expect(page.locator("#tabs .count")).to_have_text("1")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#ask-what .where")).to_have_text("Data A1")
    page.keyboard.press("Control+z")
    assert page.evaluate("normviz.changed()") == []
    page.keyboard.press("Control+y")
    assert page.evaluate("normviz.changed()") == ["Data!C1", "Data!A2", "Data!C60", "Behind!A1"]
    page.keyboard.press("Alt+PageDown")
    expect(page.locator("#tabs [aria-current]")).to_have_text("Behind")


def test_tab_leaves_the_sheet_behind_its_last_yellow_cell(opened: Opened, small: Book) -> None:
    page = opened(small)
    go(page, "Data", "A4")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('td') === null")


def test_a_refused_value_says_why_at_its_place(opened: Opened, small: Book) -> None:
    page = opened(small)
    go(page, "Data", "A1")
    page.keyboard.type("many")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("A number, please.")
    page.keyboard.press("Escape")
    assert page.evaluate("normviz.get('Data', 'A1')") == 1
    page.keyboard.type("=1+1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("A formula cannot be typed on this page")


def test_a_drop_down_offers_its_choices(opened: Opened, small: Book) -> None:
    page = opened(small)
    page.locator("td.choice").click()
    page.locator("select.editor").select_option("sum")
    assert page.evaluate("normviz.get('Data', 'C1')") == 9


def test_dragging_scrubs_a_number_as_one_edit(opened: Opened, small: Book) -> None:
    page = opened(small)
    box = page.locator("td.yours").first.bounding_box()
    assert box is not None
    x, y = box["x"] + 10, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 7):
        page.mouse.move(x + 10 * step, y)
    page.mouse.up()
    until(page, "normviz.get('Data', 'A1') === 3")
    page.locator("#undo").click()
    assert page.evaluate("normviz.changed()") == []


def test_an_overwritten_formula_can_be_restored(opened: Opened, small: Book) -> None:
    page = opened(small)
    go(page, "Data", "C1")
    page.keyboard.type("50")
    page.keyboard.press("Enter")
    assert page.evaluate("normviz.get('Behind', 'A1')") == 100
    assert "C1" not in page.evaluate("normviz.formulas('Data')")
    page.get_by_role("button", name="Restore the formula").click()
    assert page.evaluate("normviz.get('Behind', 'A1')") == 6


def test_a_link_shows_another_reader_the_same_numbers(opened: Opened, small: Book) -> None:
    page = opened(small)
    page.evaluate("normviz.set('Data', 'A1', -2.5); normviz.set('Data', 'A2', null)")
    page.evaluate("normviz.set('Data', 'A3', \"it's <b> & 5;\")")
    go(page, "Data", "C1")
    until(page, "location.hash.includes('edits')")
    hash_ = page.evaluate("location.hash")
    other = opened(small, hash_)
    read = "['A1', 'A2', 'A3', 'C1'].map(cell => normviz.get('Data', cell))"
    assert other.evaluate(read) == [-2.5, None, "it's <b> & 5;", -2.5]
    expect(other.locator("#ask-what .where")).to_have_text("Data C1")


def test_a_link_to_another_edition_says_so(opened: Opened, small: Book) -> None:
    page = opened(small, "#sheet=Data&edition=00000000&edits=Data!A1:5")
    expect(page.get_by_role("alert")).to_contain_text("another edition of the page")
    assert page.evaluate("normviz.changed()") == []


@pytest.mark.parametrize("hash_", ["#sheet=Nowhere", "#%%%", "#edits=x", "#sheet=Data&cell=ZZ99"])
def test_a_broken_link_opens_the_page_all_the_same(opened: Opened, small: Book, hash_: str) -> None:
    page = opened(small, hash_)
    expect(page.locator("#tabs [aria-current]")).to_have_text("Data")


def test_the_search_finds_sheets_and_words(opened: Opened, default_page: Path) -> None:
    page = opened(default_page)
    page.keyboard.press("/")
    page.keyboard.type("momentum keras")
    expect(page.locator("#found li").first).to_contain_text(re.compile("keras", re.IGNORECASE))
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('td, #view') !== null")


def test_the_search_finds_questions_first(opened: Opened, default_page: Path) -> None:
    page = opened(default_page)
    for asked, question in {
        "why normalize": "Why normalize at all?",
        "batches of two": "Which norm is for batches of one or two?",
        "rmsnorm leave out": "What does RMSNorm leave out?",
        "my change": "What did my change change?",
        "dμ": "How is the backward pass derived, dμ for one?",
        "my layer": "How do I get this for my layer?",
    }.items():
        page.fill("#search", asked)
        expect(page.locator("#found .words").first).to_have_text(question)


def test_the_search_finds_a_number_as_a_sheet_shows_it(opened: Opened, small: Book) -> None:
    page = opened(small)
    page.evaluate("normviz.set('Data', 'A1', 0.9406)")
    page.keyboard.press("/")
    page.keyboard.type("-2.04")
    expect(page.locator("#found .words")).to_have_text("C60 = -2.0396")
    page.keyboard.press("Enter")
    expect(page.locator("#ask-what .where")).to_have_text("Data C60")


def test_the_page_opens_on_why_and_leads_through_ten_stops(
    opened: Opened, default_page: Path
) -> None:
    page = opened(default_page)
    expect(page.locator("#tabs [aria-current]")).to_have_text("Why")
    page.locator("#begin-tour").click()
    sheets = []
    for stop in range(1, 11):
        expect(page.locator("#tour .count")).to_have_text(f"{stop} of 10")
        sheets.append(page.locator("#tabs [aria-current]").inner_text())
        if stop < 10:
            page.locator("#tour .main").click()
    assert sheets[0] == "Why"
    assert sheets[-1] == "Checks"
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#tour")).to_be_hidden()


def test_the_tour_can_be_left(opened: Opened, default_page: Path) -> None:
    page = opened(default_page)
    page.locator("#begin-tour").click()
    expect(page.locator("#tour .main")).to_be_focused()
    page.get_by_role("button", name="Leave the tour").click()
    expect(page.locator("#tour")).to_be_hidden()


def test_random_numbers_are_drawn_anew_and_shared_by_the_link(
    opened: Opened, default_book: Book, default_page: Path
) -> None:
    page = opened(default_page)
    switch = first_of(default_book, "Inputs", "Numbers")
    drawn = first_of(default_book, "Inputs", "x in use")
    page.evaluate("cell => normviz.set('Inputs', cell, 'Random')", switch)
    row = f"""[...Array(11).keys()].map(k => normviz.get('Inputs',
        {drawn!r}.replace(/\\d+/, n => Number(n) + k)))"""
    before = page.evaluate(row)
    page.keyboard.press("F9")
    after = page.evaluate(row)
    assert before != after
    until(page, "location.hash.includes('draw=')")
    assert opened(default_page, page.evaluate("location.hash")).evaluate(row) == after


def test_charts_follow_their_cells(opened: Opened, default_book: Book, default_page: Path) -> None:
    page = opened(default_page)
    paths = "[...document.querySelectorAll('.chart path.line')].map(path => path.getAttribute('d'))"
    before = page.evaluate(paths)
    assert len(before) == 4
    scale = first_of(default_book, "Why", "scale of all weights")
    page.evaluate("cell => normviz.set('Why', cell, 2)", scale)
    after = page.evaluate(paths)
    assert [a == b for a, b in zip(before, after, strict=True)].count(False) >= 2


def test_a_phone_can_ask_and_slide_a_number(opened: Opened, small: Book) -> None:
    page = opened(small, "", (390, 844), is_mobile=True, has_touch=True)
    page.locator("td.yours").first.tap()
    page.locator(".stepper").get_by_label("A step more").tap()
    assert page.evaluate("normviz.get('Data', 'A1')") == 1.1
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
