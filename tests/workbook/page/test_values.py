"""Every number of the page is held to the model's, and after edits to an independent engine's."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import ironcalc
import pytest
from playwright.sync_api import JSHandle, Page

from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book, Value
from normviz.workbook.sheets.subject.case import Settings
from normviz.workbook.xlsx.frame import FileBook
from tests.workbook.books import book_of
from tests.workbook.conftest import FileOf
from tests.workbook.engines import Place, _row_column, differences, expected, reading, stored_values
from tests.workbook.page.conftest import Opened

OTHERS = {
    "one image": Settings((1, 4, 2, 3), groups=4, eps=1e-3),
    "one pixel": Settings((6, 4, 1, 1), groups=2, splits=3, seed=3),
    "wide": Settings((2, 6, 1, 5), groups=3, splits=1, eps=0.5, seed=5),
}
READ = "places => JSON.stringify(places.map(([sheet, address]) => normviz.get(sheet, address)))"
SCENARIOS = 40
HANDLES: WeakKeyDictionary[Page, tuple[list[Place], JSHandle]] = WeakKeyDictionary()


def values_at(page: Page, places: list[Place]) -> dict[Place, Value]:
    """What the page has at some places, which it keeps for the next time."""
    handle = HANDLES.get(page)
    if handle is None or handle[0] != places:
        handle = HANDLES[page] = (places, page.evaluate_handle("JSON.parse", json.dumps(places)))
    return dict(zip(places, json.loads(page.evaluate(READ, handle[1])), strict=True))


def test_every_formula_cell_has_the_value_of_numpy(
    opened: Opened, default_book: Book, default_page: Path
) -> None:
    wanted = expected(default_book)
    assert len(wanted) > 5000
    assert differences(wanted, values_at(opened(default_page), list(wanted))) == []


@pytest.mark.parametrize("settings", OTHERS.values(), ids=OTHERS.keys())
def test_other_shapes_have_the_values_of_numpy(opened: Opened, settings: Settings) -> None:
    book = book_of(settings)
    wanted = expected(book)
    assert differences(wanted, values_at(opened(book), list(wanted))) == []


def test_every_formula_reads_back_as_it_was_written(
    opened: Opened, default_book: Book, default_page: Path
) -> None:
    page = opened(default_page)
    for sheet in default_book.pages:
        wanted = {where: cell.formula for where, cell in sheet.formulas()}
        assert page.evaluate("title => normviz.formulas(title)", sheet.title) == wanted


class Rival:
    """The same book in ironcalc, edited alongside."""

    def __init__(self, book: Book, path: Path) -> None:
        self.model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
        self.sheets = {page.title: at for at, page in enumerate(book.pages)}

    def put(self, place: Place, value: Value) -> None:
        where = (self.sheets[place[0]], *_row_column(place[1]))
        if value is None:
            self.model.clear_cell_contents(*where)
        elif isinstance(value, str):
            self.model.set_user_input(*where, f"'{value}")
        else:
            self.model.set_user_input(*where, str(value).upper())

    def restore(self, place: Place, value: Value, formula: str | None) -> None:
        if formula is None:
            self.put(place, value)
        else:
            where = (self.sheets[place[0]], *_row_column(place[1]))
            self.model.set_user_input(*where, f"={formula}")

    def values(self, places: list[Place]) -> dict[Place, Value]:
        self.model.evaluate()
        return {
            place: self.model.get_cell_value(self.sheets[place[0]], *_row_column(place[1]))
            for place in places
        }


def edits_of(seed: int, inputs: list[Place], live: list[Place]) -> dict[Place, Any]:
    """Up to six edits: numbers, blanks, texts, truth values, very large numbers, and formulas
    overwritten. None is nearer to zero than 1e-8: ironcalc takes 1e-200 = 0 for true, Excel not.
    """
    draw = random.Random(seed)
    kinds = {
        "number": lambda: draw.randint(-40, 40) / 4,
        "blank": lambda: None,
        "text": lambda: draw.choice(["abc", "5", "PASS"]),
        "truth": lambda: draw.random() < 0.5,
        "large": lambda: draw.choice([1e8, 1e15, 1e160, -1e300]),
        "small": lambda: draw.choice([1e-8, 0]),
    }
    made: dict[Place, Any] = {}
    for _ in range(draw.randint(1, 6)):
        kind = draw.choice(["formula", *kinds, "number"])
        if kind == "formula":
            made[draw.choice(live)] = draw.randint(-20, 20) / 4
        else:
            made[draw.choice(inputs)] = kinds[kind]()
    return made


def _kind(value: Value) -> Value:
    """Errors by kind: where a power is too large Excel and the page say #NUM!, ironcalc #DIV/0!."""
    return "#NUM!" if value == "#DIV/0!" else value


def test_forty_scenarios_of_edits_equal_ironcalc(
    opened: Opened, default_book: Book, default_page: Path, file_of: FileOf
) -> None:
    page = opened(default_page)
    cells = {
        (sheet.title, address(row, column)): cell
        for sheet in default_book.pages
        for row, line in sheet.rows.items()
        for column, cell in line.items()
    }
    live = [place for place, cell in cells.items() if cell.formula is not None]
    inputs = [p for p, cell in cells.items() if cell.style.unlocked and cell.value is not None]
    rival = Rival(default_book, file_of(Settings()))
    in_file = FileBook(default_book)
    wrong: dict[int, list[str]] = {}
    for seed in range(SCENARIOS):
        edits = edits_of(seed, inputs, live)
        script = "edits => edits.forEach(([s, a, v]) => normviz.set(s, a, v))"
        page.evaluate(script, [[*place, value] for place, value in edits.items()])
        for place, value in edits.items():
            rival.put(place, value)
        wanted = {place: _kind(value) for place, value in rival.values(live).items()}
        found = {place: _kind(value) for place, value in values_at(page, live).items()}
        wrong[seed] = differences(wanted, found)
        page.click("#reset")
        for place in edits:
            formula = cells[place].formula
            rival.restore(place, cells[place].value, formula and in_file.formula(formula))
    assert {seed: found[:3] for seed, found in wrong.items() if found} == {}
    assert differences(expected(default_book), values_at(page, live)) == []


@pytest.mark.parametrize("name", ["normalization", "tokens"])
def test_the_committed_page_has_the_values_of_the_file_beside_it(opened: Opened, name: str) -> None:
    folder = Path(__file__).parents[3] / "workbooks"
    cached = stored_values(folder / f"{name}.xlsx")
    with reading(folder / f"{name}.xlsx") as book:
        wanted = {
            place: cached.get(place)
            for sheet in book
            for line in sheet.iter_rows()
            for cell in line
            if cell.data_type == "f" and (place := (sheet.title, cell.coordinate))
        }
    assert len(wanted) > 500
    page = opened(folder / f"{name}.html")
    assert differences(wanted, values_at(page, list(wanted))) == []
    assert page.locator("#download").get_attribute("href") == f"{name}.xlsx"


def test_the_committed_page_is_current(default_page: Path) -> None:
    committed = Path(__file__).parents[3] / "workbooks" / "normalization.html"
    assert committed.read_bytes() == default_page.read_bytes(), "run make workbook"
