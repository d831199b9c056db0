"""An exercise: a workbook whose steps are empty and mark themselves, and its answers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from normviz.files import check_place, write_whole
from normviz.norms.declared import NORMS
from normviz.norms.partition import StatisticsSets
from normviz.workbook.book.cells import Book
from normviz.workbook.exercise import contents_sheet
from normviz.workbook.exercise.asked_steps import ALL
from normviz.workbook.exercise.marks import Known
from normviz.workbook.exercise.sheet import ExerciseSheet
from normviz.workbook.sheets.subject.case import Case, Settings
from normviz.workbook.xlsx.write import workbook_bytes

OPS = tuple(name for name, norm in NORMS.items() if norm.basic)
"""The norms that are asked where none is named."""

SETTINGS = Settings((2, 4, 1, 2), groups=2, eps=0.1)
"""Small enough to fill in by hand; ε so large that it shows where it stands."""


def exercise(settings: Settings = SETTINGS, *, answers: bool = False) -> Book:
    """The exercises for some settings, or the same with every step filled in.

    Raises:
        ValueError: where the shape leaves a norm nothing to do (one value in each set).

    >>> [page.title for page in exercise().pages if not page.hidden]
    ['Contents', 'BatchNorm', 'LayerNorm', 'GroupNorm', 'RMSNorm']
    """
    book = Book("Normalization: answers" if answers else "Normalization: exercises")
    first = contents_sheet.begin(book, contents_sheet.words_for_one(settings.seed))
    sheets = norm_sheets(book, Case(settings), OPS, answers=answers)
    first.draw(contents_sheet.score_table(sheets), *contents_sheet.legend())
    contents_sheet.name_the_score(book, first)
    return book


def norm_sheets(
    book: Book,
    case: Case,
    ops: Sequence[str],
    part: str = ALL,
    *,
    answers: bool = False,
    locked: bool = False,
) -> list[ExerciseSheet]:
    """Draw a sheet for every norm, and behind them the hidden keys.

    Raises:
        ValueError: where the shape leaves a norm nothing to do.
    """
    norms = ((n.title, n.sets, n.affine, n.centered, n.bias) for n in case.norms.values())
    where = (case.shape, case.settings.groups, case.settings.splits, part, *norms)
    sheets = [
        ExerciseSheet(
            book,
            case.trace(op),
            part,
            other_sets(case, op),
            answers=answers,
            locked=locked,
            known=_known(op, where),
        )
        for op in ops
    ]
    for sheet in sheets:
        sheet.draw_key(book)
    return sheets


@lru_cache(maxsize=64)
def _known(op: str, where: tuple[object, ...]) -> Known:
    """The marks that were written before, where the same decides on which cells everything stands.

    The files of a class differ in their numbers alone, and their marks are most of the drawing.
    """
    return {}


def other_sets(case: Case, op: str) -> dict[str, StatisticsSets]:
    """By title, the norms whose sets on this x are others; of several alike the first.

    >>> list(other_sets(Case(SETTINGS), "layer_norm"))
    ['BatchNorm', 'GroupNorm', 'InstanceNorm', 'PixelNorm']
    """
    seen = {case.sets(op).labels().tobytes()}
    found = {}
    for other, norm in case.norms.items():
        sets = case.sets(other)
        labels = sets.labels().tobytes()
        if labels not in seen:
            seen.add(labels)
            found[norm.title] = sets
    return found


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
