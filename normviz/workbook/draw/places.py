"""Where blocks of cells stand, and how a formula names them: {x}, {mean}, {running[t-1]}.

A formula is written with names in braces. For each cell that it is written for, a name becomes an
address by the axes that the two have in common: in the column of channel c, {x} of samples n and
channels c is x's whole column c, and in the cell (n, c) it is the one cell. What is left open is
a range. In brackets an axis may be moved ([t-1]), fixed ([c=0], [n=0:3], [c=-1] for the last),
opened ([n=*]), or all of them ([*]). On a tensor, {mean} is that of the cell's own statistics set,
and {x} in a formula for a set means all of its elements. {inputs.x} is a block of another sheet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from normviz.workbook.book.address import Area, area_text, fixed_area, on_sheet
from normviz.workbook.book.layout import shifted

_NAME = re.compile(r"\{(?:(\w+)\.)?(\w+)(?:\[([^\]]*)\])?\}")
_PART = re.compile(r"(\w+)(?:([+-]\d+)|=(?:(\*)|(-?\d+)(?::(\d+))?))")


@dataclass(frozen=True)
class Here:
    """The cell that a formula is written for: its place along each axis it has.

    For a set or a parameter of a tensor, `areas` cover its elements, counted from a grid's corner.
    """

    axes: Mapping[str, int] = field(default_factory=dict)
    areas: Sequence[Area] = ()


NOWHERE = Here()


class Place(Protocol):
    """A block of cells that stands on a sheet."""

    @property
    def fixed(self) -> bool:
        """Whether it is one setting of the sheet: its address keeps its place when copied."""
        ...

    @property
    def area(self) -> Area:
        """All of it."""
        ...

    def find(self, here: Here, spec: str) -> Sequence[Area]:
        """The cells that a name with brackets means for a cell."""
        ...


@dataclass(frozen=True)
class Cells:
    """A block of cells in rows and columns; `axes` name what goes down and what goes across."""

    top: int
    left: int
    rows: int
    columns: int
    axes: tuple[str, str] = ("", "")
    span: int = 1
    fixed: bool = False

    @property
    def area(self) -> Area:
        """All of it."""
        bottom, right = self.top + self.rows - 1, self.left + self.columns * self.span - 1
        return self.top, self.left, bottom, right

    def find(self, here: Here, spec: str) -> Sequence[Area]:
        """The cells that a name with brackets means for a cell."""
        first_row, last_row = along(self.axes[0], self.rows, here, spec)
        first, last = along(self.axes[1], self.columns, here, spec)
        right = self.left + last * self.span
        return [(self.top + first_row, self.left + first * self.span, self.top + last_row, right)]


def along(axis: str, size: int, here: Here, spec: str) -> tuple[int, int]:
    """The first and the last place along an axis, counted from 0."""
    whole = (0, size - 1)
    if spec == "*" or not axis:
        return whole
    at: int | None = here.axes.get(axis)
    for part in spec.split(",") if spec else ():
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"brackets must look like t-1, c=0, n=0:3, n=* or *, got [{spec}]")
        name, move, open_, start, stop = match.groups()
        if name != axis:
            continue
        if open_:
            return whole
        if move:
            if at is None:
                raise ValueError(f"[{spec}] moves along {axis}, on which the formula's cell is not")
            at += int(move)
        elif stop:
            return int(start), int(stop) - 1
        else:
            at = int(start) % size
    if at is None:
        return whole
    if not 0 <= at < size:
        raise ValueError(f"{axis} = {at} is outside of a block of {size}")
    return at, at


Places = Mapping[str, Place]
Abroad = Mapping[str, tuple[str, Places]]
"""Other sheets by the name that formulas use for them: their titles, and what stands there."""


def resolved(template: str, places: Places, here: Here, abroad: Abroad) -> str:
    """A formula with an address in place of every name in braces.

    >>> places = {"x": Cells(5, 3, 4, 2, ("n", "c")), "mean": Cells(9, 3, 1, 2, ("", "c"))}
    >>> resolved("{x}-{mean}", places, Here({"n": 1, "c": 0}), {})
    'C6-C9'
    >>> resolved("AVERAGE({x})", places, Here({"c": 1}), {})
    'AVERAGE(D5:D8)'
    >>> resolved("{x[n=0:2,c=0]}", places, Here({"c": 1}), {})
    'C5:C6'
    """

    def address_of(match: re.Match[str]) -> str:
        sheet, name, spec = match.groups()
        title, known = abroad[sheet] if sheet else ("", places)
        if name not in known:
            raise KeyError(f"{name!r} in the formula {template!r} is not drawn")
        place = known[name]
        write: Callable[[Area], str] = fixed_area if place.fixed else area_text
        found = (write(area) for area in place.find(here, spec or ""))
        return ",".join(on_sheet(title, text) if title else text for text in found)

    return _NAME.sub(address_of, template) if "{" in template else template


def within(areas: Sequence[Area], top: int, left: int) -> Sequence[Area]:
    """Areas counted from a corner, as areas of the sheet."""
    return [shifted(area, top, left) for area in areas]
