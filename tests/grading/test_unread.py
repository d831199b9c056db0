"""What cannot be read is not empty: it is quoted, flagged, and where it was meant, understood."""

from html import escape
from pathlib import Path

import openpyxl
import pytest

from normviz.grading.grade import FileMark, Tally, grade, tally
from normviz.grading.marking import MISSING, RIGHT, UNREADABLE, WRONG
from normviz.grading.report import marks_html
from normviz.workbook.exercise.classroom.assignment import Assignment, enroll
from normviz.workbook.exercise.classroom.make import make_class
from normviz.workbook.exercise.classroom.student_book import StudentBook
from normviz.workbook.exercise.questions import TITLE as QUESTIONS
from tests.grading.fill import Typed, computed, fill, only, right, sheet_of, solved

NORM, TOTAL = "BatchNorm", 25


@pytest.fixture(scope="module")
def made() -> StudentBook:
    return solved(enroll(Assignment(("batch_norm",)), ["Ada"]), 0)


def marked(tmp_path: Path, typed: Typed, renamed: str = "") -> FileMark:
    folder = make_class(enroll(Assignment(("batch_norm",)), ["Ada"]), tmp_path / "sheets")
    fill(folder / "Ada.xlsx", typed)
    if renamed:
        book = openpyxl.load_workbook(folder / "Ada.xlsx")
        book[renamed].title = "Mine"
        book.save(folder / "Ada.xlsx")
    return next(mark for mark in grade(folder) if mark.name == "Ada")


@pytest.mark.parametrize(
    "typed", ["'1.25", "≈ 1.125", "-18/16", "1e999", True, "#DIV/0!", "=1/0", '="1 or 2"'], ids=str
)
def test_what_is_no_number_is_quoted_and_flagged(
    typed: str | bool, made: StudentBook, tmp_path: Path
) -> None:
    cell = sheet_of(made, NORM).chain.at("mean", 0)
    mark = marked(tmp_path, right(made, decimals=3) | {(NORM, cell): typed})
    step = next(step for step in mark.steps if step.step == "mean")
    said = f"“{str(typed).upper() if typed is True else typed}”"
    words = f"1 of 4 cells cannot be read: {said}"
    assert (step.state, step.points, step.words) == (UNREADABLE, 0, words)
    assert f"no number can be read on {NORM} (1 cell): {said}" in mark.flags
    assert words in mark.words
    assert marks_html([mark]).count(escape(words, quote=False)) == 2  # the list and the table


def test_a_step_that_holds_nothing_but_texts_is_not_empty(
    made: StudentBook, tmp_path: Path
) -> None:
    cells = [sheet_of(made, NORM).chain.at("mean", at) for at in range(4)]
    mark = marked(tmp_path, {(NORM, cell): f"?{at}" for at, cell in enumerate(cells)})
    step = next(step for step in mark.steps if step.step == "mean")
    said = "“?0”, “?1”, “?2”, 1 more"
    assert (step.state, step.words) == (UNREADABLE, f"4 of 4 cells cannot be read: {said}")


def test_a_wrong_step_says_what_could_not_be_read(made: StudentBook, tmp_path: Path) -> None:
    first, second = (sheet_of(made, NORM).chain.at("mean", at) for at in (0, 1))
    mark = marked(tmp_path, right(made, decimals=3) | {(NORM, first): "?", (NORM, second): 99})
    step = next(step for step in mark.steps if step.step == "mean")
    said = "1 of 4 cells wrong, 1 of 4 cells cannot be read: “?”"
    assert (step.state, step.words) == (WRONG, said)
    assert any("no number can be read" in flag for flag in mark.flags)


def test_numbers_as_texts_in_scientific_notation_are_numbers(
    made: StudentBook, tmp_path: Path
) -> None:
    typed = {
        place: f"{value:.5E}" if isinstance(value, float) else value
        for place, value in computed(made, right(made)).items()
    }
    mark = marked(tmp_path, typed)
    assert (mark.points, mark.words, mark.flags) == (TOTAL, "all right", ())
    assert len(mark.answers) == len(only(typed, NORM))  # to be compared with those of others


@pytest.mark.parametrize("renamed", [NORM, QUESTIONS, "Contents"])
def test_a_renamed_sheet_is_missing_and_nothing_else_is_said_of_it(
    renamed: str, made: StudentBook, tmp_path: Path
) -> None:
    mark = marked(tmp_path, right(made), renamed)
    said = f"the sheet {renamed} is missing (renamed?)"
    assert mark.flags == (said,)
    steps = [step for step in mark.steps if step.sheet == renamed]
    assert {step.state for step in steps} == ({MISSING} if steps else set())
    assert mark.words == (said if steps else "all right")


def test_an_answer_counts_whatever_its_case_and_blanks(made: StudentBook, tmp_path: Path) -> None:
    numbers = {"1": "1,0", "2": "2.0", "4": "4,0", "8": "8.00", "16": "16.0"}
    typed = {
        (QUESTIONS, cell): numbers.get(question.answer, f"{question.answer.upper()} ")
        for cell, question in zip(made.answer_cells, made.questions, strict=True)
    }
    assert any(str(value).replace(",", "").replace(".", "").isdigit() for value in typed.values())
    mark = marked(tmp_path, right(made) | typed)
    assert {step.state for step in mark.steps} == {RIGHT}
    assert (mark.points, mark.flags) == (TOTAL, ())


@pytest.mark.parametrize("typed", ["all of them", "#N/A", "=1/0"])
def test_what_is_none_of_the_answers_is_flagged(
    typed: str, made: StudentBook, tmp_path: Path
) -> None:
    mark = marked(tmp_path, right(made) | {(QUESTIONS, made.answer_cells[0]): typed})
    step = mark.steps[0]
    said = f"none of the answers to choose from: “{typed}”"
    assert (step.state, step.points, step.words) == (UNREADABLE, 0, said)
    assert mark.flags == (said.replace(":", " (1 cell):"),)


def test_a_file_of_another_kind_is_its_students_and_no_student_more(
    made: StudentBook, tmp_path: Path
) -> None:
    classroom = enroll(Assignment(("batch_norm",)), ["Ada", "Ben"])
    folder = make_class(classroom, tmp_path / "sheets")
    (folder / "Ada.xlsx").rename(folder / "Ada.ods")
    (folder / "Ben.xlsx").unlink()
    ada, ben = marks = grade(folder)
    said = "Ada.ods came, which cannot be marked: not an .xlsx workbook but .ods: save it as .xlsx"
    assert (ada.name, ada.file, ada.words) == ("Ada", "Ada.ods", said)
    assert (ben.name, ben.words) == ("Ben", "not handed in")
    assert tally(marks) == Tally(0, 2, 0)
    assert "0 of 2 students marked." in marks_html(marks)
    (folder / "notes.txt").write_text("mine")
    assert tally(grade(folder)) == Tally(0, 2, 1)
    assert "1 other file could not be marked." in marks_html(grade(folder))
