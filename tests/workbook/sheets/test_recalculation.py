"""Three engines recalculate every formula of every workbook and must find NumPy's values."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openpyxl.utils.cell import coordinate_from_string

from normviz.norms.declared import NORMS
from normviz.workbook.book.address import address, column_number
from normviz.workbook.book.cells import Book, Value
from normviz.workbook.build import build
from normviz.workbook.draw.content import FAIL, PASS, RESTS
from normviz.workbook.draw.places import NOWHERE
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.sheets import inputs
from normviz.workbook.sheets.checks.shipped import is_checked
from normviz.workbook.sheets.subject.case import Case, Settings
from normviz.workbook.write import save
from tests.workbook.books import book_of, default_book
from tests.workbook.conftest import FileOf
from tests.workbook.engines import (
    Place,
    differences,
    expected,
    gnumeric_values,
    ironcalc_values,
    office_values,
)

SETTINGS = {
    "default": Settings(),
    "one image": Settings((1, 4, 2, 3), groups=4, eps=1e-3),
    "one pixel": Settings((6, 4, 1, 1), groups=2, splits=3, seed=3),
    "one channel": Settings((4, 1, 3, 3), groups=1, splits=4, seed=4),
    "wide": Settings((2, 6, 1, 5), groups=3, splits=1, eps=0.5, seed=5),
    "tall": Settings((3, 4, 4, 1), groups=2, splits=1, seed=6, also=("n [c] h w",)),
    "tokens": Settings((2, 5, 8)),
    "signals": Settings((2, 4, 6), axes=("n", "c", "l")),
}


@pytest.fixture(scope="module", params=SETTINGS.values(), ids=SETTINGS.keys())
def built(request: Any, file_of: FileOf) -> tuple[Book, Path]:
    return book_of(request.param), file_of(request.param)


def test_ironcalc_finds_the_values_of_numpy(built: tuple[Book, Path]) -> None:
    book, path = built
    wanted = expected(book)
    assert len(wanted) > 200
    assert differences(wanted, ironcalc_values(path, wanted)) == []


def test_libreoffice_finds_the_values_of_numpy(built: tuple[Book, Path], tmp_path: Path) -> None:
    book, path = built
    assert differences(expected(book), office_values(path, tmp_path)) == []


def test_gnumeric_finds_the_values_of_numpy(built: tuple[Book, Path], tmp_path: Path) -> None:
    """All but what is made of rounding alone: Debian's Gnumeric computes with more digits."""
    book, path = built
    wanted = {
        place: value
        for page in book.pages
        for place, value in ((((page.title, a)), c.value) for a, c in page.formulas())
        if is_checked(page, *_row_column(place[1]))
    }
    assert len(wanted) > 200
    assert differences(wanted, gnumeric_values(path, tmp_path)) == []


def _row_column(where: str) -> tuple[int, int]:
    letters, row = coordinate_from_string(where)
    return row, column_number(letters)


def test_all_checks_pass(built: tuple[Book, Path]) -> None:
    book, _ = built
    says, *changed = (cell.value for _, cell in book.pages[0].formulas())
    assert str(says).endswith("checks pass")
    assert set(changed) == {""}


def verdict(book: Book) -> Place:
    """The cell of Contents that says whether all checks pass."""
    where, _ = next(book.pages[0].formulas())
    return "Contents", where


def test_engines_recalculate_and_do_not_trust_the_file(tmp_path: Path) -> None:
    """The proof above would be none if a wrong cached value came back unchanged."""
    book = Book("wrong")
    book.page("Data").put(1, 1, 5.0, formula="1+1")
    path = save(book, tmp_path / "wrong.xlsx")
    assert ironcalc_values(path, {("Data", "A1"): None})["Data", "A1"] == 2
    assert office_values(path, tmp_path)["Data", "A1"] == 2
    assert gnumeric_values(path, tmp_path)["Data", "A1"] == 2


def typed_inputs(case: Case) -> dict[Place, str]:
    """What a student types into the yellow cells to get a case's inputs."""
    cells = inputs.build(Book("places"), Case(case.settings))
    tensors = {
        "typed_x": case.x,
        "typed_grad_output": case.grad_output,
        "gamma": case.gamma,
        "beta": case.beta,
        "running_mean": case.running_mean,
        "running_var": case.running_var,
    }
    typed = {
        ("Inputs", place_of(cells, name, index)): repr(float(value))
        for name, tensor in tensors.items()
        for index, value in enumerate(np.ravel(tensor))
    }
    return typed | {("Inputs", place_of(cells, "eps")): repr(case.settings.eps)}


def place_of(sheet: Sheet, name: str, index: int | None = None) -> str:
    """The address of a value of a block."""
    row, column, *_ = sheet.placed[name].find(NOWHERE, "" if index is None else str(index))[0]
    return address(row, column)


