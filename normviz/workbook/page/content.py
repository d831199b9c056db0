"""A book as the plain data that the page's script begins with.

Cells are numbers (see `cells.py`), and long lists of them are written as steps from one to the
next: that is half the size, and compresses to little, because formulas repeat.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from normviz.workbook.book.address import Area
from normviz.workbook.book.cells import Block, Book, Cell, Choice, Page, Rule
from normviz.workbook.book.charts import Axis, Chart
from normviz.workbook.book.sizes import pixels
from normviz.workbook.book.styles import Style
from normviz.workbook.page.cells import Compiled, Live, Rectangle
from normviz.workbook.page.shapes import Place
from normviz.workbook.page.style_rules import PIXELS_PER_POINT, dark_ink

COLUMN_WIDTH = 8.43
PIXELS_PER_CENTIMETER = 96 / 2.54


class Content:
    """Gathers a book's data, and the looks that the style sheet has to have."""

    def __init__(self, book: Book, compiled: Compiled) -> None:
        self.book, self.compiled = book, compiled
        self.styles: dict[Style, int] = {}
        self.paints: dict[Rule, int] = {}
        self.words: dict[str, int] = {}
        self.layouts: dict[tuple[int, ...], int] = {}
        self.numbers: dict[str, int] = {}

    def data(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        made: dict[str, Any] = {"title": self.book.title, "opening": self.book.opening}
        made["tour"] = [
            [stop.title, stop.reference, stop.heading, stop.words] for stop in self.book.tour
        ]
        made["sheets"] = [
            self._sheet(rectangle, rules, choices)
            for rectangle, rules, choices in zip(
                self.compiled.rectangles, self.compiled.rules, self.compiled.choices, strict=True
            )
        ]
        made["shapes"] = [
            [json.loads(shape.shown), json.loads(shape.slots), int(shape.is_random)]
            for shape in self.compiled.shapes
        ]
        made["formulas"] = self._formulas()
        made["words"] = list(self.words)
        made["layouts"] = [list(layout) for layout in self.layouts]
        made["styles"] = [
            [self._number_format(style.number), int(style.wrap), int(style.unlocked), style.size]
            for style in self.styles
        ]
        made["paints"] = [
            self._number_format(rule.number) if rule.number else -1 for rule in self.paints
        ]
        made["numbers"] = list(self.numbers)
        print_ = json.dumps(made, sort_keys=True).encode()
        made["edition"] = hashlib.sha256(print_).hexdigest()[:8]
        return made

    def paint_rules(self) -> list[Rule]:
        """What the conditional formats paint, by number."""
        return list(self.paints)

    def _number_format(self, number: str) -> int:
        return self.numbers.setdefault(number, len(self.numbers))

    def _formulas(self) -> list[int]:
        """Cell (as a step from the one before), shape, and the places that vary."""
        flat: list[int] = []
        before = 0
        for live in self.compiled.formulas:
            flat += [live.at - before, *self._placed(live)]
            before = live.at
        return flat

    def _placed(self, live: Live) -> list[int]:
        flat = [live.shape]
        slots = json.loads(self.compiled.shapes[live.shape].slots)
        for slot, (first, rows, columns, _) in zip(slots, live.places, strict=True):
            if slot[0] == 0:
                flat.append(first - live.at)
            elif slot[0] == 1:
                flat += [first - live.at, rows, columns]
        return flat

    def _sheet(
        self, rectangle: Rectangle, rules: Sequence[Live], choices: Sequence[Live | None]
    ) -> dict[str, Any]:
        page = rectangle.page
        covered = _covered(page)
        steps, values, looks = [], [], []
        before = rectangle.base
        for row, line in sorted(page.rows.items()):
            for column, cell in sorted(line.items()):
                if (row, column) in covered:
                    continue
                at = rectangle.at(row, column)
                steps.append(at - before)
                before = at
                values.append(_value(cell))
                looks.append(self.styles.setdefault(cell.style, len(self.styles)))
        return {
            "title": page.title,
            "group": page.group,
            "tab": page.tab or "",
            "hidden": int(page.hidden),
            "answers": int(page.answers),
            "base": rectangle.base,
            "rows": rectangle.rows,
            "columns": rectangle.columns,
            "widths": [
                round(pixels(page.widths.get(c, COLUMN_WIDTH)))
                for c in range(1, rectangle.columns + 1)
            ],
            "heights": {
                row: round(height * PIXELS_PER_POINT)
                for row, height in sorted(page.heights.items())
            },
            "freeze": page.freeze[0] - 1 if page.freeze else 0,
            "cells": steps,
            "values": values,
            "looks": looks,
            "merges": [
                number
                for top, left, bottom, right in page.merges
                for number in (rectangle.at(top, left), bottom - top + 1, right - left + 1)
            ],
            "links": [
                [rectangle.at(*place), self._target(link.title), link.reference]
                for place, link in sorted(page.links.items())
            ],
            "rules": [
                [self._paint(rule), *_extent(rectangle, rule.area), *self._placed(live)]
                for rule, live in zip(page.rules, rules, strict=True)
            ],
            "choices": [
                self._choice(rectangle, choice, live)
                for choice, live in zip(page.choices, choices, strict=True)
            ],
            "blocks": [self._block(rectangle, block) for block in page.blocks],
            "charts": [_chart(rectangle, chart) for chart in page.charts],
            "pictures": [
                [p.row, p.column, p.width, p.height, base64.b64encode(p.png).decode()]
                for p in page.pictures
            ],
        }

    def _target(self, title: str) -> int:
        return next(k for k, page in enumerate(self.book.pages) if page.title == title)

    def _paint(self, rule: Rule) -> int:
        painted = replace(rule, area=(1, 1, 1, 1), formula="")
        return self.paints.setdefault(painted, len(self.paints))

    def _choice(self, rectangle: Rectangle, choice: Choice, live: Live | None) -> list[Any]:
        placed = self._placed(live) if live else []
        area = _extent(rectangle, choice.area)
        return [*area, list(choice.options), placed, choice.title, choice.hint]

    def _block(self, rectangle: Rectangle, block: Block) -> list[Any]:
        """Name, symbol, formula, sentence, area, and which value each of its cells has."""
        top, left, bottom, right = block.area
        which = tuple(
            0 if said is None else self.words.setdefault(said, len(self.words)) + 1
            for row in range(top, bottom + 1)
            for column in range(left, right + 1)
            for said in (block.which(row, column),)
        )
        layout = self.layouts.setdefault(which, len(self.layouts))
        about = [block.name, block.symbol, block.formula, block.sentence]
        return [*about, *_extent(rectangle, block.area), layout]


def _value(cell: Cell) -> Any:
    """What a cell holds from the start; a formula's value is the page's to find."""
    if cell.formula is not None:
        return None
    if isinstance(cell.value, float) and cell.value.is_integer() and abs(cell.value) < 1e15:
        return int(cell.value)
    return cell.value


def _covered(page: Page) -> set[tuple[int, int]]:
    """The cells that a merged area hides."""
    return {
        (row, column)
        for top, left, bottom, right in page.merges
        for row in range(top, bottom + 1)
        for column in range(left, right + 1)
        if (row, column) != (top, left)
    }


def _extent(rectangle: Rectangle, area: Area) -> tuple[int, int, int]:
    top, left, bottom, right = area
    return rectangle.at(top, left), bottom - top + 1, right - left + 1


def _place(rectangle: Rectangle, area: Area | None) -> Place | None:
    return (*_extent(rectangle, area), rectangle.columns) if area else None


def _chart(rectangle: Rectangle, chart: Chart) -> dict[str, Any]:
    width, height = (round(side * PIXELS_PER_CENTIMETER) for side in chart.size)
    lines = []
    for at, line in enumerate(chart.lines):
        stroke = chart.stroke(at)
        lines.append(
            {
                "name": line.name,
                "up": _place(rectangle, line.area),
                "across": _place(rectangle, line.x or chart.x),
                "color": [stroke.color, dark_ink(stroke.color)],
                "weight": stroke.points,
                "dash": stroke.dash,
                "marks": line.marks,
                "drawn": line.drawn,
            }
        )
    return {
        "title": chart.title,
        "kind": chart.kind,
        "row": chart.row,
        "column": chart.column,
        "width": width,
        "height": height,
        "lines": lines,
        "legend": chart.legend,
        "across": _axis(chart.across),
        "up": _axis(chart.up),
    }


def _axis(axis: Axis) -> dict[str, Any]:
    scale = axis.scale
    ends = [scale.low, scale.high, scale.step, scale.number] if scale else None
    begins = {"low": axis.low, "step": axis.step} if axis.low is not None else {}
    return {"title": axis.title, "scale": ends, "log": axis.log, **begins}
