"""What a normalization divides by: the root of its variance, wherever a layer has its ε and m − 1.

torch's layers have √(σ² + ε) with σ² = Σ u² / m. Others add ε to the root, take the larger of root
and ε, or divide the sum of squares by m − 1. All else is the same.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.reference import steps
from normviz.reference.steps import StepText

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Spread:
    """How r is made of the squares of a set.

    ``eps_where``: √(σ² + ε) "inside", σ + ε "outside", max(σ, ε) "max"; ``divisor``: "m" or
    "m - 1" for the variance.

    >>> Spread("outside").of(np.array([4.0]), 0.5)
    array([2.5])
    """

    eps_where: str = "inside"
    divisor: str = "m"

    @property
    def is_usual(self) -> bool:
        """Whether it is that of torch's layers."""
        return self == Spread()

    def divides_by(self, size: int) -> int:
        """What the sum of squares of a set is divided by."""
        return size - 1 if self.divisor == "m - 1" else size

    def of(self, variance: Array, eps: Any) -> Array:
        """r, from the variance (or the mean square)."""
        if self.eps_where == "inside":
            return np.asarray(np.sqrt(variance + eps))
        root = np.sqrt(variance)
        return np.asarray(root + eps if self.eps_where == "outside" else np.maximum(root, eps))

    def back(self, products: Array, variance: Array, spread: Array, eps: Any) -> Array:
        """The gradient of the variance, from Σ dx̂ · u: times dr / dσ², and −1 / r²."""
        if self.eps_where == "inside":
            # Not ** 3: NumPy's power has other last digits on other processors.
            return np.asarray(products * -0.5 / (spread * spread * spread))
        root = np.sqrt(variance)
        found = products * -0.5 / (spread**2 * root)
        return np.asarray(np.where(root > eps, found, 0.0) if self.eps_where == "max" else found)

    def worded(self, text: StepText) -> StepText:
        """A step's words as this spread has them."""
        if self.is_usual:
            return text
        changed = _OF_EPS.get((self.eps_where, text.name), {})
        text = replace(text, **changed)
        if self.divisor == "m":
            return text
        text = replace(text, **_OF_DIVISOR.get(text.formula, {}))
        # The unbiased variance has a sign of its own.
        signs = {n: getattr(text, n).replace("σ", "s") for n in ("symbol", "formula", "sentence")}
        return replace(text, **signs)


def _power_gradient(sign: str, base: str, u: str, root: str, spread: str) -> dict[str, str]:
    products = f"(grad_normalized * {base}).sum(axis={{axes}}, keepdims=True)"
    return {
        "formula": f"d{sign} = Σ dx̂ · {u} · (−1/2) · r⁻² / {root}",
        "numpy": f"{products} * -0.5 / ({spread}**2 * np.sqrt({_POWER[spread]}))",
    }


_POWER = {"std": "variance", "rms": "mean_square"}
_OUTSIDE = "The root of it, to which ε is added: a constant set divides by ε, not by 0."
_MAX = "The root of it, or ε where that is larger: nothing is divided by 0."
_OF_VARIANCE = _power_gradient("σ²", "centered", "u", "σ", "std")
_OF_MEAN_SQUARE = _power_gradient("v", "X", "x", "√v", "rms")


def _where_larger(of: dict[str, str], power: str) -> dict[str, str]:
    root = "σ" if power == "variance" else "√v"
    numpy = f"np.where(np.sqrt({power}) > eps, {of['numpy']}, 0.0)"
    return {"formula": f"{of['formula']}, 0 where {root} ≤ ε", "numpy": numpy}


_OF_EPS: dict[tuple[str, str], dict[str, Any]] = {
    ("outside", "std"): {
        "formula": "r = σ + ε",
        "numpy": "np.sqrt(variance) + eps",
        "sentence": _OUTSIDE,
    },
    ("outside", "rms"): {
        "formula": "r = √v + ε",
        "numpy": "np.sqrt(mean_square) + eps",
        "sentence": _OUTSIDE,
    },
    ("max", "std"): {
        "formula": "r = max(σ, ε)",
        "numpy": "np.maximum(np.sqrt(variance), eps)",
        "sentence": _MAX,
    },
    ("max", "rms"): {
        "formula": "r = max(√v, ε)",
        "numpy": "np.maximum(np.sqrt(mean_square), eps)",
        "sentence": _MAX,
    },
    ("outside", "grad_variance"): _OF_VARIANCE,
    ("outside", "grad_mean_square"): _OF_MEAN_SQUARE,
    ("max", "grad_variance"): _where_larger(_OF_VARIANCE, "variance"),
    ("max", "grad_mean_square"): _where_larger(_OF_MEAN_SQUARE, "mean_square"),
}

_SUM = "squared.sum(axis={axes}, keepdims=True) / ({n} - 1)"
_OF_DIVISOR: dict[str, dict[str, Any]] = {
    steps.VARIANCE.formula: {
        "formula": "σ² = Σ u² / (m − 1)",
        "numpy": _SUM,
        "sentence": "The squared distances, added up and divided by m − 1: the unbiased variance, "
        "by which this layer normalizes.",
    },
    steps.MEAN_SQUARE.formula: {
        "formula": "v = Σ x² / (m − 1)",
        "numpy": _SUM,
        "sentence": "The squares, added up and divided by m − 1.",
    },
    steps.GRAD_INPUT.formula: {
        "formula": "dx = dx̂ / r + dσ² · 2u / (m − 1) + dμ / m",
        "numpy": "grad_normalized / std + grad_variance * 2 * centered / ({n} - 1) "
        "+ grad_mean / {n}",
    },
    steps.RMS_GRAD_INPUT.formula: {
        "formula": "dx = dx̂ / r + dv · 2x / (m − 1)",
        "numpy": "grad_normalized / rms + grad_mean_square * 2 * X / ({n} - 1)",
    },
}
"""By the formula that torch's layers have."""
