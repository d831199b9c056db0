"""The last section of the playground: what the formulas know, and the table of the norms."""

from __future__ import annotations

from normviz.workbook.book.styles import BODY, BODY_CENTER, CODE
from normviz.workbook.draw.content import Entry, Listing
from normviz.workbook.sheets.playground.reading import Readings
from normviz.workbook.sheets.playground.rows import Rows
from normviz.workbook.sheets.playground.table import Column, table

WORDS = BODY.but(size=9.5)
WIDTHS = {"norms": 14.0, "functions": 14.0}
"""In characters; what is not said here is as wide as a number, and words take what is left."""


def draw_settings(rows: Rows, readings: Readings) -> None:
    """What the formulas know about the settings, and the table that the drop-down looks into."""
    rows.paper.keep(rows.row - 1)
    rows.paper.begin()
    rows.banner("How the sheet reads its settings", "formulas too: click one to see it")
    cells = list(readings.cells())
    lines = [
        (Entry(cell.value, formula=cell.formula, name=_known(cell.name)), cell.what,
         f"play_{cell.name}")
        for cell in cells
    ]  # fmt: skip
    looks = [BODY_CENTER, WORDS, CODE.but(indent=1)]
    widths = [8.0, rows.page.width(2, rows.middle - 1) - 16.0]
    rows.put(Listing(lines, looks=looks, widths=widths))
    columns = table(readings)
    heads, names = zip(*((column.heading, _known(column.name)) for column in columns), strict=True)
    widths = [WIDTHS.get(column.name, 5.0) for column in columns[:-1]]
    looks = [WORDS if isinstance(column.values[0], str) else BODY_CENTER for column in columns]
    lines = list(zip(*(_entries(column) for column in columns), strict=True))
    rows.put(Listing(lines, heads, looks, names=names, widths=widths))
    for name in (*(cell.name for cell in cells), *(column.name for column in columns)):
        rows.name(name, rows.placed[_known(name)].area)


def _known(name: str) -> str:
    """What a formula calls it on every sheet, so that no step of the playground has its name."""
    return f"play_{name}"


def _entries(column: Column) -> list[Entry]:
    live = [None] * (len(column.values) - len(column.formulas)) + [*column.formulas]
    return [Entry(v, formula=f) for v, f in zip(column.values, live, strict=True)]
