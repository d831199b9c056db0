"""What makes no sense shows a sentence and no error; large and small tensors have their sheet."""

from pathlib import Path

import pytest

from normviz.workbook.book.cells import Value
from normviz.workbook.sheets.playground import sheet as playground
from normviz.workbook.sheets.playground.case import (
    MOST_ELEMENTS,
    PlayCase,
    play_case,
)
from normviz.workbook.sheets.playground.reach import (
    OWN,
)
from normviz.workbook.sheets.subject.case import Settings
from normviz.workbook.write import save
from tests.workbook.engines import (
    Place,
    differences,
    expected,
    ironcalc_values,
)
from tests.workbook.sheets.playground.typed import (
    ERRORS,
    SHAPE,
    book_of,
    default_book,
    filled,
    named,
)

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
