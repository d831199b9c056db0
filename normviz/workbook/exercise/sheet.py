"""One norm as an exercise: the inputs given, every step to be filled in, marks beside.

The same drawing makes the student's sheet (steps empty) and the answers (steps filled in). The
hidden key has at the same cells what belongs there, as formulas of the student's inputs and in
disguise: the address of a cell is also the address of its key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from normviz.norms.partition import StatisticsSets
from normviz.reference.steps import Step
from normviz.reference.trace import Array, Trace
from normviz.workbook.book.address import Area, fixed_area
from normviz.workbook.book.cells import Book, Value
from normviz.workbook.book.layout import Layout, Regions
from normviz.workbook.book.sizes import WIDEST
from normviz.workbook.book.styles import BACKWARD as BACKWARD_FILL
from normviz.workbook.book.styles import (
    GENERAL,
    GOOD,
    GOOD_INK,
    INPUT_NUMBER,
    INPUT_WORD,
    LABEL_RIGHT,
    NUMBER,
    NUMBER_FORMAT,
    PAPER,
    RIGHT_SIGN,
    Style,
)
from normviz.workbook.draw import content
from normviz.workbook.draw.columns import Columns, of_tensor
from normviz.workbook.draw.content import Band, Banner, Caption, Item, Line, Mark, Stack
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.draw.tensor import Body, Frame, Paint, by_set, evenly
from normviz.workbook.exercise import marks as marking
from normviz.workbook.exercise.asked_steps import (
    ALL,
    BACKWARD,
    BUFFERS,
    FORWARD,
    asked_steps,
    backward_steps,
    forward_steps,
    points,
    values,
)
from normviz.workbook.exercise.chain import BEFORE, RULES, ExerciseChain, KeyChain
from normviz.workbook.exercise.mistakes import mistakes

SETTING = GENERAL.but(horizontal="left", bold=True)
ANSWER = INPUT_NUMBER.but(number=NUMBER_FORMAT)
MARK = Style(size=9.5, horizontal="center", edge="FFFFFF", fill=PAPER)
TASK = (
    f"Type a formula or a number into every {INPUT_WORD} cell: it turns green when it is right "
    "(two decimals are enough), amber when a usual mistake explains it, red otherwise. Marks and a "
    "hint stand beside."
)


@dataclass(frozen=True)
class Asked:
    """A step that is asked: its cells are those of `placed[step.name]`."""

    step: Step
    points: int


class ExerciseSheet:
    """The sheet of a norm, with the steps of a part to be filled in, or with the answers.

    `others` are the sets of other norms, by title: over those a student may average by mistake.
    With `locked` the sheet can be changed only in the cells to fill in; `known` is as in `Marker`.
    """

    def __init__(
        self,
        book: Book,
        trace: Trace,
        part: str = ALL,
        others: Mapping[str, StatisticsSets] | None = None,
        *,
        answers: bool = False,
        locked: bool = False,
        known: marking.Known | None = None,
    ) -> None:
        self.trace, self.part, self.answers = trace, part, answers
        self.frame = Frame(trace.sets)
        self.asked: list[Asked] = []
        self._number = 0
        columns, said = _columns(self.frame.layout), f"{trace.norm.sentence} {TASK}"
        heading = f"{self.title}: your turn"
        self.sheet = Sheet(book, self.title, heading, said, columns, frame=self.frame)
        self.page = self.sheet.page
        self.placed: dict[str, Body] = self.sheet.placed  # type: ignore[assignment]
        self.page.protected, self.page.answers = locked, True
        self._settings()
        self.chain = self._chain(others or {})
        steps = enumerate(asked_steps(trace, part), start=1)
        masks = {step.name: 1000 * at + 137 for at, step in steps}
        self.key = KeyChain(**vars(self.chain), masks=masks, key_title=self.key_title)
        self.marker = marking.Marker(self.chain, self.key, {} if known is None else known)
        self._draw()

    @property
    def title(self) -> str:
        """The title of the sheet."""
        return self.trace.norm.title

    @property
    def key_title(self) -> str:
        """The title of the hidden sheet with its key."""
        return f"Key {self.title}"[:31]

    @property
    def total(self) -> int:
        """The points of all steps."""
        return sum(asked.points for asked in self.asked)

    @property
    def right(self) -> int:
        """How many points there are as the file is made."""
        return self.total if self.answers else 0

    @property
    def score(self) -> str:
        """The cell with the points, as another sheet writes it."""
        return self.sheet.refer("points")

    def _settings(self) -> None:
        """ε, m and, where a step needs it, the momentum."""
        facts = [Line("eps", "ε =", self.trace.eps), Line("count", "m =", self.trace.sets.size)]
        if {step.name for step in asked_steps(self.trace, self.part)} & set(BUFFERS):
            facts.append(Line("momentum", "momentum =", self.trace.arguments["momentum"]))
        self.sheet.facts(*(replace(fact, look=SETTING) for fact in facts))

    def _chain(self, others: Mapping[str, StatisticsSets]) -> ExerciseChain:
        def setting(name: str) -> str:
            return fixed_area(self.placed[name].area) if name in self.placed else ""

        frame = self.frame
        return ExerciseChain(
            set_of=frame.set_of,
            parameter_of=frame.parameter_of,
            set_areas=frame.sets.areas,
            parameter_areas=frame.parameters.areas,
            eps=setting("eps"),
            count=setting("count"),
            placed=self.placed,  # type: ignore[arg-type]
            momentum=setting("momentum"),
            others={name: self._over(sets) for name, sets in others.items()},
        )

    def _over(self, sets: StatisticsSets) -> list[list[Area]]:
        """For every set of this norm, where another norm's set of its first element lies."""
        labels = sets.labels()
        areas = Regions(self.frame.layout, labels).areas
        first = [self.frame.set_of.index(k) for k in range(1, self.trace.sets.count + 1)]
        return [areas[labels.ravel()[at] - 1] for at in first]

    def _draw(self) -> None:
        """What is given, then step by step: what a formula reads stands above it."""
        draw = self.sheet.draw
        draw(Banner("Given"), *self._given())
        forward, backward = forward_steps(self.trace), backward_steps(self.trace)
        if self.part == BACKWARD:
            shown = [self._shown(step) for step in forward if step.name not in BUFFERS]
            draw(Banner("Forward, done for you", "from x to the output y"), *self._pairs(shown))
        else:
            draw(Banner("Forward", "from x to the output y"))
            for step in forward:
                draw(self._ask(step))
        if self.part != FORWARD:
            draw(Banner("Backward", "from dy = ∂L/∂y to dx = ∂L/∂x", BACKWARD_FILL))
            for step in backward:
                draw(self._ask(step))
        self._score()

    def _given(self) -> list[Item]:
        """The inputs, two and two: numbers that may be changed."""
        trace = self.trace
        given = [self._input("x", "x  the input", trace.x, "colored by statistics set")]
        if self.part != FORWARD:
            dy = ("grad_output  dy", trace["grad_output"], "dy = ∂L/∂y")
            given.append(self._input("grad_output", *dy))
        parameters = {"weight": "weight  γ", "bias": "bias  β"}
        if self.part != BACKWARD:
            parameters |= {name: f"{name}  before this batch" for name in BUFFERS}
        there = {name: trace.arguments.get(name) for name in parameters}
        learned = [
            self._input(name + BEFORE * (name in BUFFERS), parameters[name], value, per="parameter")
            for name, value in there.items()
            if value is not None
        ]
        return [*self._pairs(given), *self._pairs(learned)]

    def _input(
        self, name: str, title: str, value: Array, words: str = "", per: str = "element"
    ) -> content.Step:
        paint = self._paint(per, GENERAL)
        return content.Step(name, Caption(title, words), value, per, None, paint)

    def _shown(self, step: Step) -> content.Step:
        """A step that is done for the student."""
        caption = self._caption(step, "")
        paint = self._paint(step.kind, NUMBER)
        return content.Step(
            step.name, caption, values(step), step.kind, self._formula(step.name), paint
        )

    def _ask(self, step: Step) -> Item:
        """A step to be filled in, with its marks and a hint beside."""
        name, count = step.name, len(values(step))
        marks = f"marks_{name}"
        slips = [mistake for mistake, _ in mistakes(self.chain, name)]
        hint = marking.Hint(f"{{{marks}}}", count, marking.ADVICE.get(name, step.sentence), slips)
        colors = marking.colors(f"{{{marks}[0]}}")
        self.asked.append(Asked(step, points(name)))

        def mark(index: int) -> str:
            return self.marker.formula(name, index)

        shown: list[Value] = [*values(step)] if self.answers else [None] * count
        formula = self._formula(name) if self.answers else None
        words = self._caption(step, step.sentence)
        said: Value = marking.RIGHT if self.answers else ""
        told = marking.ALL_RIGHT if self.answers else hint.advice
        beside = Caption(
            f"marks  ({_counted(points(name))})",
            sentence=told,
            live=hint.formula,
            others=hint.texts,
        )
        return self._beside(
            content.Step(name, words, shown, step.kind, formula, ANSWER, marks=colors),
            content.Step(marks, beside, [said] * count, step.kind, mark, MARK, marks=colors),
        )

    def _caption(self, step: Step, sentence: str) -> Caption:
        """What stands above a step; the steps are numbered as they come."""
        self._number += 1
        return Caption(step.title, step.formula, "", sentence, step.symbol, str(self._number))

    def _formula(self, name: str) -> content.StepFormula:
        return lambda index: RULES[name](self.chain, index)

    def _paint(self, per: str, style: Style) -> Paint:
        if per == "element":
            return by_set(style, self.frame.set_of)
        return evenly(style.filled(PAPER))

    def _beside(self, *steps: content.Step) -> Item:
        """Side by side where the page has room for two."""
        return (Band if len(self.sheet.columns.cells) > 1 else Stack)(steps)

    def _pairs(self, steps: Sequence[content.Step]) -> list[Item]:
        return [self._beside(*steps[at : at + 2]) for at in range(0, len(steps), 2)]

    def _score(self) -> None:
        """How many points there are, in the head of the sheet."""
        done = [
            f"IF({marking.all_right(f'{{marks_{a.step.name}}}', len(values(a.step)))},{a.points},0)"
            for a in self.asked
        ]
        full = Mark(f"{{this}}={self.total}", GOOD, GOOD_INK, RIGHT_SIGN)
        self.sheet.facts(
            Line("points", "points:", self.right, "+".join(done), SETTING, marks=(full,)),
            Line("", "", f"of {self.total}", look=LABEL_RIGHT.but(horizontal="left")),
        )

    def draw_key(self, book: Book) -> None:
        """The hidden sheet: what belongs in each cell, in disguise, at the same cells."""
        page = book.page(self.key_title)
        page.hidden, page.answers, page.protected = True, True, self.page.protected
        inside = self.key.on_its_sheet(self.title)
        for step in (asked.step for asked in self.asked):
            body, mask = self.placed[step.name], self.key.masks[step.name]
            for index, value in enumerate(values(step)):
                row, column = body.cell(index)[:2]
                formula = f"{RULES[step.name](inside, index)}+{mask}"
                page.put(row, column, value + mask, formula=formula)


def _counted(points: int) -> str:
    return "1 point" if points == 1 else f"{points} points"


def _columns(layout: Layout) -> Columns:
    """Room for a step and its marks beside it, or on a wide tensor for one of them."""
    two = of_tensor(layout, 2)
    return two if two.pixels <= WIDEST else of_tensor(layout)
