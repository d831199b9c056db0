"""Equalities between normalizations that hold for any input, computed anew straight from x.

Which there are is not written down anywhere: every norm, cut into every number of parts, is
compared with the sets of every other one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from normviz.norms.norm import Norm
from normviz.reference.trace import Trace, trace
from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import BOLD, DIFFERENCE, NUMBER
from normviz.workbook.draw.columns import of_tensor
from normviz.workbook.draw.content import Banner, Caption, Item, Step
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.draw.tensor import Frame, by_set
from normviz.workbook.formulas.differences import distance, distance_of
from normviz.workbook.sheets.norm.page import NormPage
from normviz.workbook.sheets.subject.case import Case

TITLE = "Identities"
ROW = (
    TITLE,
    "Which norms are special cases of others: found by comparing the sets of all of them.",
    "Switch to Random: the differences stay zero.",
)


class Identity(NamedTuple):
    """A norm, cut into some number of parts, that has the sets of another one's sheet."""

    made: Trace
    parts: str
    twin: Trace

    @property
    def sentence(self) -> str:
        """What is equal: the norm with its parts, and the other one."""
        with_parts = f" with {self.parts}" if self.parts else ""
        return f"{self.made.norm.title}{with_parts} = {self.twin.norm.title}"


def identities(case: Case) -> list[Identity]:
    """Every identity between the norms of a workbook, by comparing their sets.

    At the right stands a norm that cuts no axis, so that nothing is said twice.

    >>> from normviz.workbook.sheets.subject.case import Settings
    >>> [identity.sentence for identity in identities(Case(Settings((2, 5, 8))))]
    ['RMSNorm per head with 1 head = RMSNorm']
    """
    found: list[Identity] = []
    drawn = [made for made in case.traces.values() if isinstance(made, Trace)]
    whole = [made for made in drawn if not _cut_axes(made.norm)]
    for norm in case.norms.values():
        for made, parts in _cut(norm, case):
            twins = [twin for twin in whole if twin.norm.name != norm.name and _alike(made, twin)]
            if not parts:  # neither is cut: said of the one that comes first
                told = {identity.made.norm.name for identity in found if not identity.parts}
                twins = [twin for twin in twins if twin.norm.name not in told]
            found += [Identity(made, parts, twin) for twin in twins]
    return found


def _cut(norm: Norm, case: Case) -> Iterator[tuple[Trace, str]]:
    """The traces of a norm for every number of parts of every axis that it cuts."""
    arguments = case.arguments(norm.name)
    lengths = {factor.name: factor.length for factor in norm.on(case.shape, arguments).factors}
    argument_of = {size.axis: size.argument for size in norm.sizes if size.divides}
    cut_axes = _cut_axes(norm)
    for names in cut_axes:
        axis = next(name for name in names if name in {**argument_of, **(norm.fixed or {})})
        whole = math.prod(lengths[name] for name in names)
        for number in (n for n in range(1, whole + 1) if whole % n == 0):
            cut, sizes = norm, arguments
            if axis in argument_of:
                sizes = arguments | {argument_of[axis]: number}
            else:
                cut = replace(norm, fixed={**(norm.fixed or {}), axis: number})
            word = norm.words[axis].one if number == 1 else norm.words[axis].many
            yield from _traced(cut, sizes, case, f"{number} {word}")
    if not cut_axes:
        yield from _traced(norm, arguments, case, "")


def _cut_axes(norm: Norm) -> list[list[str]]:
    """The factors of every axis that a norm cuts."""
    return [[axis.name for axis in axes] for axes in norm.pattern.dimensions if len(axes) > 1]


def _traced(
    norm: Norm, arguments: Mapping[str, object], case: Case, parts: str
) -> Iterator[tuple[Trace, str]]:
    try:
        made = trace(norm, case.x, eps=case.settings.eps, **arguments)
    except ValueError:  # refused: one value a set, or parts that another axis does not allow
        return
    yield made, parts


def _alike(one: Trace, other: Trace) -> bool:
    same = one.sets.count == other.sets.count and one.sets.centered == other.sets.centered
    return same and bool((one.sets.labels() == other.sets.labels()).all())


def build(
    book: Book, case: Case, inputs: Sheet, sheets: Mapping[str, NormPage]
) -> Mapping[str, str]:
    """The sheet, where there are identities; the difference cell of each by its sentence."""
    listed = identities(case)
    if not listed:
        return {}
    sheet = Sheet(
        book,
        TITLE,
        "Identities: norms that are special cases of others",
        "Equal is x̂ in training: γ and β may be of another shape, and what evaluation does too. "
        "The first x̂ is computed here, straight from x; the second, below it, is what the other "
        "sheet made in its steps. Their distance is live.",
        of_tensor(Frame(case.sets("batch_norm")).layout),
        reads={"inputs": inputs} | {op: made.sheet for op, made in sheets.items()},
    )
    for at, identity in enumerate(listed, start=1):
        sheet.draw(Banner(identity.sentence), *_identity(identity, at))
    return {
        identity.sentence: sheet.refer(f"difference_{at}")
        for at, identity in enumerate(listed, start=1)
    }


def _identity(identity: Identity, at: int) -> Sequence[Item]:
    """One identity: statistics and normalized values here, the other sheet's below them."""
    made, twin = identity.made, identity.twin
    frame = Frame(made.sets)
    of_set = by_set(BOLD, range(1, made.sets.count + 1))
    of_element = by_set(NUMBER, frame.set_of)
    statistics: tuple[tuple[str, str, str, str], ...]
    if made.sets.centered:
        statistics = (
            ("mean", "AVERAGE over the set", "μ", "AVERAGE({inputs.x})"),
            ("variance", "VARP over the set", "σ²", "VARP({inputs.x})"),
        )
        line, formula = "(x − μ) / √(σ² + ε)", "({inputs.x}-{mean})/SQRT({variance}+{inputs.eps})"
    else:
        mean_square = "SUMSQ({inputs.x})/COUNT({inputs.x})"
        statistics = (("mean_square", "SUMSQ / COUNT over the set", "v", mean_square),)
        line, formula = "x / √(v + ε)", "{inputs.x}/SQRT({mean_square}+{inputs.eps})"
    names = {"normalized": f"here_{at}"}
    for name, *_ in statistics:
        names[name] = f"{name}_{at}"
        formula = formula.replace(f"{{{name}}}", f"{{{names[name]}}}")
    return (
        *(
            Step(
                names[name],
                Caption(name.replace("_", " "), words, symbol=symbol),
                made[name],
                "set",
                live,
                of_set,
                frame,
            )
            for name, words, symbol, live in statistics
        ),
        Step(
            names["normalized"],
            Caption(f"x̂ of {made.norm.title}, here", line),
            made["normalized"],
            "element",
            formula,
            of_element,
            frame,
        ),
        Step(
            f"there_{at}",
            Caption(f"x̂ from the sheet {twin.norm.title}"),
            twin["normalized"],
            "element",
            f"{{{twin.norm.name}.normalized}}",
            of_element,
            frame,
        ),
        Step(
            f"difference_{at}",
            Caption("distance of the two", "√Σ (difference)²"),
            [distance_of(made["normalized"], twin["normalized"])],
            "single",
            distance(f"{{here_{at}[*]}}", f"{{there_{at}[*]}}"),
            DIFFERENCE,
            frame,
        ),
    )