@pytest.mark.parametrize("name", ["default", "wide"])
def test_changed_inputs_give_the_values_of_a_new_trace(name: str, file_of: FileOf) -> None:
    settings = SETTINGS[name]
    draw = np.random.default_rng(7)
    case = Case(settings)
    case.x = 3 * draw.standard_normal(settings.shape) + 5
    case.grad_output = draw.standard_normal(settings.shape)
    channels = settings.shape[1]
    case.gamma, case.beta = draw.standard_normal(channels), draw.standard_normal(channels)
    case.running_mean, case.running_var = draw.standard_normal(channels), draw.random(channels)
    after = build(settings, case)
    norms = {norm.title for norm in NORMS.values()}
    wanted: dict[Place, Value] = {
        place: value for place, value in expected(after).items() if place[0] in norms
    }
    found = ironcalc_values(file_of(settings), wanted, typed_inputs(case))
    assert differences(wanted, found) == []


def test_scale_and_offset_act_on_all_of_x_on_every_sheet(file_of: FileOf) -> None:
    settings = Settings()
    case = Case(settings)
    cells = inputs.build(Book("places"), Case(settings))
    case.x = 3 * case.x - 7.5
    norms = {norm.title for norm in NORMS.values()}
    after = expected(build(settings, case))
    wanted = {place: value for place, value in after.items() if place[0] in norms}
    typed = {"scale": "3", "offset": "-7.5"}
    places = {("Inputs", place_of(cells, name)): text for name, text in typed.items()}
    assert differences(wanted, ironcalc_values(file_of(settings), wanted, places)) == []


def test_changed_inputs_rest_the_comparison_and_keep_the_laws(file_of: FileOf) -> None:
    settings = Settings()
    book = book_of(settings)
    case = Case(settings)
    case.x = case.x + 0.25
    wanted = {place: v for place, v in expected(book).items() if place[0] == "Checks"}
    found = ironcalc_values(file_of(settings), wanted, typed_inputs(case))
    before = list(expected(book).values()).count(PASS)
    verdicts = list(found.values())
    assert FAIL not in verdicts
    passing = verdicts.count(PASS)
    steps = sum(len(case.trace(op)) - 1 for op in NORMS)
    assert 3 * len(NORMS) < passing < before - 2 * steps
    assert f"All {passing} checks that hold for any input pass" in verdicts
    assert passing + verdicts.count(RESTS) >= before


def _huge_gradients(case: Case) -> None:
    case.grad_output = 1e6 * np.arange(case.x.size, dtype=np.float64).reshape(case.shape)


def _huge_weight(case: Case) -> None:
    case.gamma = case.gamma * [1e7, 1, 1, 1]


def _constant_and_tiny_eps(case: Case) -> None:
    case.x = np.full(case.shape, 0.1)
    case.settings = Settings(eps=1e-18)


def _far_from_zero(case: Case) -> None:
    case.x = case.x + 1e6


@pytest.mark.parametrize(
    "change", [_huge_gradients, _huge_weight, _constant_and_tiny_eps, _far_from_zero]
)
def test_the_laws_are_held_to_what_rounding_allows(change: Any, file_of: FileOf) -> None:
    case = Case(Settings())
    change(case)
    wanted = {p: v for p, v in expected(default_book()).items() if p[0] == "Checks"}
    found = ironcalc_values(file_of(Settings()), wanted, typed_inputs(case))
    verdicts = list(found.values())
    assert FAIL not in verdicts
    assert f"All {verdicts.count(PASS)} checks that hold for any input pass" in verdicts


def test_a_formula_overwritten_by_a_number_fails_a_check(file_of: FileOf) -> None:
    book, path = default_book(), file_of(Settings())
    norm = next(page for page in book.pages if page.title == "GroupNorm")
    cell = next(a for a, c in norm.formulas() if c.formula and c.formula.startswith("AVERAGE"))
    (says,) = ironcalc_values(path, {verdict(book): None}, {("GroupNorm", cell): "9"}).values()
    assert str(says).endswith("checks FAIL")


def test_random_draws_whole_numbers_and_the_laws_hold(file_of: FileOf) -> None:
    settings = Settings()
    cells = inputs.build(Book("places"), Case(settings))
    switch = {("Inputs", place_of(cells, "switch")): "Random"}
    used: dict[Place, Value] = {("Inputs", place_of(cells, "x", i)): None for i in range(64)}
    drawn = list(ironcalc_values(file_of(settings), used, switch).values())
    assert all(value == int(value) and -4 <= value <= 4 for value in drawn)  # type: ignore
    assert len(set(drawn)) > 3


def test_a_workbook_with_long_sheets_is_written_and_held_to_its_values(tmp_path: Path) -> None:
    """No formula is too long, and the last cells of a sheet are in a check as the first are."""
    book = build(Settings((6, 8, 2, 2)))
    path = save(book, tmp_path / "long.xlsx")
    wanted = {place: v for place, v in expected(book).items() if place[0] in ("Contents", "Checks")}
    assert differences(wanted, ironcalc_values(path, wanted)) == []
    page = next(page for page in book.pages if page.title == "InstanceNorm")
    *_, (last, _) = page.formulas()
    (says,) = ironcalc_values(path, {verdict(book): None}, {(page.title, last): "123"}).values()
    assert str(says).endswith("checks FAIL")
