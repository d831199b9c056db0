"""Lengths: how wide a column is on the screen, and how much of a text fits into it.

A page measures its columns in characters of its own text; a file does in digits of its default
font, a screen in pixels. Heights are in points.
"""

from __future__ import annotations

import textwrap
from functools import lru_cache

DIGITS = 1.26
"""Digits of the default font in one unit of a page's widths."""

DIGIT_PIXELS = 7.0
"""A column's width in a file counts digits with the padding of the cell among them."""

LETTER = 0.68
"""The width of an average letter in pixels for each point of its size, in Arial."""

WIDEST = 1_250
"""So many pixels of a sheet are seen at 100 % on a screen of 1366."""


def pixels(width: float) -> float:
    """How wide a column of a page is on the screen, at 100 %.

    >>> round(pixels(10))
    88
    """
    return width * DIGITS * DIGIT_PIXELS


def from_pixels(size: float) -> float:
    """The width of a column that takes so many pixels."""
    return size / (DIGITS * DIGIT_PIXELS)


@lru_cache(maxsize=16_384)
def lines_of(text: str, width: float, size: float) -> int:
    """How many lines a text takes in columns of a total width, at a size in points.

    >>> lines_of("One short sentence.", 40, 9.5), lines_of("", 40, 9.5)
    (1, 0)
    """
    room = max(1, int(width * DIGITS * DIGIT_PIXELS / (size * LETTER)))
    return sum(len(textwrap.wrap(line, room)) for line in text.split("\n"))


def height_of(lines: int, size: float) -> float:
    """The height of a row for so many lines of a text of a size."""
    return round(lines * size * 1.32 + 4, 1)
