"""The teaching sheets are live: typed into, they give what NumPy gives for the new numbers.

A sheet is built twice, as it ships and for other numbers. The formulas must be the same text;
typing the other yellow cells into the first file must give the values of the second.
"""

import inspect
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import ironcalc
import numpy as np
import pytest

import normviz
from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book, Page
from normviz.workbook.book.styles import INPUT, set_color
from normviz.workbook.draw.page_head import CONTENTS, begin
from normviz.workbook.draw.places import NOWHERE
from normviz.workbook.sheets.lessons import catalog
from normviz.workbook.sheets.lessons.batches import sheet as batches
from normviz.workbook.sheets.lessons.batches.case import BatchesCase
from normviz.workbook.sheets.lessons.conventions import sheet as conventions
from normviz.workbook.sheets.lessons.conventions.case import ConventionsCase
from normviz.workbook.sheets.lessons.evaluation import sheet as evaluation
from normviz.workbook.sheets.lessons.evaluation.case import EvaluationCase
from normviz.workbook.sheets.lessons.four_numbers import sheet as four_numbers
from normviz.workbook.sheets.lessons.four_numbers.case import FourNumbers
from normviz.workbook.sheets.lessons.layer_to_layer import sheet as layer_to_layer
from normviz.workbook.sheets.lessons.layer_to_layer.case import LayerCase
from normviz.workbook.sheets.lessons.numerics import case as numerics_case
from normviz.workbook.sheets.lessons.numerics import sheet as numerics
from normviz.workbook.sheets.lessons.numerics.case import NumericsCase
from normviz.workbook.sheets.lessons.questions import QUESTIONS, Question
from normviz.workbook.sheets.lessons.which_layer_norm import sheet as which_layer_norm
from normviz.workbook.sheets.lessons.which_layer_norm.case import WhichCase
from normviz.workbook.sheets.lessons.why import sheet as why
from normviz.workbook.sheets.lessons.why.case import WhyCase, offered
from normviz.workbook.write import save
from tests.workbook.books import default_book
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


def other_conventions(channels: int, groups: int) -> ConventionsCase:
    return ConventionsCase(
        x=np.array([-3.0, 0.0, 1.5, 2.0, 2.0, 11.0]),
        running_var=3.0,
        momentum=0.25,
        eps=0.5,
        small=np.array([0.5, 0.0, -0.25, 1.0]),
        rms_eps=0.1,
        channels=channels,
        groups=groups,
    )


def other_batches() -> BatchesCase:
    return BatchesCase(
        x=DRAW.standard_normal((6, 3)) * 4,
        dy=DRAW.standard_normal((6, 3)),
        weights=np.array([0.5, 3.0]),
        bias=-7.0,
        eps=0.2,
    )


def other_four_numbers() -> FourNumbers:
    x, dy = np.array([-2.0, 0.5, 0.25, 7.0]), np.array([0.5, 2.0, -1.0, 0.0])
    return FourNumbers(x, dy, gamma=-0.5, beta=3.0, eps=0.1, nudged=3, h=0.01)


