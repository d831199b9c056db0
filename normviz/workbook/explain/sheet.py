"""The sheet of one layer on its user's own numbers: every step, exact also where x is cut."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.numbers import in_words
from normviz.reference.steps import Step
from normviz.reference.trace import Trace
from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import (
    BAD,
    BAD_INK,
    BOLD,
    DIFFERENCE,
    GENERAL,
    NUMBER,
    PAPER,
    WRONG_SIGN,
    Style,
    rounded_off,
    shown_as,
)
from normviz.workbook.draw import content
from normviz.workbook.draw.content import Banner, Caption, StepFormula
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.draw.tensor import Paint
from normviz.workbook.explain.inputs_sheet import TYPED
from normviz.workbook.explain.not_finite import bursts
from normviz.workbook.explain.shown_part import ShownFrame, not_traced
from normviz.workbook.explain.story import OwnResult
from normviz.workbook.formulas import slices
from normviz.workbook.formulas.differences import distance, distance_of
from normviz.workbook.formulas.steps import Chain
from normviz.workbook.sheets.norm.laws import closed_form, running_statistics, what_must_hold
from normviz.workbook.sheets.norm.page import NormPage
from normviz.workbook.sheets.norm.sheet import BACKWARD_BANNER, FORWARD_BANNER

Array = npt.NDArray[Any]


class ExplainedPage(NormPage):
    """What `frame` shows of a trace; without a cut the formulas are those of any norm's page."""

    scaled = True
    frame: ShownFrame
    chain: slices.SliceChain

    def __init__(self, book: Book, trace: Trace, inputs: Sheet, frame: ShownFrame) -> None:
        self.cut = not frame.selection.is_whole
        self.follows = not bursts(trace)
        self.chain_type = slices.SliceChain if self.cut else Chain
        if self.cut:
            self.note = (
                f" Shown are {frame.selection}; every statistic is that of the whole tensor of "
                f"shape {frame.selection.tensor}."
            )
        super().__init__(book, trace, inputs, frame)
        if self.cut:
            self.chain.stored = not trace.training
            self.chain.rest = lambda name, index: (
                f"{{inputs.{name}[{index}]}}" if name in inputs.placed else ""
            )
            parameters = int(np.prod(trace.sets.parameter_view))
            self.chain.sets_per_parameter = max(1, trace.sets.count // parameters)

    @property
    def set_count(self) -> int:
        """How many sets all of x has; what is traced has whole ones."""
        return math.prod(self.frame.selection.tensor) // self.trace.sets.size

    def pick(self, per: str, values: Any) -> list[Any]:
        """The values of the elements, sets or parameters that are shown."""
        return self.frame.pick(per, values)

    def formula(self, name: str) -> StepFormula:
        """The formula of a step's cells; with stored statistics some are other ones."""
        if self.trace.training:
            return super().formula(name)
        chain, owner = self.chain, self.frame.parameter_of_set
        stored: dict[str, Callable[[int], str]] = {
            "mean": lambda k: chain.at("running_mean", owner[k]),
            "variance": lambda k: chain.at("running_var", owner[k]),
            "grad_input": lambda i: f"{chain.at('grad_normalized', i)}/{chain.own('std', i)}",
        }
        return stored.get(name) or super().formula(name)

    def forward(self) -> list[content.Step]:
        """The forward steps, after the stored statistics in evaluation."""
        made = super().forward()
        if not self.trace.training:
            return [*self._stored(), *made]
        self._insert(made, self.trace.sets.power, slices.SQUARED)
        return made

    def _stored(self) -> Iterator[content.Step]:
        for name, symbol in (("running_mean", "μ"), ("running_var", "σ²")):
            caption = Caption(name, "stored in the layer", symbol=symbol)
            yield self.given(name, name, caption, self.trace.arguments[name], "parameter")

    def given(
        self, name: str, source: str, caption: Caption, values: Any, per: str
    ) -> content.Step:
        """What stands on the sheet of inputs, with as many digits as there."""
        made = super().given(name, source, caption, values, per)
        return replace(made, paint=self.paint(per, GENERAL.but(number=TYPED.number)))

    def backward(self, steps: Sequence[Step]) -> list[content.Step]:
        """The backward steps, each sum over what is not shown before the step that adds it."""
        made = [self.step(step) for step in steps]
        for before, rest in (("grad_bias", slices.GRAD_BIAS), ("grad_weight", slices.GRAD_WEIGHT)):
            if before in self.trace:
                self._insert(made, before, rest)
        if self.trace.training:
            before = f"grad_{self.trace.sets.power}"
            if self.trace.sets.centered:
                self._insert(made, before, slices.GRAD_NORMALIZED)
            self._insert(made, before, slices.GRAD_DISTANCE)
        return made

    def _insert(self, steps: list[content.Step], before: str, rest: slices.RestSum) -> None:
        """Put the sum over what is not shown in front of the step that adds it."""
        if not (self.cut and self.follows):
            return
        trace, selection, pairs = self.trace, self.frame.selection, self.frame.pair_table
        terms = rest.terms.format(u="u" if trace.sets.centered else "x")
        caption = Caption(f"Σ {terms} not shown", "from the constants on the sheet Inputs")
        hidden = rest.hidden(trace, selection.mask())
        if rest.per == "parameter" and selection.part:
            hidden = hidden + not_traced(trace, before)
        step = content.Step(
            rest.name,
            caption,
            self.pick(rest.per, hidden),
            rest.per,
            lambda index: rest.rule(self.chain, index, pairs),
            self.paint(rest.per, BOLD),
        )
        steps.insert([s.name for s in steps].index(before), step)


def build(
    book: Book,
    trace: Trace,
    inputs: Sheet,
    frame: ShownFrame,
    layer: str,
    own: Sequence[OwnResult],
) -> ExplainedPage:
    """The sheet; at its end stands what the `layer` of that name made of x itself."""
    page = ExplainedPage(book, trace, inputs, frame)
    mode = "" if trace.training else ", in evaluation: with the stored statistics"
    steps: list[content.Item] = [
        replace(FORWARD_BANNER, note=FORWARD_BANNER.note + mode),
        page.x(),
        *page.forward(),
        BACKWARD_BANNER,
        *page.backward(page.backward_steps()),
    ]
    if not page.follows:
        steps += running_statistics(page)
        page.sheet.draw(*map(_as_it_came, steps))
    else:
        page.sheet.draw(*steps)
        if trace.training:
            closed = closed_form(page) if trace.spread.is_usual else ()
            page.sheet.draw(*closed, *running_statistics(page), *what_must_hold(page))
    page.sheet.draw(*_beside(page, layer, own))
    return page


def _as_it_came(item: content.Item) -> content.Item:
    """A step as numbers, NaN and infinity as text."""
    if not isinstance(item, content.Step):
        return item
    return replace(item, values=[in_words(value) for value in item.values], formula=None)


def _beside(page: ExplainedPage, layer: str, own: Sequence[OwnResult]) -> Iterator[content.Item]:
    """The layer's own results as constants, and how far the steps are from them."""
    note = f"as {layer} gave them, before any cell was changed"
    if any(result.departs(page.trace[result.name]).any() for result in own):
        note += "; red is where they depart from the steps"
    yield Banner("The layer's own results", note)
    for result in own:
        name, step = f"layer_{result.name}", page.trace[result.name]
        values = page.pick("element", result.value)
        yield content.Step(
            name,
            Caption(f"{result.symbol} of the layer", f"constants, {result.dtype}"),
            [in_words(v) for v in values],
            "element",
            None,
            _red_where(page, values, result.departs(step)),
        )
        gap = distance_of(values, page.pick("element", step))
        caption = Caption(f"distance from {result.name}", "√Σ (difference)²")
        if math.isfinite(gap):
            live: str | None = distance(f"{{{name}[*]}}", f"{{{result.name}[*]}}")
            shown: Any = gap
        else:
            live, shown = None, "not finite"
        yield content.Step(f"{name}_difference", caption, [shown], "single", live, DIFFERENCE)


def _red_where(page: ExplainedPage, values: Sequence[float], wrong: Array) -> Paint:
    """The color of its set for every element, red and with a cross where it is wrong."""
    red = page.pick("element", wrong.astype(np.float64))
    look = page.paint("element", NUMBER.filled(PAPER))
    least = rounded_off(NUMBER.number)

    def paint(at: int) -> Style:
        if not red[at]:
            return look(at)
        crossed = shown_as(WRONG_SIGN, NUMBER.number, is_nothing=abs(values[at]) < least)
        return NUMBER.but(fill=BAD, color=BAD_INK, number=crossed)

    return paint
