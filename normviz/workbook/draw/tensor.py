"""Tensors on a page: a cell for every element, statistics set or parameter, below the channels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from normviz.norms.notation import REST
from normviz.norms.partition import StatisticsSets
from normviz.workbook.book.address import Area, address
from normviz.workbook.book.cells import Page, Value
from normviz.workbook.book.layout import Labels, Layout, Regions, Span, numbers_text
from normviz.workbook.book.styles import AXIS, AXIS_LEFT, Style, set_color
from normviz.workbook.draw.places import Here, within

CLOSE, NAMED = 5.0, 7.8
"""In columns of this width or less an axis is called d0, not d = 0."""

UNNAMED = ("n", "i", "j", "d")
"""The letters of x's axes where two before the features may be anything."""

Paint = Callable[[int], Style]
"""The look of the cell of one value, by its index from 0."""


class Frame:
    """The tensor a step is about: where it is laid out, its sets, and its parameters.

    `set_of` and `parameter_of` are the 1-based labels of every element in row-major order.
    """

    def __init__(
        self, sets: StatisticsSets, flat: bool = False, letters: tuple[str, ...] = ("n", "c")
    ) -> None:
        labels, parameters = sets.labels(), parameter_labels(sets)
        last = features_last(sets)
        letters = ("n", "d") if last else letters
        self.layout = Layout(sets.shape, flat, letters=letters, features_last=last)
        self.one_image = Layout((1, *sets.shape[1:]), flat, letters=letters, features_last=last)
        self.sets: Regions = Regions(self.layout, labels)
        self.parameters = Regions(self.layout, parameters)
        self.shown_parameters = Regions(self.one_image, parameters[:1])
        self.set_of: list[int] = labels.ravel().tolist()
        self.parameter_of: list[int] = parameters.ravel().tolist()

    def body(self, per: str, top: int, left: int) -> Body:
        """Where the values of a step stand, by what has a value."""
        if per == "element":
            return Grid(self.layout, top, left)
        if per == "set":
            return Statistics("set", self.sets, top, left)
        if per == "parameter":
            return Statistics("parameter", self.shown_parameters, top, left)
        return Single(top, left)

    def here(self, per: str, index: int) -> Here:
        """What a formula knows about the cell it is written for."""
        if per == "element":
            places = [int(at) for at in np.unravel_index(index, self.layout.shape)]
            n, c = places[0], places[-1 if self.layout.features_last else 1]
            own = {"set": self.set_of[index] - 1, "parameter": self.parameter_of[index] - 1}
            axes = dict(zip(self.layout.letters[:2], (n, c), strict=True))
            return Here({"element": index} | own | axes)
        if per == "set":
            return Here({"set": index}, self.sets.areas[index])
        if per == "parameter":
            return Here({"parameter": index}, self.parameters.areas[index])
        return Here()


def features_last(sets: StatisticsSets) -> bool:
    """Whether x is tokens (N, T, D) or rows (N, D), by the names in the pattern of its sets."""
    names = {factor.name for factor in sets.factors}
    return len(sets.shape) in (2, 3) and "d" in names and names <= {"n", "t", "h", "d"}


def axes_of(sets: StatisticsSets) -> tuple[str, ...]:
    """The letters of x's axes where its last are features by the pattern; empty for images.

    >>> from normviz.norms.sets import statistics_sets
    >>> axes_of(statistics_sets("layer_norm", (2, 5, 8), normalized_shape=(8,)))
    ('n', 't', 'd')
    >>> axes_of(statistics_sets("batch_norm", (2, 5, 8)))
    ()
    >>> axes_of(statistics_sets("n t h [d]", (2, 5, 4, 8)))
    ('n', 't', 'h', 'd')
    """
    names, last = {factor.name for factor in sets.factors}, len(sets.shape) - 1
    features = [f for f in sets.factors if f.name == "d" and f.dimension == last]
    if not features or not names <= {REST, "n", "t", "h", "w", "d"}:
        return ()
    if last == 3 and names <= {REST, "d"}:  # heads of tokens, or pixels: no name says which
        return UNNAMED
    if last == 3 and len(names) == len(sets.factors) == 4 and REST not in names:
        return tuple(factor.name for factor in sets.factors)
    return {1: ("n", "d"), 2: ("n", "t", "d")}.get(last, ())


def parameter_labels(sets: StatisticsSets) -> Labels:
    """The number of its affine parameter for every element, of x's shape, from 1."""
    numbers = np.arange(1, math.prod(sets.parameter_view) + 1).reshape(sets.parameter_view)
    return np.broadcast_to(numbers, sets.view).reshape(sets.shape)


