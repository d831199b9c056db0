"""Exercises mark themselves: right formulas turn green, usual mistakes amber, the rest red."""

import re
from functools import cache
from pathlib import Path

import ironcalc
import openpyxl
import pytest

from normviz.cli.commands import main
from normviz.reference.trace import Trace
from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book, Cell, Page
from normviz.workbook.book.styles import (
    BAD,
    GOOD,
    INPUT,
)
from normviz.workbook.exercise.asked_steps import ALL, asked_steps
from normviz.workbook.exercise.exercise import (
    OPS,
    SETTINGS,
    exercise,
    write_exercise,
)
from normviz.workbook.exercise.marks import ADVICE, FOLLOWS, RIGHT, ROUNDED, WRONG
from normviz.workbook.exercise.sheet import ExerciseSheet
from normviz.workbook.lint.sheets import parse_area
from normviz.workbook.sheets.subject.case import Case, Settings
from tests.workbook.engines import (
    Place,
    differences,
    expected,
    ironcalc_values,
    office_values_of,
)

POINTS = 20 + 18 + 18 + 13
MARKS = {RIGHT, ROUNDED, FOLLOWS, WRONG}
SCORE: Place = ("Contents", "C10")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_exercise(tmp_path_factory.mktemp("exercise") / "lesson.xlsx")


@cache
def student() -> Book:
    return exercise()


@cache
def solved() -> Book:
    return exercise(answers=True)


def answers() -> dict[Place, Cell]:
    """Every cell to be filled in, as the file of answers has it."""
    return {
        (page.title, where): cell
        for page in solved().pages
        if not page.hidden
        for where, cell in page.formulas()
        if cell.style.fill == INPUT
    }


def formulas() -> dict[Place, str]:
    return {place: f"={cell.formula}" for place, cell in answers().items()}


def drawn(op: str) -> ExerciseSheet:
    """The student's sheet of a norm, which knows where each step stands."""
    return ExerciseSheet(Book("one"), Case(SETTINGS).trace(op))


def trace_of(op: str) -> Trace:
    return Case(SETTINGS).trace(op)


def found_in(path: Path, typed: dict[Place, str]) -> dict[Place, object]:
    return dict(ironcalc_values(path, expected(student()), typed))


def test_the_name_of_the_score_is_where_the_test_looks() -> None:
    assert student().names["exercise_score"] == "Contents!$C$10"


def test_right_formulas_turn_all_green_with_full_score(files: tuple[Path, Path]) -> None:
    found = found_in(files[0], formulas())
    assert differences({p: v for p, v in expected(solved()).items() if p in found}, found) == []
    assert found[SCORE] == POINTS
    marks = [value for value in found.values() if value in MARKS]
    assert marks == [RIGHT] * len(answers())


@pytest.mark.parametrize("decimals", [3, 2])
def test_numbers_of_two_or_three_decimals_are_right_too(
    decimals: int, files: tuple[Path, Path]
) -> None:
    typed = {place: f"{cell.value:.{decimals}f}" for place, cell in answers().items()}
    found = found_in(files[0], typed)
    assert found[SCORE] == POINTS
    said = "Right, to two decimals." in found.values()
    assert said == (decimals == 2)


def test_an_empty_exercise_has_no_marks_and_no_score(files: tuple[Path, Path]) -> None:
    found = found_in(files[0], {})
    assert differences(expected(student()), found) == []
    assert found[SCORE] == 0
    assert not MARKS & set(map(str, found.values()))


def test_marks_stay_right_when_the_inputs_change(files: tuple[Path, Path]) -> None:
    typed = formulas()
    for op in OPS:
        sheet = drawn(op)
        for name in ("x", "grad_output", "weight"):
            places = [sheet.placed[name].at(i) for i in range(2)]
            typed |= {(sheet.title, where): str(7.5 - i) for i, where in enumerate(places)}
        eps = sheet.chain.eps.replace("$", "")
        typed |= {(sheet.title, eps): "0.3"}
    found = found_in(files[0], typed)
    assert found[SCORE] == POINTS
    changed = {p: v for p, v in expected(solved()).items() if p in found}
    assert differences(changed, found) != []
    constants = {place: str(cell.value) for place, cell in answers().items()} | {
        place: text for place, text in typed.items() if place not in answers()
    }
    assert found_in(files[0], constants)[SCORE] < POINTS / 2  # type: ignore[operator]


@pytest.mark.parametrize("text", ["999", "hello", "=1/0", "=-1E+300"])
def test_nonsense_turns_red(text: str, files: tuple[Path, Path]) -> None:
    sheet = drawn("group_norm")
    cell = sheet.placed["variance"].at(1)
    typed = {(sheet.title, cell): text}
    found = found_in(files[0], typed)
    mark = sheet.placed["marks_variance"].at(1)
    assert found[sheet.title, mark] == WRONG
    assert any(str(value).startswith("Not yet.") for value in found.values())
    assert fill(files[0], typed, sheet, cell) == fill(files[0], typed, sheet, mark) == BAD


def test_right_turns_green(files: tuple[Path, Path]) -> None:
    sheet = drawn("layer_norm")
    cell = sheet.placed["mean"].at(0)
    typed = {place: f for place, f in formulas().items() if place == (sheet.title, cell)}
    assert fill(files[0], typed, sheet, cell) == GOOD
    assert fill(files[0], {}, sheet, cell) == INPUT


