"""A class hands in: what is right, rounded, mistaken, cheated or damaged gets what it deserves."""

import csv
import io
import shutil
import subprocess
from pathlib import Path

import openpyxl
import pytest

from normviz.grading.grade import NOT_HANDED_IN, FileMark, grade
from normviz.grading.marking import EMPTY, FOLLOWS, RIGHT, WRONG, StepMark, cells_of
from normviz.grading.report import marks_html
from normviz.grading.table import marks_csv
from normviz.workbook.book.address import address
from normviz.workbook.exercise.classroom.assignment import Assignment, Classroom, enroll
from normviz.workbook.exercise.classroom.make import CLASS_FILE, TEACHER, book_of
from normviz.workbook.exercise.classroom.student_book import StudentBook
from normviz.workbook.exercise.questions import TITLE as QUESTIONS
from normviz.workbook.xlsx.write import workbook_bytes
from tests.grading.fill import Typed, computed, filled, right, sheet_of, slip, solved

ASSIGNMENT = Assignment(("batch_norm",))
TOTAL = 5 + 20
FORWARD_CELLS = 4 * 5 + 16 * 4
"""Mean, variance, std and the buffers of 4 channels; four steps of 16 elements."""
NAMES = [
    "right 1", "right 2", "rounded 1", "rounded 2", "rounded mistake", "formula mistake",
    "mistyped mean", "nothing", "half", "links", "zero givens", "copy", "own total", "zeros",
    "unanswered", "text numbers", "damaged", "no bytes", "macros", "foreign", "other class",
    "renamed", "missing", "changed record", "wrong name", "right 3", "right 4", "right 5",
    "right 6", "right 7",
]  # fmt: skip
EXPECTED = {
    "right 1": TOTAL, "right 2": TOTAL, "rounded 1": TOTAL, "rounded 2": TOTAL,
    "rounded mistake": TOTAL - 1, "formula mistake": TOTAL - 1, "mistyped mean": TOTAL - 1,
    "nothing": 0, "half": 5 + 9, "links": 5, "own total": 0, "zeros": 0,
    "unanswered": TOTAL - 5, "text numbers": TOTAL, "renamed": TOTAL, "changed record": TOTAL,
    "wrong name": TOTAL, "right 3": TOTAL, "right 4": TOTAL, "right 5": TOTAL, "right 6": TOTAL,
    "right 7": TOTAL,
}  # fmt: skip


@pytest.fixture(scope="module")
def classroom() -> Classroom:
    return enroll(ASSIGNMENT, NAMES, seed=11)


def typed_by(name: str, classroom: Classroom) -> Typed:
    """What a student of the class types."""
    made = solved(classroom, NAMES.index(name))
    formulas = right(made)
    batch = sheet_of(made, "BatchNorm")
    backward = {("BatchNorm", w) for w in cells_of(batch)[FORWARD_CELLS:]}
    wrong = slip(made, "BatchNorm", "variance", "m − 1 instead of m")
    if name.startswith("rounded"):
        chosen = formulas | (wrong if name.endswith("mistake") else {})
        return {p: round(v, 2) if isinstance(v, float) else v
                for p, v in computed(made, chosen).items()}  # fmt: skip
    if name == "text numbers":
        return {p: f"{v:.2f}".replace(".", ",") if isinstance(v, float) else v
                for p, v in computed(made, formulas).items()}  # fmt: skip
    total = made.book.names["exercise_score"].partition("!")[2].replace("$", "")
    special: dict[str, Typed] = {
        "formula mistake": formulas | wrong,
        "mistyped mean": formulas | {("BatchNorm", batch.chain.at("mean", 0)): 9.25},
        "nothing": {},
        "half": {place: v for place, v in formulas.items() if place not in backward},
        "links": {
            (t, w): v if t == QUESTIONS else f"='Key {t}'!{w}" for (t, w), v in formulas.items()
        },
        "zero givens": formulas | {
            (sheet.title, sheet.chain.at("x", i)): 0 for sheet in made.sheets for i in range(16)
        },
        "copy": computed(solved(classroom, 0), right(solved(classroom, 0))),
        "own total": {
            ("Contents", total): 999,
            ("BatchNorm", batch.chain.at("marks_mean", 0)): "right",
        },
        "zeros": {place: 0 for place in formulas if place[0] != QUESTIONS},
        "unanswered": {place: v for place, v in formulas.items() if place[0] != QUESTIONS},
    }  # fmt: skip
    return special.get(name, formulas)


