"""How each kind of content takes its place on a page, and how it is then written.

To place is to say which rows are taken and where named blocks stand; to write comes after all is
placed, so that a formula may name what stands below it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial, singledispatch
from typing import Any, NamedTuple

import numpy as np

from normviz.workbook.book.cells import Block, Value
from normviz.workbook.book.charts import Chart, Line
from normviz.workbook.book.sizes import height_of, lines_of, pixels
from normviz.workbook.book.styles import (
    AXIS,
    BANNER,
    CODE,
    HEADER,
    HEADER_LEFT,
    INPUT_NUMBER,
    INPUT_TEXT,
    LABEL,
    NAME,
    PROSE,
    REMARK,
    RESULT,
    STEP_FORMULA,
    STEP_NAME,
    Style,
)
from normviz.workbook.draw import content
from normviz.workbook.draw.canvas import Canvas
from normviz.workbook.draw.places import NOWHERE, Cells, Here
from normviz.workbook.draw.tensor import values_of

CM_PER_PIXEL, ROW_PIXELS = 2.54 / 96, 20
BANNER_HEIGHT, BELOW_BANNER, HEAD_HEIGHT = 21.0, 6.0, 20.0
MONO = 1.16
"""So much wider is a letter of code than one of a text."""

Write = Callable[[], None]


class Placed(NamedTuple):
    """The last row that was taken, and what writes there."""

    bottom: int
    write: Write


@dataclass(frozen=True)
class Spot:
    """Where something is placed: its first row, its columns of cells, and the rows kept for words.

    Names stand in the column before `left`.
    """

    top: int
    left: int
    right: int
    room: int = 0
    alone: bool = True


@singledispatch
def place(item: Any, canvas: Canvas, spot: Spot) -> Placed:
    """Place one kind of content."""
    raise TypeError(f"a page cannot hold a {type(item).__name__}")


@place.register
def _(item: content.Banner, canvas: Canvas, spot: Spot) -> Placed:
    def write() -> None:
        text = f"{item.title} · {item.note}" if item.note else item.title
        area = (spot.top, 2, spot.top, canvas.columns.last)
        canvas.page.span(area, text, BANNER.filled(item.fill))

    canvas.page.heights |= {spot.top: BANNER_HEIGHT, spot.top + 1: BELOW_BANNER}
    return Placed(spot.top + 1, write)


@place.register
def _(item: content.Words, canvas: Canvas, spot: Spot) -> Placed:
    area = (spot.top, 2, spot.top, canvas.columns.last)
    canvas.know(item.name, Cells(spot.top, 2, 1, 1, fixed=True))
    lines = lines_of(item.text, canvas.page.width(area[1], area[3]), item.look.size)
    canvas.page.heights[spot.top] = height_of(lines, item.look.size)

    def write() -> None:
        canvas.paragraph(area, item.text, item.look, item.formula)
        canvas.mark(area, item.marks)

    return Placed(spot.top, write)


@place.register
def _(item: content.Line, canvas: Canvas, spot: Spot) -> Placed:
    row = spot.top
    options = item.rule.options if item.rule else ()
    longest = max((item.value, *options), key=len) if isinstance(item.value, str) else item.value
    first, right = canvas.line_columns(longest, item.wide)
    canvas.know(item.name, Cells(row, first, 1, 1, fixed=True))
    area, last = (row, first, row, right), canvas.columns.last
    look = item.look or (RESULT if item.rule is None else INPUT_NUMBER)
    if item.rule is not None and isinstance(item.value, str) and item.look is None:
        look = INPUT_TEXT
    note = (row, right + 1, row, last)

    def write() -> None:
        page = canvas.page
        page.span((row, 2, row, first - 1), item.label, LABEL)
        page.span(area, item.value, look, canvas.live(item.formula))
        if item.note and right < last:
            canvas.paragraph(note, item.note, REMARK, item.noting)
        if item.wide:
            lines = lines_of(str(item.value), page.width(first, right), look.size)
            page.heights[row] = max(HEAD_HEIGHT, height_of(lines, look.size))
        canvas.allow((row, first, row, first), item.rule, item.label)
        canvas.mark(area, item.marks)
        made = Block(item.label, area, lambda r, c: "" if c == first else None)
        canvas.block(replace(made, checked=item.checked))

    return Placed(row, write)


def caption_rows(caption: content.Caption | None, width: float) -> int:
    """How many rows the words of a block take."""
    if caption is None:
        return 0
    return sum(rows for *_, rows in _heads(caption, width)) + _sentence_rows(caption, width)


def _heads(caption: content.Caption, width: float) -> list[tuple[str, Style, int]]:
    """Title, formula and NumPy's words for it, as far as there are any, and the rows of each."""
    looks = ((caption.title, STEP_NAME), (caption.formula, STEP_FORMULA), (caption.numpy, CODE))
    return [
        (text, look, lines_of(text, width, look.size * (MONO if look.mono else 1.0)))
        for text, look in looks
        if text
    ]


