"""How each kind of content takes its place on a page, and how it is then written.

To place is to say which rows are taken and where named blocks stand; to write comes after all is
placed, so that a formula may name what stands below it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from normviz.workbook.book.charts import Chart, Line
from normviz.workbook.book.sizes import pixels
from normviz.workbook.draw import content
from normviz.workbook.draw.blocks import named_rows, step, table, value_rows
from normviz.workbook.draw.canvas import Canvas, Placed, Spot
from normviz.workbook.draw.lists import listing, spaced
from normviz.workbook.draw.places import NOWHERE
from normviz.workbook.draw.words import banner, caption_rows, line, words

CM_PER_PIXEL, ROW_PIXELS = 2.54 / 96, 20


def place(item: Any, canvas: Canvas, spot: Spot) -> Placed:
    """Place one kind of content."""
    return _PLACED_BY[type(item)](item, canvas, spot)


def _graph(item: content.Graph, canvas: Canvas, spot: Spot) -> Placed:
    page, columns = canvas.page, canvas.columns
    block = columns.lefts.index(spot.left)
    end = columns.lefts[block + item.blocks - 1] + len(columns.cells[block + item.blocks - 1])
    width = sum(pixels(page.widths.get(at, 8.43)) for at in range(spot.left, end))
    size = (round(width * CM_PER_PIXEL, 2), round(item.rows * ROW_PIXELS * CM_PER_PIXEL, 2))

    def area(cells: str) -> Any:
        name, _, spec = cells.rstrip("]").partition("[")
        (found,) = canvas.placed[name].find(NOWHERE, spec)
        return found

    def write() -> None:
        lines = tuple(
            Line(
                d.name,
                area(d.cells),
                d.color,
                d.thin,
                area(d.x) if d.x else None,
                d.marks,
                d.joined,
            )
            for d in item.lines
        )
        x = area(item.x) if item.x else None
        made = Chart(item.title, lines, spot.top, spot.left, item.kind, x, item.across, item.up)
        page.charts.append(replace(made, size=size, legend=item.legend))

    return Placed(spot.top + item.rows - 1, write)


def _stack(item: content.Stack, canvas: Canvas, spot: Spot) -> Placed:
    placed, row, bottom = [], spot.top, spot.top
    for inner in item.items:
        made = place(inner, canvas, replace(spot, top=row, room=0))
        placed.append(made)
        bottom = made.bottom
        row = bottom + (2 if isinstance(inner, content.Graph) else 3)  # a caption has room above
    return Placed(bottom, lambda: _write_all(placed))


def _band(item: content.Band, canvas: Canvas, spot: Spot) -> Placed:
    """Side by side, their cells in line: all leave as many rows for words as the longest takes.

    Raises:
        ValueError: a row of a table without names of its own that no neighbor has a name for, or
            that a neighbor calls something else.
    """
    columns = canvas.columns
    tables = [inner for inner in item.items if isinstance(inner, content.Table)]
    named = {row: name for one in tables if one.labelled for row, name in named_rows(one)}
    for one in tables:
        if one.labelled:
            continue
        if nameless := [row for row in value_rows(one) if row not in named]:
            raise ValueError(f"rows {nameless} of {one.parts[0].name!r} have no name on the page")
        for row, name in named_rows(one):
            if str(named[row]) not in str(name):
                raise ValueError(f"{name!r} of {one.parts[0].name!r} is in the row {named[row]!r}")
    spots = [
        Spot(spot.top, left, left + len(cells) - 1, alone=False)
        for left, cells in zip(columns.lefts, columns.cells, strict=True)
    ]
    rows = [0]
    for inner, own in zip(item.items, spots, strict=False):
        if isinstance(inner, content.Table | content.Step):
            left = own.left - isinstance(inner, content.Step)
            rows.append(caption_rows(inner.caption, canvas.page.width(left, own.right)))
    placed = [
        place(inner, canvas, replace(own, room=max(rows)))
        for inner, own in zip(item.items, spots, strict=False)
        if inner is not None
    ]
    return Placed(max(made.bottom for made in placed), lambda: _write_all(placed))


def _write_all(placed: Sequence[Placed]) -> None:
    for made in placed:
        made.write()


_PLACED_BY: dict[type, Callable[[Any, Canvas, Spot], Placed]] = {
    content.Banner: banner,
    content.Words: words,
    content.Line: line,
    content.Step: step,
    content.Table: table,
    content.Listing: listing,
    content.Spaced: spaced,
    content.Graph: _graph,
    content.Stack: _stack,
    content.Band: _band,
}
