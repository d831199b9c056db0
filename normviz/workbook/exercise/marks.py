"""How an exercise marks itself: right, almost (with the reason), or wrong, and a hint.

A mark compares what the student typed with the key, which is computed from the inputs on a hidden
sheet, then with what follows from the student's own earlier cells, then with the usual mistakes.
These marks are for learning; `normviz.grading` computes its own and never reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

from normviz.workbook.book.address import Area, address, area_text
from normviz.workbook.book.cells import Page, Rule
from normviz.workbook.book.formula import parse, references
from normviz.workbook.book.styles import (
    BAD,
    BAD_INK,
    GOOD,
    GOOD_INK,
    WARN,
    WARN_INK,
)
from normviz.workbook.exercise.chain import RULES, ExerciseChain, KeyChain
from normviz.workbook.exercise.mistakes import Mistake, mistakes
from normviz.workbook.formulas.steps import Placed

RIGHT, ROUNDED, FOLLOWS, WRONG = "right", "≈ right", "follows", "wrong"
COUNTED = (RIGHT, ROUNDED, FOLLOWS)
"""The marks with which a step gets its points."""

EXACT = 5e-4
"""Relative to the value, and never less than this."""

DECIMALS = 2


def half_unit(decimals: int) -> float:
    """How far a number rounded to some decimals may lie from the right one, and a hair more.

    >>> half_unit(2)
    0.0051
    """
    return round(0.51 * 10.0**-decimals, decimals + 4)


NEAR = half_unit(DECIMALS)


class Marker:
    """Writes the formula of a mark; `own` is the chain of the student's cells.

    `typed` has row and column of every cell that the student fills in.
    """

    def __init__(self, own: ExerciseChain, key: KeyChain, typed: Set[tuple[int, int]]) -> None:
        self.own, self.key, self.typed = own, key, typed

    def formula(self, step: str, index: int) -> str:
        """The mark of one typed cell: empty while nothing is typed."""
        typed, right = self.own.at(step, index), self.key.at(step, index)
        tests = [
            (RIGHT, f"ABS({typed}-{right})<={EXACT!r}*MAX(1,ABS({right}))"),
            (ROUNDED, f"ABS({typed}-{right})<={NEAR!r}"),
        ]
        follows = self._follows(step, index, typed)
        tests += [(FOLLOWS, follows)] if follows else []
        tests += [
            (mistake.mark, _near(typed, wrong(self.key, index, right)))
            for mistake, wrong in mistakes(self.key, step)
        ]
        marks = "".join(f'IF({test},"{mark}",' for mark, test in tests)
        judged = f'{marks}"{WRONG}"{")" * len(tests)}'
        empty = f'IF({typed}="","","{WRONG}")'
        return f'IFERROR(IF(COUNT({typed})=0,{empty},{judged}),"{WRONG}")'

    def _follows(self, step: str, index: int, typed: str) -> str:
        """Whether it is right by the student's own earlier cells, all of which are filled in."""
        rule = RULES[step](self.own, index)
        read = [reference.area for reference in references(parse(rule))]
        counts = {area_text(area): self._asked_in(area) for area in read}
        earlier = {area: count for area, count in counts.items() if count}
        if not earlier:
            return ""
        filled = f"COUNT({','.join(earlier)})={sum(earlier.values())}"
        return f"IF({filled},{_near(typed, rule)},FALSE)"

    def _asked_in(self, area: Area) -> int:
        rows, columns = range(area[0], area[2] + 1), range(area[1], area[3] + 1)
        return sum((row, column) in self.typed for row in rows for column in columns)


def _near(typed: str, value: str) -> str:
    return f"IFERROR(ABS({typed}-({value}))<={NEAR!r},FALSE)"


ADVICE = {
    "mean": "AVERAGE over the cells of x that have one color.",
    "centered": "Each x minus the mean of its own color.",
    "squared": "The square of each number of the step before: ^2.",
    "variance": "AVERAGE of the squares over one color; VARP of x gives the same.",
    "mean_square": "AVERAGE of the squares over one color.",
    "std": "SQRT(variance + ε), with ε under the root.",
    "rms": "SQRT(mean square + ε), with ε under the root.",
    "normalized": "Divide each element by the root (std or rms) of its own color.",
    "output": "The weight of the element times its x̂, plus its bias where there is one.",
    "running_mean": "Mix the mean in: (1 − momentum) of the old, momentum of the new.",
    "running_var": "First make the variance unbiased: times m / (m − 1). Then mix it in.",
    "grad_bias": "SUM of dy over all cells that share this bias.",
    "grad_weight": "SUMPRODUCT of dy and x̂ over all cells that share this weight.",
    "grad_normalized": "dy times the weight of its element.",
    "grad_variance": "-SUMPRODUCT(dx̂, centered) / (2 * std^3), over one color.",
    "grad_mean_square": "-SUMPRODUCT(dx̂, x) / (2 * rms^3), over one color.",
    "grad_mean": "-SUM(dx̂) / std, over one color.",
    "grad_input": "One term for each path of the formula, each with the values of its own color.",
}
"""How to begin a step in a sheet, by its name."""


def color(page: Page, typed: Placed, area: Area, slips: Iterable[str]) -> None:
    """Both the typed cells and their marks wear the color of the mark; `area` is the marks'."""
    first = address(area[0], area[1])
    moved = (area[0], typed.left, area[2], typed.left + area[3] - area[1])
    looks = dict.fromkeys(COUNTED, (GOOD, GOOD_INK)) | {WRONG: (BAD, BAD_INK)}
    looks |= dict.fromkeys(slips, (WARN, WARN_INK))
    for mark, (fill, ink) in looks.items():
        for painted in (area, moved):
            page.rules.append(Rule(painted, f'{first}="{mark}"', fill, ink))


def all_right(area: Area, count: int) -> str:
    """Whether every cell of a step counts as right."""
    marks = area_text(area)
    counts = [f'COUNTIF({marks},"{mark}")' for mark in COUNTED]
    return f"{'+'.join(counts)}={count}"


ALL_RIGHT = "All right."
_TWO_DECIMALS = "Right, to two decimals."
_FOLLOWS = "Right from your own earlier numbers; one of those is not right yet."


def hint(area: Area, count: int, advice: str, slips: Sequence[Mistake]) -> str:
    """What stands beside a step: how right it is, the reason of the first slip, or how to begin."""
    marks = area_text(area)

    def seen(mark: str) -> str:
        return f'COUNTIF({marks},"{mark}")>0'

    right = f'IF({seen(FOLLOWS)},"{_FOLLOWS}",IF({seen(ROUNDED)},"{_TWO_DECIMALS}","{ALL_RIGHT}"))'
    hints = {slip.mark: slip.hint for slip in reversed(slips)}  # the first of one mark says it
    told = f'IF({seen(WRONG)},"Not yet. {advice}","{advice}")'
    most = ",".join(f'COUNTIF({marks},"{mark}")' for mark in hints)
    for mark, words in hints.items():
        seen_most = f'AND({seen(mark)},COUNTIF({marks},"{mark}")=MAX({most}))'
        told = f'IF({seen_most},"{words}",{told})'
    return f"IF({all_right(area, count)},{right},{told})"
