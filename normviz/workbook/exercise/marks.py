"""How an exercise marks itself: right, almost (with the reason), or wrong, and a hint.

A mark compares what the student typed with the key, which is computed from the inputs on a hidden
sheet, then with what follows from the student's own earlier cells, then with the usual mistakes.
These marks are for learning; `normviz.grading` computes its own and never reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from normviz.workbook.book.address import Area, area_text
from normviz.workbook.book.formula import parse, references
from normviz.workbook.book.styles import (
    BAD,
    BAD_INK,
    GOOD,
    GOOD_INK,
    WARN,
    WARN_INK,
)
from normviz.workbook.draw.content import Mark
from normviz.workbook.exercise.chain import RULES, ExerciseChain, KeyChain
from normviz.workbook.exercise.mistakes import Mistake, mistakes

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


Known = dict[tuple[str, int], str]
"""The formulas of marks, by step and index."""


class Marker:
    """Writes the formulas of marks; `own` is the chain of the student's cells.

    `known` are those written before, of a sheet on which everything stands at the same places.
    """

    def __init__(self, own: ExerciseChain, key: KeyChain, known: Known) -> None:
        self.own, self.key, self.known = own, key, known
        self.typed: set[tuple[int, int]] = set()
        """Row and column of the cells that the student fills in, as far as they have marks."""

    def formula(self, step: str, index: int) -> str:
        """The mark of one typed cell: empty while nothing is typed."""
        if (step, index) not in self.known:
            self.known[step, index] = self._formula(step, index)
        return self.known[step, index]

    def _formula(self, step: str, index: int) -> str:
        typed, right = self.own.at(step, index), self.key.at(step, index)
        tests = [
            (RIGHT, f"ABS({typed}-{right})<={EXACT!r}*MAX(1,ABS({right}))"),
            (ROUNDED, f"ABS({typed}-{right})<={NEAR!r}"),
        ]
        follows = self._follows(step, index, typed)
        self.typed.add(next(references(parse(typed))).area[:2])
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


def colors(first: str) -> tuple[Mark, ...]:
    """The colors of typed cells, and of their marks, of which `first` is the first.

    Amber is what is left: a mark that names a usual mistake.
    """
    counts = ",".join(f'{first}="{mark}"' for mark in COUNTED)
    good, bad = f"OR({counts})", f'{first}="{WRONG}"'
    return (
        Mark(good, GOOD, GOOD_INK),
        Mark(bad, BAD, BAD_INK),
        Mark(f'AND({first}<>"",NOT({good}),NOT({bad}))', WARN, WARN_INK),
    )


def all_right(marks: str, count: int) -> str:
    """Whether every cell of a step counts as right."""
    counts = [f'COUNTIF({marks},"{mark}")' for mark in COUNTED]
    return f"{'+'.join(counts)}={count}"


ALL_RIGHT = "All right."
_TWO_DECIMALS = "Right, to two decimals."
_FOLLOWS = "Right from your own earlier numbers; one of those is not right yet."


@dataclass(frozen=True)
class Hint:
    """What stands beside a step: how right it is, the reason of the first slip, or how to begin.

    `marks` is the area of its marks, `count` how many there are.
    """

    marks: str
    count: int
    advice: str
    slips: Sequence[Mistake]

    @property
    def texts(self) -> list[str]:
        """Everything that it can say."""
        told = [self._not_yet, _FOLLOWS, _TWO_DECIMALS, ALL_RIGHT]
        return told + [slip.hint for slip in self.slips]

    @property
    def formula(self) -> str:
        """The cell that says it."""
        rounded = f'IF({self._seen(ROUNDED)},"{_TWO_DECIMALS}","{ALL_RIGHT}")'
        right = f'IF({self._seen(FOLLOWS)},"{_FOLLOWS}",{rounded})'
        hints = {slip.mark: slip.hint for slip in reversed(self.slips)}  # the first of a mark
        told = f'IF({self._seen(WRONG)},"{self._not_yet}","{self.advice}")'
        most = ",".join(map(self._counted, hints))
        for mark, words in hints.items():
            seen_most = f"AND({self._seen(mark)},{self._counted(mark)}=MAX({most}))"
            told = f'IF({seen_most},"{words}",{told})'
        return f"IF({all_right(self.marks, self.count)},{right},{told})"

    @property
    def _not_yet(self) -> str:
        return f"Not yet. {self.advice}"

    def _counted(self, mark: str) -> str:
        return f'COUNTIF({self.marks},"{mark}")'

    def _seen(self, mark: str) -> str:
        return f"{self._counted(mark)}>0"
