"""Live dot strips: the elements of each set before, between and after, with mean and spread.

A chart needs its numbers in columns, so they stand at the end of the sheet, one element a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Block, Value
from normviz.workbook.book.charts import Axis, Chart, Line
from normviz.workbook.book.styles import ACCENT, AXIS_LEFT, HEADER, NUMBER, SHORT_FORMAT
from normviz.workbook.draw.content import Entry, Spaced, Words
from normviz.workbook.sheets.playground.case import PlayCase
from normviz.workbook.sheets.playground.reading import Readings
from normviz.workbook.sheets.playground.rows import LEFT, Rows
from normviz.workbook.sheets.subject.case import Array

HEIGHT_ROWS, POINTS_A_ROW = 10, 15.0
HEAD = HEADER.but(size=9.5)
CELL = NUMBER.but(size=9.5, number=SHORT_FORMAT, shrink=True)
OFF = -1.0
"""The label of what is in no set: the charts begin at 0, so it is not drawn."""

MEAN_COLOR, SPREAD_COLOR = "D55E00", "0072B2"
LEGEND = (
    "In each chart a dot is an element, above the number of its set; the orange bar is the mean of "
    "the set, the two blue bars are mean − σ and mean + σ."
)
CENTIMETERS = 0.2334
"""The width in a chart of one of the characters that columns are measured in."""


@dataclass(frozen=True)
class Strip:
    """What one chart shows: a step, its symbol, the chart's title, and the name of its area."""

    step: str
    symbol: str
    title: str
    area: str


STRIPS = (
    Strip("x", "x", "x in each set", "play_x"),
    Strip("normalized", "x̂", "x̂ in each set: less μ, divided by r", "play_normalized"),
    Strip("output", "y", "y in each set: scaled by γ, shifted by β", "play_output"),
)
COLUMNS = {
    "{}": "{}",
    "μ": "mean of {} over the set",
    "u²": "squared distance of {} from the mean",
    "σ": "σ of {} over the set",
    "μ−σ": "mean − σ of {}",
    "μ+σ": "mean + σ of {}",
}
"""What stands over each column of a strip, and what its numbers are."""


def place_strips(rows: Rows) -> None:
    """Leave room for the charts, and say below it what their marks are."""
    for _ in range(HEIGHT_ROWS):
        rows.page.heights[rows.row] = POINTS_A_ROW
        rows.row += 1
    rows.put(Words(LEGEND))


def draw_strips(rows: Rows, case: PlayCase, readings: Readings, top: int) -> None:
    """The numbers of the charts, in columns, and the charts at the row `top`."""
    rows.banner(
        "What the dot strips draw",
        "a row is one element n, c, pixel; μ and σ are those of its set, u² its squared distance",
    )
    page = rows.page
    over, rows.row = rows.row, rows.row + 1
    page.heights |= {over: 16.0, rows.row: 16.0}
    columns = [c for c in range(LEFT, rows.last + 1) if page.widths[c] > 3]
    first, last = rows.row + 1, rows.row + case.x.size
    label = columns.pop(0)
    there = case.sets.labels().ravel() if readings.safe and case.sets is not None else np.array([])
    rows.around(rows.row, Spaced([["set"]], (label,), (HEAD,)))
    elements: list[list[Value | Entry]] = []
    for i in range(case.x.size):
        value = float(there[i]) if i < there.size else OFF
        cell = rows.at("labels", i)
        live = f"IF(play_safe=1,IF(COUNT({cell})=1,{cell},{OFF:.0f}),{OFF:.0f})"
        elements.append([_element(rows, i), Entry(value, formula=live)])
    rows.around(first, Spaced(elements, (LEFT - 1, label), (AXIS_LEFT, CELL.but(number="0"))))
    _say(rows, "number of the set", label, case)
    width = page.width(2, rows.last) / len(STRIPS)
    for at, strip in enumerate(STRIPS):
        used = [columns.pop(0) for _ in COLUMNS]
        page.span((over, used[0], over, used[-1]), f"set by set: {strip.symbol}", HEAD)
        _columns(rows, case, readings, strip, label, used)
        x, y = ((first, c, last, c) for c in (label, used[0]))
        bars = [(used[1], "mean", MEAN_COLOR), *((c, "mean ± σ", SPREAD_COLOR) for c in used[4:])]
        lines = [Line(strip.title, y, ACCENT, x=x, marks="dot", drawn=False)]
        lines += [
            Line(name, (first, c, last, c), color, x=x, marks="bar", drawn=False)
            for c, name, color in bars
        ]
        corner = rows.reach(2, at * width) if at else 2
        size = (width * CENTIMETERS, HEIGHT_ROWS * POINTS_A_ROW / 72 * 2.54)
        page.charts.append(
            Chart(
                strip.title,
                tuple(lines),
                top,
                corner,
                "points",
                across=Axis("number of the set", low=0.0, step=1.0),
                size=size,
                legend="",
            )
        )
    rows.row = last + 2


