"""A step's name is its key and its title what is shown; few places know steps by their names."""

import ast
import re
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from normviz import trace
from normviz.cli.show import show
from normviz.grading.marking import mark
from normviz.grading.read import Handed
from normviz.reference import steps
from normviz.reference.steps import StepText
from normviz.workbook.book.cells import Book
from normviz.workbook.build import build
from normviz.workbook.exercise.classroom.answers import answers_of
from normviz.workbook.exercise.classroom.assignment import Assignment, enroll
from normviz.workbook.exercise.marks import ADVICE
from normviz.workbook.exercise.sheet import ExerciseSheet
from normviz.workbook.explain.selection import select
from normviz.workbook.formulas.steps import FORMULAS
from normviz.workbook.sheets.subject.case import Case, Settings
from tests.grading.fill import solved

ROOT = Path(__file__).parents[2]
TEXTS = [text for text in vars(steps).values() if isinstance(text, StepText)]
NAMES = {text.name for text in TEXTS}
COMPUTED = NAMES - {"grad_output"}
SHOWING = ("BatchNorm", "RMSNorm", "Playground", "Reference")
SMALL = Settings((2, 4, 2, 2), groups=2, eps=0.1)


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step is called otherwise, as where the titles are another language's."""
    for text in TEXTS:
        monkeypatch.setitem(vars(text), "title", f"étape {text.name}")


def books() -> tuple[Book, Book]:
    exercise = Book("exercise")
    ExerciseSheet(exercise, Case(SMALL).trace("batch_norm")).draw_key(exercise)
    return build(SMALL), exercise


def formulas(book: Book) -> list[object]:
    return [(page.title, cell.formula) for page in book.pages for _, cell in page.formulas()]


def test_other_titles_are_shown_and_change_no_formula(request: pytest.FixtureRequest) -> None:
    usual = [formulas(book) for book in books()]
    request.getfixturevalue("foreign")
    found = books()
    assert [formulas(book) for book in found] == usual
    pages = [page for page in found[0].pages if page.title in SHOWING]
    assert len(pages) == len(SHOWING)
    for page in (*pages, found[1].pages[0]):
        named = {block.name.partition(" · ")[0] for block in page.blocks}
        assert named & {f"étape {name}" for name in NAMES}, page.title
        assert not named & COMPUTED, page.title


def test_other_titles_are_shown_in_a_terminal_and_a_notebook(foreign: None) -> None:
    rich = pytest.importorskip("rich.console")
    made = trace("layer_norm", np.eye(3), normalized_shape=(3,)).backward(np.eye(3))
    console = rich.Console(file=StringIO(), width=100)
    show(made, select(made.sets), console)
    for said in (console.file.getvalue(), made._repr_html_()):
        assert all(f"étape {name}" in said for name in made)


def test_other_titles_are_those_of_answers_and_marks_too(foreign: None) -> None:
    classroom = enroll(Assignment(("rms_norm",), shape=(2, 2, 1, 2)), ["Ada"])
    made = solved(classroom, 0)
    (sheet,) = made.sheets
    titles = [asked.step.title for asked in sheet.asked]
    assert {title.partition(" ")[0] for title in titles} == {"étape"}
    found = (answers_of(made), mark(Handed(), made, decimals=2))
    assert [answer.name for answer in found[0] if answer.sheet == sheet.title] == titles
    assert [step.step for step in found[1] if step.sheet == sheet.title] == titles


def test_every_step_has_its_formula_and_an_advice() -> None:
    assert set(FORMULAS) == COMPUTED
    assert set(ADVICE) >= COMPUTED


def test_contributing_names_every_place_with_a_table_of_steps() -> None:
    (row,) = re.findall(
        r"\| another step in every trace \|.*", (ROOT / "CONTRIBUTING.md").read_text()
    )
    named = tuple(re.findall(r"`(normviz/[\w./]+)`", row))
    tables = set()
    for path in ROOT.glob("normviz/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            keys = getattr(node, "keys", []) if isinstance(node, ast.Dict) else []
            said = {key.value for key in keys if isinstance(key, ast.Constant)}
            if len(said & NAMES) > 3:
                tables.add(path.relative_to(ROOT).as_posix())
    assert tables
    assert [place for place in sorted(tables) if not place.startswith(named)] == []
