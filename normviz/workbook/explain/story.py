"""Where the numbers of an explained layer come from, and what the layer itself made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.errors import visible
from normviz.reference.rounding import Rounding
from normviz.reference.trace import Trace

Array = npt.NDArray[Any]

LEAST = {"float64": 1e-9, "float32": 3e-6, "float16": 1e-2, "bfloat16": 5e-2}
"""So far from the steps may a layer's results be besides rounding, relative to its terms."""


@dataclass(frozen=True)
class Story:
    """Where the numbers come from, and what the layer itself made of them."""

    layer: str
    source: str
    dtype: str
    gradient: str
    parameters: str
    output: Array
    grad_input: Array
    identity: str = ""  # what the layer was found to be
    added_to_weight: tuple[float, str] | None = None  # γ = 1 + weight: the 1, and the name
    output_dtype: str = ""  # where y is in a shorter one than x
    axes: tuple[str, ...] = ()  # what x's axes are called, where the model's own input tells

    def __post_init__(self) -> None:
        for told in ("layer", "source", "gradient", "parameters", "identity"):
            object.__setattr__(self, told, visible(getattr(self, told)))

    def with_shape(self, shape: tuple[int, ...]) -> Story:
        """The same with the layer's results in another shape."""
        output, grad_input = (a.reshape(shape) for a in (self.output, self.grad_input))
        return replace(self, output=output, grad_input=grad_input)

    def own_results(self, trace: Trace) -> Iterator[OwnResult]:
        """The layer's y and dx, each with how far it may be from the step of that name."""
        for name, symbol, value, dtype in (
            ("output", "y", self.output, self.output_dtype or self.dtype),
            ("grad_input", "dx", self.grad_input, self.dtype),
        ):
            rounding = Rounding(trace, dtype if dtype in LEAST else "float32")
            step = trace[name]
            least = LEAST[rounding.dtype] * rounding.size(name, step)
            allowed = rounding.allowed[name] + least
            yield OwnResult(name, symbol, value.astype(np.float64), allowed, dtype)

    def agrees(self, trace: Trace) -> bool:
        """Whether the layer's own y and dx are those of the trace, as far as rounding allows."""
        return not any(own.departs(trace[own.name]).any() for own in self.own_results(trace))

    def distance(self, trace: Trace) -> float:
        """How far the layer's y is from that of the trace."""
        gap = self.output.astype(np.float64) - trace["output"]
        return float(np.sqrt(np.nansum(gap * gap)))


@dataclass(frozen=True)
class OwnResult:
    """What the layer itself made of x: y or dx, and the deviation allowed for each element."""

    name: str
    symbol: str
    value: Array
    allowed: Array
    dtype: str

    def departs(self, step: Array) -> npt.NDArray[np.bool_]:
        """Where it is farther from the step than rounding explains, or alone not finite."""
        with np.errstate(invalid="ignore"):
            near: npt.NDArray[np.bool_] = np.abs(self.value - step) <= self.allowed
        return ~(near | ~(np.isfinite(self.value) | np.isfinite(step)))
