"""Lists under heads and entries around a grid, as they take their place and are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from normviz.workbook.book.cells import Block, Value
from normviz.workbook.book.sizes import height_of, lines_of
from normviz.workbook.book.styles import HEADER, HEADER_LEFT, Style
from normviz.workbook.draw import content
from normviz.workbook.draw.canvas import Canvas, Placed, Spot
from normviz.workbook.draw.places import Cells, Here
from normviz.workbook.draw.words import HEAD_HEIGHT


def listing(item: content.Listing, canvas: Canvas, spot: Spot) -> Placed:
    """Rows of texts and numbers under heads."""
    ends = _boundaries(item, canvas)
    first = spot.top + bool(item.heads)
    for at, name in enumerate(item.names):
        canvas.know(name, Cells(first, ends[at][0], len(item.rows), 1, ("row", "")))
    columns = dict(zip(item.names, ends, strict=False))
    table: list[list[tuple[content.Entry, Style]]] = []
    for number, line in enumerate(item.rows):
        height, row = item.height, first + number
        table.append([])
        for at, cell in enumerate(line):
            entry, look = _looking(cell, item.looks, at)
            table[-1].append((entry, look))
            canvas.know(entry.name, Cells(row, ends[at][0], 1, 1, fixed=True))
            if isinstance(entry.value, str):
                lines = lines_of(entry.value, canvas.page.width(*ends[at]) - 1.5, look.size)
                height = max(height, height_of(lines, look.size) + 2)
        canvas.page.heights[row] = height

    def write() -> None:
        if item.heads:
            lines = max(
                lines_of(text, canvas.page.width(*ends[at]) - 1.5, HEADER.size)
                for at, text in enumerate(item.heads)
            )
            needed = height_of(lines, HEADER.size) + 2
            canvas.page.heights[spot.top] = max(1.5 * HEAD_HEIGHT, needed)
        for at, text in enumerate(item.heads):
            centered = at < len(item.looks) and item.looks[at].horizontal == "center"
            look = HEADER if centered else HEADER_LEFT
            canvas.page.span((spot.top, ends[at][0], spot.top, ends[at][1]), text, look)
        for number, line in enumerate(table):
            row, here = first + number, Here({"row": number})
            for (entry, look), (left, right) in zip(line, ends, strict=False):
                area = (row, left, row, right)
                canvas.page.span(area, entry.value, look, canvas.live(entry.formula, here))
                canvas.mark(area, entry.marks, here)
                canvas.allow((row, left, row, left), entry.rule, str(line[0][0].value))
                if entry.link:
                    canvas.page.links[row, left] = entry.link
        for name, marks in item.marks.items():
            left = columns[name][0]
            canvas.mark((first, left, first + len(table) - 1, left), marks)
        _call_numbers(item, canvas, first, [[entry for entry, _ in line] for line in table], ends)

    return Placed(first + len(item.rows) - 1, write)


def spaced(item: content.Spaced, canvas: Canvas, spot: Spot) -> Placed:
    """Rows of entries in columns of their own."""

    def write() -> None:
        for row, line in enumerate(item.rows, spot.top):
            for at, (cell, column) in enumerate(zip(line, item.columns, strict=True)):
                entry, look = _looking(cell, item.looks, at)
                live = canvas.live(entry.formula)
                canvas.page.put(row, column, entry.value, look, live)

    return Placed(spot.top + len(item.rows) - 1, write)


def _looking(
    cell: Value | content.Entry, looks: Sequence[Style], at: int
) -> tuple[content.Entry, Style]:
    """A cell as an entry, and its own look or that of its column."""
    entry = cell if isinstance(cell, content.Entry) else content.Entry(cell)
    return entry, entry.look or (looks[at] if at < len(looks) else looks[-1])


def _call_numbers(
    item: content.Listing,
    canvas: Canvas,
    first: int,
    table: Sequence[Sequence[content.Entry]],
    ends: Sequence[tuple[int, int]],
) -> None:
    """Say what the numbers and verdicts of a list are: by its heads, and by what a row is about.

    Without heads a number is what its rule says, or the text beside it.
    """
    about = _row_names(table)
    for at, (left, _) in enumerate(ends):
        told = {row: line[at] for row, line in enumerate(table) if at < len(line)}
        if at < len(item.heads) and item.heads[at]:
            which = {row: about[row] for row, entry in told.items() if not _is_text(entry)}
            if which:
                area = (first + min(which), left, first + max(which), left)
                canvas.block(Block(item.heads[at], area, _among(which, first)))
            continue
        for row, entry in told.items():
            title, hint = (entry.rule.title, entry.rule.hint) if entry.rule else ("", "")
            if _is_number(entry) and (name := title or about[row]):
                area = (first + row, left, first + row, left)
                canvas.block(Block(name, area, _among({row: ""}, first), sentence=hint))


def _row_names(table: Sequence[Sequence[content.Entry]]) -> list[str]:
    """The first texts of each row, as many as tell all rows apart."""
    texts = [
        [str(entry.value) for entry in line if entry.value and _is_text(entry)] for line in table
    ]
    for count in range(1, max(map(len, texts), default=0) + 1):
        names = [", ".join(line[:count]) for line in texts]
        if len(set(names)) == len(names):
            return names
    return [f"row {row}" for row in range(1, len(table) + 1)]


def _is_text(entry: content.Entry) -> bool:
    return entry.value is None or (isinstance(entry.value, str) and entry.formula is None)


def _is_number(entry: content.Entry) -> bool:
    return isinstance(entry.value, int | float) and not isinstance(entry.value, bool)


def _among(which: Mapping[int, str], first: int) -> Callable[[int, int], str | None]:
    return lambda row, _: which.get(row - first)


def _boundaries(item: content.Listing, canvas: Canvas) -> list[tuple[int, int]]:
    """The first and last column of each column of a list."""
    count = max(len(item.heads), *(len(line) for line in item.rows))
    last = canvas.columns.last
    if item.widths:
        ends, left = [], 2
        for width in item.widths:
            right = left
            while canvas.page.width(left, right) < width:
                right += 1
            ends.append((left, right))
            left = right + 1
        return [*ends, (left, last)]
    if not item.shares:
        return [(2 + at, 2 + at) for at in range(count)]
    total = canvas.page.width(2, last)
    ends, left = [], 2
    for at, share in enumerate(np.cumsum(item.shares) / sum(item.shares)):
        right = left
        room = last - (count - 1 - at)
        while right < room and canvas.page.width(2, right) < share * total - 2:
            right += 1
        ends.append((left, last if at == count - 1 else right))
        left = right + 1
    return ends
