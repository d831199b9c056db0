"""The file of one student: instructions, questions, a sheet for each norm, the hidden keys."""

from __future__ import annotations

from dataclasses import dataclass

from normviz.workbook.book.cells import Book, Choice, Page
from normviz.workbook.book.layout import Layout
from normviz.workbook.book.sizes import height_of, lines_of
from normviz.workbook.book.styles import (
    BANNER,
    BODY,
    BODY_CENTER,
    HEADER,
    HEADER_LEFT,
    INPUT_TEXT,
    LABEL,
    LINK,
    PLAIN,
    STEP_NAME,
    Style,
    set_color,
)
from normviz.workbook.draw.page_head import FIRST_ROW, begin, explain
from normviz.workbook.draw.panels import Grid
from normviz.workbook.exercise import contents_sheet
from normviz.workbook.exercise.asked import BACKWARD
from normviz.workbook.exercise.classroom.assignment import Assignment
from normviz.workbook.exercise.exercise import norm_sheets
from normviz.workbook.exercise.questions import Question, questions
from normviz.workbook.exercise.sheet import ExerciseSheet

QUESTIONS = "Questions"
QUESTION_POINTS = 1
TITLE = "Normalization: exercise"
_WIDTHS = {1: 1.5, 2: 4.0, 3: 46.0, 4: 26.0, 5: 8.0, 6: 2.5, 7: 5.0}
_PAINTED_LEFT, _PIXEL_WIDTH, _GAP_WIDTH = 8, 3.0, 0.8
_RECORD = Style(size=9, color="9AA5B1")


@dataclass(frozen=True)
class StudentBook:
    """A student's file, and where in it she fills in what."""

    book: Book
    sheets: list[ExerciseSheet]
    questions: list[Question]
    answer_cells: list[str]
    """On the sheet Questions, one for each question."""
    name_cell: str
    """On the sheet Contents."""

    @property
    def total(self) -> int:
        """All points there are."""
        return sum(sheet.total for sheet in self.sheets) + QUESTION_POINTS * len(self.questions)


def student_book(
    assignment: Assignment, name: str, seed: int, record: str, *, answers: bool = False
) -> StudentBook:
    """The exercise of one student, or the same with every step filled in."""
    case = assignment.case(seed)
    book = Book(TITLE)
    first = contents_sheet.begin_contents(book)
    asked = questions(case, assignment.norms, seed)
    cells = _draw_questions(begin(book, QUESTIONS, "Before you compute"), asked)
    sheets = norm_sheets(
        book, case, assignment.norms, assignment.part, answers=answers, locked=True
    )
    name_cell = _draw_contents(book, first, assignment, name, sheets, record)
    return StudentBook(book, sheets, asked, cells, name_cell)


def _instructions(assignment: Assignment) -> list[str]:
    typed = (
        "Fill in every yellow cell with a formula that reads the cells above it (a number typed by "
        "hand is noted)."
        if assignment.formulas
        else "Fill in every yellow cell, with a formula or a number; two decimals are enough."
    )
    given = " The forward steps are done for you." if assignment.part == BACKWARD else ""
    return [
        "Write your name below. The numbers in this file are yours alone.",
        "First answer the questions on the next sheet, without computing.",
        f"{typed}{given} All other cells are locked (no password): against slips of the hand.",
        "Marks and hints beside the cells tell you at once how you do. A step gives its points "
        "when all its cells are right; a step that is right from your own wrong number counts.",
        "Save the file under its name, as .xlsx, and hand it in. Your teacher's marks are computed "
        "from the yellow cells alone.",
    ]


def _draw_contents(
    book: Book,
    page: Page,
    assignment: Assignment,
    name: str,
    sheets: list[ExerciseSheet],
    record: str,
) -> str:
    """Instructions, the cell for the name, the points, and what the file says of itself."""
    page.protected = True
    page.widths.update(contents_sheet.WIDTHS)
    last = contents_sheet.LAST
    explain(page, f"For {name}", last)
    row = FIRST_ROW
    page.span((row, 2, row, last), "What to do", BANNER)
    page.heights[row] = 21
    text = PLAIN.but(wrap=True, indent=1)
    for number, words in enumerate(_instructions(assignment), start=1):
        row += 1
        page.span((row, 2, row, last), f"{number}.  {words}", text)
        lines = lines_of(words, page.width(2, last) - 4, text.size)
        page.heights[row] = height_of(lines, text.size)
    row += 2
    page.put(row, 2, "Your name", LABEL)
    name_cell = page.span((row, 3, row, 5), None, INPUT_TEXT)
    page.heights[row] = 22
    row += 2
    page.put(row, 2, QUESTIONS, LINK)
    page.link(row, 2, QUESTIONS)
    page.span((row, 3, row, last), "Five questions, a point each; your teacher marks them.", PLAIN)
    below = contents_sheet.score_table(book, page, row + 2, sheets)
    below = contents_sheet.legend(page, below + 1)
    page.put(below + 1, 2, "For the marking program; please leave it as it is:", _RECORD)
    page.put(below + 2, 2, record, _RECORD)
    return name_cell


def _draw_questions(page: Page, asked: list[Question]) -> list[str]:
    """A line for each question, with a drop-down; painted sets stand to the right."""
    page.protected = True
    page.widths.update(_WIDTHS)
    explain(
        page,
        "Choose an answer in each yellow cell, before you compute anything. There are no marks "
        "here: a menu that turns green could be tried through.",
        7,
    )
    row = FIRST_ROW
    for column, heading in enumerate(("", "Question", "Your answer", "points"), start=2):
        page.put(row, column, heading, HEADER_LEFT if column == 3 else HEADER)
    cells = []
    for number, question in enumerate(asked, start=1):
        row += 1
        page.put(row, 2, number, BODY_CENTER)
        page.put(row, 3, question.text, BODY)
        cells.append(page.put(row, 4, None, INPUT_TEXT.but(bold=False, wrap=True)))
        page.put(row, 5, QUESTION_POINTS, BODY_CENTER)
        hint = "Choose one of the answers in the menu."
        page.choices.append(Choice((row, 4, row, 4), question.options, None, "", hint))
        page.heights[row] = max(34.0, height_of(lines_of(question.text, 42, BODY.size), BODY.size))
        if question.painted is not None:
            _paint(page, question, f"For question {number}")
    return cells


def _paint(page: Page, question: Question, heading: str) -> None:
    """A tensor whose elements wear the color of their set."""
    labels = question.painted
    assert labels is not None
    layout = Layout(labels.shape)
    block, gap = layout.block[1], layout.gaps[1]
    for at in range(layout.size[1]):
        is_gap = gap and at % (block + gap) == block
        page.widths[_PAINTED_LEFT + at] = _GAP_WIDTH if is_gap else _PIXEL_WIDTH
    page.span((FIRST_ROW, 7, FIRST_ROW, _PAINTED_LEFT + layout.size[1] - 1), heading, STEP_NAME)
    grid = Grid(page, layout, FIRST_ROW + 2, _PAINTED_LEFT)
    looks = [PLAIN.filled(set_color(int(label))) for label in labels.ravel()]
    grid.draw([None] * labels.size, None, lambda index: looks[index])
    grid.draw_axes()
