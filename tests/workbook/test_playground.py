"""The playground: every turn of its drop-down gives the numbers and the colors of the reference."""

from functools import cache
from pathlib import Path
from typing import Any

import ironcalc
import numpy as np
import openpyxl
import pytest

import normviz
from normviz import set_labels
from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book, Value
from normviz.workbook.book.styles import SET_COLORS
from normviz.workbook.draw.page_head import CONTENTS, begin
from normviz.workbook.formulas.set_labels import label_formula
from normviz.workbook.lint.sheets import parse_area
from normviz.workbook.sheets.case import Settings
from normviz.workbook.sheets.playground import sheet as playground
from normviz.workbook.sheets.playground.case import (
    MOST_ELEMENTS,
    PlayCase,
    play_case,
    title_of,
)
from normviz.workbook.xlsx.write import save
from tests.workbook.engines import (
    Place,
    differences,
    expected,
    ironcalc_values,
    office_values_of,
)

SHAPE = (4, 4, 2, 2)
ERRORS = ("#", "Err:")
TURNS = [
    *((op, 2, 2) for op in NORMS),
    *(("group_norm", groups, 2) for groups in (1, 4)),
    *(("ghost_batch_norm", 2, splits) for splits in (1, 4)),
    ("batch_norm", 3, 3),
]


def case_of(op: str, groups: int, splits: int, eps: float = 1e-3) -> PlayCase:
    """Other numbers than those that ship, with a large offset in one channel."""
    draw = np.random.default_rng(11)
    x = 3 * draw.standard_normal(SHAPE)
    x[:, 1] += 100
    gamma, beta = draw.standard_normal(4), draw.standard_normal(4)
    return PlayCase(x, draw.standard_normal(SHAPE), gamma, beta, op, groups, splits, eps)


def book_of(case: PlayCase) -> Book:
    book = Book("playground")
    begin(book, CONTENTS, "Contents")
    playground.PlaygroundSheet(book, case).build()
    return book


@cache
def default_book() -> Book:
    return book_of(play_case(Settings()))


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(default_book(), tmp_path_factory.mktemp("play") / "playground.xlsx")


@cache
def loaded(path: Path) -> Any:
    return openpyxl.load_workbook(path, data_only=True)


@cache
def named(path: Path) -> dict[str, list[str]]:
    """Addresses of the cells of every name, row by row, as a program finds them in the file."""
    sheet = loaded(path)
    found = {}
    for name, target in sheet.defined_names.items():
        title, _, area = target.attr_text.rpartition("!")
        assert title == playground.TITLE
        top, left, bottom, right = parse_area(area.replace("$", ""))
        rows, columns = range(top, bottom + 1), range(left, right + 1)
        found[name] = [address(row, column) for row in rows for column in columns]
    return found


@cache
def filled(path: Path, name: str) -> list[Place]:
    """The cells of a name that are not blank, in their order."""
    cells = loaded(path)[playground.TITLE]
    return [(playground.TITLE, a) for a in named(path)[name] if cells[a].value is not None]


def typed_for(path: Path, case: PlayCase) -> dict[Place, str]:
    """What is typed to get a case: each array by ravel() into the filled cells of its name."""
    arrays = {"x": case.x, "dy": case.grad_output, "gamma": case.gamma, "beta": case.beta}
    arrays |= {n: np.array(getattr(case, n)) for n in ("groups", "splits", "eps")}
    typed = {}
    for name, array in arrays.items():
        places = filled(path, f"play_{name}")
        typed |= dict(zip(places, map(repr, array.ravel().tolist()), strict=True))
    return typed | {filled(path, "play_norm")[0]: title_of(case.op)}


@pytest.mark.parametrize("shape", [(4, 6, 2, 3), (6, 4, 1, 1), (3, 1, 2, 2), (1, 5, 1, 2)])
@pytest.mark.parametrize("op", NORMS)
def test_label_formulas_are_the_labels_of_the_sets(op: str, shape: tuple[int, ...]) -> None:
    cells = {"num_groups": "G", "num_splits": "S"}
    formula = label_formula(op, shape, ("n", "c"), cells)
    assert formula is not None
    images, channels = shape[:2]
    for groups in (g for g in range(1, channels + 1) if channels % g == 0):
        for splits in (s for s in range(1, images + 1) if images % s == 0):
            sizes = {"num_groups": groups, "num_splits": splits, "normalized_shape": shape[1:]}
            wanted = set_labels(
                op, shape, **{name: sizes[name] for name in NORMS[op].size_arguments}
            )
            known = {"INT": int, "G": groups, "S": splits}
            for n, c in np.ndindex(images, channels):
                assert (wanted[n, c] == eval(formula, known | {"n": n, "c": c})).all()


