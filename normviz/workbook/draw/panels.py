"""Steps drawn on a page: a heading in words and symbols, then one cell for every value."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Page, Value
from normviz.workbook.book.layout import Layout, Regions, Span
from normviz.workbook.book.styles import (
    AXIS,
    AXIS_LEFT,
    CODE,
    PROSE,
    STEP_FORMULA,
    STEP_NAME,
    Style,
    set_color,
)

Paint = Callable[[int], Style]
"""The look of the cell of one value, by its index from 0."""

Formula = Callable[[int], str] | None


@dataclass(frozen=True)
class Caption:
    """What stands above the cells of a step; empty lines are left out."""

    name: str
    formula: str = ""
    numpy: str = ""
    sentence: str = ""

    def height(self, width: float) -> int:
        """How many rows the caption takes where a row holds `width` characters."""
        lines = sum(1 for text in (self.name, self.formula, self.numpy) if text)
        return lines + _lines(self.sentence, width)

    def draw(self, page: Page, top: int, left: int, right: int) -> int:
        """Draw it from `left` to `right` and return the row below."""
        lines = ((self.name, STEP_NAME), (self.formula, STEP_FORMULA), (self.numpy, CODE))
        for text, style in lines:
            if text:
                page.span((top, left, top, right), text, style)
                top += 1
        rows = _lines(self.sentence, page.width(left, right))
        if rows:
            page.span((top, left, top + rows - 1, right), self.sentence, PROSE)
        return top + rows


def _lines(text: str, width: float) -> int:
    """How many lines a text takes at the size of a sentence."""
    return math.ceil(len(text) / max(width * 1.4, 1))


class Grid:
    """A tensor drawn element by element, images down and channels across."""

    def __init__(self, page: Page, layout: Layout, top: int, left: int) -> None:
        self.page, self.layout, self.top, self.left = page, layout, top, left
        rows, columns = layout.places()
        self.rows: list[int] = (rows.ravel() + top).tolist()
        self.columns: list[int] = (columns.ravel() + left).tolist()

    def at(self, index: int) -> str:
        return address(self.rows[index], self.columns[index])

    @property
    def area(self) -> tuple[int, int, int, int]:
        """All of the grid, with the empty cells between its blocks."""
        height, width = self.layout.size
        return self.top, self.left, self.top + height - 1, self.left + width - 1

    def draw(self, values: Sequence[Value], formula: Formula, paint: Paint) -> None:
        for index, value in enumerate(values):
            live = formula(index) if formula else None
            self.page.put(self.rows[index], self.columns[index], value, paint(index), live)

    def draw_axes(self, image: str = "n", channel: str = "c") -> None:
        """Channel numbers in the row above, image numbers in the column to the left."""
        for c in range(self.layout.channels):
            column = self.left + self.layout.channel_column(c)
            area = (self.top - 1, column, self.top - 1, column + self.layout.block[1] - 1)
            self.page.span(area, f"{channel} = {self.layout.channel_number(c)}", AXIS)
        for n in range(self.layout.images):
            row = self.top + self.layout.image_row(n)
            self.page.put(row, self.left - 1, f"{image} = {self.layout.image_number(n)}", AXIS_LEFT)


class Table:
    """One cell for each label of a tensor, below the channels and in the order of its images.

    A cell spans the columns its set spans, so that the statistic of a group stands under the
    group's channels.
    """

    def __init__(self, page: Page, layout: Layout, regions: Regions, top: int, left: int) -> None:
        self.page, self.layout, self.top, self.left = page, layout, top, left
        self.regions = regions
        boxes = [regions.box(k) for k in range(1, len(regions.areas) + 1)]
        tops = sorted({box[0] for box in boxes})
        row_of = {row: top + at for at, row in enumerate(tops)}
        self.height = len(tops)
        self.places = []
        for box, areas in zip(boxes, regions.areas, strict=True):
            row, first = row_of[box[0]], left + box[1]
            last = left + box[3] if len(areas) == 1 else first
            self.places.append((row, first, row, last))

    def at(self, index: int) -> str:
        row, column = self.places[index][:2]
        return address(row, column)

    @property
    def area(self) -> tuple[int, int, int, int]:
        """All of the table."""
        width = self.layout.size[1]
        return self.top, self.left, self.top + self.height - 1, self.left + width - 1

    def draw(self, values: Sequence[Value], formula: Formula, paint: Paint) -> None:
        for index, value in enumerate(values):
            live = formula(index) if formula else None
            self.page.span(self.places[index], value, paint(index), live)

    def _is_pixel(self, label: int) -> bool:
        top, left, bottom, right = self.regions.box(label)
        return (top, left) == (bottom, right) and math.prod(self.layout.block) > 1

    def draw_axes(self) -> None:
        """Which channels and images each column and row of the table stands for."""
        seen: set[tuple[int, int]] = set()
        for label, (row, first, _, last) in enumerate(self.places, start=1):
            if (first, last) not in seen and row == self.top:
                seen.add((first, last))
                text = range_text("c", self.regions.channels(label))
                if self._is_pixel(label):  # one of several of its channel: which one is said, too
                    across = self.layout.block[1] + self.layout.gaps[1]
                    text = f"c{self.regions.channels(label)[0]} w{(first - self.left) % across}"
                self.page.span((self.top - 1, first, self.top - 1, last), text, AXIS)
        labeled: set[int] = set()
        if self.layout.images == 1:
            for at in range(self.height if self.height > 1 else 0):
                self.page.put(self.top + at, self.left - 1, f"h = {at}", AXIS_LEFT)
            return
        for label, (row, *_) in enumerate(self.places, start=1):
            if row not in labeled:
                labeled.add(row)
                text = range_text("n", self.regions.images(label))
                self.page.put(row, self.left - 1, text, AXIS_LEFT)


def range_text(letter: str, span: Span) -> str:
    """Some blocks in words: `c = 1`, `c = 0–1` or `all c`."""
    start, stop, total = span
    if start == stop:
        return f"{letter} = {start}"
    return f"all {letter}" if (start, stop) == (0, total - 1) else f"{letter} = {start}–{stop}"


def by_set(style: Style, set_of: Sequence[int]) -> Paint:
    """Every element in the color of its set."""
    looks = {label: style.filled(set_color(label)) for label in set(set_of)}
    return lambda index: looks[set_of[index]]


def evenly(style: Style) -> Paint:
    """The same look everywhere."""
    return lambda index: style


class Single:
    """One number that says something about a whole step."""

    def __init__(self, page: Page, top: int, left: int) -> None:
        self.page, self.top, self.left = page, top, left
        self.area = (top, left, top, left + 1)

    def at(self, index: int) -> str:
        return address(self.top, self.left)

    def draw(self, values: Sequence[Value], formula: Formula, paint: Paint) -> None:
        self.page.span(self.area, values[0], paint(0), formula(0) if formula else None)

    def draw_axes(self) -> None:
        """A single number has no axes."""