def fill(path: Path, typed: dict[Place, str], sheet: ExerciseSheet, where: str) -> str:
    """The color of a cell after its conditional formats."""
    model = ironcalc.UserModel.from_xlsx(str(path), "en", "UTC", "en")
    titles = [page.title for page in student().pages]
    model.pause_evaluation()
    for (title, place), text in typed.items():
        model.set_user_input(titles.index(title), *parse_area(place)[:2], text)
    model.resume_evaluation()
    model.evaluate()
    row, column = parse_area(where)[:2]
    style = model.get_extended_cell_style(titles.index(sheet.title), row, column)["style"]
    return str(style["fill"]["color"])[-6:].upper()


def test_the_key_is_out_of_sight_and_made_of_formulas(files: tuple[Path, Path]) -> None:
    book = openpyxl.load_workbook(files[0])
    keys = [sheet for sheet in book if sheet.title.startswith("Key ")]
    assert len(keys) == len(OPS)
    for sheet in keys:
        assert sheet.sheet_state == "veryHidden"
        numbers = [c.value for row in sheet for c in row if isinstance(c.value, int | float)]
        assert numbers == []
    asked = list(formulas())
    assert all(book[title][where].value is None for title, where in asked)


def test_who_links_to_the_key_gets_no_points(files: tuple[Path, Path]) -> None:
    linked = {(title, where): f"='Key {title}'!{where}" for title, where in answers()}
    found = found_in(files[0], linked)
    assert found[SCORE] == 0
    assert not {RIGHT, ROUNDED} & set(map(str, found.values()))


def test_right_from_a_wrong_number_follows_and_counts(files: tuple[Path, Path]) -> None:
    sheet = drawn("batch_norm")
    mean = sheet.chain.at("mean", 0)
    typed = {place: f for place, f in formulas().items() if place[0] == sheet.title}
    typed[sheet.title, mean] = "7"
    found = found_in(files[0], typed)
    marks = [found[sheet.title, sheet.chain.at("marks_centered", i)] for i in range(16)]
    assert marks[:2] == [FOLLOWS] * 2
    assert marks[2:8] == [RIGHT] * 6
    assert found[SCORE] == sheet.total - 1


def test_a_formula_in_the_answers_stays_on_its_sheet() -> None:
    assert not any("!" in formula for formula in formulas().values())


def test_libreoffice_finds_the_same(files: tuple[Path, Path], tmp_path: Path) -> None:
    found = office_values_of(files, tmp_path)
    for book, values in zip((student(), solved()), found, strict=True):
        visible = {p for p in expected(book) if not p[0].startswith("Key ")}
        wanted = {p: v for p, v in expected(book).items() if p in visible}
        assert differences(wanted, values) == []


def test_seeds_give_other_numbers_and_the_same_seed_the_same_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        target = tmp_path / f"{name}.xlsx"
        assert main(["workbook", "--exercise", "--seed", seed, "-o", str(target)]) == 0
        solution = tmp_path / f"{name}-answers.xlsx"
        assert capsys.readouterr().out.split() == [str(target), str(solution)]
        made.append((target.read_bytes(), solution.read_bytes()))
    assert made[0] == made[1]
    assert made[0][0] != made[2][0]
    assert made[0][1] != made[2][1]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{name}{suffix}.xlsx" for name in "abc" for suffix in ("", "-answers")
    )


def test_a_shape_with_nothing_to_normalize_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = str(tmp_path / "one.xlsx")
    assert main(["workbook", "--exercise", "--shape", "1,4,1,1", "-o", target]) == 2
    assert "more than 1 value" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_other_shapes_are_marked_too(tmp_path: Path) -> None:
    settings = Settings((3, 6, 2, 2), groups=3, eps=0.2, seed=4)
    book = exercise(settings, answers=True)
    path, _ = write_exercise(tmp_path / "wide.xlsx", settings)
    typed = {
        (page.title, where): f"={cell.formula}"
        for page in book.pages
        for where, cell in page.formulas()
        if cell.style.fill == INPUT and not page.hidden
    }
    found = ironcalc_values(path, {SCORE: None}, typed)
    assert found[SCORE] == POINTS


def test_every_step_says_how_to_begin() -> None:
    for op in OPS:
        assert {step.name for step in asked_steps(trace_of(op), ALL)} <= set(ADVICE)


def test_what_is_asked_is_what_the_sheets_show() -> None:
    page: Page = drawn("batch_norm").page
    yellow = [
        address(row, column)
        for row, line in page.rows.items()
        for column, cell in line.items()
        if cell.style.fill == INPUT
    ]
    merged = {
        address(row, column)
        for top, left, bottom, right in page.merges
        for row in range(top, bottom + 1)
        for column in range(left, right + 1)
        if (row, column) != (top, left)
    }
    assert {w for w in yellow if w not in merged} == {
        where for title, where in answers() if title == page.title
    }


def test_steps_are_numbered_without_gaps() -> None:
    for page in (page for page in student().pages if not page.hidden):
        texts = [str(c.value) for _, line in sorted(page.rows.items()) for c in line.values()]
        found = [int(text.split()[0]) for text in texts if re.match(r"\d+  \w", text)]
        assert found == list(range(1, len(found) + 1)), page.title
        assert bool(found) == (page.title != "Contents")
