"""The model of a workbook: cells that carry both a live formula and the value NumPy has for it.

Nothing here knows a medium: `xlsx` turns a `Book` into a file, `page` into a page for the browser.
A formula is kept without its leading "=", so a text that begins with one stays a text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.errors import visible
from normviz.workbook.book.address import (
    MAX_COLUMNS,
    MAX_ROWS,
    Area,
    address,
    area_text,
    fixed_area,
    on_sheet,
)
from normviz.workbook.book.charts import Chart
from normviz.workbook.book.styles import PLAIN, Style

Value = float | int | str | bool | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its value, its look and, where it is live, the formula that gives the value."""

    value: Value
    style: Style = PLAIN
    formula: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A conditional format: where `formula` (relative to the area's first cell) is true.

    A `fill` of "" leaves the background; `changed` marks the cells as changed as well. `number` is
    the number format that the cells then have, "" where it stays theirs.
    """

    area: Area
    formula: str
    fill: str
    color: str | None = None
    bold: bool = False
    changed: bool = False
    number: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A validation: one of `options`, or a formula that must hold; with a hint for the user."""

    area: Area
    options: tuple[str, ...] = ()
    formula: str | None = None
    title: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A jump from a cell to another place in the workbook, where what is called `name` stands.

    With `shows` it is the text nearest to that place that shows this sign or word.
    """

    title: str
    reference: str = "A1"
    name: str = ""
    shows: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture (PNG) whose upper left corner stands in a cell; sizes in pixels of 1/96 inch."""

    png: bytes
    row: int
    column: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Block:
    """What the cells of an area are: an input, a step or a table, in words and symbols.

    `which(row, column)` says which of its values stands in a cell, such as "image 0, channel 1,
    pixel (0, 0)"; it is "" where the block has one value only, and None for a cell in the area
    that is not of the block. `checked` is False where the values are rounding and nothing else, of
    which every engine has its own.
    """

    name: str
    area: Area
    which: Callable[[int, int], str | None]
    symbol: str = ""
    formula: str = ""
    sentence: str = ""
    checked: bool = True


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop of a guided tour: a cell of a sheet, and what to see there."""

    title: str
    reference: str
    heading: str
    words: str


@dataclass(slots=True)
class Page:
    """One sheet: cells by row and column, and what is said about the sheet as a whole."""

    title: str
    rows: dict[int, dict[int, Cell]] = field(default_factory=dict)
    widths: dict[int, float] = field(default_factory=dict)
    heights: dict[int, float] = field(default_factory=dict)
    merges: list[Area] = field(default_factory=list)
    links: dict[tuple[int, int], Link] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    freeze: tuple[int, int] | None = None
    repeat_rows: tuple[int, int] | None = None
    tab: str | None = None
    group: str = ""
    zoom: int = 100
    hidden: bool = False
    protected: bool = False
    """Whether only unlocked cells can be changed; without a password, against slips of the hand."""
    answers: bool = False
    """Whether its input cells wait for answers: then only a change of what is given is marked."""

    def put(
        self,
        row: int,
        column: int,
        value: Value,
        style: Style = PLAIN,
        formula: str | None = None,
    ) -> str:
        """Place a cell and return its address; a place can be taken once."""
        if not (1 <= row <= MAX_ROWS and 1 <= column <= MAX_COLUMNS):
            raise ValueError(f"row {row}, column {column} is outside of a sheet")
        line = self.rows.setdefault(row, {})
        if column in line:
            raise ValueError(f"cell {self.title}!{address(row, column)} is taken already")
        line[column] = Cell(_plain(value), style, formula)
        return address(row, column)

    def span(
        self,
        area: Area,
        value: Value,
        style: Style = PLAIN,
        formula: str | None = None,
    ) -> str:
        """Place a cell over a merged area; the look covers all of it."""
        top, left, bottom, right = area
        where = self.put(top, left, value, style, formula)
        if (top, left) != (bottom, right):
            self.merges.append(area)
            for row in range(top, bottom + 1):
                for column in range(left, right + 1):
                    if (row, column) != (top, left):
                        self.put(row, column, None, style)
        return where

    def link(self, row: int, column: int, title: str, reference: str = "A1") -> None:
        """Make a cell jump to another sheet when clicked."""
        self.links[row, column] = Link(title, reference)

    def values(self, area: Area) -> Iterator[Value]:
        """The values of an area row by row, None where it is empty."""
        for row in range(area[0], area[2] + 1):
            line = self.rows.get(row, {})
            for column in range(area[1], area[3] + 1):
                yield line[column].value if column in line else None

    def numbers(self, area: Area) -> npt.NDArray[np.float64]:
        """The numbers of an area row by row, 0 where it is empty."""
        return np.array([value or 0.0 for value in self.values(area)], dtype=np.float64)

    def number_format(self, area: Area, pattern: str) -> str:
        """The one number format of the cells of an area, which a rule shows as in a pattern.

        Raises:
            ValueError: where they have several: no rule could keep them.
        """
        lines = (self.rows.get(row, {}) for row in range(area[0], area[2] + 1))
        columns = range(area[1], area[3] + 1)
        forms = {
            line[column].style.number for line in lines for column in columns if column in line
        }
        if len(forms) != 1:
            raise ValueError(
                f"{self.title}!{area_text(area)} is shown as {pattern!r} by a rule, but its cells "
                f"have {len(forms)} number formats ({sorted(forms)}): let them have one"
            )
        return forms.pop()

    def width(self, left: int, right: int) -> float:
        """How many characters fit between two columns, both inclusive."""
        return sum(self.widths.get(column, 8.43) for column in range(left, right + 1))

    def at(self, row: int, column: int) -> str:
        """The address of a cell as another sheet has to write it."""
        return on_sheet(self.title, address(row, column))

    def block_at(self, row: int, column: int) -> tuple[Block, str] | None:
        """The block that a cell belongs to, and which of its values the cell has."""
        for block in self.blocks:
            top, left, bottom, right = block.area
            if top <= row <= bottom and left <= column <= right:
                which = block.which(row, column)
                if which is not None:
                    return block, which
        return None

    def said(self, row: int, column: int) -> str:
        """What a cell is, in words: "output y of image 0, channel 0, pixel (0, 0)", or ""."""
        found = self.block_at(row, column)
        if found is None:
            return ""
        block, which = found
        name = " ".join(text for text in (block.name, block.symbol) if text)
        return f"{name} of {which}" if which else name

    def formulas(self) -> Iterator[tuple[str, Cell]]:
        """Address and cell of every live cell, in the order in which the file holds them."""
        for row, line in sorted(self.rows.items()):
            for column, cell in sorted(line.items()):
                if cell.formula is not None:
                    yield address(row, column), cell


@dataclass(slots=True)
class Book:
    """A workbook: its pages in order, and the names that formulas and other programs use."""

    title: str
    pages: list[Page] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    opening: str = ""
    tour: list[Stop] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.title = visible(self.title)

    def page(self, title: str, tab: str | None = None) -> Page:
        """Begin a new sheet after the others."""
        page = Page(title, tab=tab)
        self.pages.append(page)
        return page

    def name(self, name: str, page: Page, area: Area) -> str:
        """Give an area a name and return the name."""
        self.names[name] = on_sheet(page.title, fixed_area(area))
        return name


def _plain(value: Any) -> Value:
    """A NumPy scalar as Python's own number, refused if not finite; text that can be shown."""
    if isinstance(value, str):
        return visible(value)
    if value is None or isinstance(value, bool):
        return value
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a cell cannot hold {value}; a sheet knows finite numbers only")
    return value  # type: ignore[no-any-return]
