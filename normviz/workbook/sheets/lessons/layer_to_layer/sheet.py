"""From layer N to layer N+1: what a norm does to the statistics that the next one finds."""

from __future__ import annotations

from typing import Any

import numpy as np

from normviz.norms.declared import NORMS
from normviz.norms.sets import statistics_sets
from normviz.reference.trace import Trace
from normviz.workbook.book.address import area_text, fixed
from normviz.workbook.book.cells import (
    Book,
    Choice,
    Page,
    Rule,
    Value,
)
from normviz.workbook.book.styles import (
    AXIS,
    GOOD,
    INPUT_NUMBER,
    INPUT_TEXT,
    LABEL,
    NUMBER,
    PAPER,
    PROSE,
    Style,
)
from normviz.workbook.draw.page_head import FIRST_ROW, begin, explain
from normviz.workbook.draw.panels import Caption, Formula, evenly
from normviz.workbook.draw.sections import Frame, Piece, StepPage
from normviz.workbook.formulas.set_labels import LabelChoice, norm_titled, paint_by_label
from normviz.workbook.sheets.lessons.layer_to_layer import mixing as layer_mixing
from normviz.workbook.sheets.lessons.layer_to_layer.case import (
    SHAPE,
    LayerCase,
)

TITLE = "Layer to layer"
CHOICE = LabelChoice(SHAPE)
LIVE = NUMBER.but(bold=True)
OPTIONS = {"groups": ("1", "2", "4"), "splits": ("1", "2")}
"""With 4 splits of 4 images every set of Ghost BN would be one channel of one image."""


