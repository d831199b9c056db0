"""Formulas over a set of which a sheet shows only a part: each sum goes on over the rest.

The rest stands in cells: constants on the sheet Inputs, and a few live cells made of them where a
statistic or γ that is shown takes part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from normviz.reference.trace import Trace
from normviz.workbook.formulas.steps import Chain

Array = npt.NDArray[Any]
Pairs = list[tuple[int, int]]
"""Of every pair of a set and a parameter that share elements, both (from 0)."""


@dataclass
class SliceChain(Chain):
    """A chain whose sums include the elements not shown.

    `rest` gives the cell of a constant on the sheet Inputs, or "" where there is none; `stored`
    says that stored statistics normalize.
    """

    rest: Callable[[str, int], str] = field(default=lambda name, index: "")
    sets_per_parameter: int = 1
    stored: bool = False
    variance_words: ClassVar[str] = "Σ x̂² / m less the square of the mean"

    def mean_over_set(self, step: str, index: int) -> str:
        """The mean of a step over one set, shown or not."""
        return f"{self.sum_over_set(step, index)}/{self.count}"

    def sum_over_set(self, step: str, index: int) -> str:
        """The sum of a step over one set, shown or not."""
        return f"(SUM({self.over_set(step, index)}){self._rest_of_sum(step, index)})"

    def product_over_set(self, step: str, other: str, index: int) -> str:
        """The sum of the products of two steps over one set, shown or not."""
        shown = super().product_over_set(step, other, index)
        rest = self.live("rest_grad_distance", index)
        if other == "normalized":
            rest += f"/{self.at(self.spread, index)}"
        return f"{shown}+{rest}"

    def squares_over_set(self, step: str, index: int) -> str:
        """The mean of the squares of x̂ over one set, shown or not."""
        rest = f"{self.live('rest_squared', index)}/{self.at(self.spread, index)}^2"
        return f"(SUMSQ({self.over_set(step, index)})+{rest})/{self.count}"

    def variance_over_set(self, step: str, index: int) -> str:
        """The biased variance of x̂ over one set, shown or not."""
        return f"{self.squares_over_set(step, index)}-({self.mean_over_set(step, index)})^2"

    def sum_over_parameter(self, step: str, index: int) -> str:
        """The sum of dy over the elements that share a parameter, shown or not."""
        return f"{super().sum_over_parameter(step, index)}+{self.live('rest_grad_bias', index)}"

    def product_over_parameter(self, step: str, other: str, index: int) -> str:
        """The sum of dy · x̂ over the elements that share a parameter, shown or not."""
        shown = super().product_over_parameter(step, other, index)
        return f"{shown}+{self.live('rest_grad_weight', index)}"

    def mean_over_sets(self, step: str, sets: list[int], parameter: int) -> str:
        """The mean of a statistic over the sets that share a parameter, shown or not."""
        name = "rest_means" if step == "mean" else "rest_variances"
        rest = self.rest(name, parameter)
        if not rest:
            return super().mean_over_sets(step, sets, parameter)
        cells = "+".join(self.at(step, k) for k in sets)
        return f"({cells}+{rest})/{self.sets_per_parameter}"

    def live(self, name: str, index: int) -> str:
        """A live cell of this sheet that stands for elements not shown."""
        return self.placed[name].at(index)

    def distance(self, set_index: int) -> str:
        """How far a set's mean lies from the mean of its elements not shown."""
        if "centered" not in self.placed:
            return ""
        return f"({self.at('mean', set_index)}-{self.rest('rest_mean', set_index)})"

    def _rest_of_sum(self, step: str, k: int) -> str:
        if step == "x":
            return f"+{self.rest('rest_sum', k)}"
        if step == "squared":
            return f"+{self.live('rest_squared', k)}"
        if step == "grad_normalized":
            return f"+{self.live('rest_grad_normalized', k)}"
        apart = f"({self.rest('rest_sum', k)}-{self.rest('rest_count', k)}*{self.at('mean', k)})"
        spread = self.at(self.spread, k)
        if step == "normalized":
            return f"+{apart}/{spread}"
        if step == "grad_input":
            straight = f"{self.live('rest_grad_normalized', k)}/{spread}"
            power = f"{self.at('grad_variance', k)}*2*{apart}/{self.divisor}"
            mean = f"{self.rest('rest_count', k)}*{self.at('grad_mean', k)}/{self.count}"
            return f"+{straight}+{power}+{mean}"
        raise ValueError(f"no rest is known for the sum of {step}")


