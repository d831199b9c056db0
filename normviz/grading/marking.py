"""Points for one student's cells: right, right by her own earlier numbers, or which mistake.

What belongs in a cell is the value that NumPy has for it. Where that is not what was typed, the
formula of the step is computed on the student's own earlier cells: a following error costs once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from normviz.grading.read import Handed
from normviz.grading.typed import number_of, option_of, quotes
from normviz.workbook.book.cells import Value
from normviz.workbook.book.formula import Tree, parse, references
from normviz.workbook.exercise.asked_steps import values
from normviz.workbook.exercise.chain import RULES
from normviz.workbook.exercise.classroom.student_book import StudentBook
from normviz.workbook.exercise.marks import half_unit
from normviz.workbook.exercise.mistakes import mistakes
from normviz.workbook.exercise.questions import POINTS as QUESTION_POINTS
from normviz.workbook.exercise.questions import TITLE as QUESTIONS
from normviz.workbook.exercise.questions import Question
from normviz.workbook.exercise.sheet import Asked, ExerciseSheet
from normviz.workbook.formulas.evaluator.evaluate import evaluate
from normviz.workbook.formulas.evaluator.operands import CellError, UnknownFunctionError

RIGHT, FOLLOWS, WRONG, PARTLY, EMPTY = "right", "follows", "wrong", "incomplete", "empty"
UNREADABLE, MISSING = "unreadable", "missing"
"""Something is typed that is no number, or none of the answers; the sheet is not there."""

Cells = dict[tuple[int, int], float]
Numbers = Sequence[float | None]
"""What stands in the cells of a step; None where there is no number."""


@dataclass(frozen=True)
class StepMark:
    """How one step or question was answered. `state` is one of those above.

    `words` say what went wrong, and `mistake` says it alone where it is one of the usual mistakes.
    """

    sheet: str
    step: str
    points: int
    worth: int
    state: str
    words: str = ""
    mistake: str = ""

    @property
    def missed(self) -> bool:
        """Whether something was filled in that gives no points."""
        return self.state in (WRONG, PARTLY, UNREADABLE, MISSING)

    @property
    def told(self) -> str:
        """What went wrong and where; of a missing sheet once for all its steps."""
        return self.words if self.state == MISSING else f"{self.sheet} {self.step}: {self.words}"


_parsed: Callable[[str], Tree] = lru_cache(maxsize=65_536)(parse)


def mark(handed: Handed, made: StudentBook, decimals: int) -> list[StepMark]:
    """Every question and step of an exercise, in its order; `made` has the answers filled in."""
    found = _mark_questions(handed, made)
    for sheet in made.sheets:
        found += SheetMarker(handed, sheet, half_unit(decimals)).marks()
    return found


def _mark_questions(handed: Handed, made: StudentBook) -> list[StepMark]:
    found = []
    for number, question in enumerate(made.questions, start=1):
        state, words = _answered(handed, made.answer_cells[number - 1], question)
        points = QUESTION_POINTS if state == RIGHT else 0
        step = StepMark(QUESTIONS, f"question {number}", points, QUESTION_POINTS, state, words)
        found.append(step)
    return found


def _answered(handed: Handed, cell: str, question: Question) -> tuple[str, str]:
    """The state of a question, and what went wrong."""
    if not handed.has(QUESTIONS):
        return MISSING, missing(QUESTIONS)
    value = handed.value(QUESTIONS, cell)
    typed = handed.typed(QUESTIONS, cell)
    if not typed:
        return EMPTY, ""
    chosen = option_of(value, question.options)
    if chosen is None:
        return UNREADABLE, f"none of the answers to choose from: {quotes([typed])}"
    if chosen == question.answer:
        return RIGHT, ""
    return WRONG, f"chose “{chosen}” instead of “{question.answer}”"


def missing(sheet: str) -> str:
    """The sentence for a sheet that is not there."""
    return f"the sheet {sheet} is missing (renamed?)"


class SheetMarker:
    """Marks the steps of one norm.

    What follows from a student's numbers is computed twice: from what she typed, and from what she
    would have typed without rounding. Two decimals are enough in a step that follows, too.
    """

    def __init__(self, handed: Handed, sheet: ExerciseSheet, near: float) -> None:
        self.handed, self.sheet, self.near = handed, sheet, near
        self.typed: Cells = {}
        self.meant: Cells = {}
        """By row and column, as far as the steps are marked; elsewhere the right numbers count."""

    def marks(self) -> list[StepMark]:
        """The steps in their order."""
        return [self._mark(asked) for asked in self.sheet.asked]

    def _mark(self, asked: Asked) -> StepMark:
        name, right = asked.step.name, values(asked.step)
        cells = [self.sheet.chain.at(name, index) for index in range(len(right))]
        typed = [number_of(self.handed.value(self.sheet.title, cell)) for cell in cells]
        rules = [RULES[name](self.sheet.chain, index) for index in range(len(right))]
        followed = [[self._evaluate(rule, own) for rule in rules] for own in self._owns]
        made, usual = self._mistake(name, typed, right)
        for index, (cell, number) in enumerate(zip(cells, typed, strict=True)):
            if number is not None:
                could = (made[index], followed[1][index], right[index])
                near = (v for v in could if v is not None and self._is_near(number, v))
                self.typed[_place(cell)] = number
                self.meant[_place(cell)] = next(near, number)
        state, said = self._judge(typed, right, followed, unread(self.handed, self.sheet, cells))
        points = asked.points if state in (RIGHT, FOLLOWS) else 0
        mistake = usual if state == WRONG else ""
        where = self.sheet.title, asked.step.title
        return StepMark(*where, points, asked.points, state, mistake or said, mistake)

    @property
    def _owns(self) -> tuple[Cells, Cells]:
        return self.typed, self.meant

    def _judge(
        self,
        typed: Numbers,
        right: Sequence[float],
        followed: Sequence[Numbers],
        unread: Sequence[str],
    ) -> tuple[str, str]:
        """The state of a step, and what went wrong; `unread` is what was typed and is no number."""
        if not self.handed.has(self.sheet.title):
            return MISSING, missing(self.sheet.title)
        filled = [number is not None for number in typed]
        no_numbers = f"{len(unread)} of {len(typed)} cells cannot be read: {quotes(unread)}"
        if not any(filled):
            return (UNREADABLE, no_numbers) if unread else (EMPTY, "")
        if self._agrees(typed, right):
            return RIGHT, ""
        fits = [
            self._is_near(number, right[at])
            or any(self._is_near(number, own[at]) for own in followed)
            for at, number in enumerate(typed)
        ]
        if all(fits) and not _is_degenerate(typed, right):
            return FOLLOWS, ""
        empty = filled.count(False)
        if empty and fits.count(False) == empty:
            if unread:
                return UNREADABLE, no_numbers
            return PARTLY, f"{empty} of {len(typed)} cells empty"
        wrong = f"{fits.count(False) - empty or len(typed)} of {len(typed)} cells wrong"
        return WRONG, f"{wrong}, {no_numbers}" if unread else wrong

    def _mistake(self, step: str, typed: Numbers, right: Sequence[float]) -> tuple[Numbers, str]:
        """The first usual mistake that gives every number typed: what it gives, and its words."""
        chain = self.sheet.chain
        if None not in typed and not self._agrees(typed, right):
            for mistake, wrong in mistakes(chain, step):
                rules = [wrong(chain, i, RULES[step](chain, i)) for i in range(len(typed))]
                for own in (self.meant, self.typed, {}):
                    found = [self._evaluate(rule, own) for rule in rules]
                    if self._agrees(typed, found) and not self._agrees(found, right):
                        return found, mistake.words
        return [None] * len(typed), ""

    def _evaluate(self, formula: str, own: Cells) -> float | None:
        rows = self.sheet.page.rows

        def look(sheet: str, row: int, column: int) -> Value:
            if (row, column) in own:
                return own[row, column]
            cell = rows.get(row, {}).get(column)
            return cell.value if cell else None

        try:
            return number_of(evaluate(_parsed(formula), look))
        except (CellError, UnknownFunctionError):
            return None

    def _is_near(self, number: float | None, value: float | None) -> bool:
        return number is not None and value is not None and abs(number - value) <= self.near

    def _agrees(self, typed: Numbers, wanted: Numbers) -> bool:
        return all(map(self._is_near, typed, wanted))


def _place(cell: str) -> tuple[int, int]:
    """Row and column of a cell."""
    return next(references(_parsed(cell))).area[:2]


def unread(handed: Handed, sheet: ExerciseSheet, cells: Sequence[str]) -> list[str]:
    """What was typed into these cells and is no number."""
    found = []
    for cell in cells:
        typed = handed.typed(sheet.title, cell)
        if typed and number_of(handed.value(sheet.title, cell)) is None:
            found.append(typed)
    return found


def _is_degenerate(typed: Numbers, right: Sequence[float]) -> bool:
    """One number everywhere where there should be several: 0² = 0 follows from nothing."""
    return len(set(typed)) == 1 and len({round(value, 9) for value in right}) > 1


def cells_of(sheet: ExerciseSheet) -> list[str]:
    """Every cell to fill in on the sheet of a norm."""
    return [
        sheet.chain.at(asked.step.name, index)
        for asked in sheet.asked
        for index in range(len(values(asked.step)))
    ]
