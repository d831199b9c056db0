"""The playground: every turn of a switch gives the numbers and the colors of the reference."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from itertools import product
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
from normviz.norms.notation import parse
from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book, Value
from normviz.workbook.book.styles import SET_COLORS
from normviz.workbook.draw.page_head import CONTENTS, begin
from normviz.workbook.lint.sheets import parse_area
from normviz.workbook.sheets.case import Settings
from normviz.workbook.sheets.playground import sheet as playground
from normviz.workbook.sheets.playground.case import (
    MOST_ELEMENTS,
    PlayCase,
    play_case,
)
from normviz.workbook.sheets.playground.reach import (
    AXES,
    OWN,
    Reach,
    declared,
    known_as,
    norm_called,
)
from normviz.workbook.write import save
from normviz.workbook.xlsx.openpyxl_writer import openpyxl_bytes
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
    playground.draw(book, case)
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
    arrays |= {f"share_{axis}": np.array(on) for axis, on in zip(AXES, case.own.all, strict=False)}
    arrays |= {"interleaved": np.array(case.own.all[-1]), "images": np.array(case.batch[0])}
    typed: dict[Place, str] = {}
    for name, array in arrays.items():
        places = filled(path, f"play_{name}")
        typed |= dict(zip(places, map(repr, array.ravel().tolist()), strict=True))
    norm = norm_called(case.op)
    return typed | {filled(path, "play_norm")[0]: norm.title if norm else OWN}


Typing = Callable[[Mapping[Place, Value], Mapping[Place, str]], dict[Place, Value]]


@pytest.fixture(scope="module")
def typing(shipped: Path) -> Typing:
    """One ironcalc model that is typed into again and again; every yellow cell each time."""
    model = ironcalc.load_from_xlsx(str(shipped), "en", "UTC", "en")
    sheet = openpyxl.load_workbook(shipped, read_only=True).sheetnames.index(playground.TITLE)

    def values(places: Mapping[Place, Value], typed: Mapping[Place, str]) -> dict[Place, Value]:
        for (_, where), text in typed.items():
            model.set_user_input(sheet, *parse_area(where)[:2], text)
        model.evaluate()
        return {place: model.get_cell_value(sheet, *parse_area(place[1])[:2]) for place in places}

    return values


SWITCHES = [Reach(*on) for on in product((False, True), repeat=len(AXES))]


def named_by(reach: Reach) -> str:
    return reach.pattern().replace(" ", "-")


def own_case(reach: Reach, **changes: Any) -> PlayCase:
    return replace(case_of("batch_norm", 2, 2), op=OWN, own=reach, **changes)


@pytest.mark.parametrize("reach", SWITCHES, ids=named_by)
def test_every_setting_of_the_switches_gives_the_values_of_numpy(
    reach: Reach, shipped: Path, typing: Typing
) -> None:
    for interleaved in (False, True):
        case = own_case(replace(reach, interleaved=interleaved))
        wanted = expected(book_of(case))
        assert differences(wanted, typing(wanted, typed_for(shipped, case))) == []


def test_libreoffice_finds_the_same_for_every_setting_of_the_switches(tmp_path: Path) -> None:
    """On half as many pixels, and in one process: a file of its own for each of 45 settings."""
    small = [replace(reach, interleaved=bool(at % 2)) for at, reach in enumerate(SWITCHES)]
    cases = [own_case(reach) for reach in small] + [case_of(*turn) for turn in TURNS]
    cases += [case_of("group_norm", 3, 2), replace(case_of("batch_norm", 2, 2), images=3)]
    books = {f"setting-{at}": book_of(halved(case)) for at, case in enumerate(cases)}
    paths = [tmp_path / f"{name}.xlsx" for name in books]
    for path, book in zip(paths, books.values(), strict=True):
        path.write_bytes(openpyxl_bytes(book))  # without the values that it should find
    for book, found in zip(books.values(), office_values_of(paths, tmp_path), strict=True):
        assert differences(expected(book), found) == []


def halved(case: PlayCase) -> PlayCase:
    return replace(case, x=case.x[:, :, :1], grad_output=case.grad_output[:, :, :1])


@pytest.mark.parametrize("splits", [1, 2, 4])
@pytest.mark.parametrize("interleaved", [False, True], ids=["runs", "interleaved"])
def test_the_switches_say_which_elements_share_a_set(interleaved: bool, splits: int) -> None:
    """By brute force: two elements share a set where all indices agree that are not shared."""
    groups = 2
    for reach in SWITCHES:
        numbers: dict[tuple[int, ...], int] = {}
        wanted = np.zeros(SHAPE, dtype=int)
        for n, c, h, w in np.ndindex(SHAPE):
            m, k = SHAPE[0] // splits, SHAPE[1] // groups
            split, image = (n % splits, n // splits) if interleaved else (n // m, n % m)
            index = (image, split, c % k, c // k, 2 * h + w)
            key = tuple(i for i, on in zip(index, reach.switches, strict=True) if not on)
            wanted[n, c, h, w] = numbers.setdefault(key, len(numbers) + 1)
        made = replace(reach, interleaved=interleaved).sets(SHAPE, groups, splits)
        np.testing.assert_array_equal(made.labels(), wanted)


@pytest.mark.parametrize("reach", SWITCHES, ids=named_by)
def test_the_pattern_on_the_sheet_reads_as_the_sets_it_names(reach: Reach) -> None:
    for made in (reach, replace(reach, interleaved=True)):
        pattern = parse(made.pattern())
        named = {"s": 2, "m": 2, "g": 2, "k": 2}
        sizes = {name: size for name, size in named.items() if name in pattern.names}
        factors = pattern.fit(SHAPE, sizes)
        kept = [f.length for f in factors if not f.shared]
        assert int(np.prod(kept, dtype=int)) == made.sets(SHAPE, 2, 2).count


KNOWN = {
    "BatchNorm": (Reach(images=True, splits=True, pixels=True), 2),
    "LayerNorm": (Reach(channels=True, groups=True, pixels=True), 2),
    "GroupNorm": (Reach(channels=True, pixels=True), 2),
    "InstanceNorm": (Reach(pixels=True), 2),
    "GhostBatchNorm": (Reach(images=True, pixels=True), 2),
    "GhostBatchNorm with interleaved splits": (
        Reach(images=True, pixels=True, interleaved=True),
        2,
    ),
    "": (Reach(images=True, channels=True, pixels=True), 2),
}


@pytest.mark.parametrize(("name", "setting"), KNOWN.items(), ids=lambda v: str(v)[:24])
def test_own_sets_are_named_where_a_norm_has_them(
    name: str, setting: tuple[Reach, int], shipped: Path, typing: Typing
) -> None:
    reach, splits = setting
    assert known_as(reach, SHAPE, 2, splits) == name
    case = own_case(reach, splits=splits)
    said = filled(shipped, "play_says")[0]
    found = str(typing({said: None}, typed_for(shipped, case))[said])
    assert (f"this is {name}." if name else "none of the declared norms") in found


def test_splits_of_one_image_make_ghost_batch_norm_instance_norm() -> None:
    assert known_as(Reach(images=True, pixels=True), SHAPE, 2, 4) == "InstanceNorm"
    assert known_as(Reach(channels=True, pixels=True), SHAPE, 1, 2) == "LayerNorm"


@pytest.mark.parametrize("images", [1, 2, 3, 4])
@pytest.mark.parametrize("op", [norm.name for norm in declared()])
def test_with_fewer_images_the_batch_is_what_is_left(
    op: str, images: int, shipped: Path, typing: Typing
) -> None:
    case = replace(case_of(op, 2, 1), images=images)
    wanted = expected(book_of(case))
    assert differences(wanted, typing(wanted, typed_for(shipped, case))) == []


def test_without_the_last_image_batch_norm_moves_image_0_and_layer_norm_does_not(
    shipped: Path, typing: Typing
) -> None:
    def image_0(op: str, images: int) -> Any:
        typed = typed_for(shipped, replace(case_of(op, 2, 2), images=images))
        places = dict.fromkeys(filled(shipped, "play_output")[:16])
        return list(typing(places, typed).values())

    assert image_0("layer_norm", 3) == image_0("layer_norm", 4)
    gaps = np.abs(np.subtract(image_0("batch_norm", 3), image_0("batch_norm", 4)))
    assert gaps.min() > 1e-6


def test_a_norm_whose_sets_cut_an_image_has_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NORMS, "rows_norm", Norm("rows_norm", "n c h [...]", affine="c"))
    assert "rows_norm" not in [norm.name for norm in declared()]


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


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "three groups": ({"norm": "GroupNorm", "groups": "3"}, "groups = 3 cannot cut the 4 channels"),
    "no groups": ({"norm": "GroupNorm", "groups": "0"}, "use one of 1, 2, 4"),
    "half a group": ({"norm": "GroupNorm", "groups": "0.5"}, "groups = 0.5 cannot cut"),
    "groups in words": ({"norm": "GroupNorm", "groups": "two"}, "groups = two cannot cut"),
    "five groups": ({"norm": "GroupNorm", "groups": "8"}, "groups = 8 cannot cut"),
    "three splits": ({"norm": "GhostBatchNorm", "splits": "3"}, "splits = 3 cannot cut the 4 im"),
    "negative splits": ({"norm": "GhostBatchNorm", "splits": "-2"}, "splits = -2 cannot"),
    "five images": ({"images": "5"}, "The batch can be the first 1 to 4 images"),
    "no image": ({"images": "0"}, "The batch can be the first 1 to 4 images"),
    "images in words": ({"images": "all"}, "The batch can be the first 1 to 4 images"),
    "a switch at 2": ({"norm": OWN, "share_pixels": "2"}, "A switch is 1"),
    "a switch in words": ({"norm": OWN, "share_groups": "yes"}, "A switch is 1"),
    "splits of what is left": (
        {"norm": "GhostBatchNorm", "images": "3"},
        "splits = 2 cannot cut the 3 images of the batch into equal parts: use one of 1, 3",
    ),
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


def test_a_tensor_too_large_for_the_playground_is_said() -> None:
    large, small = Settings(shape=(8, 8, 5, 5)), Settings(shape=(2, 4, 2, 2))
    assert "too many to follow" in play_case(large).note
    assert play_case(large).x.shape == Settings().shape
    assert play_case(small).note == ""
    assert play_case(small).x.shape == small.shape
