"""Native line charts of numbers that stand on a page.

The numbers go into the chart as well as their addresses, so previews that recalculate nothing
draw it too. What newer Excel hides or rounds off by default is said: axes are shown, lines are
straight, scales end where they are told to, titles do not cover the lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from openpyxl.chart import LineChart, Reference, Series
from openpyxl.chart.data_source import NumData, NumVal
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText, Text
from openpyxl.chart.title import Title
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.text import (
    CharacterProperties,
    Paragraph,
    ParagraphProperties,
    RegularTextRun,
)

from normviz.workbook.book.address import Area
from normviz.workbook.book.cells import Page, Value
from normviz.workbook.book.styles import INK, LINE, SOFT

LINE_COLORS = ("0072B2", "D55E00", "009E73", "CC79A7", "E69F00", "56B4E9", "7F5539", "444444")
DASHES = ("solid", "dash", "sysDot", "dashDot")
EMU_PER_POINT, LINE_POINTS, THIN_POINTS = 12_700, 1.75, 0.75
MOST_MARKS = 13
"""More marks than these on an axis of steps cannot be read side by side."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: its name, and the column of numbers it goes through.

    Without a `color` it takes the next of LINE_COLORS; a `thin` one is dashed and stays behind.
    """

    name: str
    area: Area
    color: str | None = None
    thin: bool = False


@dataclass(frozen=True, slots=True)
class Scale:
    """The ends of the axis of values, the step between its marks, and how marks are written."""

    low: float
    high: float
    step: float
    number: str = "0.00"


def line_chart(
    page: Page,
    title: str,
    steps: Area,
    lines: Sequence[Line],
    axis_titles: tuple[str, str],
    scale: Scale | None,
    size: tuple[float, float] = (16.0, 8.0),
    legend: str = "r",
) -> Any:
    """A chart of columns of `page` over its column `steps`; `size` in centimeters.

    Without a scale the axis fits itself to the numbers, as it must where those are live.
    Its place on the page is the business of the page: `page.charts.append((chart, row, column))`.
    """
    chart = LineChart()
    chart.width, chart.height = size
    chart.title = _title(title, 11, bold=True)
    names = [str(_text(value)) for value in page.values(steps)]
    for place, line in enumerate(lines):
        series = _series(page, line, place)
        chart.series.append(series)
    chart.set_categories(_reference(page, steps))
    for series in chart.series:
        series.cat.numRef.numCache = _numbers(names)
    _set_axes(chart, axis_titles, scale, len(names))
    if len(lines) == 1:
        chart.legend = None
    else:
        chart.legend.position, chart.legend.overlay = legend, False
        chart.legend.txPr = _letters(9)
    return chart


def _set_axes(chart: Any, titles: tuple[str, str], scale: Scale | None, steps: int) -> None:
    pale = GraphicalProperties(ln=LineProperties(solidFill=LINE, w=EMU_PER_POINT // 2))
    for axis, title in zip((chart.x_axis, chart.y_axis), titles, strict=True):
        axis.delete = False
        axis.title = _title(title, 9)
        axis.txPr = _letters(9)
        axis.graphicalProperties = pale
        axis.majorTickMark = "out"
    chart.y_axis.majorGridlines.spPr = pale
    if scale:
        chart.y_axis.scaling.min, chart.y_axis.scaling.max = scale.low, scale.high
        chart.y_axis.majorUnit = scale.step
    number = scale.number if scale else "General"
    chart.y_axis.number_format, chart.y_axis.numFmt.sourceLinked = number, False
    chart.y_axis.crosses = "min"
    chart.x_axis.tickLblPos = "low"
    every = -(-steps // MOST_MARKS)
    chart.x_axis.tickLblSkip = chart.x_axis.tickMarkSkip = every


def _series(page: Page, line: Line, place: int) -> Any:
    series = Series(_reference(page, line.area), title=line.name)
    series.val.numRef.numCache = _numbers([_text(value) for value in page.values(line.area)])
    series.smooth = False
    series.marker.symbol = "none"
    stroke = LineProperties(
        solidFill=line.color or LINE_COLORS[place % len(LINE_COLORS)],
        w=int((THIN_POINTS if line.thin else LINE_POINTS) * EMU_PER_POINT),
        prstDash="sysDash" if line.thin else DASHES[place // len(LINE_COLORS) % len(DASHES)],
    )
    series.graphicalProperties = GraphicalProperties(ln=stroke)
    return series


def _reference(page: Page, area: Area) -> Any:
    top, left, bottom, right = area
    return Reference(page, min_col=left, min_row=top, max_col=right, max_row=bottom)


def _text(value: Value) -> str | None:
    return value if value is None or isinstance(value, str) else repr(value)


def _numbers(texts: Sequence[str | None]) -> Any:
    points = [NumVal(idx=at, v=text) for at, text in enumerate(texts) if text is not None]
    return NumData(formatCode="General", ptCount=len(texts), pt=points)


def _title(text: str, points: float, *, bold: bool = False) -> Any:
    look = CharacterProperties(sz=int(100 * points), b=bold, solidFill=INK if bold else SOFT)
    run = RegularTextRun(rPr=look, t=text)
    paragraph = Paragraph(pPr=ParagraphProperties(defRPr=look), r=[run])
    return Title(tx=Text(rich=RichText(p=[paragraph])), overlay=False)


def _letters(points: float) -> Any:
    look = CharacterProperties(sz=int(100 * points), solidFill=SOFT)
    return RichText(p=[Paragraph(pPr=ParagraphProperties(defRPr=look), endParaRPr=look)])