class Grid:
    """A tensor drawn element by element, images down and channels across."""

    per: ClassVar[str] = "element"
    fixed: ClassVar[bool] = False

    def __init__(self, layout: Layout, top: int, left: int) -> None:
        self.layout, self.top, self.left = layout, top, left
        rows, columns = layout.places()
        self.rows: list[int] = (rows.ravel() + top).tolist()
        self.columns: list[int] = (columns.ravel() + left).tolist()

    def cell(self, index: int) -> Area:
        """The cell of an element."""
        row, column = self.rows[index], self.columns[index]
        return row, column, row, column

    def at(self, index: int) -> str:
        """The address of an element."""
        return address(self.rows[index], self.columns[index])

    @property
    def area(self) -> Area:
        """All of the grid, with the empty cells between its blocks."""
        height, width = self.layout.size
        return self.top, self.left, self.top + height - 1, self.left + width - 1

    def find(self, here: Here, spec: str) -> Sequence[Area]:
        """One element, all elements of a set or parameter, or all there are."""
        if spec.isdigit():
            return [self.cell(int(spec))]
        if spec != "*" and "element" in here.axes:
            return [self.cell(here.axes["element"])]
        return within(here.areas, self.top, self.left) if here.areas and not spec else [self.area]

    def which(self, row: int, column: int) -> str | None:
        """Which element stands in a cell."""
        index = self._indices.get((row, column))
        return None if index is None else self.layout.words(index)

    @cached_property
    def _indices(self) -> dict[tuple[int, int], int]:
        cells = zip(self.rows, self.columns, strict=True)
        return {cell: index for index, cell in enumerate(cells)}

    def draw_axes(self, page: Page) -> None:
        """Channel numbers in the row above, image numbers in the column to the left."""
        layout, (image, channel) = self.layout, self.layout.letters[:2]
        for c in range(layout.channels):
            column = self.left + layout.channel_column(c)
            area = (self.top - 1, column, self.top - 1, column + layout.block[1] - 1)
            equals = " = " if page.width(area[1], area[3]) > CLOSE else ""
            page.span(area, f"{channel}{equals}{layout.channel_number(c)}", AXIS)
        tokens = layout.block[0] if layout.features_last and len(layout.shape) == 3 else 0
        for n in range(layout.images):
            row = self.top + layout.image_row(n)
            name = f"{image} = {layout.image_number(n)}"
            is_close = page.width(self.left - 1, self.left - 1) < NAMED
            for t in range(tokens):
                text = f"{image}{layout.image_number(n)} t{t}" if is_close else f"{name}, t = {t}"
                page.put(row + t, self.left - 1, text, AXIS_LEFT)
            if not tokens:
                page.put(row, self.left - 1, name, AXIS_LEFT)


