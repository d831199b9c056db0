"""Where the numbers of an explained layer come from, and what the layer itself made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.reference.trace import Trace

Array = npt.NDArray[Any]

TOLERANCE = {"float64": 1e-9, "float32": 3e-5, "float16": 1e-2, "bfloat16": 5e-2}
"""So far from the steps in float64 may a layer's own results be, relative to their terms."""


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
    notes: tuple[str, ...] = ()
    added_to_weight: tuple[float, str] | None = None  # γ = 1 + weight: the 1, and the name

    def with_shape(self, shape: tuple[int, ...]) -> Story:
        """The same with the layer's results in another shape."""
        output, grad_input = (a.reshape(shape) for a in (self.output, self.grad_input))
        return replace(self, output=output, grad_input=grad_input)

    def own_results(self, trace: Trace) -> Iterator[OwnResult]:
        """The layer's y and dx, each with how far it may be from the step of that name."""
        scale = _terms(trace)
        for name, symbol, value in (
            ("output", "y", self.output),
            ("grad_input", "dx", self.grad_input),
        ):
            allowed = TOLERANCE.get(self.dtype, TOLERANCE["float32"]) * scale[name]
            yield OwnResult(name, symbol, value.astype(np.float64), allowed, self.dtype)

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
        """Where it is farther from the step than rounding explains, or not a number."""
        with np.errstate(invalid="ignore"):
            near: npt.NDArray[np.bool_] = np.abs(self.value - step) <= self.allowed
        return ~near


def _terms(trace: Trace) -> dict[str, Array]:
    """How large the terms of y and dx are that rounding acts on, for every element.

    With a mean far from zero, or gradients that cancel, they are much larger than the result.
    """
    sets = trace.sets
    spread = trace["std" if "std" in trace else "rms"].reshape(sets.broadcast_shape)
    x = trace.x.reshape(sets.view)
    mean = trace["mean"].reshape(sets.broadcast_shape) if "mean" in trace else 0.0 * spread
    far = 1.0 + np.abs(mean) / spread
    gamma = 1.0 if trace.weight is None else np.abs(trace.weight.reshape(sets.parameter_view))
    beta = 0.0 if trace.bias is None else np.abs(trace.bias.reshape(sets.parameter_view))
    output = gamma * (np.abs(x) + np.abs(mean)) / spread + beta
    dxhat = np.abs(trace["grad_normalized"].reshape(sets.view))
    hat = np.abs(trace["normalized"].reshape(sets.view))
    means = [(a).mean(axis=sets.axes, keepdims=True) for a in (dxhat, dxhat * hat)]
    through = dxhat + (means[0] + hat * means[1] if trace.training else 0.0)
    return {
        "output": (output + 0.0 * x).reshape(trace.x.shape),
        "grad_input": (through * far / spread).reshape(trace.x.shape),
    }
