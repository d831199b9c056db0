"""The teacher's answers: one workbook with a sheet for each student, and the key as a table."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from normviz.workbook.book.cells import Book, Link, Value
from normviz.workbook.book.styles import BODY, BODY_CENTER, LABEL, LINE, LINK, NUMBER, PLAIN
from normviz.workbook.draw.columns import texts
from normviz.workbook.draw.content import Banner, Entry, Listing
from normviz.workbook.draw.page_head import CONTENTS
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.exercise.asked_steps import values
from normviz.workbook.exercise.classroom.assignment import Classroom, Student
from normviz.workbook.exercise.classroom.student_book import StudentBook
from normviz.workbook.exercise.questions import POINTS
from normviz.workbook.exercise.questions import TITLE as QUESTIONS

KEY_COLUMNS = ("student", "file", "sheet", "cell", "step", "value")
VALUES_A_LINE = 8
Row = tuple[str, str, str, str, str, str | float]


def sheet_titles(names: Sequence[str]) -> list[str]:
    """A sheet for every name: what a sheet cannot be called is left out, and a number leads.

    >>> sheet_titles(["Ada Lovelace", "a/b: [c]"])
    ['1 Ada Lovelace', '2 a b c']
    """
    plain = (" ".join(re.sub(r"[\[\]:*?/\\']", " ", name).split()) for name in names)
    return [f"{at} {name}"[:31].rstrip() for at, name in enumerate(plain, start=1)]


@dataclass(frozen=True)
class Answer:
    """What belongs in the cells of a question or step."""

    sheet: str
    name: str
    points: int
    cells: tuple[str, ...]
    values: tuple[float | str, ...]


def answers_of(made: StudentBook) -> list[Answer]:
    """Everything that a student's file asks, in its order."""
    pairs = enumerate(zip(made.answer_cells, made.questions, strict=True), start=1)
    found = [
        Answer(QUESTIONS, f"question {at}", POINTS, (cell,), (question.answer,))
        for at, (cell, question) in pairs
    ]
    for sheet in made.sheets:
        for asked in sheet.asked:
            name, right = asked.step.name, tuple(values(asked.step))
            cells = tuple(sheet.chain.at(name, index) for index in range(len(right)))
            found.append(Answer(sheet.title, asked.step.title, asked.points, cells, right))
    return found


class AnswersBook:
    """The workbook of answers, filled student by student."""

    def __init__(self, classroom: Classroom) -> None:
        self.classroom = classroom
        self.book = Book("Normalization: answers")
        self.titles = sheet_titles([student.name for student in classroom.students])
        self._list_students()

    def add(self, number: int, answers: Sequence[Answer]) -> None:
        """The sheet of one student, counted from 0."""
        student, total = self.classroom.students[number], sum(answer.points for answer in answers)
        words = f"{student.file}: {total} points. Values in the order of reading."
        columns = texts(20, 8, *(10,) * VALUES_A_LINE)
        sheet = Sheet(self.book, self.titles[number], student.name, words, columns)
        for title, asked in groupby(answers, lambda answer: answer.sheet):
            lines = [line for answer in asked for line in _lines(answer)]
            is_text = title == QUESTIONS
            shares = (20, 8, 10 * VALUES_A_LINE) if is_text else ()
            looks = (LABEL, BODY_CENTER, PLAIN if is_text else NUMBER)
            sheet.draw(Banner(title), Listing(lines, looks=looks, shares=shares))

    def _list_students(self) -> None:
        words = "A sheet for each student; the numbers of each are her own."
        sheet = Sheet(self.book, CONTENTS, self.book.title, words, texts(8, 40, 46))
        rows = [
            (at, Entry(student.name, link=Link(title)), student.file)
            for at, (student, title) in enumerate(
                zip(self.classroom.students, self.titles, strict=True), start=1
            )
        ]
        looks = (BODY_CENTER, LINK.but(edge=LINE, indent=1), BODY)
        sheet.draw(Listing(rows, ("", "Student", "File"), looks))


def _lines(answer: Answer) -> Iterator[Sequence[Value]]:
    """The values of a step, a few a line, the first line with its name and points."""
    for first in range(0, len(answer.values), VALUES_A_LINE):
        head = (answer.name, answer.points) if first == 0 else (None, None)
        yield *head, *answer.values[first : first + VALUES_A_LINE]


def key_rows(student: Student, answers: Sequence[Answer]) -> Iterator[Row]:
    """Every cell to fill in, with what belongs there."""
    for answer in answers:
        for cell, value in zip(answer.cells, answer.values, strict=True):
            yield student.name, student.file, answer.sheet, cell, answer.name, value


def csv_text(heading: Sequence[str], rows: Sequence[Sequence[Value]]) -> str:
    """A table as CSV, in which no text begins a formula when a spreadsheet program opens it.

    >>> csv_text(["name"], [["=1+1"], ["Ada"]]).split()
    ['name', "'=1+1", 'Ada']
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(heading)
    writer.writerows([[_harmless(value) for value in row] for row in rows])
    return stream.getvalue()


def _harmless(value: Value) -> Value:
    is_formula = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if is_formula else value
