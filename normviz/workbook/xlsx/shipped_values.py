"""Marks for what changed, in a file: the values as shipped in hidden columns, and rules beside.

A conditional format of a file may look at its own sheet only, if every program is to follow it. So
each sheet repeats its values in columns of its own to the right, which nobody sees, and one rule
compares every cell with the one that lies as far to the right. A text is kept with a bar
behind it: an empty one is then told from no text. A formula's SHIPPED(area) is that area of them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from functools import cached_property

from normviz.workbook.book.address import address, column_letter, column_number
from normviz.workbook.book.cells import Cell, Page, Rule
from normviz.workbook.book.changes import NEAR, TINY, remembered
from normviz.workbook.book.styles import CHANGED_INK


class ShippedValues:
    """The hidden columns of one sheet, and the sheet's rules with those that mark a change."""

    def __init__(self, page: Page) -> None:
        self.page = page
        used = [max(line) for line in page.rows.values() if line]
        self.last = max([1, *page.widths, *used])

    @cached_property
    def lines(self) -> dict[int, dict[int, Cell]]:
        """The cells of the hidden columns, by row and column."""
        found: dict[int, dict[int, Cell]] = defaultdict(dict)
        for row, column, value in remembered(self.page):
            text = f"{value or ''}|" if isinstance(value, str) or value is None else float(value)
            found[row][column + self.last] = Cell(text)
        return found

    def beside(self, reference: str) -> str:
        """Where the hidden columns have the values of an address or area."""
        return re.sub("[A-Z]+", lambda m: column_letter(column_number(m[0]) + self.last), reference)

    @property
    def hidden(self) -> tuple[int, int] | None:
        """The first and the last of the columns, where there are any."""
        return (self.last + 1, 2 * self.last) if self.lines else None

    def rules(self) -> list[Rule]:
        """The rules of the sheet, each first as it looks on what changed, then the mark alone.

        Of several rules that hold, some programs follow the first one only.
        """
        if not self.lines:
            return self.page.rules
        marking = [
            replace(
                rule,
                formula=f"AND({self._changed(*rule.area[:2])},{rule.formula})",
                color=rule.color or CHANGED_INK,
                changed=True,
            )
            for rule in self.page.rules
        ]
        whole = (1, 1, max(self.lines), self.last)
        mark = Rule(whole, self._changed(1, 1), "", CHANGED_INK, changed=True)
        return [*marking, *self.page.rules, mark]

    def _changed(self, row: int, column: int) -> str:
        """Whether a cell has not the value as shipped."""
        now, shipped = address(row, column), address(row, column + self.last)
        apart = f"ABS({now}-{shipped})>{NEAR!r}*ABS({shipped})+{TINY!r}".replace("e-", "E-")
        text = f'IFERROR({now}&"|"<>{shipped},TRUE)'
        return f'IF({shipped}="",FALSE,IFERROR({apart},{text}))'
