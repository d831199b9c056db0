"""Every setting of the five switches gives the numbers of NumPy, and its norm a name."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.norms.notation import parse
from normviz.workbook.sheets.playground.case import (
    PlayCase,
)
from normviz.workbook.sheets.playground.reach import (
    AXES,
    OWN,
    Reach,
    declared,
    known_as,
)
from normviz.workbook.xlsx.write import file_bytes
from tests.workbook.engines import (
    differences,
    expected,
    office_values_of,
)
from tests.workbook.sheets.playground.typed import (
    SHAPE,
    TURNS,
    Typing,
    book_of,
    case_of,
    filled,
    typed_for,
)

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
        for page in book.pages:  # so that what is around the cells is alike, and made once
            page.charts, page.heights = [], {}
        path.write_bytes(file_bytes(book, values=False))  # without the values that it should find
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
