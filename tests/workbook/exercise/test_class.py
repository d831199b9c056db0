"""A class's files: numbers of each student's own, the same bytes again, nothing overwritten."""

import csv
import io
import itertools
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.workbook.exercise.asked_steps import asked_steps, values
from normviz.workbook.exercise.classroom import make
from normviz.workbook.exercise.classroom.assignment import Assignment, Classroom, enroll, read_class
from normviz.workbook.exercise.classroom.make import (
    ANSWERS_FILE,
    FEW,
    KEY_FILE,
    TEACHER,
    book_of,
    make_class,
)
from normviz.workbook.exercise.marks import NEAR
from normviz.workbook.exercise.questions import ALL_IMAGES, ONE_IMAGE, SOME_IMAGES, questions
from normviz.workbook.exercise.questions import TITLE as QUESTIONS
from normviz.workbook.exercise.sheet import INPUT_NUMBER

NAMES = ["Ada Lovelace", "Ben <b>", "=1+1"]
ASSIGNMENT = Assignment(("batch_norm", "rms_norm"))


@pytest.fixture(scope="module")
def classroom() -> Classroom:
    return enroll(ASSIGNMENT, NAMES, seed=5)


@pytest.fixture(scope="module")
def folder(classroom: Classroom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_class(classroom, tmp_path_factory.mktemp("class") / "sheets")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_class_gives_the_same_bytes(
    folder: Path, classroom: Classroom, tmp_path: Path
) -> None:
    again = make_class(enroll(ASSIGNMENT, NAMES, seed=5), tmp_path / "again")
    assert contents(again) == contents(folder)
    assert set(contents(folder)) == {s.file for s in classroom.students} | {
        f"{TEACHER}/{name}" for name in ("class.json", ANSWERS_FILE, KEY_FILE)
    }


def test_a_large_class_is_made_by_several_processes_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    light = Assignment(("rms_norm",), "forward", shape=(2, 2, 1, 2))
    eight = enroll(light, [f"Student {number}" for number in range(FEW)])
    counts: list[int] = []
    with monkeypatch.context() as patched:
        patched.setattr(make, "ProcessPoolExecutor", None)
        with pytest.raises(TypeError):  # so many are not made in this process
            make_class(eight, tmp_path / "none")
        patched.setattr(make, "FEW", FEW + 1)
        alone = make_class(eight, tmp_path / "alone")
    together = make_class(eight, tmp_path / "together", counts.append)
    assert contents(together) == contents(alone)
    assert counts == list(range(1, FEW + 1))


def test_every_step_says_its_points_and_the_first_sheet_what_to_do(classroom: Classroom) -> None:
    made = book_of(classroom, 0)
    first, _, batch = made.book.pages[:3]
    said = [str(cell.value) for line in batch.rows.values() for cell in line.values()]
    asked = made.sheets[0].asked
    assert [text for text in said if text.startswith("marks")] == [
        f"marks  ({a.points} point{'s' * (a.points > 1)})" for a in asked
    ]
    words = " ".join(str(cell.value) for line in first.rows.values() for cell in line.values())
    for text in ("What to do", "Your name", "no password", "Your points"):
        assert text in words


def test_what_a_student_may_have_filled_in_is_never_overwritten(
    folder: Path, classroom: Classroom
) -> None:
    before = contents(folder)
    with pytest.raises(FileExistsError, match="may hold a student's work"):
        make_class(classroom, folder)
    assert contents(folder) == before


def test_the_class_list_is_read_back(folder: Path, classroom: Classroom) -> None:
    assert read_class((folder / TEACHER / "class.json").read_text("utf-8")) == classroom


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"normviz class": 99}', '{"normviz class": 1}'])
def test_what_is_no_class_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"normviz class|lacks"):
        read_class(text)


def test_no_step_of_a_student_is_right_for_a_neighbour() -> None:
    assignment = Assignment(tuple(NORMS))
    made = enroll(assignment, [f"Student {number}" for number in range(12)])
    every = [assignment.case(student.seed) for student in made.students]
    for one, other in itertools.combinations(every, 2):
        for op in assignment.norms:
            pairs = zip(
                asked_steps(one.trace(op), "all"), asked_steps(other.trace(op), "all"), strict=True
            )
            for a, b in pairs:
                apart = np.abs(np.array(values(a)) - np.array(values(b)))
                assert apart.max() > 2 * NEAR, (op, a.name)


def test_numbers_are_small_and_of_every_kind_her_own() -> None:
    made = enroll(ASSIGNMENT, [f"Student {number}" for number in range(12)])
    every = [ASSIGNMENT.case(student.seed) for student in made.students]
    for case in every:
        for name in ("x", "grad_output", "gamma", "beta", "running_mean", "running_var"):
            assert np.abs(getattr(case, name)).max() <= 4
    for name in ("x", "grad_output", "gamma", "beta", "running_mean", "running_var"):
        assert len({getattr(case, name).tobytes() for case in every}) == len(every)
    assert len({case.settings.eps for case in every}) > 1


def test_a_student_keeps_her_numbers_when_the_list_grows() -> None:
    few = enroll(ASSIGNMENT, ["Ada", "Ben"], seed=1)
    more = enroll(ASSIGNMENT, ["Zoë", "Ada", "Ben"], seed=1)
    assert {(s.name, s.seed) for s in few.students} <= {(s.name, s.seed) for s in more.students}
    other = enroll(ASSIGNMENT, ["Ada", "Ben"], seed=2)
    assert {s.seed for s in other.students}.isdisjoint(s.seed for s in few.students)


