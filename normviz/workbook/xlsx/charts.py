"""A page's charts in openpyxl's terms.

The numbers go into the chart as well as their addresses, so previews that recalculate nothing
draw it too. What newer Excel hides or rounds off by default is said: axes are shown, lines are
straight, scales end where they are told to, titles do not cover the lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from openpyxl.chart import LineChart, Reference, ScatterChart, Series
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
from normviz.workbook.book.charts import Axis, Chart
from normviz.workbook.book.styles import INK, LINE, SOFT
from normviz.workbook.xlsx.frame import PageFrame

EMU_PER_POINT = 12_700
MARKS = {"dot": ("circle", 4), "bar": ("dash", 11)}
"""A mark's symbol in the file, and its size in points."""
DASHES = {"solid": "solid", "dash": "sysDash", "dots": "sysDot", "dash-dot": "dashDot"}
MOST_MARKS = 13
"""More marks than these on an axis of steps cannot be read side by side."""


def openpyxl_chart(page: PageFrame, chart: Chart) -> Any:
    """The chart, ready to be put on openpyxl's sheet of the same title."""
    points = chart.kind == "points"
    made: Any = ScatterChart() if points else LineChart()
    made.width, made.height = chart.size
    made.title = _title(chart.title, 11, bold=True)
    if points:
        made.scatterStyle = "lineMarker"
    for place in range(len(chart.lines)):
        made.series.append(_series(page, chart, place))
    if chart.x and not points:
        made.set_categories(_reference(page, chart.x))
        steps = [str(text) for text in page.texts(chart.x)]
        for series in made.series:
            series.cat.numRef.numCache = _numbers(steps)
        made.x_axis.tickLblSkip = made.x_axis.tickMarkSkip = -(-len(steps) // MOST_MARKS)
    _set_axis(made.x_axis, chart.across)
    _set_axis(made.y_axis, chart.up)
    made.y_axis.crosses = "min"
    if chart.up.log:  # else the axis across stands at 1, in the middle of the lines
        made.x_axis.crosses = "min"
    made.x_axis.tickLblPos = made.y_axis.tickLblPos = "low"
    if not points and not chart.across.scale:
        made.x_axis.number_format = "General"
    _set_legend(made, chart)
    return made


def _set_legend(made: Any, chart: Chart) -> None:
    if len(chart.lines) == 1 or not chart.legend:
        made.legend = None
        return
    made.legend.position, made.legend.overlay = chart.legend[0], False
    made.legend.txPr = _letters(9)


def _set_axis(made: Any, axis: Axis) -> None:
    made.delete = False
    made.title = _title(axis.title, 9) if axis.title else None
    made.txPr = _letters(9)
    pale = GraphicalProperties(ln=LineProperties(solidFill=LINE, w=EMU_PER_POINT // 2))
    made.graphicalProperties = pale
    made.majorTickMark = "out"
    if made.majorGridlines is not None:
        made.majorGridlines.spPr = pale
    if axis.scale:
        made.scaling.min, made.scaling.max = axis.scale.low, axis.scale.high
        made.majorUnit = axis.scale.step
    elif axis.low is not None:
        made.scaling.min, made.majorUnit = axis.low, axis.step
    if axis.log:
        made.scaling.logBase = 10
    if made.tagname == "valAx":
        made.number_format = axis.scale.number if axis.scale else "General"
        made.numFmt.sourceLinked = False


def _series(page: PageFrame, chart: Chart, place: int) -> Any:
    line, stroke = chart.lines[place], chart.stroke(place)
    across = _reference(page, line.x) if line.x else None
    series = Series(_reference(page, line.area), across, title=line.name)
    values = series.yVal if line.x else series.val
    values.numRef.numCache = _numbers(page.texts(line.area))
    if line.x:
        series.xVal.numRef.numCache = _numbers(page.texts(line.x))
    series.smooth = False
    series.marker.symbol = "none"
    if line.marks:
        series.marker.symbol, series.marker.size = MARKS[line.marks]
        dot = GraphicalProperties(solidFill=stroke.color, ln=LineProperties(noFill=True))
        series.marker.graphicalProperties = dot
    width, dash = int(stroke.points * EMU_PER_POINT), DASHES[stroke.dash]
    look = LineProperties(solidFill=stroke.color, w=width, prstDash=dash)
    series.graphicalProperties = GraphicalProperties(
        ln=look if line.drawn else LineProperties(noFill=True)
    )
    return series


def _reference(page: PageFrame, area: Area) -> Any:
    top, left, bottom, right = area
    return Reference(page, min_col=left, min_row=top, max_col=right, max_row=bottom)


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
