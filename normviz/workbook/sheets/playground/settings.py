"""The last section of the playground: what the formulas know, and the table of the norms."""

from __future__ import annotations

from collections.abc import Sequence

from normviz.workbook.book.sizes import height_of, lines_of
from normviz.workbook.book.styles import BODY, BODY_CENTER, CODE, HEADER
from normviz.workbook.sheets.playground.reading import Readings
from normviz.workbook.sheets.playground.rows import LEFT, Rows
from normviz.workbook.sheets.playground.table import table

WORDS = BODY.but(size=9.5)
WIDTHS = {"norms": 14.0, "functions": 14.0, "norms_words": 0.0}
"""In characters; what is not said here is as wide as a number, and words take what is left."""


def draw_settings(rows: Rows, readings: Readings) -> None:
    """What the formulas know about the settings, and the table that the drop-down looks into."""
    page = rows.page
    rows.paper.keep(rows.row - 1)
    rows.paper.begin()
    rows.banner("How the sheet reads its settings", "formulas too: click one to see it")
    for cell in readings.cells():
        right = rows.reach(LEFT, 8.0)
        page.span((rows.row, 2, rows.row, right), cell.value, BODY_CENTER, cell.formula)
        page.span((rows.row, right + 1, rows.row, rows.middle - 1), cell.what, WORDS)
        name = CODE.but(indent=1)
        page.span((rows.row, rows.right, rows.row, rows.last), f"play_{cell.name}", name)
        rows.name(cell.name, (rows.row, 2) * 2)
        rows.row += 1
    rows.row += 1
    _table(rows, readings)


def _table(rows: Rows, readings: Readings) -> None:
    page, left = rows.page, 2
    top, columns = rows.row + 1, table(readings)
    page.heights[rows.row] = 36
    spans: list[tuple[int, int, Sequence[float | str]]] = []
    for column in columns:
        words = column.name == "norms_words"
        right = rows.last if words else rows.reach(left, WIDTHS.get(column.name, 5.0))
        heading = HEADER.but(size=9.5)
        page.span((rows.row, left, rows.row, right), column.heading, heading)
        live = [None] * (len(column.values) - len(column.formulas)) + [*column.formulas]
        style = WORDS if isinstance(column.values[0], str) else BODY_CENTER
        for at, (value, formula) in enumerate(zip(column.values, live, strict=True)):
            page.span((top + at, left, top + at, right), value, style, formula)
        rows.name(column.name, (top, left, top + len(column.values) - 1, left))
        spans.append((left, right, column.values))
        left = right + 1
    most = max(
        lines_of(str(value), page.width(left, right), WORDS.size)
        for left, right, values in spans
        for value in values
    )
    for at in range(len(columns[0].values)):
        page.heights[top + at] = height_of(most, WORDS.size)
    rows.row = top + len(columns[0].values) + 1
