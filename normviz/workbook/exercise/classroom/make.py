"""A class's files: one for each student, and what the teacher keeps."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from normviz.files import check_place, write_whole
from normviz.workbook.exercise.classroom.answers import (
    KEY_COLUMNS,
    Answer,
    AnswersBook,
    Row,
    answers_of,
    csv_text,
    key_rows,
)
from normviz.workbook.exercise.classroom.assignment import Classroom
from normviz.workbook.exercise.classroom.student_book import StudentBook, student_book
from normviz.workbook.xlsx.write import workbook_bytes

TEACHER = "teacher"
"""The folder beside the students' files that is not handed out."""

CLASS_FILE, ANSWERS_FILE, KEY_FILE = "class.json", "answers.xlsx", "key.csv"
Item = TypeVar("Item")
Result = TypeVar("Result")
Made = tuple[bytes, list[Answer]]
"""A student's file, and what belongs in it."""

FEW = 8
"""For fewer files, starting further processes takes longer than it saves."""


def make_class(
    classroom: Classroom, folder: str | os.PathLike[str], done: Callable[[int], None] | None = None
) -> Path:
    """Write a file for each student into `folder`, and the teacher's into its folder `teacher`.

    `done` is called with the number of files written so far. The same class gives the same bytes.

    Raises:
        FileExistsError: where a file of that name is there already: it may hold a student's work.
        OSError: a folder that cannot be made or written.
    """
    target = Path(folder)
    teacher = target / TEACHER
    teacher.mkdir(parents=True, exist_ok=True)
    places = [target / student.file for student in classroom.students]
    places += [teacher / name for name in (CLASS_FILE, ANSWERS_FILE, KEY_FILE)]
    for place in places:
        check_place(place)
        if place.exists():
            raise FileExistsError(
                errno.EEXIST,
                "is there already, and may hold a student's work: give another folder",
                str(place),
            )
    write_whole(teacher / CLASS_FILE, classroom.text())
    numbers = range(len(classroom.students))
    book, rows = AnswersBook(classroom), list[Row]()
    for number, (content, answers) in enumerate(each(partial(_made, classroom), numbers)):
        write_whole(places[number], content)
        book.add(number, answers)
        rows += key_rows(classroom.students[number], answers)
        if done:
            done(number + 1)
    write_whole(teacher / ANSWERS_FILE, workbook_bytes(book.book))
    write_whole(teacher / KEY_FILE, csv_text(KEY_COLUMNS, rows))
    return target


def each(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """The results in order; several at a time where there are more than a few."""
    if len(items) < FEW:
        yield from map(work, items)
        return
    pool = ProcessPoolExecutor(mp_context=get_context("spawn"))
    try:
        yield from pool.map(work, items)
    finally:
        pool.shutdown(cancel_futures=True)


def _made(classroom: Classroom, number: int) -> Made:
    made = book_of(classroom, number)
    return workbook_bytes(made.book), answers_of(made)


def book_of(classroom: Classroom, number: int, *, answers: bool = False) -> StudentBook:
    """The exercise of one student, counted from 0, or her answers."""
    student = classroom.students[number]
    record = classroom.record(student)
    return student_book(classroom.assignment, student.name, student.seed, record, answers=answers)
