"""The teacher's answers: one workbook with a sheet for each student, and the key as a table."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence

from normviz.workbook.book.cells import Book, Value
from normviz.workbook.book.styles import (
    BANNER,
    BODY,
    BODY_CENTER,
    HEADER,
    HEADER_LEFT,
    LABEL,
    LINK,
    NUMBER,
    PLAIN,
)
from normviz.workbook.draw.page_head import CONTENTS, FIRST_ROW, begin, explain
from normviz.workbook.exercise.asked import values
from normviz.workbook.exercise.classroom.assignment import Classroom, Student
from normviz.workbook.exercise.classroom.student_book import QUESTION_POINTS, QUESTIONS, StudentBook

KEY_COLUMNS = ("student", "file", "sheet", "cell", "step", "value")
_WIDTHS = {1: 1.5, 2: 20.0, 3: 8.0, 4: 10.0}
_FIRST_VALUE, _VALUES_A_LINE, _VALUE_WIDTH = 4, 8, 10.0
Row = tuple[str, str, str, str, str, str | float]


def sheet_titles(names: Sequence[str]) -> list[str]:
    """A sheet for every name: what a sheet cannot be called is left out, and a number leads.

    >>> sheet_titles(["Ada Lovelace", "a/b: [c]"])
    ['1 Ada Lovelace', '2 a b c']
    """
    plain = (" ".join(re.sub(r"[\[\]:*?/\\']", " ", name).split()) for name in names)
    return [f"{at} {name}"[:31].rstrip() for at, name in enumerate(plain, start=1)]


class AnswersBook:
    """The workbook of answers, filled student by student."""

    def __init__(self, classroom: Classroom) -> None:
        self.classroom = classroom
        self.book = Book("Normalization: answers")
        self.titles = sheet_titles([student.name for student in classroom.students])
        self._list_students()

    def add(self, number: int, made: StudentBook) -> None:
        """The sheet of one student, counted from 0; `made` has the answers filled in."""
        student = self.classroom.students[number]
        page = begin(self.book, self.titles[number], student.name)
        last = _FIRST_VALUE + _VALUES_A_LINE - 1
        page.widths.update(_WIDTHS)
        page.widths |= dict.fromkeys(range(_FIRST_VALUE, last + 1), _VALUE_WIDTH)
        explain(page, f"{student.file}: {made.total} points. Values in the order of reading.", last)
        row = FIRST_ROW
        page.span((row, 2, row, last), QUESTIONS, BANNER)
        for at, question in enumerate(made.questions, start=1):
            row += 1
            page.put(row, 2, f"question {at}", LABEL)
            page.put(row, 3, QUESTION_POINTS, BODY_CENTER)
            page.span((row, 4, row, last), question.answer, PLAIN)
        for sheet in made.sheets:
            row += 2
            page.span((row, 2, row, last), sheet.title, BANNER)
            for asked in sheet.asked:
                found = values(asked.step)
                for first in range(0, len(found), _VALUES_A_LINE):
                    row += 1
                    if first == 0:
                        page.put(row, 2, asked.step.name, LABEL)
                        page.put(row, 3, asked.points, BODY_CENTER)
                    for at, value in enumerate(found[first : first + _VALUES_A_LINE]):
                        page.put(row, _FIRST_VALUE + at, value, NUMBER)

    def _list_students(self) -> None:
        page = begin(self.book, CONTENTS, self.book.title)
        page.widths.update({1: 1.5, 2: 8.0, 3: 40.0, 4: 46.0})
        explain(page, "A sheet for each student; the numbers of each are her own.", 4)
        for column, heading in enumerate(("", "Student", "File"), start=2):
            page.put(FIRST_ROW, column, heading, HEADER_LEFT if column > 2 else HEADER)
        for at, student in enumerate(self.classroom.students):
            row = FIRST_ROW + 1 + at
            page.put(row, 2, at + 1, BODY_CENTER)
            page.put(row, 3, student.name, LINK.but(edge=BODY.edge, indent=1))
            page.link(row, 3, self.titles[at])
            page.put(row, 4, student.file, BODY)


def key_rows(student: Student, made: StudentBook) -> Iterator[Row]:
    """Every cell to fill in, with what belongs there."""
    for at, (cell, question) in enumerate(
        zip(made.answer_cells, made.questions, strict=True), start=1
    ):
        yield student.name, student.file, QUESTIONS, cell, f"question {at}", question.answer
    for sheet in made.sheets:
        for asked in sheet.asked:
            for index, value in enumerate(values(asked.step)):
                cell = sheet.chain.at(asked.step.name, index)
                yield student.name, student.file, sheet.title, cell, asked.step.name, value


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
