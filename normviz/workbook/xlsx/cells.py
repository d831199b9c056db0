"""Cells as a file holds them: a formula with its value beside it, texts by their place in a table.

openpyxl writes a formula without its result, which viewers that recalculate nothing show as an
empty cell; so it writes all but the cells, and they are written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Cell, Value
from normviz.workbook.xlsx.frame import FileBook

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
LONGEST_TEXT = 32_767


class TextTable:
    """The table of all texts of a file, each once."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self.uses = 0

    def place(self, text: str) -> int:
        """The place of a text in the table, counted from 0."""
        self.uses += 1
        return self.places.setdefault(text, len(self.places))

    def part(self) -> str:
        """The table as a part of the file."""
        items = "".join(
            f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in self.places
        )
        counts = f'count="{self.uses}" uniqueCount="{len(self.places)}"'
        return f'{DECLARATION}<sst xmlns="{MAIN}" {counts}>{items}</sst>'


class CellWriter:
    """Writes the cells of a file, row by row.

    `style_ids` are what the file calls the looks of its frame; without `values` a formula's is
    left empty, as a program leaves it that does not compute.
    """

    def __init__(self, book: FileBook, style_ids: Sequence[int], *, values: bool = True) -> None:
        self.book, self.values, self.texts = book, values, TextTable()
        self.style_ids = style_ids

    def row(self, row: int, line: Sequence[tuple[int, Cell]]) -> str:
        """The cells of a row."""
        return "".join([self._cell(address(row, column), cell) for column, cell in line])

    def _cell(self, where: str, cell: Cell) -> str:
        look = self.style_ids[self.book.look(cell)]
        head = f'<c r="{where}" s="{look}"' if look else f'<c r="{where}"'
        if cell.formula is not None:
            kind, text = cached_value(cell.value) if self.values else ("", "")
            type_ = f' t="{kind}"' if kind else ""
            formula = escape(self.book.formula(cell.formula))
            return f"{head}{type_}><f>{formula}</f><v>{escape(text)}</v></c>"
        value = cell.value
        if value is None:
            return f"{head}></c>"
        if isinstance(value, str):
            return f'{head} t="s"><v>{self.texts.place(value[:LONGEST_TEXT])}</v></c>'
        type_ = ' t="b"' if isinstance(value, bool) else ""
        return f"{head}{type_}><v>{value:.16g}</v></c>"


def cached_value(value: Value) -> tuple[str, str]:
    """The type and the text of a cached result.

    >>> cached_value(0.5), cached_value("PASS"), cached_value(True)
    (('', '0.5'), ('str', 'PASS'), ('b', '1'))
    """
    if isinstance(value, bool):
        return "b", "1" if value else "0"
    if isinstance(value, str):
        return "str", value
    if value is None:
        return "str", ""
    return "", repr(value)
