"""Tables of live cells on a sheet that tells a story: captions, banners and small matrices.

A norm's own sheet is drawn from its trace by `sections.py`; the teaching sheets are laid out by
hand on an even raster of columns, with what is here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from normviz.workbook.book.address import (
    Area,
    address,
    area_text,
    fixed,
)
from normviz.workbook.book.cells import (
    Book,
    Choice,
    Page,
    Value,
)
from normviz.workbook.book.styles import (
    AXIS,
    BANNER,
    FORWARD,
    INPUT_NUMBER,
    INPUT_TEXT,
    LABEL,
    LABEL_RIGHT,
    NUMBER,
    PROSE,
    SMALL_FORMAT,
    Style,
)
from normviz.workbook.draw.page_head import FIRST_ROW, begin, explain
from normviz.workbook.draw.panels import Caption

CellFormula = Callable[[int, int], str]
CellStyle = Style | Callable[[int, int], Style]

BOLD = NUMBER.but(bold=True)
DIFFERENCE = NUMBER.but(bold=True, number=SMALL_FORMAT)
NAME = LABEL_RIGHT.but(size=9.5)
LINE_HEIGHT = 13.5


@dataclass(frozen=True)
class Matrix:
    """A block of cells that stands on a sheet; rows and columns of the block count from 0."""

    top: int
    left: int
    rows: int
    columns: int

    def at(self, row: int, column: int = 0) -> str:
        """The address of one cell."""
        return address(self.top + row, self.left + column)

    def fixed(self, row: int = 0, column: int = 0) -> str:
        """The address of one cell with dollar signs."""
        return fixed(self.top + row, self.left + column)

    def column(self, column: int, first: int = 0, last: int | None = None) -> str:
        """One column, or the part of it from row `first` to `last`."""
        bottom = self.top + (self.rows - 1 if last is None else last)
        at = self.left + column
        return area_text((self.top + first, at, bottom, at))

    def row(self, row: int) -> str:
        """One row."""
        at = self.top + row
        return area_text((at, self.left, at, self.left + self.columns - 1))

    @property
    def area(self) -> Area:
        """All of the block."""
        bottom, right = self.top + self.rows - 1, self.left + self.columns - 1
        return self.top, self.left, bottom, right

    @property
    def text(self) -> str:
        """All of the block, as a formula writes it."""
        return area_text(self.area)


class Desk:
    """A page with even columns, written from the top down; `row` is where it goes on."""

    def __init__(
        self,
        book: Book,
        title: str,
        heading: str,
        idea: str,
        widths: Sequence[float],
        tab: str | None = None,
    ) -> None:
        self.page: Page = begin(book, title, heading, tab)
        self.page.widths.update({2 + at: width for at, width in enumerate(widths)})
        self.last = 1 + len(widths)
        self.row = FIRST_ROW
        explain(self.page, idea, self.last)

    def banner(self, title: str, note: str = "", fill: str = FORWARD) -> None:
        """A banner across the page."""
        text = f"{title}    {note}" if note else title
        self.page.span((self.row, 2, self.row, self.last), text, BANNER.filled(fill))
        self.page.heights[self.row] = 21
        self.row += 2

    def say(self, text: str, left: int = 2, right: int | None = None, style: Style = PROSE) -> None:
        """A paragraph, as high as it needs, and the row below it."""
        right = right or self.last
        self.page.span((self.row, left, self.row, right), text, style.but(wrap=True))
        fits = self.page.width(left, right) * 1.12 * 9.5 / style.size
        self.page.heights[self.row] = LINE_HEIGHT * math.ceil(len(text) / fits) + 4
        self.row += 1

    def caption(self, left: int, right: int, caption: Caption) -> int:
        """A step's caption from the present row on; the row below it."""
        return caption.draw(self.page, self.row, left, right)

    def captions(self, placed: Sequence[tuple[int, int, Caption]]) -> None:
        """Captions side by side, and the row below the highest."""
        self.row = max(self.caption(left, right, caption) for left, right, caption in placed)

    def matrix(
        self,
        left: int,
        values: Any,
        formula: CellFormula | None = None,
        style: CellStyle = NUMBER,
        *,
        top: int | None = None,
        down: Sequence[str] = (),
        across: Sequence[str] = (),
    ) -> Matrix:
        """A block of cells with names of its rows to the left and of its columns above."""
        cells = _rows(values)
        top = self.row if top is None else top
        made = Matrix(top, left, len(cells), len(cells[0]))
        for i, line in enumerate(cells):
            for j, value in enumerate(line):
                look = style(i, j) if callable(style) else style
                live = formula(i, j) if formula else None
                self.page.put(top + i, left + j, value, look, live)
        for i, name in enumerate(down):
            self.page.put(top + i, left - 1, name, NAME)
        for j, name in enumerate(across):
            self.page.put(top - 1, left + j, name, AXIS)
        return made

    def setting(
        self, column: int, label: str, value: Value, note: str, check: str, hint: str
    ) -> str:
        """A yellow number with its name before it; `check` says with {0} what may be typed."""
        return self._setting(column, label, value, note, Choice(_NONE, (), check, label, hint))

    def choice(
        self, column: int, label: str, value: Value, note: str, options: Sequence[str]
    ) -> str:
        """A yellow drop-down with its name before it."""
        hint = f"Choose one of: {', '.join(options)}."
        return self._setting(
            column, label, value, note, Choice(_NONE, tuple(options), "", "", hint)
        )

    def _setting(self, column: int, label: str, value: Value, note: str, rule: Choice) -> str:
        self.page.put(self.row, column - 1, label, LABEL)
        style = INPUT_TEXT if isinstance(value, str) else INPUT_NUMBER
        where = self.page.put(self.row, column, value, style)
        area = (self.row, column, self.row, column)
        formula = None if rule.options else (rule.formula or "").format(fixed(self.row, column))
        self.page.choices.append(Choice(area, rule.options, formula, rule.title, rule.hint))
        if note:
            self.page.span((self.row, column + 2, self.row, self.last), note, PROSE)
        self.row += 1
        return fixed(self.row - 1, column) if where else ""


_NONE: Area = (1, 1, 1, 1)


def _rows(values: Any) -> list[list[Value]]:
    """Values as rows of cells: a list of numbers is one row, a single number one cell."""
    found = values.tolist() if isinstance(values, np.ndarray | np.generic) else values
    if not isinstance(found, list | tuple):
        return [[found]]
    if not found or not isinstance(found[0], list | tuple):
        return [list(found)]
    return [list(line) for line in found]
