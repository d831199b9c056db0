"""One file: whatever program saved it and whatever was typed, it gets what it deserves."""

import json
import os
import re
import shutil
import zipfile
from pathlib import Path

import ironcalc
import openpyxl
import pytest
from openpyxl.worksheet.formula import ArrayFormula

from normviz.grading.grade import FileMark, grade
from normviz.grading.read import read_workbook
from normviz.grading.table import marks_csv
from normviz.workbook.exercise.classroom.assignment import Assignment, enroll
from normviz.workbook.exercise.classroom.make import CLASS_FILE, TEACHER, make_class
from normviz.workbook.exercise.classroom.student_book import StudentBook
from normviz.workbook.exercise.exercise import write_exercise
from tests.grading.fill import computed, fill, only, right, sheet_of, solved
from tests.workbook.engines import titles_of

ASSIGNMENT = Assignment(("batch_norm",))
TOTAL = 5 + 20
"""Of the questions, and of the steps."""


def one(tmp_path: Path, assignment: Assignment = ASSIGNMENT) -> tuple[Path, StudentBook]:
    classroom = enroll(assignment, ["Ada"])
    folder = make_class(classroom, tmp_path / "sheets")
    return folder / "Ada.xlsx", solved(classroom, 0)


def graded(path: Path, decimals: int = 2) -> FileMark:
    found = [mark for mark in grade(path.parent, decimals=decimals) if mark.steps]
    assert len(found) == 1
    return found[0]


def test_formulas_without_values_are_computed(tmp_path: Path) -> None:
    path, made = one(tmp_path)
    fill(path, right(made))
    assert openpyxl.load_workbook(path, data_only=True)["BatchNorm"]["C30"].value is None
    assert (graded(path).points, graded(path).flags) == (TOTAL, ())


def test_what_ironcalc_saves_is_read(tmp_path: Path) -> None:
    path, made = one(tmp_path)
    model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
    titles = titles_of(path)
    for (title, where), value in right(made).items():
        row, column = openpyxl.utils.cell.coordinate_to_tuple(where)
        model.set_user_input(titles.index(title), row, column, str(value))
    model.evaluate()
    path.unlink()
    model.save_to_xlsx(str(path))
    assert (graded(path).points, graded(path).flags) == (TOTAL, ())


def test_other_functions_of_a_spreadsheet_are_computed_too(tmp_path: Path) -> None:
    path, made = one(tmp_path)
    batch = sheet_of(made, "BatchNorm")
    chain, typed = batch.chain, right(made)
    for k in range(4):
        area = chain.over_set("x", k)
        typed["BatchNorm", chain.at("variance", k)] = f"=_xlfn.VAR.P({area})"
        typed["BatchNorm", chain.at("std", k)] = f"=POWER(_xlfn.STDEV.P({area})^2+{chain.eps},0.5)"
    fill(path, typed)
    assert (graded(path).points, graded(path).flags) == (TOTAL, ())


def test_a_function_that_only_the_program_knows_is_named(tmp_path: Path) -> None:
    path, made = one(tmp_path)
    where = sheet_of(made, "BatchNorm").chain.at("mean", 0)
    fill(path, right(made) | {("BatchNorm", where): "=XLOOKUP(1,A1:A3,B1:B3)"})
    mark = graded(path)
    assert 0 < mark.points < TOTAL
    assert any("XLOOKUP" in flag and "save it again" in flag for flag in mark.flags)


def test_a_formula_that_reads_itself_is_wrong_and_nothing_hangs(tmp_path: Path) -> None:
    path, made = one(tmp_path)
    where = sheet_of(made, "BatchNorm").chain.at("mean", 0)
    fill(path, right(made) | {("BatchNorm", where): f"={where}+1"})
    assert graded(path).points == TOTAL - 1


def test_numbers_are_flagged_where_formulas_were_asked(tmp_path: Path) -> None:
    path, made = one(tmp_path, Assignment(("batch_norm",), formulas=True))
    typed = right(made) | only(right(made, decimals=3), "BatchNorm")
    cells = sum(title == "BatchNorm" for title, _ in typed)
    fill(path, typed)
    mark = graded(path)
    assert mark.points == 5 + 20
    assert mark.flags == (f"numbers where formulas were asked ({cells} cells)",)


def test_a_formula_without_cells_is_a_number(tmp_path: Path) -> None:
    path, made = one(tmp_path, Assignment(("batch_norm",), formulas=True))
    where = sheet_of(made, "BatchNorm").chain.at("mean", 0)
    value = computed(made, right(made))["BatchNorm", where]
    fill(path, right(made) | {("BatchNorm", where): f"={value}"})
    assert graded(path).flags == ("numbers where formulas were asked (1 cell)",)