def _columns(
    rows: Rows, case: PlayCase, readings: Readings, strip: Strip, label: int, used: list[int]
) -> None:
    """A step, the mean of its set, its distance from it squared, and what follows of them."""
    first, last = rows.row + 1, rows.row + case.x.size
    numbers = _numbers(case, strip.step) if readings.safe else np.zeros((0, len(COLUMNS)))
    labels = f"${address(first, label)}:{address(last, label)}"
    for column, name in zip(used, COLUMNS, strict=True):
        _say(rows, COLUMNS[name].format(strip.symbol), column, case)
    lines = [[Entry(name.format(strip.symbol), HEAD) for name in COLUMNS]]
    for i in range(case.x.size):
        row, at = first + i, address(first + i, label)
        value, mean, _, spread = (address(row, c) for c in used[:4])
        squares = f"{address(first, used[2])}:{address(last, used[2])}"
        formulas = (
            rows.at(strip.step, i),
            f"AVERAGEIF(play_labels,{at},{strip.area})",
            f"({value}-{mean})^2",
            f"SQRT(AVERAGEIF({labels[1:]},{at},{squares}))",
            f"{mean}-{spread}",
            f"{mean}+{spread}",
        )
        shown = numbers[i].tolist() if i < len(numbers) else [0.0] * len(formulas)
        lines.append(
            [
                Entry(number, formula=f"IF({at}>0,{formula},0)")
                for number, formula in zip(shown, formulas, strict=True)
            ]
        )
    rows.around(rows.row, Spaced(lines, used, (CELL,)))


def _say(rows: Rows, name: str, column: int, case: PlayCase) -> None:
    """Call the numbers of a column by their elements."""
    first = rows.row + 1
    area = (first, column, first + case.x.size - 1, column)
    rows.block(Block(name, area, lambda row, _: rows.layout.words(row - first)))


def _numbers(case: PlayCase, step: str) -> Array:
    """One row an element of the batch: the columns of a strip as NumPy has them."""
    assert case.sets is not None
    values = case.x[: case.batch[0]] if step == "x" else case.values(step)
    assert values is not None
    labels = case.sets.labels().ravel() - 1
    flat = values.ravel()

    def over(numbers: Array) -> Array:
        sums = np.bincount(labels, numbers, minlength=case.sets.count)  # type: ignore[union-attr]
        return np.asarray((sums / case.sets.size)[labels])  # type: ignore[union-attr]

    mean = over(flat)
    squared = (flat - mean) ** 2
    spread = np.sqrt(over(squared))
    return np.stack([flat, mean, squared, spread, mean - spread, mean + spread], axis=1)


def _element(rows: Rows, index: int) -> str:
    image, rest = divmod(index, rows.channels * rows.pixels)
    channel, pixel = divmod(rest, rows.pixels)
    return f"{image}, {channel}, {pixel}"
