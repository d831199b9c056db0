"""One norm as an exercise: the inputs given, every step to be filled in, marks beside.

The same drawing makes three sheets: the student's (steps empty), the hidden key (steps as formulas
of the student's inputs, in disguise) and the answers (steps filled in). A step stands at the same
cells on each, so the address of a cell is also the address of its key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from normviz.norms.partition import StatisticsSets
from normviz.reference.trace import Array, Step, Trace
from normviz.workbook.book.address import address, fixed_text, on_sheet
from normviz.workbook.book.cells import Book, Page, Rule, Value
from normviz.workbook.book.formula import parse, references
from normviz.workbook.book.layout import Regions
from normviz.workbook.book.styles import (
    BACKWARD as BACKWARD_FILL,
)
from normviz.workbook.book.styles import (
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
from normviz.workbook.draw.panels import Caption, Formula, Paint, by_set, evenly
from normviz.workbook.draw.sections import Frame, Piece, StepPage
from normviz.workbook.exercise import marks as marking
from normviz.workbook.exercise.asked import (
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

STUDENT, KEY, ANSWERS = "student", "key", "answers"
GIVEN = NUMBER.but(number="General")
SETTING = GIVEN.but(horizontal="left", bold=True)
ANSWER = INPUT_NUMBER.but(number=NUMBER_FORMAT)
HIDDEN = ANSWER.but(unlocked=False)
MARK = Style(size=8.5, horizontal="center", edge="FFFFFF", fill=PAPER)


@dataclass(frozen=True)
class Asked:
    """A step that is asked: its cells are those of `placed[step.name]`."""

    step: Step
    points: int
    done: str
    """Its points where it is all right, else 0, as a formula."""


class ExerciseSheet:
    """Draws one of the three sheets of a norm.

    `others` are the sets of other norms, by title: over those a student may average by mistake.
    With `locked` the sheet can be changed in its yellow cells only.
    """

    def __init__(
        self,
        book: Book,
        trace: Trace,
        kind: str,
        part: str = ALL,
        others: Mapping[str, StatisticsSets] | None = None,
        locked: bool = False,
    ) -> None:
        self.trace, self.kind, self.part = trace, kind, part
        words = trace.norm
        self.title, self.key_title = words.title, f"Key {words.title}"
        title = self.key_title if kind == KEY else self.title
        self.page: Page = begin(book, title, f"{words.title}: your turn")
        self.page.hidden = kind == KEY
        self.page.protected = locked
        self.page.answers = True
        self.frame = frame = Frame(trace.sets)
        self.steps = StepPage(self.page, frame, FIRST_ROW)
        explain(self.page, f"{words.sentence} {_TASK}", self.steps.last_column)
        wanted = asked_steps(trace, part)
        eps, count, momentum = self._settings()
        self.chain = ExerciseChain(
            set_of=frame.set_of,
            parameter_of=frame.parameter_of,
            set_areas=frame.sets.areas,
            parameter_areas=frame.parameters.areas,
            eps=eps,
            count=count,
            placed=self.steps.placed,  # type: ignore[arg-type]
            momentum=momentum,
            others={name: self._over(sets) for name, sets in (others or {}).items()},
        )
        masks = {step.name: 1000 * at + 137 for at, step in enumerate(wanted, start=1)}
        self.key = KeyChain(
            **vars(self.chain), masks=masks, title="" if kind == KEY else self.key_title
        )
        self.asked: list[Asked] = []
        self.typed: set[tuple[int, int]] = set()
        """Row and column of every cell to fill in, as far as the sheet is drawn."""

    def build(self) -> ExerciseSheet:
        """Draw the sheet."""
        self.steps.section("Given")
        self._give_all()
        forward, backward = forward_steps(self.trace), backward_steps(self.trace)
        if self.part == BACKWARD:
            self.steps.section("Forward, done for you", note="from x to the output y")
            self.steps.draw([self._shown(step) for step in forward if step.name not in BUFFERS])
        else:
            self.steps.section("Forward", note="from x to the output y")
            for step in forward:
                self._ask(step)
        if self.part != FORWARD:
            self.steps.section("Backward", BACKWARD_FILL, note="from dy = ∂L/∂y to dx = ∂L/∂x")
            for step in backward:
                self._ask(step)
        if self.kind != KEY:
            self._score()
        return self

    @property
    def sets(self) -> str:
        """Which sets there are, in a sentence."""
        return self.trace.norm.sentence

    @property
    def total(self) -> int:
        """The points of all steps."""
        return sum(asked.points for asked in self.asked)

    @property
    def right(self) -> int:
        """How many points there are as the file is made."""
        return self.total if self.kind == ANSWERS else 0

    def _over(self, sets: StatisticsSets) -> list[list[tuple[int, int, int, int]]]:
        """For every set of this norm, where another norm's set of its first element lies."""
        labels = sets.labels()
        areas = Regions(self.frame.layout, labels).areas
        first = [self.frame.set_of.index(k) for k in range(1, self.trace.sets.count + 1)]
        return [areas[labels.ravel()[at] - 1] for at in first]

    def _settings(self) -> list[str]:
        """The cells of eps, m and momentum in the head; the key's follow the student's."""
        found, column = [], 3
        # Only a step that is asked needs the momentum.
        buffers = {step.name for step in asked_steps(self.trace, self.part)} & set(BUFFERS)
        momentum = self.trace.arguments.get("momentum") if buffers else None
        settings = (self.trace.eps, self.trace.sets.size, momentum)
        for label, value in zip(("ε =", "m =", "momentum ="), settings, strict=True):
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
        self._give([x, (*dy, "element")] if self.part != FORWARD else [x])
        given = []
        for name, symbol in (("weight", "γ"), ("bias", "β")):
            value = trace.arguments.get(name)
            if value is not None:
                given.append((name, Caption(f"{name}  {symbol}"), value, "parameter"))
        for name in BUFFERS:
            value = trace.arguments.get(name)
            if value is not None and self.part != BACKWARD:
                caption = Caption(f"{name}  before this batch")
                given.append((name + BEFORE, caption, value, "parameter"))
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

    def _shown(self, step: Step) -> Piece:
        """A step that is done for the student."""
        caption = Caption(f"{step.name}  {step.symbol}", step.formula)
        paint = self._paint(step.kind, NUMBER)
        formula = self._formula(step.name)
        return Piece(step.name, caption, values(step), step.kind, formula, paint, alone=True)

    def _ask(self, step: Step) -> None:
        """A step to be filled in, with its marks and a hint beside."""
        top, steps = self.steps.row, self.steps
        caption = Caption(f"{step.name}  {step.symbol}", step.formula, "", step.sentence)
        shown: list[Value] = [*values(step)]
        formula = self._formula(step.name)
        if self.kind == STUDENT:
            shown, formula = [None] * len(shown), None
        asked = Piece(step.name, caption, shown, step.kind, formula, evenly(ANSWER), alone=True)
        if self.kind == KEY:
            mask = self.key.masks[step.name]
            disguised = [value + mask for value in values(step)]
            steps.draw([replace(asked, values=disguised, paint=evenly(HIDDEN))])
            return
        name = f"marks {step.name}"

        def mark(index: int) -> str:
            if index == 0:  # the step's own cells are placed by now
                self._note_typed(step.name, len(shown))
            return marking.Marker(self.chain, self.key, self.typed).formula(step.name, index)

        said: Value = marking.RIGHT if self.kind == ANSWERS else ""
        marks = Piece(
            name, Caption("marks"), [said] * len(shown), step.kind, mark, evenly(MARK), alone=True
        )
        steps.draw([asked, marks])
        self._judge(step, len(shown), top)

    def _judge(self, step: Step, count: int, top: int) -> None:
        """The colors of a step's marks, its hint, and its points."""
        area = self.steps.placed[f"marks {step.name}"].area
        slips = [mistake for mistake, _ in mistakes(self.chain, step.name)]
        marking.color(self.page, self.steps.placed[step.name], area, [s.mark for s in slips])
        worth = points(step.name)
        done = f"IF({marking.all_right(area, count)},{worth},0)"
        self.asked.append(Asked(step, worth, done))
        advice = marking.ADVICE.get(step.name, step.sentence)
        live = marking.hint(area, count, advice, slips)
        says = marking.ALL_RIGHT if self.kind == ANSWERS else advice
        left, right = self.steps.left(1) - 1, self.steps.last_column
        self.page.span((top + 1, left, top + 2, right), says, PROSE, live)

    def _note_typed(self, step: str, count: int) -> None:
        for index in range(count):
            cell = next(references(parse(self.chain.at(step, index))))
            self.typed.add(cell.area[:2])

    def _formula(self, name: str) -> Formula:
        rule = RULES[name]
        if self.kind == KEY and name in self.key.masks:
            return lambda index: f"{rule(self.key, index)}+{self.key.masks[name]}"
        return lambda index: rule(self.chain, index)

    def _paint(self, per: str, style: Style) -> Paint:
        if per == "element":
            return by_set(style, self.steps.frame.set_of)
        return evenly(style.filled(PAPER))

    def _score(self) -> None:
        """How many points there are, in the head of the sheet."""
        page = self.page
        _, column = field(page, self.score_column, 11, "points:", LABEL_RIGHT)
        live = "+".join(asked.done for asked in self.asked)
        where, last = field(page, column, 7, self.right, SETTING, live)
        field(page, last, 14, f"of {self.total}", LABEL_RIGHT.but(horizontal="left"))
        area = (LINK_ROW, column, LINK_ROW, last - 1)
        page.rules.append(Rule(area, f"{fixed_text(where)}={self.total}", GOOD, GOOD_INK))
        self.score = on_sheet(self.title, fixed_text(where))


_TASK = (
    "Type a formula or a number into every yellow cell: it turns green when it is right (two "
    "decimals are enough), amber when a usual mistake explains it, red otherwise. Marks and a "
    "hint stand beside."
)
