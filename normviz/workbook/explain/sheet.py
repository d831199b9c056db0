"""The sheet of one layer on its user's own numbers: every step, exact also where x is cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.reference.trace import Step, Trace
from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import (
    BACKWARD,
    NUMBER,
    PAPER,
    SMALL_FORMAT,
)
from normviz.workbook.draw.panels import Caption, Formula
from normviz.workbook.draw.scaled import ScaledStepPage
from normviz.workbook.draw.sections import Piece
from normviz.workbook.explain.inputs_sheet import ExplainedCells
from normviz.workbook.explain.shown_part import ShownFrame
from normviz.workbook.formulas import slices as slice_chain
from normviz.workbook.formulas.slices import SliceChain
from normviz.workbook.formulas.steps import Chain
from normviz.workbook.sheets.norm.extras import (
    closed_form,
    largest_difference,
    running_statistics,
    what_must_hold,
)
from normviz.workbook.sheets.norm.sheet import STATISTIC, NormSheet

Array = npt.NDArray[Any]
NOT_SHOWN = "not shown"


class ExplainedSheet(NormSheet):
    """Draws what `frame` shows of a trace; without a cut the formulas are those of NormSheet."""

    steps_type = ScaledStepPage
    inputs: ExplainedCells
    frame: ShownFrame
    chain: SliceChain

    def __init__(self, book: Book, trace: Trace, inputs: ExplainedCells, frame: ShownFrame) -> None:
        self.cut = not frame.selection.is_whole
        self.chain_type = SliceChain if self.cut else Chain
        if self.cut:
            self.note = (
                f" Shown are {frame.selection}; every statistic is that of the whole tensor of "
                f"shape {trace.sets.shape}."
            )
        super().__init__(book, trace, inputs, frame)
        if self.cut:
            self.chain.rest, self.chain.stored = inputs.rest, not trace.training
            parameters = int(np.prod(trace.sets.parameter_view))
            self.chain.sets_per_parameter = max(1, trace.sets.count // parameters)

    def pick(self, per: str, values: Any) -> list[Any]:
        """The values of the elements, sets or parameters that are shown."""
        return self.frame.pick(per, values)

    def build_for(self, layer: str, output: Array, grad_input: Array) -> ExplainedSheet:
        """Draw the sheet; at its end stand the layer's own results beside the steps."""
        forward, backward = self.split()
        self.steps.section("Forward", note="from x to the output y" + self._mode())
        pieces = [self._x(), *self._stored(), *self._forward(forward)]
        if self.trace.training:
            self._insert(pieces, self._power_step(), "rest_squared", "Σ d² " + NOT_SHOWN, "set")
        self.steps.draw(pieces)
        self.steps.section(
            "Backward",
            BACKWARD,
            note="from dy = ∂L/∂y to dx = ∂L/∂x, by the chain rule",
            new_page=True,
        )
        self.steps.draw(self._backward(backward))
        if self.trace.training:
            closed_form(self)
            if self.trace.running_buffers():
                running_statistics(self)
            what_must_hold(self)
        self._beside(layer, output, grad_input)
        return self

    def formula(self, name: str) -> Formula:
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

    def _mode(self) -> str:
        return "" if self.trace.training else ", in evaluation: with the stored statistics"

    def _power_step(self) -> str:
        return "variance" if self.trace.sets.centered else "mean_square"

    def _stored(self) -> list[Piece]:
        """In evaluation the stored statistics, before the steps that use them."""
        if self.trace.training:
            return []
        titles = {"running_mean": "running_mean  μ", "running_var": "running_var  σ²"}
        return [
            self._from_inputs(
                name,
                name,
                Caption(title, "stored in the layer"),
                self.pick("parameter", self.trace.arguments[name]),
                "parameter",
            )
            for name, title in titles.items()
        ]

    def _backward(self, steps: Sequence[Step]) -> list[Piece]:
        pieces = [self._step(step) for step in steps]
        sums = {
            "grad_bias": ("rest_grad_bias", "Σ dy " + NOT_SHOWN, "parameter"),
            "grad_weight": ("rest_grad_weight", "Σ dy · x̂ " + NOT_SHOWN, "parameter"),
        }
        for before, (name, title, per) in sums.items():
            if before in self.trace:
                self._insert(pieces, before, name, title, per)
        if self.trace.training:
            before = f"grad_{self._power_step()}"
            self._insert(pieces, before, "rest_grad_normalized", "Σ dx̂ " + NOT_SHOWN, "set")
            what = "d" if self.trace.sets.centered else "x"
            title = f"Σ dx̂ · {what} {NOT_SHOWN}"
            self._insert(pieces, before, "rest_grad_distance", title, "set")
        return pieces

    def _insert(self, pieces: list[Piece], before: str, name: str, title: str, per: str) -> None:
        """Put the sum over what is not shown in front of the step that adds it."""
        if not self.cut:
            return
        chain, pairs = self.chain, self.frame.pair_table
        formula: Callable[[int], str]
        if name == "rest_squared":
            formula = lambda k: slice_chain.rest_squared(chain, k)  # noqa: E731
        else:
            rule = getattr(slice_chain, name)
            formula = lambda k: rule(chain, k, pairs)  # noqa: E731
        caption = Caption(title, "from the constants on the sheet Inputs")
        values = self.pick(per, self._hidden(name))
        piece = Piece(name, caption, values, per, formula, self.paint(per, STATISTIC))
        pieces.insert([p.name for p in pieces].index(before), piece)

    def _hidden(self, name: str) -> Array:
        """The sum over what is not shown, for every set or parameter of the whole tensor."""
        trace, sets = self.trace, self.trace.sets
        base = trace.get("centered", trace.x)
        elements = base**2
        if name != "rest_squared":
            elements = trace[
                "grad_output" if "_bias" in name or "_weight" in name else "grad_normalized"
            ]
        if name == "rest_grad_weight":
            elements = elements * trace["normalized"]
        elif name == "rest_grad_distance":
            elements = elements * base
        hidden = np.where(self.frame.selection.mask(), 0.0, elements).reshape(sets.view)
        over = sets.axes
        if name in ("rest_grad_bias", "rest_grad_weight"):
            over = tuple(a for a in range(len(sets.view)) if a not in sets.affine_axes)
        return np.asarray(hidden.sum(axis=over))

    def _beside(self, layer: str, output: Array, grad_input: Array) -> None:
        """The layer's own results as constants, and how far the steps are from them."""
        note = f"as {layer} gave them, before any cell was changed"
        self.steps.section("The layer's own results", note=note)
        rows = (("output", "y", output), ("grad_input", "dx", grad_input))
        pieces = []
        for name, symbol, value in rows:
            given = self.pick("element", value.astype(np.float64))
            steps = self.pick("element", self.trace[name])
            gap = float(np.abs(np.subtract(given, steps)).max())
            look = self.paint("element", NUMBER.filled(PAPER))
            caption = Caption(f"{symbol}  of the layer", f"constants, {value.dtype}")
            pieces.append(Piece(f"layer_{name}", caption, given, "element", None, look, alone=True))
            caption = Caption(f"largest difference to {name}")
            style = NUMBER.but(bold=True, number=SMALL_FORMAT)
            pieces.append(
                Piece(
                    f"layer_{name}_difference",
                    caption,
                    [gap],
                    "single",
                    self._difference(name),
                    lambda _, style=style: style,  # type: ignore[misc]
                )
            )
        self.steps.draw(pieces)

    def _difference(self, name: str) -> Formula:
        placed = self.steps.placed
        return lambda _: largest_difference(placed[f"layer_{name}"].area, placed[name].area)
