"""One normalization on a page: its trace, where its steps stand, and how they are written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from normviz.norms.notation import REST, parse
from normviz.norms.partition import StatisticsSets
from normviz.norms.words import sets_in_words
from normviz.reference.steps import Step
from normviz.reference.trace import Trace
from normviz.workbook.book.cells import Book, Page
from normviz.workbook.book.styles import (
    BOLD,
    GENERAL,
    LABEL_RIGHT,
    NUMBER,
    PAPER,
    SET_COLORS,
    Style,
)
from normviz.workbook.draw import content
from normviz.workbook.draw.columns import of_tensor
from normviz.workbook.draw.content import Caption, Line
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.draw.tensor import Body, Frame, Paint, axes_of, by_set, evenly
from normviz.workbook.formulas.steps import FORMULAS, Chain
from normviz.workbook.sheets.subject.kinds import OF_IMAGES, VECTORS, kind_of


class NormPage:
    """The page of a trace, whose formulas read the sheet `inputs`.

    `frame` lays out the elements that are shown, all of them where none is given; `chain_type`
    says how sums over a set are written.
    """

    chain_type: type[Chain] = Chain
    scaled = False
    note = ""
    """What else the sheet says below its title."""

    gamma_of = ""
    """The end of the names of γ and β on the sheet of inputs."""

    def __init__(self, book: Book, trace: Trace, inputs: Sheet, frame: Frame | None = None) -> None:
        self.trace = trace
        self.words = trace.norm
        self.frame = frame or Frame(trace.sets)
        words = self.words
        self.sheet = Sheet(
            book,
            words.title,
            words.title,
            _idea(trace, self.note) + repeating(self.set_count),
            of_tensor(self.frame.layout),
            frame=self.frame,
            reads={"inputs": inputs},
            scaled=self.scaled,
        )
        sets, many = trace.sets, self.set_count
        count = f"elements in each of the {many:,} sets" if many > 1 else "elements in all"
        self.sheet.facts(
            Line("eps", "ε =", trace.eps, "{inputs.eps}"),
            Line("count", "m =", sets.size),
            Line("", "", count, look=LABEL_RIGHT.but(horizontal="left")),
        )
        self.chain = self.chain_type(
            set_of=self.frame.set_of,
            parameter_of=self.frame.parameter_of,
            set_areas=self.frame.sets.areas,
            parameter_areas=self.frame.parameters.areas,
            eps="{eps}",
            count="{count}",
            placed=self.sheet.placed,  # type: ignore[arg-type]
            made=trace.spread,
        )
        self._number = 0

    @property
    def set_count(self) -> int:
        """How many sets x has."""
        return self.trace.sets.count

    @property
    def page(self) -> Page:
        """The page in the book."""
        return self.sheet.page

    @property
    def placed(self) -> dict[str, Body]:
        """Where each step stands."""
        return self.sheet.placed  # type: ignore[return-value]

    def pick(self, per: str, values: Any) -> list[Any]:
        """The values that are shown, of those of all elements, sets or parameters."""
        flat: list[Any] = values.ravel().tolist()
        return flat

    def forward_steps(self) -> Sequence[Step]:
        """The steps from x to the output."""
        return self.trace.steps[: self._turn]

    def backward_steps(self) -> Sequence[Step]:
        """The steps from the upstream gradient on."""
        return self.trace.steps[self._turn :]

    @property
    def _turn(self) -> int:
        return next(at for at, s in enumerate(self.trace.steps) if s.is_given)

    def x(self) -> content.Step:
        """The input."""
        caption = Caption(
            "x", "colored by statistics set", self.trace.numpy_setup[0], symbol="the input"
        )
        return self.given("x", "x", caption, self.trace.x, "element")

    def forward(self) -> list[content.Step]:
        """The forward steps, with the parameters just before the output that needs them."""
        steps = self.forward_steps()
        made = [self.step(step) for step in steps[:-1]]
        for name, symbol, source in (("weight", "γ", "gamma"), ("bias", "β", "beta")):
            value = self.trace.arguments.get(name)
            if value is not None:
                caption = Caption(name, f"learned, of shape {value.shape}", symbol=symbol)
                made.append(self.given(name, source + self.gamma_of, caption, value, "parameter"))
        return [*made, self.step(steps[-1])]

    def given(
        self, name: str, source: str, caption: Caption, values: Any, per: str
    ) -> content.Step:
        """What stands on the sheet of inputs."""
        picked, live = self.pick(per, values), f"{{inputs.{source}}}"
        return content.Step(name, caption, picked, per, live, self.paint(per, GENERAL))

    def step(self, step: Step) -> content.Step:
        """A step of the trace, numbered."""
        number = ""
        if not step.is_given:
            self._number += 1
            number = str(self._number)
        caption = Caption(step.title, step.formula, step.numpy, step.sentence, step.symbol, number)
        if step.is_given:
            return self.given("grad_output", "grad_output", caption, step.value, "element")
        style = NUMBER if step.kind == "element" else BOLD
        values = self.pick(step.kind, step.value)
        formula, paint = self.formula(step.name), self.paint(step.kind, style)
        return content.Step(step.name, caption, values, step.kind, formula, paint)

    def formula(self, name: str) -> content.StepFormula:
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


def _idea(trace: Trace, note: str) -> str:
    """What a norm's sheet says below its title."""
    words, sets = trace.norm, trace.sets
    axes, kind = axes_of(sets), kind_of(sets)
    sentence, use, layer = kind.spoken(words.sentence), kind.spoken(words.use), words.torch_layer
    if not axes:
        layer = kind.layer(layer)
        if sets.parameter_shape not in (sets.shape[1:], sets.shape[1:2]):
            layer = layer.replace("(C, H, W)", str(sets.parameter_shape))
    else:
        sentence = _sentence(sets, axes)
        use = "" if re.search(OF_IMAGES, use) else use
        layer = layer.replace("(C, H, W)", str(sets.parameter_shape))
    paper = f" ({words.paper})" if words.paper else ""
    torch = f" In torch: {layer}." if layer else ""
    said = f"{sentence} {use}".strip()
    return f"{said}{paper}{note}{torch}"


def _sentence(sets: StatisticsSets, axes: tuple[str, ...]) -> str:
    """The sets in the words of tokens or rows, whatever the pattern calls what it does not name."""
    if axes == VECTORS.axes:
        said = sets_in_words(parse("n [d]"), sets.centered)
        return said.replace("each sample", "each vector along the last axis")
    names = []
    for factor in sets.factors:
        rest = factor.name == REST
        places = range(factor.dimension, factor.dimension + len(factor.lengths))
        names += [(axes[at] if rest else factor.name, factor.shared) for at in places]
    text = " ".join(f"[{name}]" if shared else name for name, shared in names)
    return sets_in_words(parse(text), sets.centered)


def repeating(count: int) -> str:
    """What a sheet says where there are more sets than colors."""
    most = len(SET_COLORS)
    return f" Colors repeat: the {count} sets share {most} colors." if count > most else ""