CHANGES: list[tuple[str, Callable[..., None], Callable[[], Any]]] = [
    ("evaluation", evaluation.build, other_evaluation),
    ("numerics", numerics.build, other_numerics),
    ("which", which_layer_norm.build, other_which),
    ("batches", batches.build, other_batches),
    ("conventions", conventions.build, partial(other_conventions, 16, 8)),
    ("conventions refused", conventions.build, partial(other_conventions, 12, 5)),
    ("conventions one channel", conventions.build, partial(other_conventions, 1, 2)),
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
CHANGES += [
    ("why no norm", why.build, lambda: WhyCase(1.5, None, seed=6)),
    *(
        (f"why {norm.name}", why.build, partial(WhyCase, 1.5, norm.name, seed=6))
        for norm in offered()
    ),
    ("four numbers", four_numbers.build, other_four_numbers),
]
LAYERS = ("BatchNorm2d", "LayerNorm", "GroupNorm", "InstanceNorm2d", "RMSNorm")
IDS = [name for name, _, _ in CHANGES]
IN_OFFICE = (
    "evaluation",
    "numerics",
    "which",
    "batches",
    "why rms_norm",
    "four numbers",
    "conventions refused",
    "layer rms_norm 4 2",
)


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


def test_every_lesson_of_numbers_is_typed_into() -> None:
    typed = {draw for _, draw, _ in CHANGES}
    assert [x.title for x in (*catalog.FIRST, *catalog.LESSONS) if x.draw not in typed] == [
        "Questions"
    ]


def test_offset_and_drop_down_say_what_the_texts_say() -> None:
    """What the sheets' prose promises about their numbers holds for the numbers as shipped."""
    ways = numerics_case.three_ways(NumericsCase().values, 1e9, np.float64)
    assert ways.one_pass < 0
    assert ways.two_pass == ways.welford == 22.5
    single = numerics_case.three_ways(NumericsCase().values, 1e3, np.float32)
    assert abs(single.one_pass - 22.5) < 0.225
    single = numerics_case.three_ways(NumericsCase().values, 1e4, np.float32)
    assert abs(single.one_pass - 22.5) > 0.225
    half = np.float16(256)
    with np.errstate(over="ignore"):
        assert np.isinf(half * half)
    assert np.isfinite(np.float16(255) * np.float16(255))
    assert np.spacing(np.float16(10_000)) == 8


def test_in_step_1_the_splits_differ_in_what_they_divide_by_alone() -> None:
    """What the sheet says of Ghost BN's running variance."""
    case = EvaluationCase()
    np.testing.assert_allclose(*case.ghosts[0]["mean"])
    ghost, whole = case.ghost_running()[1], case.running()[1]
    assert (ghost[1] > whole[1]).all()


def test_averaged_statistics_are_said_to_be_of_all_samples() -> None:
    """As many as are merged; what they lack of the whole batch's M is what is between the means."""
    page = book_of(batches.build).pages[-1]
    areas = {block.name: block.area for block in page.blocks}

    def found(name: str, where: str) -> np.ndarray:
        return page.numbers(areas[f"{name}, {where}"])

    of_all = found("m  samples", "whole batch")
    np.testing.assert_array_equal(found("m  samples", "averaged"), of_all)
    means = [page.numbers(areas["mean μ"]), found("mean μ", "device 1")]
    between = sum(of_all / 2 * (mean - found("mean μ", "merged")) ** 2 for mean in means)
    sums = (found("M = Σ (x − μ)²", where) for where in ("averaged", "whole batch"))
    np.testing.assert_allclose(next(sums) + between, next(sums))


def test_layer_to_layer_names_the_norms_whose_parameters_are_of_another_shape_in_torch() -> None:
    page = book_of(layer_to_layer.build).pages[-1]
    texts = [str(cell.value) for line in page.rows.values() for cell in line.values()]
    (said,) = [text for text in texts if "one for each element" in text]
    assert "torch's LayerNorm and RMSNorm have one for each element" in said


def test_the_label_formulas_give_the_sets_of_sets_py(tmp_path: Path) -> None:
    """Turning the drop-down repaints: the color of a cell is that of its set."""
    case = other_layer("group_norm", 2, 2)
    book = book_of(layer_to_layer.build, case)
    path = save(book, tmp_path / "layer.xlsx")
    model = ironcalc.UserModel.from_xlsx(str(path), "en", "UTC", "en")
    model.evaluate()
    grid = layer_to_layer.build(Book("places"), case).placed["y"]
    labels = case.sets.labels().ravel().tolist()
    for index in range(0, len(labels), 5):
        row, column, *_ = grid.find(NOWHERE, str(index))[0]
        style = model.get_extended_cell_style(1, row, column)
        assert style["style"]["fill"]["color"] == "#" + set_color(labels[index])


@pytest.fixture(scope="module")
def titles() -> set[str]:
    return {page.title for page in default_book().pages}


@pytest.mark.parametrize("item", QUESTIONS, ids=[q.question for q in QUESTIONS])
def test_every_question_is_answered(item: Question, titles: set[str]) -> None:
    assert item.sheet in titles
    if item.call:
        with pytest.raises(ValueError, match=re.escape(item.says)):
            eval(item.call, {"normviz": normviz, "np": np})


def test_torch_has_the_defaults_that_the_table_says() -> None:
    torch = pytest.importorskip("torch")
    defaults = {name: inspect.signature(getattr(torch.nn, name)).parameters for name in LAYERS}
    assert defaults["BatchNorm2d"]["eps"].default == 1e-5
    assert defaults["BatchNorm2d"]["momentum"].default == 0.1
    assert defaults["LayerNorm"]["eps"].default == defaults["GroupNorm"]["eps"].default == 1e-5
    assert defaults["GroupNorm"]["num_groups"].default is inspect.Parameter.empty
    assert defaults["InstanceNorm2d"]["affine"].default is False
    assert defaults["InstanceNorm2d"]["track_running_stats"].default is False
    assert defaults["RMSNorm"]["eps"].default is None