def test_only_the_yellow_cells_are_open(folder: Path, classroom: Classroom) -> None:
    made = book_of(classroom, 0)
    asked = {(QUESTIONS, cell) for cell in made.answer_cells} | {("Contents", made.name_cell)}
    asked |= {
        (sheet.title, sheet.chain.at(a.step.name, index))
        for sheet in made.sheets
        for a in sheet.asked
        for index in range(len(values(a.step)))
    }
    book = openpyxl.load_workbook(folder / classroom.students[0].file)
    unlocked = set()
    for sheet in book:
        assert sheet.protection.sheet
        assert sheet.protection.password is None
        for row in sheet:
            unlocked |= {
                (sheet.title, cell.coordinate)
                for cell in row
                if not cell.protection.locked and cell.coordinate not in _covered(sheet)
            }
    assert unlocked == asked


def _covered(sheet: object) -> set[str]:
    """Cells that a merged one hides."""
    areas = sheet.merged_cells.ranges  # type: ignore[attr-defined]
    return {
        f"{openpyxl.utils.get_column_letter(column)}{row}"
        for area in areas
        for row, column in list(area.cells)[1:]
    }


def test_a_name_that_looks_like_a_formula_stays_a_name(folder: Path, classroom: Classroom) -> None:
    book = openpyxl.load_workbook(folder / classroom.students[2].file)
    texts = [c for row in book["Contents"] for c in row if c.value and "=1+1" in str(c.value)]
    assert texts
    assert {cell.data_type for cell in texts} == {"s"}


def test_the_key_says_what_belongs_in_each_cell(folder: Path, classroom: Classroom) -> None:
    rows = list(csv.DictReader(io.StringIO((folder / TEACHER / KEY_FILE).read_text("utf-8"))))
    assert {row["student"] for row in rows} == {"Ada Lovelace", "Ben <b>", "'=1+1"}
    made = book_of(classroom, 1, answers=True)
    mine = {(r["sheet"], r["cell"]): r["value"] for r in rows if r["student"] == "Ben <b>"}
    for sheet in made.sheets:
        for a in sheet.asked:
            for index, value in enumerate(values(a.step)):
                found = mine.pop((sheet.title, sheet.chain.at(a.step.name, index)))
                assert float(found) == pytest.approx(value)
    assert set(mine) == {(QUESTIONS, cell) for cell in made.answer_cells}


def test_the_answers_have_a_sheet_for_each_student(folder: Path) -> None:
    book = openpyxl.load_workbook(folder / TEACHER / ANSWERS_FILE)
    assert book.sheetnames == ["Contents", "1 Ada Lovelace", "2 Ben <b>", "3 =1+1"]


@pytest.mark.parametrize("part", ["forward", "backward"])
def test_half_an_exercise_asks_that_half_alone(part: str) -> None:
    made = book_of(enroll(Assignment(("batch_norm",), part), ["Ada"]), 0)
    asked = {a.step.name for a in made.sheets[0].asked}
    assert all(name.startswith("grad_") == (part == "backward") for name in asked)
    empty = {
        cell.value
        for page in made.book.pages
        for line in page.rows.values()
        for cell in line.values()
        if cell.style.fill == INPUT_NUMBER.fill and not page.hidden
    }
    assert empty == {None}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"norms": ("batch_nrom",)}, "batch_norm"),
        ({"norms": ("batch_norm", "batch_norm")}, "once each"),
        ({"part": "sideways"}, "steps"),
        ({"shape": (4, 4, 4, 4)}, "at most 64 elements"),
        ({"groups": 3}, "must divide the 4 channels"),
    ],
)
def test_what_is_no_exercise_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Assignment(**wrong)  # type: ignore[arg-type]


def test_a_shape_without_variance_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 1 value"):
        enroll(Assignment(("batch_norm",), shape=(1, 4, 1, 1)), ["Ada"])


def test_questions_follow_from_the_sets_of_a_norm_of_ones_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = Norm("pair_norm", "(s [m]) [c] [...]", affine="c", fixed={"m": 2}, title="PairNorm")
    monkeypatch.setitem(NORMS, own.name, own)
    assignment = Assignment((own.name,), shape=(4, 2, 1, 2))
    found = [
        q for seed in range(20) for q in questions(assignment.case(seed), assignment.norms, seed)
    ]
    assert all(q.answer in q.options for q in found)
    answers = {q.text.partition(":")[0]: q.answer for q in found if "Which images" in q.text}
    assert set(answers.values()) == {SOME_IMAGES}
    painted = next(q for q in found if q.painted is not None)
    assert painted.answer == "PairNorm"


@pytest.mark.parametrize(
    ("op", "reach"),
    [("batch_norm", ALL_IMAGES), ("layer_norm", ONE_IMAGE), ("ghost_batch_norm", SOME_IMAGES)],
)
def test_which_images_change_is_known(op: str, reach: str) -> None:
    assignment = Assignment((op,), shape=(4, 2, 1, 2))
    found = questions(assignment.case(1), assignment.norms, 1)[0]
    assert "Which images" in found.text
    assert found.answer == reach


def test_every_list_of_options_fits_a_drop_down() -> None:
    every = Assignment(tuple(NORMS))
    for seed in range(10):
        for question in questions(every.case(seed), every.norms, seed):
            assert len(",".join(question.options)) <= 255
            assert not any("," in option for option in question.options)


def test_a_weight_of_each_element_says_which_element_it_is_of() -> None:
    sheet = book_of(enroll(Assignment(("layer_norm",), shape=(2, 2, 2, 2)), ["Ada"]), 0).sheets[0]
    body, rows = sheet.placed["weight"], sheet.page.rows
    across = [rows[body.top - 1][body.left + at].value for at in (0, 1, 3, 4)]
    assert across == ["c0 w0", "c0 w1", "c1 w0", "c1 w1"]
    assert [rows[body.top + at][body.left - 1].value for at in (0, 1)] == ["h0", "h1"]
