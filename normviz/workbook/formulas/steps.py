"""The formula of every step, written once for all normalizations.

A step's formula is said in terms of the step before and of the statistics set of the element, so
nothing here knows which axes a normalization reduces: a new one gets its formulas by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from normviz.reference.spread import Spread
from normviz.workbook.book.address import Area
from normviz.workbook.book.layout import areas_text


class Placed(Protocol):
    """A step that stands on a sheet: one cell for each of its values, counted from 0."""

    top: int
    left: int

    def at(self, index: int) -> str:
        """The address of one value."""
        ...


@dataclass
class Chain:
    """The steps placed so far, and which set and which parameter each element belongs to."""

    set_of: list[int]
    parameter_of: list[int]
    set_areas: list[list[Area]]
    parameter_areas: list[list[Area]]
    eps: str
    count: str
    placed: dict[str, Placed] = field(default_factory=dict)
    made: Spread = field(default_factory=Spread)
    variance_words: ClassVar[str] = "VARP, straight from x̂"

    @property
    def divisor(self) -> str:
        """What the squares of a set are divided by."""
        return self.count if self.made.divisor == "m" else f"({self.count}-1)"

    @property
    def base(self) -> str:
        """What is divided by the spread: x - mean, or x itself where the mean is taken as zero."""
        return "centered" if "centered" in self.placed else "x"

    @property
    def power(self) -> str:
        """The mean of the squares under its step's name."""
        return "variance" if "variance" in self.placed else "mean_square"

    @property
    def spread(self) -> str:
        """The root of it under its step's name."""
        return "std" if "std" in self.placed else "rms"

    def at(self, step: str, index: int) -> str:
        """The cell of a step at one element, set or parameter."""
        return self.placed[step].at(index)

    def own(self, step: str, element: int) -> str:
        """The cell of a statistic at the set of an element."""
        return self.at(step, self.set_of[element] - 1)

    def parameter(self, step: str, element: int) -> str:
        """The cell of an affine parameter at the parameter of an element."""
        return self.at(step, self.parameter_of[element] - 1)

    def areas(self, step: str, areas: list[Area]) -> list[str]:
        """Areas counted from the corner of a tensor, where a step stands."""
        grid = self.placed[step]
        return [areas_text([area], grid.top, grid.left) for area in areas]

    def over_set(self, step: str, index: int) -> str:
        """The areas of a step that cover one set, as arguments of a function."""
        return ",".join(self.areas(step, self.set_areas[index]))

    def mean_over_set(self, step: str, index: int) -> str:
        """The mean of a step over one set."""
        return self.mean_of(step, self.set_areas[index])

    def sum_over_set(self, step: str, index: int) -> str:
        """The sum of a step over one set."""
        return self.sum_of(step, self.set_areas[index])

    def product_over_set(self, step: str, other: str, index: int) -> str:
        """The sum of the products of two steps over one set."""
        return self.products_of(step, other, self.set_areas[index])

    def squares_over_set(self, step: str, index: int) -> str:
        """The mean of the squares of a step over one set."""
        return f"SUMSQ({self.over_set(step, index)})/{self.count}"

    def variance_over_set(self, step: str, index: int) -> str:
        """The biased variance of a step over one set."""
        return f"VARP({self.over_set(step, index)})"

    def sets_of_parameters(self) -> list[list[int]]:
        """For every parameter, the sets (from 0) that its elements are in."""
        pairs = sorted(set(zip(self.parameter_of, self.set_of, strict=True)))
        found: list[list[int]] = [[] for _ in range(pairs[-1][0])]
        for parameter, label in pairs:
            found[parameter - 1].append(label - 1)
        return found

    def mean_over_sets(self, step: str, sets: list[int], parameter: int) -> str:
        """The mean of a statistic over the sets that share a parameter."""
        cells = [self.at(step, k) for k in sets]
        return cells[0] if len(cells) == 1 else f"AVERAGE({','.join(cells)})"

    def sum_over_parameter(self, step: str, index: int) -> str:
        """The sum of a step over the elements that share a parameter."""
        return self.sum_of(step, self.parameter_areas[index])

    def product_over_parameter(self, step: str, other: str, index: int) -> str:
        """The sum of the products of two steps over the elements that share a parameter."""
        return self.products_of(step, other, self.parameter_areas[index])

    def mean_of(self, step: str, areas: list[Area]) -> str:
        """The mean of a step over some areas."""
        return f"AVERAGE({','.join(self.areas(step, areas))})"

    def sum_of(self, step: str, areas: list[Area]) -> str:
        """The sum of a step over some areas."""
        return f"SUM({','.join(self.areas(step, areas))})"

    def products_of(self, step: str, other: str, areas: list[Area]) -> str:
        """The sum of the products of two steps over some areas."""
        pairs = zip(self.areas(step, areas), self.areas(other, areas), strict=True)
        return "+".join(_product(first, second) for first, second in pairs)