def _sentence_rows(caption: content.Caption, width: float) -> int:
    said = (caption.sentence, *caption.others)
    return max(lines_of(text, width, PROSE.size) for text in said)


def write_caption(
    canvas: Canvas, caption: content.Caption, top: int, left: int, right: int
) -> None:
    """The words of a block below each other."""
    page = canvas.page
    for text, look, rows in _heads(caption, page.width(left, right)):
        style = look.but(wrap=rows > 1, vertical="top" if rows > 1 else look.vertical)
        page.span((top, left, top + rows - 1, right), text, style)
        top += rows
    rows = _sentence_rows(caption, page.width(left, right))
    if rows:
        area = (top, left, top + rows - 1, right)
        page.span(area, caption.sentence, PROSE, canvas.live(caption.live))


@place.register
def _(item: content.Step, canvas: Canvas, spot: Spot) -> Placed:
    """A step: its words to the left of its cells where the page has room there, else above."""
    frame = item.frame or canvas.frame
    assert frame is not None, "a step needs a tensor to be laid out on"
    beside = spot.alone and canvas.columns.words > 0
    left, right = (2, 2) if beside else (spot.left - 1, spot.right)
    rows = caption_rows(item.caption, canvas.page.width(left, right))
    top = spot.top if beside else spot.top + max(spot.room, rows)
    body = frame.body(item.per, top + (item.per != "single"), spot.left)
    canvas.know(item.name, body)
    values = values_of(item.values)
    words = item.caption

    def write() -> None:
        write_caption(canvas, words, spot.top, left, right)
        body.draw_axes(canvas.page)
        paint = canvas.fitting(item.paint, values if item.per != "single" else ())
        for index, value in enumerate(values):
            formula = item.formula(index) if callable(item.formula) else item.formula
            live = canvas.live(formula, frame.here(item.per, index)) if formula else None
            canvas.page.span(body.cell(index), value, paint(index), live)
        canvas.allow(body.area, item.rule, words.symbol or words.name)
        canvas.mark(body.area, item.marks)
        name = words.name or item.name
        canvas.block(
            Block(name, body.area, body.which, words.symbol, words.formula, words.sentence)
        )

    return Placed(max(body.area[2], spot.top + rows - 1 if beside else 0), write)


@place.register
def _(item: content.Table, canvas: Canvas, spot: Spot) -> Placed:
    rows = caption_rows(item.caption, canvas.page.width(spot.left, spot.right))
    heads = item.across or [part.label for part in item.parts if item.beside]
    top = spot.top + max(rows, spot.room)
    first = top + bool(heads) + item.skip
    row, column, bottom = first, spot.left, first
    writers: list[Write] = []
    if item.steps:
        names = Cells(first, spot.left - 1, len(item.down), 1, (item.axes[0], ""))
        canvas.know(item.steps, names)
    for part in item.parts:
        values = as_rows(part.values)
        height, width = len(values), len(values[0])
        axes = (item.axes[0] if height > 1 or item.beside else "", item.axes[1])
        if item.beside:
            axes = (axes[0], item.axes[1] if width > 1 else "")
        body = Cells(row, column, height, width, axes)
        canvas.know(part.name, body)
        writers.append(partial(_write_cells, canvas, item, part, values, body))
        bottom = max(bottom, row + height - 1)
        row, column = (row, column + width) if item.beside else (row + height, column)

    def write() -> None:
        if item.caption:
            write_caption(canvas, item.caption, spot.top, spot.left, spot.right)
        for at, name in enumerate(heads):
            canvas.page.put(top, spot.left + at, name, AXIS)
        labels = [] if item.beside or not item.labelled else [part.label for part in item.parts]
        down = item.down or labels
        for at, label in enumerate(down):
            if label != "":
                canvas.page.put(first + at, spot.left - 1, label, NAME)
        for writer in writers:
            writer()

    return Placed(max(bottom, first + len(item.down) - 1), write)