def test_a_norm_whose_sets_cut_through_a_block_has_no_label_formula(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(NORMS, "position_norm", Norm("position_norm", "n [c] ...", affine="c"))
    assert label_formula("position_norm", SHAPE, ("n", "c"), {}) is None
    assert "position_norm" not in playground.offered(SHAPE)


@pytest.mark.parametrize(("op", "groups", "splits"), TURNS)
def test_every_turn_gives_the_values_of_numpy(
    op: str, groups: int, splits: int, shipped: Path
) -> None:
    case = case_of(op, groups, splits)
    after = book_of(case)
    assert [c.formula for p in after.pages for _, c in p.formulas()] == [
        c.formula for p in default_book().pages for _, c in p.formulas()
    ]
    wanted = expected(after)
    assert differences(wanted, ironcalc_values(shipped, wanted, typed_for(shipped, case))) == []


def test_libreoffice_finds_the_same_for_every_turn(tmp_path: Path) -> None:
    books = {f"turn-{at}": book_of(case_of(*turn)) for at, turn in enumerate(TURNS)}
    books |= {"wrong": book_of(case_of("group_norm", 3, 2))}
    paths = [save(book, tmp_path / f"{name}.xlsx") for name, book in books.items()]
    for book, found in zip(books.values(), office_values_of(paths, tmp_path), strict=True):
        assert differences(expected(book), found) == []


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


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "three groups": ({"norm": "GroupNorm", "groups": "3"}, "groups = 3 cannot cut the 4 channels"),
    "no groups": ({"norm": "GroupNorm", "groups": "0"}, "use one of 1, 2, 4"),
    "half a group": ({"norm": "GroupNorm", "groups": "0.5"}, "groups = 0.5 cannot cut"),
    "groups in words": ({"norm": "GroupNorm", "groups": "two"}, "groups = two cannot cut"),
    "five groups": ({"norm": "GroupNorm", "groups": "8"}, "groups = 8 cannot cut"),
    "three splits": ({"norm": "GhostBatchNorm", "splits": "3"}, "splits = 3 cannot cut the 4 im"),
    "negative splits": ({"norm": "GhostBatchNorm", "splits": "-2"}, "splits = -2 cannot"),
    "an unknown norm": ({"norm": "WeightNorm"}, "Choose one of the norms"),
    "no norm": ({"norm": ""}, "Choose one of the norms"),
    "eps in words": ({"eps": "tiny"}, "ε must be a number"),
    "negative eps": ({"eps": "-1"}, "ε must be a number"),
    "a word in x": ({"x": "one"}, "Every yellow cell of x"),
    "a hole in x": ({"x": ""}, "Every yellow cell of x"),
    "a huge x": ({"x": "1E+200"}, "Every yellow cell of x"),
    "a hole in gamma": ({"gamma": ""}, "Every yellow cell of x"),
}


@pytest.mark.parametrize(("changes", "words"), WRONG.values(), ids=WRONG.keys())
def test_wrong_settings_show_a_sentence_and_no_error(
    changes: dict[str, str], words: str, shipped: Path
) -> None:
    typed = {filled(shipped, f"play_{name}")[0]: text for name, text in changes.items()}
    found = values_after(shipped, typed)
    assert words in str(found["play_says"])
    assert found["play_output"] in ("", None)
    assert found["play_dx"] in ("", None)


def test_a_constant_set_without_eps_shows_a_sentence(shipped: Path) -> None:
    typed = dict.fromkeys(filled(shipped, "play_x"), "5") | {filled(shipped, "play_eps")[0]: "0"}
    assert "A set has variance 0" in str(values_after(shipped, typed)["play_says"])
    typed |= {filled(shipped, "play_eps")[0]: "0.1"}
    found = values_after(shipped, typed)
    assert "4 sets of 16 elements" in str(found["play_says"])
    assert found["play_output"] == 1.0


def test_wrong_groups_of_a_norm_without_groups_are_told_and_do_no_harm(shipped: Path) -> None:
    found = values_after(shipped, {filled(shipped, "play_groups")[0]: "3"})
    assert "groups = 3 would not cut the 4 channels" in str(found["play_says"])
    assert isinstance(found["play_output"], float)


def test_the_name_of_the_function_is_understood_too(shipped: Path) -> None:
    found = values_after(shipped, {filled(shipped, "play_norm")[0]: "layer_norm"})
    assert "4 sets of 16 elements. One mean and one variance for each image" in str(
        found["play_says"]
    )


def values_after(path: Path, typed: dict[Place, str]) -> dict[str, Value]:
    """The first value of every name after typing; no cell of the sheet shows an error."""
    places = expected(default_book())
    found = ironcalc_values(path, places, typed)
    assert [(p, v) for p, v in found.items() if str(v).startswith(ERRORS)] == []
    return {name: found.get((playground.TITLE, cells[0])) for name, cells in named(path).items()}


def test_a_large_workbook_has_the_playground_of_the_default() -> None:
    assert play_case(Settings((2, 4, 2, 2), groups=4)).x.shape == (2, 4, 2, 2)
    assert play_case(Settings((2, 4, 2, 2), groups=4)).groups == 4
    assert play_case(Settings((8, 16, 4, 4))).x.shape == SHAPE
    assert MOST_ELEMENTS < 8 * 16 * 4 * 4


def test_one_value_in_a_set_is_refused_as_torch_does(tmp_path: Path) -> None:
    case = play_case(Settings((2, 3, 1, 1)))
    path = save(book_of(case), tmp_path / "pixel.xlsx")
    typed = {filled(path, "play_norm")[0]: "InstanceNorm"}
    wanted = expected(
        book_of(
            PlayCase(
                case.x,
                case.grad_output,
                case.gamma,
                case.beta,
                "instance_norm",
                case.groups,
                case.splits,
            )
        )
    )
    found = ironcalc_values(path, wanted, typed)
    assert differences(wanted, found) == []
    assert any("torch refuses this" in str(value) for value in found.values())


def test_a_tensor_too_large_for_the_playground_is_said():
    large, small = Settings(shape=(8, 8, 5, 5)), Settings(shape=(2, 4, 2, 2))
    assert "too many to follow" in play_case(large).note
    assert play_case(large).shape == Settings().shape
    assert play_case(small).note == ""
    assert play_case(small).shape == small.shape
