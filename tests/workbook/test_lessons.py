"""The teaching sheets are live: typed into, they give what NumPy gives for the new numbers.

A sheet is built twice, as it ships and for other numbers. The formulas must be the same text;
typing the other yellow cells into the first file must give the values of the second.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from normviz.workbook.address import address
from normviz.workbook.cells import Book, Page
from normviz.workbook.page_head import CONTENTS, begin
from normviz.workbook.sheets import evaluation, lessons
from normviz.workbook.sheets.evaluation_case import EvaluationCase
from normviz.workbook.styles import INPUT
from normviz.workbook.write import save
from tests.workbook.engines import (
    Place,
    differences,
    expected,
    ironcalc_values,
    office_values,
)

DRAW = np.random.default_rng(5)


def other_evaluation() -> EvaluationCase:
    return EvaluationCase(
        batches=DRAW.standard_normal((4, 6, 2)) * 3 + 7,
        weight=np.array([-1.5, 0.25]),
        bias=np.array([3.0, -4.0]),
        running_mean=np.array([2.0, -1.0]),
        running_var=np.array([0.5, 4.0]),
        momentum=0.37,
        eps=0.01,
        batch=2,
        step=17,
    )


CHANGES: list[tuple[str, Callable[..., None], Callable[[], Any]]] = [
    ("evaluation", evaluation.build, other_evaluation),
]
IDS = [name for name, _, _ in CHANGES]


def book_of(draw: Callable[..., None], *case: Any) -> Book:
    book = Book("lesson")
    begin(book, CONTENTS, "Contents")
    draw(book, *case)
    return book


def yellow(page: Page) -> dict[Place, Any]:
    return {
        (page.title, address(row, column)): cell.value
        for row, line in page.rows.items()
        for column, cell in line.items()
        if cell.style.fill == INPUT and cell.formula is None
    }


def typed_to_get(before: Book, after: Book) -> dict[Place, str]:
    """What a student types into the yellow cells of one book to get those of the other."""
    typed = {}
    for old, new in zip(before.pages, after.pages, strict=True):
        known, wanted = yellow(old), yellow(new)
        assert known.keys() == wanted.keys()
        typed |= {
            place: value if isinstance(value, str) else repr(value)
            for place, value in wanted.items()
            if value != known[place]
        }
    return typed


@pytest.mark.parametrize(("name", "draw", "change"), CHANGES, ids=IDS)
def test_other_yellow_cells_give_the_values_of_numpy(
    name: str, draw: Callable[..., None], change: Callable[[], Any], tmp_path: Path
) -> None:
    before, after = book_of(draw), book_of(draw, change())
    typed = typed_to_get(before, after)
    wanted = expected(after)
    assert typed
    assert [c.formula for p in before.pages for _, c in p.formulas()] == [
        c.formula for p in after.pages for _, c in p.formulas()
    ]
    assert differences(wanted, expected(before)), "the change must show"
    found = ironcalc_values(save(before, tmp_path / "before.xlsx"), wanted, typed)
    assert differences(wanted, found) == []
    # The formulas are the same, so the second file is the first one typed into.
    found = office_values(save(after, tmp_path / "after.xlsx"), tmp_path)
    assert differences(wanted, found) == []


def test_every_lesson_is_tested_and_in_the_contents() -> None:
    assert len({lesson.title for lesson in lessons.LESSONS}) == len(lessons.LESSONS)
