"""What the sheet Numerics is about: one variance computed in three ways, in three precisions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from normviz.reference.functional import batch_norm
from normviz.reference.trace import Trace, trace

Array = npt.NDArray[Any]

OFFSETS = tuple(10.0**power for power in range(10))
SCALES = (1.0, 0.1, 0.01, 0.001, 0.0)
EPSILONS = (1e-12, 1e-5, 1e-3)
COUNT = 4


class ThreeWays(NamedTuple):
    """The steps of three ways to a variance; each is a list of numbers of one dtype."""

    x: Array
    sums: list[Any]
    square_sums: list[Any]
    one_pass: Any
    two_pass: Any
    means: list[Any]
    distances: list[Any]
    welford: Any


def three_ways(values: Array, offset: float, dtype: Any) -> ThreeWays:
    """Variance as E[x²] − E[x]², in two passes, and by Welford's updates, all in one dtype.

    Welford, "Note on a method for calculating corrected sums of squares and products", 1962.
    """
    kind = np.dtype(dtype).type
    with np.errstate(all="ignore"):
        x = (kind(offset) + values.astype(dtype)).astype(dtype)
        count = kind(len(x))
        sums, square_sums = [kind(0)], [kind(0)]
        means, distances = [kind(0)], [kind(0)]
        for k, value in enumerate(x, start=1):
            sums.append(sums[-1] + value)
            square_sums.append(square_sums[-1] + value * value)
            step = value - means[-1]
            means.append(means[-1] + step / kind(k))
            distances.append(distances[-1] + step * (value - means[-1]))
        mean = sums[-1] / count
        one_pass = square_sums[-1] / count - mean * mean
        rest = kind(0)
        for value in x:
            rest = rest + (value - mean) * (value - mean)
        return ThreeWays(
            x,
            sums[1:],
            square_sums[1:],
            one_pass,
            rest / count,
            means[1:],
            distances[1:],
            distances[-1] / count,
        )


def shown(number: Any) -> float | str:
    """A number for a cell, or the word for what is none."""
    if math.isnan(number):
        return "NaN"
    return "overflow" if math.isinf(number) else float(number)


@dataclass
class NumericsCase:
    """The input cells of the sheet; the defaults are what ships."""

    values: Array = field(default_factory=lambda: np.array([4.0, 7.0, 13.0, 16.0]))
    offset: float = 1e8
    eps: float = 1e-5
    single: float = 5.0
    weight: float = 2.0
    bias: float = 1.0

    @property
    def ways(self) -> ThreeWays:
        """The three ways at the chosen offset, in float64."""
        return three_ways(self.values, self.offset, np.float64)

    @property
    def variance(self) -> float:
        """The variance without an offset, from the reference."""
        return float(trace("batch_norm", self.values.reshape(-1, 1))["variance"][0])

    def scaled(self, scale: float, eps: float) -> tuple[float, float]:
        """Variance of the scaled values, and of what normalization makes of them."""
        x = (scale * (self.values - self.values.mean())).reshape(-1, 1)
        made = trace("batch_norm", x, eps=eps)
        again = trace("batch_norm", np.asarray(made["normalized"]))
        return float(made["variance"][0]), float(again["variance"][0])

    @property
    def alone(self) -> Trace:
        """One value by itself: layer_norm does the arithmetic that batch_norm refuses."""
        weight, bias = (np.array([v]) for v in (self.weight, self.bias))
        made = trace(
            "layer_norm",
            np.array([[self.single]]),
            normalized_shape=(1,),
            weight=weight,
            bias=bias,
            eps=self.eps,
        )
        return made.backward(np.array([[1.0]]))


def refusal() -> str:
    """The sentence with which batch_norm refuses one value per channel."""
    try:
        batch_norm(np.array([[5.0]]), training=True)
    except ValueError as error:
        return str(error)
    raise AssertionError("batch_norm took one value per channel")
