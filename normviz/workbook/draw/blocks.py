"""Steps on a tensor and tables, as they take their place and are written."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from normviz.workbook.book.cells import Block, Value
from normviz.workbook.book.styles import AXIS, GROUPED_FORMAT, NAME, Style
from normviz.workbook.draw import content
from normviz.workbook.draw.canvas import Canvas, Placed, Spot, Write
from normviz.workbook.draw.places import Cells, Here
from normviz.workbook.draw.tensor import values_of
from normviz.workbook.draw.words import caption_rows, write_caption

LONG = 1_000
"""From here on the digits of a number that names a row stand in threes."""


def step(item: content.Step, canvas: Canvas, spot: Spot) -> Placed:
    """A step: its words to the left of its cells where the page has room there, else above."""
    frame = item.frame or canvas.frame
    assert frame is not None, "a step needs a tensor to be laid out on"
    beside = spot.alone and canvas.columns.words > 0
    left, right = (2, 2) if beside else (spot.left - 1, spot.right)
    written = item.caption if item.worded else content.Caption()
    rows = caption_rows(written, canvas.page.width(left, right))
    top = spot.top if beside else spot.top + max(spot.room, rows)
    body = frame.body(item.per, top + (item.per != "single"), spot.left)
    canvas.know(item.name, body)
    values = values_of(item.values)
    words = item.caption
    indent = int(not beside and left > 2)  # the neighbor's cells end where the words begin

    def write() -> None:
        write_caption(canvas, written, spot.top, left, right, indent)
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


def table(item: content.Table, canvas: Canvas, spot: Spot) -> Placed:
    """Blocks of cells below or beside each other."""
    rows = caption_rows(item.caption, canvas.page.width(spot.left, spot.right))
    heads = item.across or [part.label for part in item.parts if item.beside]
    over = spot.top + max(rows, spot.room)
    top = over + bool(item.over)
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
        for at, name in enumerate(item.over):
            span = len(heads) // len(item.over)
            left = spot.left + at * span
            canvas.page.span((over, left, over, left + span - 1), name, AXIS.but(bold=True))
        for at, name in enumerate(heads):
            canvas.page.put(top, spot.left + at, name, AXIS)
        down = _written(item)
        for at, label in enumerate(down if item.labelled else ()):
            if label != "":
                canvas.page.put(first + at, spot.left - 1, label, _name_look(label))
        if item.labelled and item.down_is:
            if heads:
                canvas.page.put(top, spot.left - 1, item.down_is, NAME)
            told = {
                first + at: "" if isinstance(label, str) else counted(label)
                for at, label in enumerate(down)
            }
            area = (first, spot.left - 1, first + len(down) - 1, spot.left - 1)
            canvas.block(Block(item.down_is, area, lambda row, _: told[row] or None))
        for writer in writers:
            writer()

    return Placed(max(bottom, first + len(item.down) - 1), write)


def _written(item: content.Table) -> Sequence[Value]:
    """The names down: its own, or else those of its blocks."""
    return item.down or ([] if item.beside else [part.label for part in item.parts])


def named_rows(item: content.Table) -> list[tuple[int, Value]]:
    """The rows of a table that have a name, from its heads on, with it."""
    return [(item.skip + at, label) for at, label in enumerate(_written(item)) if label != ""]


def value_rows(item: content.Table) -> range:
    """The rows of a table that have values, from its heads on."""
    heights = [len(as_rows(part.values)) for part in item.parts]
    return range(item.skip, item.skip + (max(heights) if item.beside else sum(heights)))


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
    written = [_label(label, table.down_is) for label in table.down]
    down = _names(written, body.axes[0], "row", len(values))
    across = _names(table.across, body.axes[1], "column", len(values[0]))

    def which(row: int, column: int) -> str:
        return ", ".join(filter(None, (down[row - body.top], across[column - body.left])))

    words = (caption.formula, caption.sentence)
    if all(value is None for line in values for value in line):
        return
    canvas.block(Block(name, body.area, which, "", *words, checked=part.checked))


def _names(written: Sequence[Value], letter: str, word: str, count: int) -> list[str]:
    """What each row or column is called: as is written there, else by its letter, else counted.

    >>> _names((), "c", "column", 2), _names((), "", "column", 2), _names(("n = 0",), "n", "row", 1)
    (['c = 0', 'c = 1'], ['column 1', 'column 2'], [''])
    """
    if count == 1:
        return [""]
    if len(written) >= count:
        return [str(name) for name in written]
    return [f"{letter} = {at}" if letter else f"{word} {at + 1}" for at in range(count)]


def _label(label: Value, what: str) -> Value:
    """What a row is called: as it says, and a number by what it is one of."""
    return f"{what} {counted(label)}" if what and not isinstance(label, str) else label


def counted(number: Value) -> str:
    """A number that names a row, its digits in threes.

    >>> counted(10_000_000.0), counted(0.001)
    ('10,000,000', '0.001')
    """
    return f"{number:,.12g}"


def _name_look(label: Value) -> Style:
    is_long = not isinstance(label, str) and label is not None and abs(label) >= LONG
    return NAME.but(number=GROUPED_FORMAT) if is_long else NAME


def as_rows(values: Any) -> list[list[Value]]:
    """Values as rows of cells: a list of numbers is one row, a single number one cell."""
    found = values.tolist() if isinstance(values, np.ndarray | np.generic) else values
    if not isinstance(found, list | tuple):
        return [[found]]
    if not found or not isinstance(found[0], list | tuple):
        return [list(found)]
    return [list(line) for line in found]
