"""Exercises: a workbook whose steps are empty and mark themselves, and the file of its answers."""

from __future__ import annotations

import os
from pathlib import Path

from normviz.files import check_place, write_whole
from normviz.workbook.book.cells import Book
from normviz.workbook.exercise import contents_sheet as exercise_contents
from normviz.workbook.exercise.sheet import (
    ANSWERS,
    KEY,
    STUDENT,
    ExerciseSheet,
)
from normviz.workbook.sheets.case import Case, Settings
from normviz.workbook.xlsx.write import workbook_bytes

OPS = ("batch_norm", "layer_norm", "group_norm", "rms_norm")
SETTINGS = Settings((2, 4, 1, 2), groups=2, eps=0.1)
"""Small enough to fill in by hand; ε so large that it shows where it stands."""


def exercise(settings: Settings = SETTINGS, *, answers: bool = False) -> Book:
    """The exercises for some settings, or the same with every step filled in.

    Raises:
        ValueError: where the shape leaves a norm nothing to do (one value in each set).

    >>> [page.title for page in exercise().pages if not page.hidden]
    ['Contents', 'BatchNorm', 'LayerNorm', 'GroupNorm', 'RMSNorm']
    """
    case = Case(settings)
    for op in OPS:
        if isinstance(case.traces[op], str):
            raise ValueError(str(case.traces[op]))
    title = "Normalization: answers" if answers else "Normalization: exercises"
    book = Book(title)
    first = exercise_contents.begin_contents(book)
    kind = ANSWERS if answers else STUDENT
    sheets = [ExerciseSheet(book, case.trace(op), kind).build() for op in OPS]
    for op in OPS:
        ExerciseSheet(book, case.trace(op), KEY).build()
    exercise_contents.fill(book, first, sheets, settings.seed)
    return book


def write_exercise(
    path: str | os.PathLike[str], settings: Settings = SETTINGS
) -> tuple[Path, Path]:
    """Write the exercises to `path` and the answers beside, named `...-answers.xlsx`.

    Raises:
        ValueError: as :func:`exercise`.
        OSError: as :func:`normviz.files.write_whole`; neither file is written then.
    """
    target = Path(path)
    solved = target.with_name(f"{target.stem}-answers{target.suffix}")
    for place in (target, solved):
        check_place(place)
    contents = [workbook_bytes(exercise(settings, answers=answers)) for answers in (False, True)]
    return write_whole(target, contents[0]), write_whole(solved, contents[1])