def _write_cells(
    canvas: Canvas,
    table: content.Table,
    part: content.Cells,
    values: Sequence[Sequence[Value]],
    body: Cells,
) -> None:
    for i, line in enumerate(values):
        for j, value in enumerate(line):
            here = Here({axis: at for axis, at in zip(body.axes, (i, j), strict=True) if axis})
            formula = part.formula(i, j) if callable(part.formula) else part.formula
            look = part.look(i, j) if callable(part.look) else part.look
            live = canvas.live(formula, here)
            canvas.page.put(body.top + i, body.left + j, value, look, live)
    caption = table.caption or content.Caption()
    name = part.label or caption.name or part.name
    canvas.allow(body.area, part.rule, name)
    canvas.mark(body.area, part.marks, Here({axis: 0 for axis in body.axes if axis}))
    down = [str(name) for name in table.down] if len(values) > 1 else []
    across = list(table.across) if len(values[0]) > 1 else []

    def which(row: int, column: int) -> str:
        i, j = row - body.top, column - body.left
        return ", ".join(names[at] for names, at in ((down, i), (across, j)) if at < len(names))

    words = (caption.formula, caption.sentence)
    if all(value is None for line in values for value in line):
        return
    canvas.block(Block(name, body.area, which, "", *words, checked=part.checked))


@place.register
def _(item: content.Listing, canvas: Canvas, spot: Spot) -> Placed:
    ends = _boundaries(item, canvas)
    first = spot.top + bool(item.heads)
    for at, name in enumerate(item.names):
        canvas.know(name, Cells(first, ends[at][0], len(item.rows), 1, ("row", "")))
    columns = dict(zip(item.names, ends, strict=False))
    table: list[list[tuple[content.Entry, Style]]] = []
    for number, line in enumerate(item.rows):
        height, row = HEAD_HEIGHT, first + number
        table.append([])
        for at, cell in enumerate(line):
            entry = cell if isinstance(cell, content.Entry) else content.Entry(cell)
            look = entry.look or (item.looks[at] if at < len(item.looks) else item.looks[-1])
            table[-1].append((entry, look))
            canvas.know(entry.name, Cells(row, ends[at][0], 1, 1, fixed=True))
            if isinstance(entry.value, str):
                lines = lines_of(entry.value, canvas.page.width(*ends[at]) - 1.5, look.size)
                height = max(height, height_of(lines, look.size) + 2)
        canvas.page.heights[row] = height

    def write() -> None:
        if item.heads:
            canvas.page.heights[spot.top] = 1.5 * HEAD_HEIGHT
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

    return Placed(first + len(item.rows) - 1, write)


def _boundaries(item: content.Listing, canvas: Canvas) -> list[tuple[int, int]]:
    """The first and last column of each column of a list."""
    count = max(len(item.heads), *(len(line) for line in item.rows))
    last = canvas.columns.last
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


@place.register
def _(item: content.Graph, canvas: Canvas, spot: Spot) -> Placed:
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


@place.register
def _(item: content.Stack, canvas: Canvas, spot: Spot) -> Placed:
    placed, row = [], spot.top
    for inner in item.items:
        made = place(inner, canvas, replace(spot, top=row, room=0))
        placed.append(made)
        row = made.bottom + 2
    return Placed(row - 2, lambda: _write_all(placed))


@place.register
def _(item: content.Band, canvas: Canvas, spot: Spot) -> Placed:
    """Side by side, their cells in line: all leave as many rows for words as the longest takes."""
    columns = canvas.columns
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


def as_rows(values: Any) -> list[list[Value]]:
    """Values as rows of cells: a list of numbers is one row, a single number one cell."""
    found = values.tolist() if isinstance(values, np.ndarray | np.generic) else values
    if not isinstance(found, list | tuple):
        return [[found]]
    if not found or not isinstance(found[0], list | tuple):
        return [list(found)]
    return [list(line) for line in found]