class Statistics:
    """One cell for each set or parameter, below the channels and in the order of the images.

    A cell spans the columns its set spans, so that the statistic of a group stands under the
    group's channels.
    """

    fixed: ClassVar[bool] = False

    def __init__(self, per: str, regions: Regions, top: int, left: int) -> None:
        self.per, self.regions, self.top, self.left = per, regions, top, left
        boxes = [regions.box(k) for k in range(1, len(regions.areas) + 1)]
        tops = sorted({box[0] for box in boxes})
        row_of = {row: top + at for at, row in enumerate(tops)}
        self.height = len(tops)
        self.cells: list[Area] = []
        for box, areas in zip(boxes, regions.areas, strict=True):
            row, first = row_of[box[0]], left + box[1]
            self.cells.append((row, first, row, left + box[3] if len(areas) == 1 else first))

    def cell(self, index: int) -> Area:
        """The cells that a value spans."""
        return self.cells[index]

    def at(self, index: int) -> str:
        """The address of a value."""
        row, column = self.cells[index][:2]
        return address(row, column)

    @property
    def area(self) -> Area:
        """All of it."""
        width = self.regions.layout.size[1]
        return self.top, self.left, self.top + self.height - 1, self.left + width - 1

    def find(self, here: Here, spec: str) -> Sequence[Area]:
        """The value of the cell's own set or parameter, or all there are."""
        index = int(spec) if spec.isdigit() else None if spec else here.axes.get(self.per)
        if index is None:
            return [self.area]
        row, column = self.cells[index][:2]
        return [(row, column, row, column)]

    def which(self, row: int, column: int) -> str | None:
        """Which set or parameter stands in a cell."""
        index = self._indices.get((row, column))
        if index is None:
            return None
        words = self.regions.words(index + 1)
        if self.per == "set":
            return words
        layout, said = self.regions.layout, words.partition(": ")[2]
        if layout.images == 1:  # a parameter is of no image, and of no token of a sequence
            above = 2 if layout.features_last and len(layout.shape) == 3 else 1
            said = said.split(", ", above)[-1]
        return " ".join([said, *(at for at in self.regions.pixel(index + 1) if at is not None)])

    @cached_property
    def _indices(self) -> dict[tuple[int, int], int]:
        return {(row, left): index for index, (row, left, _, _) in enumerate(self.cells)}

    def draw_axes(self, page: Page) -> None:
        """Which channels and images each column and row of the table stands for."""
        regions, (image, channel) = self.regions, self.regions.layout.letters[:2]
        across: set[tuple[int, int]] = set()
        down: set[int] = set()
        for label, (row, first, _, last) in enumerate(self.cells, start=1):
            pixel_row, pixel_column = regions.pixel(label)
            if row == self.top and (first, last) not in across:
                across.add((first, last))
                text = range_text(channel, regions.channels(label))
                if pixel_column is not None:  # one of several of its channel: it says which
                    text = _with_place(channel, regions.channels(label), pixel_column)
                page.span((self.top - 1, first, self.top - 1, last), text, AXIS)
            last = regions.layout.features_last and (self.per == "set" or self.height > 1)
            several = regions.layout.images > 1 or last
            if row not in down and (several or pixel_row is not None):
                down.add(row)
                text = range_text(image, regions.images(label))
                if pixel_row is not None:
                    images = regions.images(label)
                    text = _with_place(image, images, pixel_row) if several else pixel_row
                if regions.layout.features_last and len(regions.layout.shape) == 3:
                    text += f", {range_text('t', regions.tokens(label))}"
                    if page.width(self.left - 1, self.left - 1) < NAMED:
                        text = _close(text)
                page.put(row, self.left - 1, text, AXIS_LEFT)


def _close(text: str) -> str:
    """A name for a narrow column.

    >>> _close("n = 0, t = 2"), _close("n = 0, all t"), _close("all n, all t")
    ('n0 t2', 'n0 all t', 'all n, t')
    """
    if text.startswith("all"):
        return text.replace(", all ", ", ").replace(" = ", "")
    return text.replace(" = ", "").replace(", ", " ")


def _with_place(letter: str, span: Span, place: str) -> str:
    """A place in the blocks that a set reaches over: `c0 w1`, `c = 0–1 w1`, or `w1` in all."""
    if span.first == span.last:
        return f"{letter}{span.first} {place}"
    everywhere = len(span.numbers) == span.total
    return place if everywhere else f"{range_text(letter, span)} {place}"


class Single:
    """One number that says something about a whole step."""

    per: ClassVar[str] = "single"
    fixed: ClassVar[bool] = False

    def __init__(self, top: int, left: int) -> None:
        self.top, self.left = top, left
        self.area: Area = (top, left, top, left + 1)

    def cell(self, index: int) -> Area:
        """The cells it spans."""
        return self.area

    def at(self, index: int) -> str:
        """Its address."""
        return address(self.top, self.left)

    def find(self, here: Here, spec: str) -> Sequence[Area]:
        """Its one cell."""
        return [(self.top, self.left, self.top, self.left)]

    def which(self, row: int, column: int) -> str | None:
        """There is nothing to tell apart."""
        return "" if (row, column) == (self.top, self.left) else None

    def draw_axes(self, page: Page) -> None:
        """A single number has no axes."""


Body = Grid | Statistics | Single


def range_text(letter: str, span: Span) -> str:
    """Some blocks in words: `c = 1`, `c = 0–1`, `c = 0, 4` or `all c`."""
    is_all = 1 < len(span.numbers) == span.total
    return f"all {letter}" if is_all else f"{letter} = {numbers_text(span.numbers)}"


def by_set(style: Style, set_of: Sequence[int]) -> Paint:
    """Every element in the color of its set."""
    looks = {label: style.filled(set_color(label)) for label in set(set_of)}
    return lambda index: looks[set_of[index]]


def evenly(style: Style) -> Paint:
    """The same look everywhere."""
    return lambda index: style


def values_of(values: Any) -> list[Value]:
    """Values in row-major order."""
    found: list[Value] = values.ravel().tolist() if isinstance(values, np.ndarray) else [*values]
    return found
