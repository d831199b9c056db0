"""The teaching sheets are live: typed into, they give what NumPy gives for the new numbers.

A sheet is built twice, as it ships and for other numbers. The formulas must be the same text;
typing the other yellow cells into the first file must give the values of the second.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from normviz.workbook.address import address
from normviz.workbook.cells import Book, Page
from normviz.workbook.page_head import CONTENTS, begin
from normviz.workbook.sheets import (
    evaluation,
    layer_to_layer,
    lessons,
    numerics,
    which_layer_norm,
)
from normviz.workbook.sheets.evaluation_case import EvaluationCase
from normviz.workbook.sheets.layer_case import LayerCase
from normviz.workbook.sheets.numerics_case import NumericsCase
from normviz.workbook.sheets.which_case import WhichCase
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


def other_layer(op: str, groups: int, splits: int) -> LayerCase:
    return LayerCase(
        op,
        groups,
        splits,
        eps=0.05,
        x=DRAW.standard_normal((4, 4, 1, 3)) * 2 - 1,
        gamma=DRAW.standard_normal(4),
        beta=DRAW.standard_normal(4),
        convolution=DRAW.standard_normal((4, 4)),
        conv_bias=DRAW.standard_normal(4),
    )


def other_numerics() -> NumericsCase:
    values = np.array([-1.0, 0.5, 2.25, 9.0])
    return NumericsCase(values, 3e7, eps=0.02, single=-3.5, weight=0.5, bias=-2.0)


def other_which() -> WhichCase:
    gamma, beta = np.array([0.5, -2.0, 3.0, 1.0]), np.array([1.0, 0.0, -2.0, 4.0])
    x = DRAW.standard_normal((2, 4, 2, 2)) + 3
    return WhichCase(x, 0.1, gamma, beta)


CHANGES: list[tuple[str, Callable[..., None], Callable[[], Any]]] = [
    ("evaluation", evaluation.build, other_evaluation),
    ("numerics", numerics.build, other_numerics),
    ("which", which_layer_norm.build, other_which),
    *(
        (
            f"layer {op} {groups} {splits}",
            layer_to_layer.build,
            partial(other_layer, op, groups, splits),
        )
        for op, groups, splits in (
            ("batch_norm", 4, 1),
            ("layer_norm", 2, 2),
            ("group_norm", 1, 2),
            ("group_norm", 4, 1),
            ("instance_norm", 2, 2),
            ("ghost_batch_norm", 1, 2),
            ("ghost_batch_norm", 1, 1),
            ("rms_norm", 4, 2),
        )
    ),
]
IDS = [name for name, _, _ in CHANGES]
IN_OFFICE = ("evaluation", "numerics", "which", "layer group_norm 4 1", "layer rms_norm 4 2")


def book_of(draw: Callable[..., None], *case: Any) -> Book:
    book = Book("lesson")
    begin(book, CONTENTS, "Contents")
    draw(book, *case)
    return book


def yellow(page: Page) -> dict[Place, Any]:
    return {
        (page.title, address(row, column)): cell
        for row, line in page.rows.items()
        for column, cell in line.items()
        if cell.style.fill == INPUT
    }


def typed_to_get(before: Book, after: Book) -> dict[Place, str]:
    """What a student types into the yellow cells of one book to get those of the other."""
    typed = {}
    for old, new in zip(before.pages, after.pages, strict=True):
        known, wanted = yellow(old), yellow(new)
        assert known.keys() == wanted.keys()
        typed |= {
            place: cell.value if isinstance(cell.value, str) else repr(cell.value)
            for place, cell in wanted.items()
            if cell.value != known[place].value and cell.formula is None
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
    assert formulas(before) == formulas(after)
    assert differences(wanted, expected(before)), "the change must show"
    found = ironcalc_values(save(before, tmp_path / "before.xlsx"), wanted, typed)
    assert differences(wanted, found) == []
    if name in IN_OFFICE:  # the formulas are the same: the second file is the first one typed into
        found = office_values(save(after, tmp_path / "after.xlsx"), tmp_path)
        assert differences(wanted, found) == []


def formulas(book: Book) -> dict[Place, str | None]:
    """The formulas of a book, those of yellow cells left out: they may be typed over."""
    return {
        (page.title, where): cell.formula
        for page in book.pages
        for where, cell in page.formulas()
        if cell.style.fill != INPUT
    }


def test_every_lesson_is_tested_and_in_the_contents() -> None:
    assert len({lesson.title for lesson in lessons.LESSONS}) == len(lessons.LESSONS)