@dataclass(frozen=True)
class RestSum:
    """A sum over the elements not shown, in a live cell for each set or parameter (``per``).

    ``terms`` says of what, {u} being x less its set's mean (for rms_norm, x); ``rule`` is the
    cell's formula and ``elements`` what is added up.
    """

    name: str
    per: str
    terms: str
    rule: Callable[[SliceChain, int, Pairs], str]
    elements: Callable[[Trace], Array]

    def hidden(self, trace: Trace, shown: Array) -> Array:
        """The sum for every set or parameter of what is traced, but for what the mask shows."""
        sets = trace.sets
        hidden = np.where(shown, 0.0, self.elements(trace)).reshape(sets.view)
        over = sets.axes if self.per == "set" else sets.other_axes
        return np.asarray(hidden.sum(axis=over)).ravel()


def _apart(trace: Trace) -> Array:
    return trace.get("centered", trace.x)


def _squared(c: SliceChain, k: int, pairs: Pairs) -> str:
    scatter, apart = c.rest("rest_scatter", k), c.distance(k)
    return f"{scatter}+{c.rest('rest_count', k)}*{apart}^2" if apart else scatter


def _grad_normalized(c: SliceChain, k: int, pairs: Pairs) -> str:
    return _with_outside(c, k, pairs, "rest_grad", "rest_outside")


def _grad_distance(c: SliceChain, k: int, pairs: Pairs) -> str:
    products = _with_outside(c, k, pairs, "rest_grad_product", "rest_outside_product")
    apart = c.distance(k)
    return f"{products}-{apart}*{c.live('rest_grad_normalized', k)}" if apart else products


def _with_outside(c: SliceChain, k: int, pairs: Pairs, of_pair: str, outside: str) -> str:
    """Sums of dy times the γ shown, and the sum of dx̂ where γ is not shown."""
    terms = []
    for at, (s, p) in enumerate(pairs):
        if s == k and c.rest(of_pair, at):
            gamma = f"{c.at('weight', p)}*" if "weight" in c.placed else ""
            terms.append(f"{gamma}{c.rest(of_pair, at)}")
    terms += [c.rest(outside, k)] if c.rest(outside, k) else []
    return "+".join(terms) or "0"


def _grad_bias(c: SliceChain, p: int, pairs: Pairs) -> str:
    terms = [c.rest("rest_grad", at) for at, (_, q) in enumerate(pairs) if q == p]
    return "+".join(term for term in [*terms, c.rest("rest_bias", p)] if term) or "0"


def _grad_weight(c: SliceChain, p: int, pairs: Pairs) -> str:
    terms = []
    for at, (k, q) in enumerate(pairs):
        if q == p and c.rest("rest_grad_product", at):
            product, apart = c.rest("rest_grad_product", at), c.distance(k)
            inner = f"({product}-{apart}*{c.rest('rest_grad', at)})" if apart else product
            terms.append(f"{inner}/{c.at(c.spread, k)}")
    foreign = c.rest("rest_weight", p)
    if foreign and c.stored:  # those sets have the stored statistics too, which may be typed over
        k = next(k for k, q in pairs if q == p)
        foreign = f"({foreign}-{c.at('mean', k)}*{c.rest('rest_bias', p)})/{c.at('std', k)}"
    return "+".join(term for term in [*terms, foreign] if term) or "0"


SQUARED = RestSum("rest_squared", "set", "{u}²", _squared, lambda t: _apart(t) ** 2)
GRAD_NORMALIZED = RestSum(
    "rest_grad_normalized", "set", "dx̂", _grad_normalized, lambda t: t["grad_normalized"]
)
GRAD_DISTANCE = RestSum(
    "rest_grad_distance",
    "set",
    "dx̂ · {u}",
    _grad_distance,
    lambda t: t["grad_normalized"] * _apart(t),
)
GRAD_BIAS = RestSum("rest_grad_bias", "parameter", "dy", _grad_bias, lambda t: t["grad_output"])
GRAD_WEIGHT = RestSum(
    "rest_grad_weight",
    "parameter",
    "dy · x̂",
    _grad_weight,
    lambda t: t["grad_output"] * t["normalized"],
)
