"""The page that is drawn on: its columns, what stands where, and formulas written from names."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from normviz.numbers import LARGEST
from normviz.workbook.book.address import Area, address
from normviz.workbook.book.cells import Block, Choice, Page, Rule, Value
from normviz.workbook.book.sizes import height_of, lines_of
from normviz.workbook.book.styles import (
    SCIENTIFIC_FORMAT,
    SMALL_FORMAT,
    Style,
    rounded_off,
    shown_as,
    with_form,
)
from normviz.workbook.draw import content
from normviz.workbook.draw.columns import NUMBER_WIDTHS, Columns
from normviz.workbook.draw.places import NOWHERE, Abroad, Cells, Here, Place, resolved
from normviz.workbook.draw.tensor import Frame, Paint

SMALLEST = 0.01
"""From here on the usual decimals tell the largest of a step's numbers apart."""
SMALL_SIZE = 9.0
"""In points: so large are numbers with an exponent where columns are narrow."""

LONGEST_TITLE = 32
"""In letters, of the box that says what may be typed: Excel takes no more."""

LABEL_ROOM, VALUE_ROOM = 16.0, 7.0

Write = Callable[[], None]


class Placed(NamedTuple):
    """The last row that was taken, and what writes there."""

    bottom: int
    write: Write


@dataclass(frozen=True)
class Spot:
    """Where something is placed: its first row, its columns of cells, and the rows kept for words.

    Names stand in the column before `left`.
    """

    top: int
    left: int
    right: int
    room: int = 0
    alone: bool = True


class Canvas:
    """Writes on a page; what has a name is remembered in `placed`.

    On a `scaled` one, steps of very small or very large numbers are written with an exponent:
    gradients of a mean loss are easily below 0.001.
    """

    def __init__(
        self, page: Page, columns: Columns, frame: Frame | None, abroad: Abroad, scaled: bool
    ) -> None:
        self.page, self.columns, self.frame, self.abroad = page, columns, frame, abroad
        self.scaled = scaled
        self.placed: dict[str, Place] = {}

    def know(self, name: str, place: Place) -> None:
        """Remember where a block stands, so that formulas may name it."""
        if name in self.placed:
            raise ValueError(f"{name!r} stands on the sheet {self.page.title} already")
        if name:
            self.placed[name] = place

    def live(self, formula: str | None, here: Here = NOWHERE) -> str | None:
        """A formula in names as the sheet has it."""
        if formula is None:
            return None
        return resolved(formula, self.placed, here, self.abroad)

    def mark(self, area: Area, marks: Sequence[content.Mark], here: Here = NOWHERE) -> None:
        """Let an area of cells wear its marks; conditions are those of its first cell."""
        known = {**self.placed, "this": Cells(area[0], area[1], 1, 1)}
        for mark in marks:
            when = resolved(mark.when, known, here, self.abroad)
            for condition, number in self._shown(area, when, mark.shows):
                self.page.rules.append(Rule(area, condition, mark.fill, mark.ink, number=number))

    def _shown(self, area: Area, when: str, pattern: str) -> Iterator[tuple[str, str]]:
        """The number format of a mark, by itself for numbers that would show zeros with a sign."""
        form = self.page.number_format(area, pattern) if pattern else ""
        least = rounded_off(form)
        if least:
            nothing = f"IFERROR(ABS({corner(area)})<{least:.15f}".rstrip("0") + ",FALSE)"
            yield f"AND({when},{nothing})", shown_as(pattern, form, is_nothing=True)
            when = f"AND({when},NOT({nothing}))"
        yield when, shown_as(pattern, form) if pattern else ""

    def allow(self, area: Area, rule: content.Rule | None, title: str) -> None:
        """Hold what is typed into an area to a rule."""
        if rule is None:
            return
        first = {**self.placed, "this": Cells(area[0], area[1], 1, 1)}
        formula = None if rule.options else resolved(rule.allowed, first, NOWHERE, self.abroad)
        title = whole_words(rule.title or title, LONGEST_TITLE)
        self.page.choices.append(Choice(area, rule.options, formula, title, rule.hint))

    def paragraph(self, area: Area, text: Value, look: Style, formula: str | None = None) -> None:
        """A text over one row of an area, which becomes as high as it needs."""
        row, left, _, right = area
        self.page.span(area, text, look.but(wrap=True), self.live(formula))
        lines = lines_of(str(text), self.page.width(left, right), look.size)
        height = height_of(lines, look.size)
        self.page.heights[row] = max(self.page.heights.get(row, 0.0), height)

    def block(self, block: Block) -> None:
        """Note what the cells of an area are, for media that say it."""
        self.page.blocks.append(block)

    def fitting(self, paint: Paint | Style, values: Sequence[Value]) -> Paint:
        """The look of a step's cells; scaled where its numbers are too small or too large."""
        look: Paint = (lambda _: paint) if isinstance(paint, Style) else paint
        largest = max((abs(v) for v in values if isinstance(v, float)), default=0.0)
        if not self.scaled or largest == 0.0 or SMALLEST <= largest < LARGEST:
            return look
        looks: dict[Style, Style] = {}
        is_narrow = max(map(max, self.columns.cells)) < NUMBER_WIDTHS[0]
        exponent = SMALL_FORMAT if is_narrow else SCIENTIFIC_FORMAT

        def scaled(index: int) -> Style:
            style = look(index)
            size = min(style.size, SMALL_SIZE) if is_narrow else style.size
            number = with_form(style.number, exponent)
            return looks.setdefault(style, style.but(number=number, size=size))

        return scaled

    def line_columns(self, value: Value, wide: bool) -> tuple[int, int]:
        """The first and the last column of the value of a line; its name stands before."""
        page, last = self.page, self.columns.last
        first = self.columns.lefts[0]
        while page.width(2, first - 1) < LABEL_ROOM and first < last:
            first += 1
        if wide:
            return first, last
        room = max(VALUE_ROOM, 1.3 * len(value) if isinstance(value, str) else 0.0)
        right = first
        while page.width(first, right) < room and right < last:
            right += 1
        return first, right


def whole_words(title: str, most: int) -> str:
    """A title of so many letters: without what is added to it, where all is too long.

    >>> whole_words("β (bias), one per channel; RMSNorm has none", 32)
    'β (bias), one per channel'
    >>> whole_words("γ (weight) for each feature of a head", 32)
    'γ (weight)'
    """
    ends = [found.start() for found in re.finditer("[,;] | for |$", title)]
    fitting = [end for end in ends if end <= most]
    return title[: fitting[-1]] if fitting else textwrap.shorten(title, most, placeholder="…")


def corner(area: Area) -> str:
    """The address of an area's first cell."""
    return address(area[0], area[1])
