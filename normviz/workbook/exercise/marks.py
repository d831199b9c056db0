"""How an exercise marks itself: right, almost (with the reason), or wrong, and a hint.

A mark compares what the student typed with a key that is computed from the inputs on a hidden
sheet, so it stays just when the inputs change. Two slips are known by their result: the unbiased
variance where the biased one is due (or the reverse), and ε added outside of the root.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from normviz.workbook.book.address import (
    Area,
    address,
    area_text,
    on_sheet,
)
from normviz.workbook.book.cells import Page, Rule
from normviz.workbook.book.styles import (
    BAD,
    BAD_INK,
    GOOD,
    GOOD_INK,
    WARN,
    WARN_INK,
)
from normviz.workbook.formulas.steps import Chain, Placed

RIGHT, BY_COUNT, BY_EPS, WRONG = "right", "n / n-1?", "eps?", "wrong"
ALL_RIGHT = "All right."
TOLERANCE = 5e-4
"""Relative to the value, and never less than this: three decimals typed by hand are enough."""

COLORS = {
    RIGHT: (GOOD, GOOD_INK),
    BY_COUNT: (WARN, WARN_INK),
    BY_EPS: (WARN, WARN_INK),
    WRONG: (BAD, BAD_INK),
}


@dataclass
class Elsewhere:
    """A step that stands at the same place of another sheet; formulas name that sheet."""

    body: Placed
    title: str
    top: int = field(init=False)
    left: int = field(init=False)

    def __post_init__(self) -> None:
        self.top, self.left = self.body.top, self.body.left

    def at(self, index: int) -> str:
        """The address of one value, with its sheet."""
        return on_sheet(self.title, self.body.at(index))


class Marker:
    """Writes the formula of a mark; `key` is the chain of the hidden sheet."""

    def __init__(self, key: Chain, momentum: str) -> None:
        self.key, self.momentum = key, momentum

    def formula(self, step: str, typed: str, index: int) -> str:
        """The mark of one typed cell: empty while nothing is typed."""
        tests = [(RIGHT, self.key.at(step, index)), *self.slips(step, index)]
        marks = "".join(
            f'IF(ABS({typed}-({value}))<={TOLERANCE!r}*MAX(1,ABS({value})),"{mark}",'
            for mark, value in tests
        )
        judged = f'{marks}"{WRONG}"{")" * len(tests)}'
        empty = f'IF({typed}="","","{WRONG}")'
        return f'IFERROR(IF(COUNT({typed})=0,{empty},{judged}),"{WRONG}")'

    def slips(self, step: str, index: int) -> list[tuple[str, str]]:
        """What a known slip would give here, by its mark."""
        key, count = self.key, self.key.count
        if step == "running_var":
            biased = key.at("variance", index)
            return [(BY_COUNT, running(key, self.momentum, index, biased))]
        if step == key.power == "variance":
            return [(BY_COUNT, unbiased(key.at("variance", index), count))]
        if step == key.spread:
            return list(self._spreads(key.at(key.power, index)))
        if step in ("normalized", "output"):
            base = key.at(key.base, index)
            return [
                (mark, self._scaled(step, f"{base}/({spread})", index))
                for mark, spread in self._spreads(key.own(key.power, index))
            ]
        return []

    def _spreads(self, power: str) -> list[tuple[str, str]]:
        """σ with ε outside of the root, and σ from the unbiased variance."""
        found = [(BY_EPS, f"SQRT({power})+{self.key.eps}")]
        if self.key.power == "variance":
            wrong = unbiased(power, self.key.count)
            found.append((BY_COUNT, f"SQRT({wrong}+{self.key.eps})"))
            found.append((BY_EPS, f"SQRT({wrong})+{self.key.eps}"))
        return found

    def _scaled(self, step: str, normalized: str, index: int) -> str:
        if step == "normalized":
            return normalized
        scaled = f"{self.key.parameter('weight', index)}*{normalized}"
        if "bias" in self.key.placed:
            scaled += f"+{self.key.parameter('bias', index)}"
        return scaled


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
    "running_var": "First make the variance unbiased: times n / (n - 1). Then mix it in.",
    "grad_bias": "SUM of dy over all cells that share this bias.",
    "grad_weight": "SUMPRODUCT of dy and x̂ over all cells that share this weight.",
    "grad_normalized": "dy times the weight of its element.",
    "grad_variance": "-SUMPRODUCT(dx̂, centered) / (2 * std^3), over one color.",
    "grad_mean_square": "-SUMPRODUCT(dx̂, x) / (2 * rms^3), over one color.",
    "grad_mean": "-SUM(dx̂) / std, over one color.",
    "grad_input": "One term for each path of the formula, each with the values of its own color.",
}
"""How to begin a step in a sheet, by its name."""


def unbiased(variance: str, count: str) -> str:
    """The unbiased variance from the biased one."""
    return f"{variance}*{count}/({count}-1)"


def running(chain: Chain, momentum: str, index: int, variance: str) -> str:
    """What becomes of a running variance."""
    old = chain.at("running_before", index)
    return f"(1-{momentum})*{old}+{momentum}*{variance}"


def color(page: Page, typed: Placed, area: Area) -> None:
    """Both the typed cells and their marks wear the color of the mark; `area` is the marks'."""
    first = address(area[0], area[1])
    moved = (area[0], typed.left, area[2], typed.left + area[3] - area[1])
    for mark, (fill, ink) in COLORS.items():
        for painted in (area, moved):
            page.rules.append(Rule(painted, f'{first}="{mark}"', fill, ink))


def all_right(area: Area, count: int) -> str:
    """1 if every cell of a step is right, else 0."""
    return f'IF(COUNTIF({area_text(area)},"{RIGHT}")={count},1,0)'


def hint(step: str, area: Area, count: int, advice: str) -> str:
    """What stands beside a step: the reason of the first slip, or how to begin."""
    marks = area_text(area)
    slip = (
        "This is the biased variance: running_var takes the unbiased one, divided by n - 1."
        if step == "running_var"
        else "This is the unbiased variance, divided by n - 1: normalizing takes the biased one, "
        "divided by n."
    )
    outside = "ε stands outside of the root here: it is added to the variance, under the root."
    return (
        f'IF({all_right(area, count)}=1,"{ALL_RIGHT}",'
        f'IF(COUNTIF({marks},"{BY_COUNT}")>0,"{slip}",'
        f'IF(COUNTIF({marks},"{BY_EPS}")>0,"{outside}",'
        f'IF(COUNTIF({marks},"{WRONG}")>0,"Not yet. {advice}","{advice}"))))'
    )
