"""The checks keep their word: any formula typed over by another number turns the verdict.

Not checked is what the sheet Checks names: its limits, whether inputs are as shipped, the verdict
itself, and yellow cells that hold a formula until one types over it.
"""

from collections import defaultdict

import ironcalc
import numpy as np
import pytest

from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book, Cell, Page
from normviz.workbook.book.styles import HEADER, HEADER_LEFT, INPUT
from normviz.workbook.draw.content import FAIL, PASS
from normviz.workbook.sheets.checks.sheet import UNCHECKED
from normviz.workbook.sheets.checks.shipped import is_checked
from normviz.workbook.sheets.subject.case import Settings
from normviz.workbook.xlsx.frame import FileBook
from tests.workbook.books import default_book
from tests.workbook.conftest import FileOf

SEED, DRAWN = 20261126, 500
READ_BY_OTHERS = ("Inputs", "Identities", "Checks")
"""Sheets that others read, or that read others: their cells are typed over one at a time."""

UNCHECKED_COLUMNS = ("allowed", "its yellow cells")
Place = tuple[int, int, int, Cell]


def checked(book: Book) -> list[Place]:
    """Sheet, row, column and cell of every formula that a check must hold."""
    return [
        (sheet, row, column, cell)
        for sheet, page in enumerate(book.pages)
        if page.title != "Contents"
        for row, line in page.rows.items()
        for column, cell in line.items()
        if cell.formula is not None and cell.style.fill != INPUT
        if is_checked(page, row, column) and not _is_named(page, row, column)
    ]


def _is_named(page: Page, row: int, column: int) -> bool:
    """Whether a cell is of a kind that the sheet Checks says is in no check."""
    if page.title != "Checks":
        return False
    heads = [
        line[column].value
        for at, line in sorted(page.rows.items())
        if at < row and column in line and line[column].style in (HEADER, HEADER_LEFT)
    ]
    return not heads or heads[-1] in UNCHECKED_COLUMNS


@pytest.fixture(scope="module")
def book() -> Book:
    return default_book()


@pytest.fixture(scope="module")
def model(file_of: FileOf) -> object:
    made = ironcalc.load_from_xlsx(str(file_of(Settings())), "en", "UTC", "en")
    made.evaluate()
    return made


def verdict(book: Book, model: object) -> str:
    (where,) = (
        (row, column)
        for row, line in book.pages[0].rows.items()
        for column, cell in line.items()
        if str(cell.value).endswith("checks pass")
    )
    return str(model.get_cell_value(0, *where))  # type: ignore[attr-defined]


def another(cell: Cell) -> str:
    """A number that the cell does not have."""
    value = cell.value
    return repr(value + 1 + abs(value) / 2) if isinstance(value, int | float) else "9"


def rounds(book: Book, drawn: list[Place]) -> list[list[Place]]:
    """The drawn cells, of those sheets that do not read each other one each at a time."""
    queues: dict[int, list[Place]] = defaultdict(list)
    alone = []
    for place in drawn:
        if book.pages[place[0]].title in READ_BY_OTHERS:
            alone.append([place])
        else:
            queues[place[0]].append(place)
    longest = max(map(len, queues.values()))
    together = [
        [queue[at] for queue in queues.values() if at < len(queue)] for at in range(longest)
    ]
    return alone + together


def verdicts_of(book: Book) -> dict[str, list[tuple[int, int]]]:
    """By the title of a sheet, row and column of the verdicts that Checks has on it."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row, line in book.pages[_sheet(book, "Checks")].rows.items():
        for column, cell in line.items():
            if cell.formula is not None and cell.value == PASS:
                found[str(line[2].value)].append((row, column))
    return found


def _sheet(book: Book, title: str) -> int:
    return next(at for at, page in enumerate(book.pages) if page.title == title)


def test_the_verdict_turns_at_whatever_formula_is_typed_over(book: Book, model: object) -> None:
    """500 drawn cells; a cell of a sheet that no other reads is judged by the sheet's own rows."""
    places = checked(book)
    assert len(places) > 9_000
    draw = np.random.default_rng(SEED)
    drawn = [places[at] for at in draw.choice(len(places), DRAWN, replace=False)]
    rows, checks, in_file = verdicts_of(book), _sheet(book, "Checks"), FileBook(book)
    assert verdict(book, model).startswith("All ")
    unseen = []
    for typed in rounds(book, drawn):
        for sheet, row, column, cell in typed:
            model.set_user_input(sheet, row, column, another(cell))  # type: ignore[attr-defined]
        model.evaluate()  # type: ignore[attr-defined]
        turned = verdict(book, model).endswith("checks FAIL")
        for sheet, row, column, cell in typed:
            title = book.pages[sheet].title
            fails = [
                model.get_cell_value(checks, *at) == FAIL  # type: ignore[attr-defined]
                for at in rows[title]
            ]
            if not turned or (len(typed) > 1 and not any(fails)):
                unseen.append(f"{title}!{address(row, column)}: {cell.formula}")
            back = f"={in_file.formula(str(cell.formula))}"
            model.set_user_input(sheet, row, column, back)  # type: ignore[attr-defined]
    model.evaluate()  # type: ignore[attr-defined]
    assert unseen == []
    assert verdict(book, model).startswith("All ")


def test_the_sheet_says_what_is_in_no_check(book: Book) -> None:
    (page,) = (page for page in book.pages if page.title == "Checks")
    texts = [cell.value for line in page.rows.values() for cell in line.values()]
    assert any(UNCHECKED in str(text) for text in texts)
    assert UNCHECKED_COLUMNS[0] in UNCHECKED