@pytest.fixture(scope="module")
def handed_in(classroom: Classroom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The class's files, filled in and saved by LibreOffice, or by openpyxl where it is not."""
    top = tmp_path_factory.mktemp("class")
    folder = top / "sheets"
    (folder / TEACHER).mkdir(parents=True)
    (folder / TEACHER / CLASS_FILE).write_text(classroom.text(), "utf-8")
    for number, student in enumerate(classroom.students):
        made = book_of(classroom, number)
        name = "somebody else" if student.name == "wrong name" else student.name
        typed = typed_by(student.name, classroom) | {("Contents", made.name_cell): name}
        if student.name == "changed record":
            typed |= _another_seed(made, student.seed)
        (folder / student.file).write_bytes(filled(made, typed))
    back = _through_office(folder, top)
    _damage(back)
    shutil.copytree(folder / TEACHER, back / TEACHER, dirs_exist_ok=True)
    return back


def _another_seed(made: StudentBook, seed: int) -> Typed:
    """The record of a file with a seed that is not the student's."""
    contents = made.book.pages[0]
    return {
        (contents.title, address(row, column)): str(cell.value).replace(str(seed), "12345")
        for row, line in contents.rows.items()
        for column, cell in line.items()
        if str(seed) in str(cell.value)
    }


def _through_office(folder: Path, top: Path) -> Path:
    office, back = shutil.which("soffice"), top / "back"
    if office is None:
        return Path(shutil.copytree(folder, back))
    options = [f"-env:UserInstallation=file://{top / 'profile'}", "--headless"]
    files = sorted(map(str, folder.glob("*.xlsx")))
    command = [office, *options, "--convert-to", "xlsx", "--outdir", str(back), *files]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    return back


def _damage(folder: Path) -> None:
    path = folder / "damaged.xlsx"
    path.write_bytes(path.read_bytes()[:5000])
    (folder / "no bytes.xlsx").write_bytes(b"")
    (folder / "macros.xlsx").rename(folder / "macros.xlsm")
    foreign = openpyxl.Workbook()
    foreign.active["A1"] = "shopping"
    foreign.save(folder / "foreign.xlsx")
    other = enroll(ASSIGNMENT, ["other class"], seed=3)
    made = book_of(other, 0)
    (folder / "other class.xlsx").write_bytes(workbook_bytes(made.book))
    (folder / "renamed.xlsx").rename(folder / "my homework.xlsx")
    (folder / "missing.xlsx").unlink()
    (folder / ".~lock.right 1.xlsx#").write_text("a lock")
    (folder / "notes.txt").write_text("notes")


@pytest.fixture(scope="module")
def marks(handed_in: Path) -> dict[str, FileMark]:
    """By name, else by file."""
    return {mark.name or mark.file: mark for mark in grade(handed_in)}


@pytest.mark.parametrize("name", EXPECTED)
def test_everybody_gets_the_points_deserved(name: str, marks: dict[str, FileMark]) -> None:
    assert marks[name].worth == TOTAL
    assert marks[name].points == EXPECTED[name], marks[name].words


def test_the_order_is_that_of_the_class_list(handed_in: Path) -> None:
    names = [mark.name for mark in grade(handed_in)]
    listed = [name for name in names if name]
    assert listed == NAMES
    assert len(names) == len(NAMES) + 1  # notes.txt


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("nothing", "nothing filled in"),
        ("own total", "nothing filled in"),
        ("links", "links to the sheet Key BatchNorm"),
        ("zero givens", "givens of BatchNorm changed"),
        ("copy", "the same answers as right 1"),
        ("right 1", "the same answers as copy"),
        ("renamed", "the file was named “renamed.xlsx”"),
        ("changed record", "its record was changed"),
        ("wrong name", "the name typed in it is “somebody else”"),
    ],
)
def test_what_a_teacher_should_look_at_is_flagged(
    name: str, flag: str, marks: dict[str, FileMark]
) -> None:
    assert any(flag in said for said in marks[name].flags), marks[name].flags


