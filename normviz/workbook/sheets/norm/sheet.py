"""The sheet of one normalization: every step of forward and backward as live formulas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from normviz.reference.trace import Step, Trace
from normviz.workbook.book.address import fixed_text
from normviz.workbook.book.cells import Book, Page
from normviz.workbook.book.styles import (
    BACKWARD,
    CODE,
    LABEL_RIGHT,
    NUMBER,
    PAPER,
    Style,
)
from normviz.workbook.draw.page_head import (
    FIRST_ROW,
    begin,
    explain,
    field,
)
from normviz.workbook.draw.panels import (
    Caption,
    Formula,
    Paint,
    by_set,
    evenly,
)
from normviz.workbook.draw.sections import Frame, Piece, StepPage
from normviz.workbook.formulas.steps import FORMULAS, Chain
from normviz.workbook.sheets.inputs import InputCells
from normviz.workbook.sheets.norm.extras import closed_form, running_statistics, what_must_hold

STATISTIC = NUMBER.but(bold=True)
SETTING = Style(number="General", bold=True, horizontal="left")


class NormSheet:
    """One op's sheet; `steps.placed` tells where each step stands.

    `frame` lays out the elements that are shown, all of them where none is given; `chain_type`
    says how sums over a set are written.
    """

    chain_type: type[Chain] = Chain
    steps_type: type[StepPage] = StepPage
    note = ""
    """What else the sheet says below its title."""

    def __init__(
        self, book: Book, trace: Trace, inputs: InputCells, frame: Frame | None = None
    ) -> None:
        self.trace, self.inputs = trace, inputs
        self.words = trace.norm
        self.page: Page = begin(book, self.words.title, self.words.title)
        self.frame = frame or Frame(trace.sets)
        self.steps = self.steps_type(self.page, self.frame, FIRST_ROW)
        eps, count = self._head()
        self.chain = self.chain_type(
            set_of=self.frame.set_of,
            parameter_of=self.frame.parameter_of,
            set_areas=self.frame.sets.areas,
            parameter_areas=self.frame.parameters.areas,
            eps=eps,
            count=count,
            placed=self.steps.placed,  # type: ignore[arg-type]
        )
        self._number = 0

    def pick(self, per: str, values: Any) -> list[Any]:
        """The values that are shown, of those of all elements, sets or parameters."""
        flat: list[Any] = values.ravel().tolist()
        return flat

    def split(self) -> tuple[Sequence[Step], Sequence[Step]]:
        """The steps forward, and the steps backward."""
        steps = self.trace.steps
        at = next(at for at, s in enumerate(steps) if s.name == "grad_output")
        return steps[:at], steps[at:]

    def build(self) -> NormSheet:
        """Draw the sheet."""
        forward, backward = self.split()
        self.steps.section("Forward", note="from x to the output y")
        self.steps.draw([self._x(), *self._forward(forward)])
        self.steps.section(
            "Backward",
            BACKWARD,
            note="from dy = ∂L/∂y to dx = ∂L/∂x, by the chain rule",
            new_page=True,
        )
        self.steps.draw([self._step(step) for step in backward])
        closed_form(self)
        if self.trace.running_buffers():
            running_statistics(self)
        what_must_hold(self)
        return self

    def _head(self) -> tuple[str, str]:
        """Title, words, and the two numbers every step needs: eps, and n of each set."""
        page, sets, last = self.page, self.trace.sets, self.steps.last_column
        explain(
            page, f"{self.words.sentence} {self.words.use} ({self.words.paper}){self.note}", last
        )
        _, column = field(page, 3, 12, "ε =", LABEL_RIGHT)
        live = self.inputs.setting("eps")
        eps, column = field(page, column, 12, self.trace.eps, SETTING, live)
        _, column = field(page, column, 5, "n =", LABEL_RIGHT)
        count, column = field(page, column, 5, sets.size, SETTING)
        text = f"elements in each of the {sets.count} sets" if sets.count > 1 else "elements in all"
        _, column = field(page, column, 26, text, LABEL_RIGHT.but(horizontal="left"))
        field(page, column, 40, self.words.torch_layer, CODE)
        return fixed_text(eps), fixed_text(count)

    def _x(self) -> Piece:
        caption = Caption("x  the input", "colored by statistics set", self.trace.numpy_setup[0])
        return self._from_inputs("x", "x", caption, self.pick("element", self.trace.x), "element")

    def _forward(self, steps: Sequence[Step]) -> list[Piece]:
        """The forward steps, with the parameters just before the output that needs them."""
        pieces = [self._step(step) for step in steps[:-1]]
        suffix = "" if self.trace.sets.is_per_channel else "_elements"
        for name, symbol, source in (("weight", "γ", "gamma"), ("bias", "β", "beta")):
            value = self.trace.arguments.get(name)
            if value is not None:
                caption = Caption(f"{name}  {symbol}", f"learned, of shape {value.shape}")
                values = self.pick("parameter", value)
                pieces.append(
                    self._from_inputs(name, source + suffix, caption, values, "parameter")
                )
        return [*pieces, self._step(steps[-1])]

    def _from_inputs(
        self, name: str, source: str, caption: Caption, values: list[float], per: str
    ) -> Piece:
        def formula(index: int) -> str:
            return self.inputs.at(source, index)

        return Piece(
            name, caption, values, per, formula, self.paint(per, NUMBER.but(number="General"))
        )

    def _step(self, step: Step) -> Piece:
        if step.name == "grad_output":
            values = self.pick("element", step.value)
            caption = Caption(f"{step.name}  {step.symbol}", step.formula, sentence=step.sentence)
            return self._from_inputs("grad_output", "grad_output", caption, values, "element")
        self._number += 1
        title = f"{self._number}  {step.name}  {step.symbol}"
        caption = Caption(title, step.formula, step.numpy, step.sentence)
        values = self.pick(step.kind, step.value)
        style = NUMBER if step.kind == "element" else STATISTIC
        return Piece(
            step.name,
            caption,
            values,
            step.kind,
            self.formula(step.name),
            self.paint(step.kind, style),
        )

    def formula(self, name: str) -> Formula:
        """The formula of a step's cells."""
        rule = FORMULAS[name]
        return lambda index: rule(self.chain, index)

    def paint(self, per: str, style: Style = NUMBER) -> Paint:
        """Elements and statistics in the color of their set, parameters all alike."""
        if per == "element":
            return by_set(style, self.frame.set_of)
        if per == "set":
            return by_set(style, range(1, len(self.frame.sets.areas) + 1))
        return evenly(style.filled(PAPER))