class LayerSheet:
    """Draws the sheet; `steps.placed` tells where each step stands."""

    def __init__(self, book: Book, case: LayerCase) -> None:
        self.case = case
        self.page: Page = begin(
            book, TITLE, "Layer to layer: the next layer's statistics are made by this one"
        )
        frame = Frame(statistics_sets("batch_norm", SHAPE))
        self.steps = StepPage(self.page, frame, FIRST_ROW, number_width=6.4)
        self.painted: list[str] = []
        explain(
            self.page,
            "x is normalized by the norm you choose, passes ReLU and a 1×1 convolution, and enters "
            "layer N+1, which has a mean and a variance of its own. Nothing of it is random: layer "
            "N+1's statistics follow from the choice made in layer N. Turn the drop-down.",
            self.steps.last_column,
        )

    def build(self) -> None:
        """Draw everything."""
        self._settings()
        case = self.case
        self.steps.section("Layer N: normalize", note="cells of one color share their statistics")
        self._inputs()
        self._normalize("", case.x, case.layer, "x")
        self.steps.section("Layer N: scale, ReLU, 1×1 convolution")
        self._scale()
        layer_mixing.convolve(self)
        self.steps.section("Layer N+1: its own statistics", note="found by the same norm in z")
        self._normalize("next_", case.next_input, case.next_layer, "z")
        layer_mixing.summary(self)
        labels = self.steps.placed["label"].area
        areas = [self.steps.placed[name].area for name in self.painted]
        paint_by_label(self.page, areas, labels, self.sets.most_sets)

    def _settings(self) -> None:
        """The drop-down and the numbers that shape the sets; the norms listed to the right."""
        steps, case = self.steps, self.case
        steps.section("Settings", note="yellow cells are yours")
        first = steps.row
        chosen = NORMS[case.op].title
        self.norm = self._setting("norm", chosen, tuple(CHOICE.titles))
        self.groups = self._setting("groups", case.groups, OPTIONS["groups"])
        self.splits = self._setting("splits", case.splits, OPTIONS["splits"])
        self.eps = self._setting("ε (eps)", case.eps, ())
        listed = self._norm_list(first)
        number = CHOICE.titles.index(chosen) + 1
        self.page.span((steps.row, 2, steps.row, 3), "number", LABEL)
        area = (steps.row, 4, steps.row, 6)
        live = f"MATCH({self.norm},{listed},0)"
        self.page.span(area, number, LIVE.but(number="0").filled(PAPER), live)
        self.number = fixed(steps.row, 4)
        self.sets = LabelChoice(SHAPE, self.number, self.groups, self.splits)
        steps.row = first + len(CHOICE.titles) + 2

    def _setting(self, label: str, value: Value, options: tuple[str, ...]) -> str:
        page, row = self.page, self.steps.row
        page.span((row, 2, row, 3), label, LABEL)
        area = (row, 4, row, 6)
        page.span(area, value, INPUT_TEXT if isinstance(value, str) else INPUT_NUMBER)
        where = fixed(row, 4)
        hint = "Choose one of the list." if options else "A number above zero, such as 1E-5."
        check = None if options else f"{where}>0"
        page.choices.append(Choice((row, 4, row, 4), options, check, label, hint))
        self.steps.row += 1
        return where

    def _norm_list(self, top: int) -> str:
        """The norms and the number of an element's set in words; the area of the names."""
        page, left = self.page, self.steps.left(1)
        page.span((top, left, top, left + 3), "norm", AXIS)
        text = "number of the set of image n, channel c (all from 0)"
        page.span((top, left + 4, top, self.steps.last_column), text, PROSE)
        for at, title in enumerate(CHOICE.titles, start=1):
            page.span((top + at, left, top + at, left + 3), title, LABEL)
            area = (top + at, left + 4, top + at, self.steps.last_column)
            page.span(area, _in_words(title), PROSE.but(vertical="center"))
            row = (top + at, left, top + at, self.steps.last_column)
            page.rules.append(Rule(row, f'{self.norm}="{title}"', GOOD))
        names = (top + 1, left, top + len(CHOICE.titles), left)
        return f"{fixed(names[0], left)}:{fixed(names[2], left)}"

    def _inputs(self) -> None:
        """x in yellow, and the set of every element."""

        def label(i: int) -> str:
            return self.sets.label([int(at) for at in np.unravel_index(i, SHAPE)])

        labels = self.case.sets.labels().ravel().tolist()
        self.steps.draw(
            [
                Piece(
                    "x",
                    Caption("x  the input", "images n down, channels c across, 3 pixels each"),
                    self.case.x.ravel().tolist(),
                    "element",
                    None,
                    evenly(INPUT_NUMBER),
                ),
                self._piece(
                    "label",
                    Caption("set  number of the statistics set", "turn the drop-down: it repaints"),
                    labels,
                    label,
                    NUMBER.but(number="0"),
                ),
            ]
        )

    def _piece(
        self, name: str, caption: Caption, values: Any, formula: Formula, style: Style = NUMBER
    ) -> Piece:
        """A live grid in the colors of the chosen sets."""
        self.painted.append(name)
        flat = values if isinstance(values, list) else values.ravel().tolist()
        return Piece(name, caption, flat, "element", formula, evenly(style))

    def _normalize(self, prefix: str, x: Any, made: Trace, symbol: str) -> None:
        """Mean, squared distance, variance and normalized values, over the chosen sets."""
        case, placed = self.case, self.steps.placed
        source = "x" if not prefix else "z"
        mean, variance = case.mean_of(made), case.power_of(made)

        def at(name: str, i: int) -> str:
            return placed[f"{prefix}{name}"].at(i)

        def over_set(name: str, i: int) -> str:
            labels = area_text(placed["label"].area)
            return f"AVERAGEIF({labels},{placed['label'].at(i)},{area_text(placed[name].area)})"

        self.steps.draw(
            [
                self._piece(
                    f"{prefix}mean",
                    Caption(f"μ  mean of the set, of {symbol}", "AVERAGEIF over equal set numbers"),
                    mean,
                    lambda i: f"IF({self.sets.is_uncentered()},0,{over_set(source, i)})",
                ),
                self._piece(
                    f"{prefix}squared",
                    Caption(f"({symbol} − μ)²"),
                    (x - mean) ** 2,
                    lambda i: f"({placed[source].at(i)}-{at('mean', i)})^2",
                ),
                self._piece(
                    f"{prefix}variance",
                    Caption("σ²  variance of the set", "RMSNorm: the mean square"),
                    variance,
                    lambda i: over_set(f"{prefix}squared", i),
                ),
                self._piece(
                    f"{prefix}normalized",
                    Caption(f"{symbol} normalized", f"({symbol} − μ) / √(σ² + ε)"),
                    made["normalized"],
                    lambda i: (
                        f"({placed[source].at(i)}-{at('mean', i)})"
                        f"/SQRT({at('variance', i)}+{self.eps})"
                    ),
                ),
            ]
        )

    def _scale(self) -> None:
        """γ and β of the channel, then ReLU."""
        case, placed = self.case, self.steps.placed
        channel = self.steps.frame.parameter_of
        self.steps.draw(
            [
                Piece(
                    name,
                    Caption(caption),
                    values.tolist(),
                    "parameter",
                    None,
                    evenly(INPUT_NUMBER),
                    alone=name == "beta",
                )
                for name, caption, values in (
                    ("gamma", "γ (weight), one a channel", case.gamma),
                    ("beta", "β (bias), one a channel; RMSNorm has none", case.beta),
                )
            ]
        )

        def scaled(i: int) -> str:
            gamma, beta = (placed[name].at(channel[i] - 1) for name in ("gamma", "beta"))
            bias = f"IF({self.sets.is_uncentered()},0,{beta})"
            return f"{gamma}*{placed['normalized'].at(i)}+{bias}"

        self.steps.draw(
            [
                self._piece("y", Caption("y", "γ · x̂ + β"), case.output, scaled),
                self._piece(
                    "relu",
                    Caption("a = ReLU(y)", "max(y, 0): what was negative is gone"),
                    case.rectified,
                    lambda i: f"MAX({placed['y'].at(i)},0)",
                ),
            ]
        )


def _in_words(title: str) -> str:
    norm = norm_titled(title)
    return CHOICE.in_words(norm) + ("" if norm.centered else ", and the mean is taken as 0")


def build(book: Book, case: LayerCase | None = None) -> None:
    """The sheet, for the numbers that ship or for others."""
    LayerSheet(book, case or LayerCase()).build()
