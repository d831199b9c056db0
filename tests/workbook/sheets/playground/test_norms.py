"""Every norm of the drop-down gives the numbers and the colors of the reference."""

from pathlib import Path
from typing import Any

import ironcalc
import numpy as np
import pytest

import normviz
from normviz import set_labels
from normviz.norms.declared import NORMS
from normviz.workbook.book.styles import SET_COLORS
from normviz.workbook.lint.sheets import parse_area
from normviz.workbook.sheets.playground.case import (
    PlayCase,
)
from tests.workbook.engines import (
    differences,
    expected,
    ironcalc_values,
)
from tests.workbook.sheets.playground.typed import (
    SHAPE,
    TURNS,
    Typing,
    book_of,
    case_of,
    default_book,
    filled,
    typed_for,
)


@pytest.mark.parametrize(("op", "groups", "splits"), TURNS)
def test_every_turn_gives_the_values_of_numpy(
    op: str, groups: int, splits: int, shipped: Path, typing: Typing
) -> None:
    case = case_of(op, groups, splits)
    after = book_of(case)
    assert [c.formula for p in after.pages for _, c in p.formulas()] == [
        c.formula for p in default_book().pages for _, c in p.formulas()
    ]
    wanted = expected(after)
    assert differences(wanted, typing(wanted, typed_for(shipped, case))) == []


@pytest.mark.parametrize(("op", "groups", "splits"), TURNS)
def test_a_program_that_uses_the_names_gets_output_and_gradients(
    op: str, groups: int, splits: int, shipped: Path
) -> None:
    """Straight from the public functions, without the trace that the sheet is made from."""
    case = case_of(op, groups, splits)
    output, backward = by_functions(case)
    wanted = {
        "output": output,
        "dx": backward.grad_input,
        "grad_weight": per_channel(backward.grad_weight),
        "grad_bias": per_channel(backward.grad_bias),
    }
    places = {name: filled(shipped, f"play_{name}") for name in wanted}
    every = dict.fromkeys(place for of_name in places.values() for place in of_name)
    found = ironcalc_values(shipped, every, typed_for(shipped, case))
    for name, right in wanted.items():
        values = [found[place] for place in places[name]]
        if right is None:
            assert set(values) <= {"", None}
        else:
            np.testing.assert_allclose(values, right.ravel(), rtol=0, atol=1e-9)


def by_functions(case: PlayCase) -> tuple[Any, Any]:
    sizes = {"num_groups": case.groups, "num_splits": case.splits, "normalized_shape": SHAPE[1:]}
    arguments: dict[str, Any] = {name: sizes[name] for name in NORMS[case.op].size_arguments}
    arguments["eps"] = case.eps
    if "batch" in case.op:
        arguments["training"] = True
    weight, bias = case.gamma, case.beta
    if "normalized_shape" in arguments:
        weight, bias = (np.broadcast_to(a[:, None, None], SHAPE[1:]) for a in (weight, bias))
    arguments["weight"] = weight
    if case.op != "rms_norm":
        arguments["bias"] = bias
    output = getattr(normviz, case.op)(case.x, **arguments)
    backward = getattr(normviz, f"{case.op}_backward")(case.grad_output, case.x, **arguments)
    return output, backward


def per_channel(gradient: Any) -> Any:
    return None if gradient is None else gradient.reshape(SHAPE[1], -1).sum(axis=1)


@pytest.mark.parametrize(("op", "groups", "splits"), TURNS)
def test_elements_wear_the_color_of_their_set(
    op: str, groups: int, splits: int, shipped: Path
) -> None:
    model = ironcalc.UserModel.from_xlsx(str(shipped), "en", "UTC", "en")
    typed = typed_for(shipped, case_of(op, groups, splits))
    model.pause_evaluation()
    for (_, where), text in typed.items():
        model.set_user_input(1, *parse_area(where)[:2], text)
    model.resume_evaluation()
    model.evaluate()
    sizes = {"num_groups": groups, "num_splits": splits, "normalized_shape": SHAPE[1:]}
    labels = set_labels(op, SHAPE, **{name: sizes[name] for name in NORMS[op].size_arguments})
    for name in ("play_x", "play_dy", "play_normalized", "play_output", "play_dx"):
        cells = [parse_area(where)[:2] for _, where in filled(shipped, name)]
        fills = [model.get_extended_cell_style(1, *c)["style"]["fill"]["color"] for c in cells]
        wanted = [f"#{SET_COLORS[label - 1]}" for label in labels.ravel()]
        assert [str(fill)[-6:] for fill in fills] == [color[-6:] for color in wanted]