@pytest.mark.parametrize(("decimals", "enough"), [(1, True), (2, False)])
def test_the_tolerance_can_be_chosen(decimals: int, enough: bool, tmp_path: Path) -> None:
    path, made = one(tmp_path)
    fill(path, right(made, decimals=1))
    assert (graded(path, decimals).points == TOTAL) == enough


def test_what_is_stored_beside_a_formula_is_not_believed(tmp_path: Path) -> None:
    path, made = one(tmp_path)
    where = sheet_of(made, "BatchNorm").chain.at("mean", 0)
    typed = right(made)
    fill(path, typed | {("BatchNorm", where): "=1+1"})
    truth = computed(made, typed)["BatchNorm", where]
    _store(path, where, "1+1", str(truth))
    mark = graded(path)
    assert mark.points == TOTAL - 1
    assert any("stored values" in flag for flag in mark.flags)


def _store(path: Path, where: str, formula: str, value: str) -> None:
    """Write a value beside a formula, as no honest program would."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    full = f"<f>{formula}</f><v>{value}</v>".encode()
    with zipfile.ZipFile(path, "w") as package:
        for name, content in parts.items():
            for empty in ("<v />", "<v/>", "<v></v>"):
                content = content.replace(f"<f>{formula}</f>{empty}".encode(), full)
            package.writestr(name, content)


def test_a_formula_that_excel_writes_out_once_for_many_cells_is_read(tmp_path: Path) -> None:
    path, made = one(tmp_path)
    fill(path, right(made))
    batch = sheet_of(made, "BatchNorm")
    first, second = (batch.chain.at("squared", index) for index in (0, 1))
    area = f"{first}:{second}"
    _rewrite(path, first, f'<f t="shared" ref="{area}" si="0">')
    _rewrite(path, second, '<f t="shared" si="0"/>')
    handed = read_workbook(path)
    assert handed.formula("BatchNorm", second) == f"{batch.chain.at('centered', 1)}^2"
    assert (graded(path).points, graded(path).flags) == (TOTAL, ())


@pytest.mark.parametrize("stored", [False, True])
def test_a_step_in_one_array_formula_counts_in_each_of_its_cells(
    stored: bool, tmp_path: Path
) -> None:
    path, made = one(tmp_path, Assignment(("layer_norm",), formulas=True))
    chain, typed = sheet_of(made, "LayerNorm").chain, right(made)
    numbers = computed(made, typed)
    x, mean = (chain.at("x", 0), chain.at("x", 1)), chain.at("mean", 0)
    first, second = chain.at("centered", 0), chain.at("centered", 1)
    place = ("LayerNorm", second)
    fill(path, {**typed, place: numbers[place] if stored else None})
    _array(path, first, f"{first}:{second}", f"{x[0]}:{x[1]}-{mean}")
    handed = read_workbook(path)
    assert handed.formula(*place) == handed.formula("LayerNorm", first)
    assert handed.value(*place) == pytest.approx(numbers[place])
    mark = graded(path)
    assert (mark.words, mark.flags) == ("all right", ())


def _array(path: Path, where: str, area: str, formula: str) -> None:
    """An array formula, which stands in the first of the cells that it fills."""
    book = openpyxl.load_workbook(path)
    book["LayerNorm"][where] = ArrayFormula(area, f"={formula}")
    book.save(path)


def _rewrite(path: Path, where: str, formula: str) -> None:
    """Write the formula of a cell of BatchNorm, the third sheet, in another way."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    part = "xl/worksheets/sheet3.xml"
    text = parts[part].decode()
    keep = r"\2</f>" if not formula.endswith("/>") else ""
    text, count = re.subn(rf'(<c r="{where}"[^>]*>)<f>(.*?)</f>', rf"\1{formula}{keep}", text)
    parts[part] = text.encode()
    assert count == 1
    with zipfile.ZipFile(path, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)


def test_two_files_of_one_student_are_both_marked_and_said(tmp_path: Path) -> None:
    path, made = one(tmp_path)
    fill(path, right(made))
    folder = path.parent / "Ada_1234_assignsubmission"
    folder.mkdir()
    shutil.copy(path, folder / "Ada.xlsx")
    found = grade(path.parent)
    assert [mark.points for mark in found] == [TOTAL, TOTAL]
    assert all("2 files of this student" in mark.flags for mark in found)


def test_without_a_class_list_files_say_who_they_are_of(tmp_path: Path) -> None:
    path, made = one(tmp_path)
    fill(path, right(made))
    (path.parent / TEACHER / CLASS_FILE).unlink()
    assert (graded(path).name, graded(path).points) == ("Ada", TOTAL)