def test_honest_files_have_no_flags(marks: dict[str, FileMark]) -> None:
    honest = ("right 2", "rounded 1", "rounded mistake", "formula mistake", "zeros")
    assert {name: marks[name].flags for name in honest} == dict.fromkeys(honest, ())


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("damaged", "damaged.xlsx came, which cannot be marked: damaged"),
        ("no bytes", "no bytes.xlsx came, which cannot be marked: empty"),
        ("macros", "macros.xlsm came, which cannot be marked: a .xlsm workbook may hold macros"),
        ("foreign", "no exercise of normviz"),
        ("other class", "another class"),
        ("notes.txt", "not an .xlsx workbook"),
    ],
)
def test_what_cannot_be_marked_is_named(
    name: str, problem: str, marks: dict[str, FileMark]
) -> None:
    assert problem in marks[name].problem
    assert not marks[name].steps


def test_a_missing_file_is_missed(marks: dict[str, FileMark]) -> None:
    assert marks["missing"].problem == NOT_HANDED_IN


def test_a_following_error_costs_once_and_is_named(marks: dict[str, FileMark]) -> None:
    for name in ("formula mistake", "rounded mistake"):
        steps = {s.step: s for s in marks[name].steps if s.sheet == "BatchNorm"}
        assert (steps["variance"].state, steps["variance"].words) == (WRONG, "m − 1 instead of m")
        assert steps["std"].state == FOLLOWS
        assert steps["mean"].state == RIGHT
    assert "BatchNorm variance: m − 1 instead of m" in marks["formula mistake"].words


def test_what_is_empty_is_told_from_what_is_wrong(marks: dict[str, FileMark]) -> None:
    assert {step.state for step in marks["nothing"].steps} == {EMPTY}
    assert EMPTY not in {step.state for step in marks["zeros"].steps if step.sheet != QUESTIONS}


def test_the_table_has_a_line_for_each_and_a_column_for_each_step(
    marks: dict[str, FileMark],
) -> None:
    rows = list(csv.DictReader(io.StringIO(marks_csv(list(marks.values())))))
    assert len(rows) == len(marks)
    line = next(row for row in rows if row["name"] == "formula mistake")
    assert (line["total"], line["of"], line["BatchNorm variance (1)"]) == ("24", "25", "0")
    assert line["BatchNorm grad_input (3)"] == "3"
    by_step = [column for column in line if column.endswith(")")]
    assert sum(int(line[column]) for column in by_step) == 24


def test_the_page_has_the_class_and_everybody(marks: dict[str, FileMark]) -> None:
    page = marks_html(list(marks.values()))
    for text in ("m − 1 instead of m", "formula mistake", "not handed in", "another class"):
        assert text in page
    assert "<li>BatchNorm variance: m − 1 instead of m</li>" in page
    assert "<script" not in page
    assert "http" not in page


def test_the_mistakes_of_the_class_are_usual_ones_whatever_their_words() -> None:
    said = "chose more cells wrong than there are"
    steps = (
        StepMark("BatchNorm", "mean", 0, 1, WRONG, said, said),
        StepMark("BatchNorm", "output", 0, 1, WRONG, "3 of 4 numbers are not right"),
    )
    page = marks_html([FileMark("Ada.xlsx", "Ada", steps)])
    table = page.partition("What went wrong most often")[2].partition("Step by step")[0]
    assert said in table
    assert steps[1].words not in table


def test_words_of_a_student_stay_words() -> None:
    nasty = "<img src=x onerror=alert(1)>"
    mark = FileMark("=cmd()", nasty, flags=(nasty,), problem="=1+1")
    assert nasty not in marks_html([mark])
    assert "&lt;img" in marks_html([mark])
    row = next(csv.reader(io.StringIO(marks_csv([mark]).splitlines()[1])))
    assert not any(cell.startswith("=") for cell in row)
