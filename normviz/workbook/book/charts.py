"""Charts as a page holds them: what is drawn over what, and where; no medium's own objects.

A chart names areas of its own page, so its numbers are those of the cells, live in every medium.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from normviz.workbook.book.address import Area

LINE_COLORS = ("0072B2", "D55E00", "009E73", "CC79A7", "E69F00", "56B4E9", "7F5539", "444444")
DASHES = ("solid", "dash", "dots", "dash-dot")
LINE_POINTS, THIN_POINTS = 1.75, 0.75


@dataclass(frozen=True, slots=True)
class Line:
    """One series: its name, and the cells of its values.

    In a chart of points, `x` has the cells of their positions across. Without a `color` a line
    takes the next of LINE_COLORS; a `thin` one is dashed and stays behind. `marks` puts a "dot" or
    a level "bar" at each value, and `drawn=False` leaves out the line between them.
    """

    name: str
    area: Area
    color: str | None = None
    thin: bool = False
    x: Area | None = None
    marks: str = ""
    drawn: bool = True


@dataclass(frozen=True, slots=True)
class Scale:
    """The ends of an axis, the step between its marks, and how marks are written."""

    low: float
    high: float
    step: float
    number: str = "0.00"


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis: its title, and its scale; without one it fits itself to the numbers.

    A `log` axis goes in powers of ten, and leaves out what is not above zero.
    Where `low` and `step` are given instead, the axis begins there with a mark at every step and
    ends where the numbers do; what lies below it is not drawn.
    """

    title: str = ""
    scale: Scale | None = None
    log: bool = False
    low: float | None = None
    step: float | None = None


@dataclass(frozen=True, slots=True)
class Stroke:
    """How a series is drawn."""

    color: str
    points: float
    dash: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart on a page; its upper left corner stands in a cell, its size is in centimeters.

    `kind` is "line" (every series over the cells `x`, evenly spaced) or "points" (each over its
    own). `legend` is the side where the names of the series stand; one series needs none.
    """

    title: str
    lines: tuple[Line, ...]
    row: int
    column: int
    kind: str = "line"
    x: Area | None = None
    across: Axis = field(default_factory=Axis)
    up: Axis = field(default_factory=Axis)
    size: tuple[float, float] = (16.0, 8.0)
    legend: str = "right"

    def stroke(self, place: int) -> Stroke:
        """The color, thickness and dash of the series at a place, from 0."""
        line = self.lines[place]
        dash = DASHES[place // len(LINE_COLORS) % len(DASHES)]
        return Stroke(
            line.color or LINE_COLORS[place % len(LINE_COLORS)],
            THIN_POINTS if line.thin else LINE_POINTS,
            "dash" if line.thin else dash,
        )


def line_chart(
    title: str,
    steps: Area,
    lines: Sequence[Line],
    axis_titles: tuple[str, str],
    scale: Scale | None,
    corner: tuple[int, int],
    size: tuple[float, float] = (16.0, 8.0),
    legend: str = "right",
) -> Chart:
    """A chart of columns of numbers over the column `steps`; `corner` is its row and column."""
    across, up = Axis(axis_titles[0]), Axis(axis_titles[1], scale)
    row, column = corner
    return Chart(
        title, tuple(lines), row, column, "line", steps, across, up, size=size, legend=legend
    )
