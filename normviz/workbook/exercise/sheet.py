"""One norm as an exercise: the inputs given, every step to be filled in, marks beside.

The same drawing makes three sheets: the student's (steps empty), the hidden key (steps as formulas
of the student's inputs) and the answers (steps filled in). A step stands at the same cells on each,
so the address of a cell is also the address of its key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from normviz.reference.steps import StepText
from normviz.reference.trace import Array, Step, Trace
from normviz.workbook.book.address import address, fixed_text, on_sheet
from normviz.workbook.book.cells import (
    Book,
    Page,
    Rule,
    Value,
)
from normviz.workbook.book.styles import (
    BACKWARD,
    GOOD,
    GOOD_INK,
    INPUT_NUMBER,
    LABEL_RIGHT,
    NUMBER,
    NUMBER_FORMAT,
    PAPER,
    PROSE,
    Style,
)
from normviz.workbook.draw.page_head import (
    FIRST_ROW,
    LINK_ROW,
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
from normviz.workbook.exercise import marks as marking
from normviz.workbook.formulas.steps import FORMULAS, Chain, Placed

STUDENT, KEY, ANSWERS = "student", "key", "answers"
GIVEN = NUMBER.but(number="General")
ANSWER = INPUT_NUMBER.but(number=NUMBER_FORMAT)
MARK = Style(size=9, horizontal="center", edge="FFFFFF", fill=PAPER)
SETTING = Style(bold=True, horizontal="left")
RUNNING = Step(
    StepText(
        "running_var",
        "parameter",
        "running variance",
        "new = (1 − momentum) · old + momentum · s²",
        "",
        "What evaluation will use; s² is the unbiased variance of the batch.",
    ),
    np.zeros(0),
    "",
)


class ExerciseSheet:
    """Draws one of the three sheets of a norm."""

    def __init__(self, book: Book, trace: Trace, kind: str) -> None:
        self.trace, self.kind = trace, kind
        words = trace.norm
        self.title, self.key_title = words.title, f"Key {words.title}"
        title = self.key_title if kind == KEY else self.title
        self.page: Page = begin(book, title, f"{words.title}: your turn")
        self.page.hidden = kind == KEY
        frame = Frame(trace.sets)
        self.steps = StepPage(self.page, frame, FIRST_ROW)
        explain(self.page, f"{words.sentence} {_TASK}", self.steps.last_column)
        self.eps, self.count, self.momentum = self._settings()
        self.chain = Chain(
            set_of=frame.set_of,
            parameter_of=frame.parameter_of,
            set_areas=frame.sets.areas,
            parameter_areas=frame.parameters.areas,
            eps=self.eps,
            count=self.count,
            placed=self.steps.placed,  # type: ignore[arg-type]
        )
        self.done: list[str] = []
        """For every step asked, whether it is all right, as a formula."""

    def build(self) -> ExerciseSheet:
        """Draw the sheet."""
        trace, asked = self.trace, self.trace.steps
        split = next(at for at, step in enumerate(asked) if step.name == "grad_output")
        self.steps.section("Given")
        self._give_all()
        self.steps.section("Forward", note="from x to the output y")
        for step in asked[:split]:
            self._ask(step)
        if trace.op == "batch_norm" and trace.running_buffers():
            self._ask(replace(RUNNING, value=trace.running_buffers()["running_var"]))
        self.steps.section("Backward", BACKWARD, note="from dy = ∂L/∂y to dx = ∂L/∂x")
        for step in asked[split + 1 :]:
            self._ask(step)
        if self.kind != KEY:
            self._score()
        return self

    @property
    def sets(self) -> str:
        """Which sets there are, in a sentence."""
        return self.trace.norm.sentence

    @property
    def right(self) -> int:
        """How many steps are right as the file is made."""
        return len(self.done) if self.kind == ANSWERS else 0

    def _settings(self) -> list[str]:
        """The cells of eps, n and momentum in the head; the key's follow the student's."""
        found, column = [], 3
        values = (self.trace.eps, self.trace.sets.size, self.trace.arguments.get("momentum"))
        for label, value in zip(("ε =", "n =", "momentum ="), values, strict=True):
            if value is None:
                found.append("")
                continue
            _, column = field(self.page, column, 11, label, LABEL_RIGHT)
            where = address(LINK_ROW, column)
            live = on_sheet(self.title, where) if self.kind == KEY else None
            _, column = field(self.page, column, 7, value, SETTING, live)
            found.append(fixed_text(where))
        self.score_column = column
        return found

    def _give_all(self) -> None:
        trace = self.trace
        x = ("x", Caption("x  the input", "colored by statistics set"), trace.x, "element")
        dy = ("grad_output", Caption("grad_output  dy", "dy = ∂L/∂y"), trace["grad_output"])
        self._give([x, (*dy, "element")])
        given = []
        for name, symbol in (("weight", "γ"), ("bias", "β"), ("running_var", "before this batch")):
            value = trace.arguments.get(name)
            if value is not None:
                # What the batch makes of the running variance is a step, under that name.
                name = name.replace("running_var", "running_before")
                shown = name.replace("running_before", "running_var")
                given.append((name, Caption(f"{shown}  {symbol}"), value, "parameter"))
        self._give(given)

    def _give(self, given: Sequence[tuple[str, Caption, Array, str]]) -> None:
        """Inputs: numbers that may be changed; the key reads them from the student's sheet."""

        def follow(name: str) -> Formula:
            if self.kind != KEY:
                return None
            return lambda index: on_sheet(self.title, self.steps.placed[name].at(index))

        self.steps.draw(
            [
                Piece(
                    name,
                    caption,
                    value.ravel().tolist(),
                    per,
                    follow(name),
                    self._paint(per, GIVEN),
                    alone=True,
                )
                for name, caption, value, per in given
            ]
        )

    def _ask(self, step: Step) -> None:
        """A step to be filled in, with its marks and a hint beside."""
        top, steps = self.steps.row, self.steps
        caption = Caption(f"{step.name}  {step.symbol}", step.formula, "", step.sentence)
        values: list[Value] = step.value.ravel().tolist()
        formula, style = self._formula(step.name), ANSWER
        if self.kind == STUDENT:
            values, formula = [None] * len(values), None
        asked = Piece(step.name, caption, values, step.kind, formula, evenly(style), alone=True)
        if self.kind == KEY:
            steps.draw([asked])
            return
        name = f"marks {step.name}"

        def mark(index: int) -> str:
            marker = marking.Marker(self._key_chain(), self.momentum)
            return marker.formula(step.name, steps.placed[step.name].at(index), index)

        said: Value = marking.RIGHT if self.kind == ANSWERS else ""
        shown: list[Value] = [said] * len(values)
        marks = Piece(name, Caption("marks"), shown, step.kind, mark, evenly(MARK), alone=True)
        steps.draw([asked, marks])
        area = steps.placed[name].area
        marking.color(self.page, steps.placed[step.name], area)
        self.done.append(marking.all_right(area, len(values)))
        advice = marking.ADVICE.get(step.name, step.sentence)
        live = marking.hint(step.name, area, len(values), advice)
        says = marking.ALL_RIGHT if self.kind == ANSWERS else advice
        left, right = steps.left(1) - 1, steps.last_column
        self.page.span((top + 1, left, top + 2, right), says, PROSE, live)

    def _formula(self, name: str) -> Formula:
        if name == "running_var":
            return lambda index: marking.running(
                self.chain,
                self.momentum,
                index,
                marking.unbiased(self.chain.at("variance", index), self.count),
            )
        rule = FORMULAS[name]
        return lambda index: rule(self.chain, index)

    def _key_chain(self) -> Chain:
        """The same chain, pointing at the key's cells."""
        placed: dict[str, Placed] = {
            name: marking.Elsewhere(body, self.key_title)
            for name, body in self.steps.placed.items()
        }
        return replace(self.chain, placed=placed)

    def _paint(self, per: str, style: Style) -> Paint:
        if per == "element":
            return by_set(style, self.steps.frame.set_of)
        return evenly(style.filled(PAPER))

    def _score(self) -> None:
        """How many steps are right, in the head of the sheet."""
        page, total = self.page, len(self.done)
        _, column = field(page, self.score_column, 11, "right:", LABEL_RIGHT)
        where, last = field(page, column, 7, self.right, SETTING, "+".join(self.done))
        field(page, last, 14, f"of {total} steps", LABEL_RIGHT.but(horizontal="left"))
        area = (LINK_ROW, column, LINK_ROW, last - 1)
        page.rules.append(Rule(area, f"{fixed_text(where)}={total}", GOOD, GOOD_INK))
        self.score = on_sheet(self.title, fixed_text(where))


_TASK = (
    "Type a formula or a number into every yellow cell: it turns green when it is right, amber "
    "when one of two common slips explains it, red otherwise. Marks and a hint stand beside."
)