def _with_record(path: Path, **changed: object) -> None:
    """Edit what a file says of itself."""
    book = openpyxl.load_workbook(path)
    cells = (cell for row in book["Contents"] for cell in row)
    cell = next(c for c in cells if str(c.value).startswith('{"normviz exercise"'))
    record = json.loads(cell.value)
    for name, value in changed.items():
        (record["assignment"] if name in record["assignment"] else record)[name] = value
    cell.value = json.dumps(record)
    book.save(path)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (
            {"shape": [1, 4, 1, 1], "splits": 1},
            "its record makes no exercise: x must have more than 1 value",
        ),
        ({"shape": [10, 4, 2, 2]}, "at most 64 elements"),
        ({"norms": ["(n [c"]}, "'[' is never closed"),
        ({"seed": float("inf")}, "no record of a normviz exercise"),
        ({"name": "\ud800"}, r"the character '\ud800', which no name has"),
    ],
    ids=["no variance", "too large", "no pattern", "infinite", "no text"],
)
def test_a_record_that_makes_no_exercise_stops_nobody_elses_marking(
    changed: dict[str, object], problem: str, tmp_path: Path
) -> None:
    path, made = one(tmp_path)
    fill(path, right(made))
    (path.parent / TEACHER / CLASS_FILE).unlink()
    edited = path.with_name("edited.xlsx")
    shutil.copy(path, edited)
    _with_record(edited, **changed)
    whole, refused = grade(path.parent)
    assert (whole.points, whole.words) == (TOTAL, "all right")
    assert problem in refused.problem
    assert (refused.steps, refused.words) == ((), refused.problem)


@pytest.mark.parametrize(
    "formula",
    ["(" * 5000 + "1" + ")" * 5000, "+".join(["1"] * 5000), "ROUND(1,-400)"],
    ids=["nested", "long", "of no power"],
)
def test_no_formula_stops_the_marking(formula: str, tmp_path: Path) -> None:
    path, made = one(tmp_path, Assignment(("batch_norm",), formulas=True))
    where = sheet_of(made, "BatchNorm").chain.at("mean", 0)
    fill(path, right(made) | {("BatchNorm", where): f"={formula}"})
    assert 5 < graded(path).points < TOTAL


def test_a_file_whose_name_is_no_text_is_marked_and_written_down(tmp_path: Path) -> None:
    path, made = one(tmp_path)
    fill(path, right(made))
    path.rename(path.with_name(os.fsdecode(b"Zo\xeb.xlsx")))
    mark = graded(path)
    assert (mark.file, mark.points) == ("Zo�.xlsx", TOTAL)
    assert "Zo�.xlsx" in marks_csv([mark]).encode().decode()


def test_a_step_with_an_empty_cell_is_named_where_a_mark_is_one_line(tmp_path: Path) -> None:
    path, made = one(tmp_path)
    typed = right(made)
    del typed["BatchNorm", sheet_of(made, "BatchNorm").chain.at("output", 3)]
    fill(path, typed)
    mark = graded(path)
    assert mark.points == TOTAL - 1
    assert mark.words == "BatchNorm output: 1 of 16 cells empty"
    assert marks_csv([mark]).rstrip().endswith(mark.words)


def test_a_file_as_it_was_handed_out_is_flagged(tmp_path: Path) -> None:
    path, made = one(tmp_path)
    untouched = graded(path)
    assert (untouched.points, untouched.flags) == (0, ("nothing filled in",))
    assert ",nothing filled in," in marks_csv([untouched])
    fill(path, {("Contents", made.name_cell): "Ada"})
    assert graded(path).flags == ("nothing filled in",)


@pytest.mark.parametrize("typed", ["?", "=1/0", 0], ids=str)
@pytest.mark.parametrize("sheet", ["BatchNorm", "Questions"])
def test_one_cell_that_was_tried_is_something(sheet: str, typed: str | int, tmp_path: Path) -> None:
    path, made = one(tmp_path)
    first = sheet_of(made, "BatchNorm").chain.at("mean", 0)
    fill(path, {(sheet, first if sheet == "BatchNorm" else made.answer_cells[0]): typed})
    assert "nothing filled in" not in graded(path).flags


def test_an_exercise_for_oneself_is_not_graded(tmp_path: Path) -> None:
    write_exercise(tmp_path / "one.xlsx")
    assert {mark.problem for mark in grade(tmp_path)} == {
        "no exercise of normviz, or its record was deleted"
    }


@pytest.mark.parametrize("decimals", [-1, 7])
def test_a_tolerance_that_is_none_is_refused(decimals: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="decimals must be from 0 to 6"):
        grade(tmp_path, decimals=decimals)
