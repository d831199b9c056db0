"""Colors that mean something can be told apart, with every kind of color vision, and be read."""

import warnings
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from normviz.workbook.book.styles import (
    AXIS,
    BAD,
    BAD_INK,
    CODE,
    GOOD,
    GOOD_INK,
    INK,
    INPUT,
    NAME,
    PROSE,
    SET_COLORS,
    WARN,
    WARN_INK,
)

VISIONS = (None, "Protanomaly", "Deuteranomaly", "Tritanomaly")
LEAST, TOLD_APART = 10.0, 8
CONTRAST = 4.5


@pytest.fixture(scope="module")
def colour() -> Any:
    with warnings.catch_warnings(), np.printoptions():  # it sets NumPy's to those of 1.13 for good
        warnings.simplefilter("ignore")
        return pytest.importorskip("colour")


def linear(color: str) -> np.ndarray[Any, Any]:
    values = np.array([int(color[at : at + 2], 16) / 255 for at in (0, 2, 4)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def seen(colour: Any, color: str, vision: str | None) -> Any:
    """A color in CIE L*a*b*, as someone of a kind of vision sees it (Machado et al. 2009)."""
    light = linear(color)
    if vision:
        matrix = np.asarray(colour.blindness.CVD_MATRICES_MACHADO2010[vision][1.0])
        light = np.clip(matrix @ light, 0.0, 1.0)
    space = colour.RGB_COLOURSPACES["sRGB"]
    return colour.XYZ_to_Lab(space.matrix_RGB_to_XYZ @ light, space.whitepoint)


@pytest.mark.parametrize("vision", VISIONS, ids=str)
def test_the_first_eight_sets_are_told_apart(colour: Any, vision: str | None) -> None:
    colors = [seen(colour, color, vision) for color in SET_COLORS[:TOLD_APART]]
    gaps = [float(colour.delta_E(a, b, method="CIE 2000")) for a, b in combinations(colors, 2)]
    assert min(gaps) >= LEAST


def test_no_set_is_taken_for_an_input(colour: Any) -> None:
    yellow = seen(colour, INPUT, None)
    for color in SET_COLORS:
        assert colour.delta_E(seen(colour, color, None), yellow, method="CIE 2000") >= LEAST, color


def contrast(ink: str, ground: str) -> float:
    """As the Web Content Accessibility Guidelines have it."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    low, high = sorted(float(weights @ linear(color)) for color in (ink, ground))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", [*SET_COLORS, INPUT])
def test_numbers_are_read_on_every_color(ground: str) -> None:
    assert contrast(INK, ground) >= CONTRAST


@pytest.mark.parametrize(("ink", "ground"), [(GOOD_INK, GOOD), (BAD_INK, BAD), (WARN_INK, WARN)])
def test_verdicts_are_read(ink: str, ground: str) -> None:
    assert contrast(ink, ground) >= CONTRAST


@pytest.mark.parametrize("style", [AXIS, NAME, PROSE, CODE], ids=["axis", "name", "prose", "code"])
def test_labels_are_large_and_dark_enough(style: Any) -> None:
    assert style.size >= 9.5
    assert contrast(style.color, "FFFFFF") >= CONTRAST
