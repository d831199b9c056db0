"""The file of one student: instructions, questions, a sheet for each norm, the hidden keys."""

from __future__ import annotations

from dataclasses import dataclass

from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book, Link
from normviz.workbook.book.styles import INPUT_TEXT, INPUT_WORD, LABEL, LINK, PLAIN, SOFT, Style
from normviz.workbook.draw.content import Banner, Entry, Item, Listing
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.exercise import contents_sheet, questions
from normviz.workbook.exercise.asked_steps import BACKWARD
from normviz.workbook.exercise.classroom.assignment import Assignment
from normviz.workbook.exercise.exercise import norm_sheets
from normviz.workbook.exercise.questions import Question
from normviz.workbook.exercise.sheet import ExerciseSheet

TITLE = "Normalization: exercise"
RECORD = Style(size=9.5, color=SOFT, wrap=True)


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
        return sum(sheet.total for sheet in self.sheets) + questions.POINTS * len(self.questions)


def student_book(
    assignment: Assignment, name: str, seed: int, record: str, *, answers: bool = False
) -> StudentBook:
    """The exercise of one student, or the same with every step filled in."""
    case, ops = assignment.case(seed), assignment.ops
    book = Book(TITLE)
    first = contents_sheet.begin(book, f"For {name}")
    first.page.protected = True
    asked = questions.questions(case, ops, seed)
    cells = questions.draw(book, asked, case.shape)
    sheets = norm_sheets(book, case, ops, assignment.part, answers=answers, locked=True)
    first.draw(
        *_instructions(assignment, len(asked)),
        contents_sheet.score_table(sheets),
        *contents_sheet.legend(),
        Listing(
            [("For the marking program; please leave it as it is:",), (record,)],
            looks=(RECORD,),
            shares=(1,),
        ),
    )
    contents_sheet.name_the_score(book, first)
    return StudentBook(book, sheets, asked, cells, _name_cell(first))


def _name_cell(contents: Sheet) -> str:
    return address(*contents.placed["name"].area[:2])


def _instructions(assignment: Assignment, asked: int) -> list[Item]:
    """What to do, the cell for the name, and the way to the questions."""
    typed = (
        f"Fill in every {INPUT_WORD} cell with a formula that reads the cells above it (a number "
        "typed by hand is noted)."
        if assignment.formulas
        else f"Fill in every {INPUT_WORD} cell, with a formula or a number; two decimals are "
        "enough."
    )
    given = " The forward steps are done for you." if assignment.part == BACKWARD else ""
    said = (
        "Write your name below. The numbers in this file are yours alone.",
        "First answer the questions on the next sheet, without computing.",
        f"{typed}{given} All other cells are locked (no password): against slips of the hand.",
        "Marks and hints beside the cells tell you at once how you do. A step gives its points "
        "when all its cells are right; a step that is right from your own wrong number counts.",
        "Save the file under its name, as .xlsx, and hand it in. Your teacher's marks are computed "
        f"from the {INPUT_WORD} cells alone.",
    )
    numbered = [(f"{number}.  {words}",) for number, words in enumerate(said, start=1)]
    to_questions = Entry(questions.TITLE, LINK, link=Link(questions.TITLE))
    return [
        Banner("What to do"),
        Listing(numbered, looks=(contents_sheet.WORDS,), shares=(1,)),
        Listing(
            [(Entry("Your name", LABEL), Entry(None, INPUT_TEXT, name="name"), "")],
            looks=(PLAIN,),
            shares=(24, 42, 60),
        ),
        Listing(
            [(to_questions, f"{asked} questions, a point each; your teacher marks them.")],
            looks=(PLAIN,),
            shares=(24, 102),
        ),
    ]
