"""Every usual mistake, made on purpose in every norm, is marked and explained in the sheet."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from normviz.norms.declared import NORMS
from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book, Value
from normviz.workbook.book.formula import parse
from normviz.workbook.exercise.chain import RULES
from normviz.workbook.exercise.classroom.own_numbers import student_case
from normviz.workbook.exercise.contents_sheet import begin
from normviz.workbook.exercise.exercise import SETTINGS, norm_sheets, other_sets
from normviz.workbook.exercise.marks import EXACT, FOLLOWS, NEAR, RIGHT, ROUNDED
from normviz.workbook.exercise.mistakes import BY_COUNT, COUNT_FORGOTTEN, Mistake, Wrong, mistakes
from normviz.workbook.exercise.sheet import ExerciseSheet
from normviz.workbook.formulas.evaluator.evaluate import evaluate
from normviz.workbook.lint.sheets import parse_area
from normviz.workbook.xlsx.write import workbook_bytes
from tests.workbook.engines import Place, ironcalc_values

OPS = tuple(NORMS)
CASE = student_case(SETTINGS, OPS, seed=3)
"""Of a seed where no two mistakes happen to give the same numbers in every cell."""


@cache
def solved(op: str) -> ExerciseSheet:
    others = other_sets(CASE, op)
    return ExerciseSheet(Book("one"), CASE.trace(op), others=others, answers=True)


def value_of(op: str, formula: str) -> float:
    """A formula on the sheet with the answers filled in."""

    def look(sheet: str, row: int, column: int) -> Value:
        line = solved(op).page.rows.get(row, {})
        return line[column].value if column in line else None

    found = evaluate(parse(formula), look)
    assert isinstance(found, float)
    return found


def typed(op: str, step: str, wrong: Wrong) -> list[float]:
    """What a student gets who makes a mistake in a step."""
    chain = solved(op).chain
    count = next(len(a.step.value.ravel()) for a in solved(op).asked if a.step.name == step)
    return [value_of(op, wrong(chain, i, RULES[step](chain, i))) for i in range(count)]


def made() -> Iterator[tuple[str, str, Mistake, Wrong]]:
    """Every mistake in every step of every norm."""
    for op in OPS:
        for asked in solved(op).asked:
            for mistake, wrong in mistakes(solved(op).chain, asked.step.name):
                yield op, asked.step.name, mistake, wrong


@cache
def exercise_book() -> Book:
    book = Book("mistakes")
    begin(book, "")
    norm_sheets(book, CASE, OPS)
    return book


def marks_of(op: str, step: str, values: list[float]) -> tuple[list[Value], Value]:
    """The marks and the hint of a step in the sheet, once the values are typed."""
    sheet = solved(op)
    pages = {page.title: page for page in exercise_book().pages}
    page = pages[sheet.title]
    filled = {sheet.chain.at(step, i): value for i, value in enumerate(values)}
    marked: dict[str, Value] = {}

    def look(title: str, row: int, column: int) -> Value:
        where = address(row, column)
        if not title and where in filled:
            return filled[where]
        if not title and where in marked:
            return marked[where]
        line = pages[title or page.title].rows.get(row, {})
        return line[column].value if column in line else None

    def found(where: str) -> Value:
        row, column = parse_area(where)[:2]
        return evaluate(parse(page.rows[row][column].formula or ""), look)

    for index in range(len(values)):
        where = sheet.chain.at(f"marks_{step}", index)
        marked[where] = found(where)
    return list(marked.values()), found(address(*_hint_place(sheet, step)))


@pytest.mark.parametrize(
    ("op", "step", "mistake", "wrong"),
    [pytest.param(*case, id=f"{case[0]} {case[1]}: {case[2].words}") for case in made()],
)
def test_a_usual_mistake_is_marked_and_explained(
    op: str, step: str, mistake: Mistake, wrong: Wrong
) -> None:
    sheet, values = solved(op), typed(op, step, wrong)
    said, hint = marks_of(op, step, values)
    assert said == [_expected(op, step, i, value) for i, value in enumerate(values)]
    # Of two elements n - 1 is 1: there, not to divide is the same mistake.
    twins = sheet.trace.sets.size == 2 and mistake is COUNT_FORGOTTEN
    assert (BY_COUNT if twins and step == "variance" else mistake).mark in said
    slips = {slip.mark: slip for slip, _ in mistakes(sheet.chain, step)}
    assert hint == max(slips.values(), key=lambda slip: said.count(slip.mark)).hint


def test_a_spreadsheet_marks_the_mistakes_alike(tmp_path: Path) -> None:
    path = tmp_path / "mistakes.xlsx"
    path.write_bytes(workbook_bytes(exercise_book()))
    first = {(op, step): wrong for op, step, _, wrong in reversed(list(made()))}
    entered: dict[Place, str] = {}
    for (op, step), wrong in first.items():
        for index, value in enumerate(typed(op, step, wrong)):
            entered[solved(op).title, solved(op).chain.at(step, index)] = repr(value)
    places: dict[Place, Value] = {}
    for op, step in first:
        alone, _ = marks_of(op, step, typed(op, step, first[op, step]))
        places |= {
            (solved(op).title, solved(op).chain.at(f"marks_{step}", index)): mark
            for index, mark in enumerate(alone)
        }
    found = ironcalc_values(path, places, entered)
    # With all steps filled in, what is wrong alone may follow from another wrong number.
    apart = {place for place, mark in places.items() if found[place] != mark}
    assert {found[place] for place in apart} <= {FOLLOWS}
    assert len(apart) < len(places) / 2


def _hint_place(sheet: ExerciseSheet, step: str) -> tuple[int, int]:
    """The cell of the hint stands over a step's marks, below their heading."""
    body = sheet.placed[f"marks_{step}"]
    column = body.area[1] - 1
    rows = [
        row
        for row, line in sheet.page.rows.items()
        if row < body.top and column in line and line[column].formula
    ]
    return max(rows), column


def _expected(op: str, step: str, index: int, value: float) -> str:
    """The mark of a cell by its meaning: the first test that holds."""
    chain = solved(op).chain
    right = value_of(op, RULES[step](chain, index))
    if abs(value - right) <= EXACT * max(1, abs(right)):
        return RIGHT
    if abs(value - right) <= NEAR:
        return ROUNDED
    for mistake, wrong in mistakes(chain, step):
        if abs(value - value_of(op, wrong(chain, index, RULES[step](chain, index)))) <= NEAR:
            return mistake.mark
    raise AssertionError(f"no mistake gives {value}")


def test_what_only_follows_has_its_own_mark() -> None:
    assert FOLLOWS not in {mistake.mark for _, _, mistake, _ in made()}


def test_there_are_ten_usual_mistakes_and_more() -> None:
    assert len({mistake.words for _, _, mistake, _ in made()}) >= 10
