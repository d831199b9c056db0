"""A class's files: one for each student, and what the teacher keeps."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from normviz.files import check_place, write_whole
from normviz.workbook.exercise.classroom.answers import (
    KEY_COLUMNS,
    AnswersBook,
    Row,
    csv_text,
    key_rows,
)
from normviz.workbook.exercise.classroom.assignment import Classroom
from normviz.workbook.exercise.classroom.student_book import StudentBook, student_book
from normviz.workbook.xlsx.write import workbook_bytes

TEACHER = "teacher"
"""The folder beside the students' files that is not handed out."""

CLASS_FILE, ANSWERS_FILE, KEY_FILE = "class.json", "answers.xlsx", "key.csv"
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
    for number, content in enumerate(_each(partial(_content, classroom), numbers)):
        write_whole(places[number], content)
        if done:
            done(number + 1)
    _write_answers(classroom, teacher)
    return target


def _each(work: Callable[[int], bytes], numbers: Sequence[int]) -> Iterator[bytes]:
    """The results in order; several at a time where there are more than a few."""
    if len(numbers) < FEW:
        yield from map(work, numbers)
        return
    pool = ProcessPoolExecutor(mp_context=get_context("spawn"))
    try:
        yield from pool.map(work, numbers)
    finally:
        pool.shutdown(cancel_futures=True)


def _content(classroom: Classroom, number: int) -> bytes:
    return workbook_bytes(book_of(classroom, number).book)


def book_of(classroom: Classroom, number: int, *, answers: bool = False) -> StudentBook:
    """The exercise of one student, counted from 0, or her answers."""
    student = classroom.students[number]
    record = classroom.record(student)
    return student_book(classroom.assignment, student.name, student.seed, record, answers=answers)


def _write_answers(classroom: Classroom, teacher: Path) -> None:
    book = AnswersBook(classroom)
    rows: list[Row] = []
    for number, student in enumerate(classroom.students):
        made = book_of(classroom, number, answers=True)
        book.add(number, made)
        rows += key_rows(student, made)
    write_whole(teacher / ANSWERS_FILE, workbook_bytes(book.book))
    write_whole(teacher / KEY_FILE, csv_text(KEY_COLUMNS, rows))