def _product(first: str, second: str) -> str:
    return f"SUMPRODUCT({first},{second})" if ":" in first else f"{first}*{second}"


def mean(c: Chain, k: int) -> str:
    return c.mean_over_set("x", k)


def centered(c: Chain, i: int) -> str:
    return f"{c.at('x', i)}-{c.own('mean', i)}"


def squared(c: Chain, i: int) -> str:
    return f"{c.at(c.base, i)}^2"


def mean_of_squares(c: Chain, k: int) -> str:
    if c.made.divisor == "m":
        return c.mean_over_set("squared", k)
    return f"({c.sum_over_set('squared', k)})/{c.divisor}"


def spread(c: Chain, k: int) -> str:
    power = c.at(c.power, k)
    forms = {
        "inside": f"SQRT({power}+{c.eps})",
        "outside": f"SQRT({power})+{c.eps}",
        "max": f"MAX(SQRT({power}),{c.eps})",
    }
    return forms[c.made.eps_where]


def normalized(c: Chain, i: int) -> str:
    return f"{c.at(c.base, i)}/{c.own(c.spread, i)}"


def output(c: Chain, i: int) -> str:
    scaled = c.at("normalized", i)
    if "weight" in c.placed:
        scaled = f"{c.parameter('weight', i)}*{scaled}"
    return f"{scaled}+{c.parameter('bias', i)}" if "bias" in c.placed else scaled


def grad_bias(c: Chain, p: int) -> str:
    return c.sum_over_parameter("grad_output", p)


def grad_weight(c: Chain, p: int) -> str:
    return c.product_over_parameter("grad_output", "normalized", p)


def grad_normalized(c: Chain, i: int) -> str:
    if "weight" not in c.placed:
        return c.at("grad_output", i)
    return f"{c.at('grad_output', i)}*{c.parameter('weight', i)}"


def grad_mean_of_squares(c: Chain, k: int) -> str:
    products = c.product_over_set("grad_normalized", c.base, k)
    root = c.at(c.spread, k)
    if c.made.eps_where == "inside":
        return f"-({products})/(2*{root}^3)"
    own = f"SQRT({c.at(c.power, k)})"
    found = f"-({products})/(2*{root}^2*{own})"
    return f"IF({own}>{c.eps},{found},0)" if c.made.eps_where == "max" else found


def grad_mean(c: Chain, k: int) -> str:
    return f"-{c.sum_over_set('grad_normalized', k)}/{c.at('std', k)}"


def grad_input(c: Chain, i: int) -> str:
    power = f"grad_{c.power}"
    direct = f"{c.at('grad_normalized', i)}/{c.own(c.spread, i)}"
    through_power = f"{c.own(power, i)}*2*{c.at(c.base, i)}/{c.divisor}"
    through_mean = f"+{c.own('grad_mean', i)}/{c.count}" if "grad_mean" in c.placed else ""
    return f"{direct}+{through_power}{through_mean}"


FORMULAS: dict[str, Callable[[Chain, int], str]] = {
    "mean": mean,
    "centered": centered,
    "squared": squared,
    "variance": mean_of_squares,
    "mean_square": mean_of_squares,
    "std": spread,
    "rms": spread,
    "normalized": normalized,
    "output": output,
    "grad_bias": grad_bias,
    "grad_weight": grad_weight,
    "grad_normalized": grad_normalized,
    "grad_variance": grad_mean_of_squares,
    "grad_mean_square": grad_mean_of_squares,
    "grad_mean": grad_mean,
    "grad_input": grad_input,
}
"""Step name to the formula of one of its cells, without the leading '='."""
