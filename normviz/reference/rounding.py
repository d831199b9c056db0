"""How far rounding may carry a result of a layer: its tolerance, from the terms that cancel in it.

y is γ · (x − mean) / s + β. With a mean far from zero the difference is small where its terms are
large, and all that rounding did to them stays in it; dx is such a difference too, and vanishes in
sets of two. A result is therefore held to its terms, not to its own size (Higham, "Accuracy and
Stability of Numerical Algorithms", 2002, sections 1.7 to 1.9).
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.norm import Norm
from normviz.reference.call import default_eps
from normviz.reference.spread import Spread
from normviz.reference.trace import USUAL, Trace, trace_with

Array = npt.NDArray[Any]

UNIT = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
"""The machine epsilon of every dtype that a layer may have."""

ROUNDINGS = 32
"""So many machine epsilons of a term may be lost in it; in a sum the root of its length besides."""


def in_float64(
    norm: Norm, x: Array, grad_output: Array, arguments: dict[str, Any], spread: Spread = USUAL
) -> Trace:
    """A call with all its steps, forward and backward, in float64, whatever dtype it came in."""
    wide = {
        n: v.astype(np.float64) if isinstance(v, np.ndarray) else v for n, v in arguments.items()
    }
    if wide.get("eps", 0.0) is None:
        wide["eps"] = default_eps(x.dtype)
    made = trace_with(spread, norm, x.astype(np.float64), wide)
    return made.backward(grad_output.astype(np.float64))


@dataclass(frozen=True)
class Rounding:
    """The tolerance of every result of a layer of ``dtype`` beside a float64 ``trace`` of it.

    ``one_pass`` allows for a variance computed as E[x²] − mean², as some kernels do, which loses
    twice the digits of the mean of (x − mean)².
    """

    trace: Trace
    dtype: str
    one_pass: bool = False

    @cached_property
    def allowed(self) -> dict[str, Array]:
        """For output, grad_input, and what there is of grad_weight, grad_bias and the buffers."""
        with np.errstate(all="ignore"):
            return {"output": self._output()} | self._gradients() | self._buffers()

    @cached_property
    def terms(self) -> dict[str, Array]:
        """How large the terms of every number are that ``allowed`` is for.

        Those of its own set, with its own γ and β: what is large elsewhere does not count.
        """
        with np.errstate(all="ignore"):
            return self._terms() | self._moved(self._size, self._power)

    def size(self, name: str, expected: Array) -> Array:
        """What a difference is relative to: each number's own terms, at most the largest of all."""
        largest = np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected))
        # Not np.minimum: terms that are no number leave the largest.
        return np.asarray(np.fmin(largest, self.terms[name].reshape(expected.shape)))

    @property
    def in_words(self) -> str:
        """What makes a difference that is no larger than allowed."""
        with np.errstate(all="ignore"):
            offset = float(np.max(self._size / self._spread, initial=0.0))
        what = " of a variance that is E[x²] − mean²" if self.one_pass else ""
        if self.trace.sets.size == 2:
            what += " in sets of two, where terms cancel"
        elif offset <= 2.0 and not what:
            what = " of terms that cancel"
        at = f" at mean / spread = {offset:,.{0 if offset >= 10 else 1}f}" if offset > 2.0 else ""
        return f"{self.dtype} rounding{what}{',' if what and at else ''}{at}"

    @property
    def _loss(self) -> float:
        # Short dtypes are added up in float32.
        length = 0 if self.dtype.endswith("16") else self.trace.sets.size
        few = 4 if self.dtype.endswith("16") else ROUNDINGS
        return float(UNIT[self.dtype] * (few + math.sqrt(length)))

    def _view(self, name: str) -> Array:
        return np.abs(self.trace[name].reshape(self.trace.sets.view))

    def _of_set(self, name: str) -> Array:
        return np.abs(self.trace[name].reshape(self.trace.sets.broadcast_shape))

    def _mean(self, values: Array) -> Array:
        return np.asarray(values.mean(axis=self.trace.sets.axes, keepdims=True))

    def _parameter(self, value: Array | None, otherwise: float) -> Any:
        shape = self.trace.sets.parameter_view
        return otherwise if value is None else np.abs(value.reshape(shape))

    @cached_property
    def _size(self) -> Array:
        """What a set's mean is added up from: the mean of |x|, or the stored mean."""
        sets = self.trace.sets
        if not sets.centered:
            return np.zeros(sets.broadcast_shape)
        if not self.trace.training:
            return self._of_set("mean")
        return self._mean(np.abs(self.trace.x.reshape(sets.view)))

    @cached_property
    def _spread(self) -> Array:
        return self._of_set(self.trace.sets.spread)

    @cached_property
    def _power(self) -> Array:
        return self._of_set(self.trace.sets.power)

    @cached_property
    def _of_mean(self) -> Array:
        return self._loss * self._size

    @cached_property
    def _of_variance(self) -> Array:
        var = self._power
        if not self.trace.sets.centered or not self.trace.training:
            return self._loss * var
        if self.one_pass:
            return self._loss * self._mean(self.trace.x.reshape(self.trace.sets.view) ** 2)
        return np.asarray(self._loss * var + self._of_mean * (np.sqrt(var) + self._of_mean))

    @cached_property
    def _most(self) -> Array:
        """How many times larger 1 / spread becomes with the smallest variance rounding may leave.

        It may also become smaller, by less.
        """
        least = np.maximum(self._power - self._of_variance, 0.0)
        return np.asarray(self._spread / self.trace.spread.of(least, self.trace.eps))

    @cached_property
    def _of_spread(self) -> Array:
        """What is lost in 1 / spread, as a part of it."""
        most = self.trace.spread.of(self._power + self._of_variance, self.trace.eps)
        larger = self._spread / most
        return np.asarray(np.maximum(self._most - 1.0, 1.0 - larger) + self._loss)

    @cached_property
    def _of_hat(self) -> Array:
        """What is lost in x̂: in the distance from the mean, and in the spread."""
        distance = self._most * self._of_mean / self._spread
        return np.asarray(self._view("normalized") * self._of_spread + distance)

    def _output(self) -> Array:
        gamma = self._parameter(self.trace.weight, 1.0)
        beta = self._parameter(self.trace.bias, 0.0)
        lost = gamma * self._of_hat + self._loss * (gamma * self._view("normalized") + beta)
        return np.asarray(lost.reshape(self.trace.x.shape))

    def _terms(self) -> dict[str, Array]:
        trace, sets = self.trace, self.trace.sets
        dy, dxhat, hat = (
            self._view(name) for name in ("grad_output", "grad_normalized", "normalized")
        )
        gamma, beta = self._parameter(trace.weight, 1.0), self._parameter(trace.bias, 0.0)
        most_hat, most_dxhat = (v.max(axis=sets.axes, keepdims=True) for v in (hat, dxhat))
        found = {"output": gamma * most_hat + beta, "grad_input": most_dxhat / self._spread}
        found = {n: np.broadcast_to(v, sets.view).reshape(trace.x.shape) for n, v in found.items()}
        for name, parts in (("grad_weight", dy * hat), ("grad_bias", dy)):
            if name in trace:
                found[name] = parts.sum(axis=sets.other_axes).reshape(trace[name].shape)
        return found

    def _gradients(self) -> dict[str, Array]:
        trace, sets = self.trace, self.trace.sets
        dy, dxhat, hat = (
            self._view(name) for name in ("grad_output", "grad_normalized", "normalized")
        )
        terms = self._of_spread * dxhat
        if trace.training:
            product, product_lost = self._mean(dxhat * hat), self._mean(dxhat * self._of_hat)
            terms = terms + (self._of_spread * hat + self._of_hat) * product
            terms = terms + (hat + self._of_hat) * product_lost * self._most
            if sets.centered:
                terms = terms + self._of_spread * self._mean(dxhat)
        found = {"grad_input": (terms / self._spread).reshape(trace.x.shape)}
        of_weight = dy * (self._of_hat + self._loss * hat)
        for name, parts in (("grad_weight", of_weight), ("grad_bias", self._loss * dy)):
            if name in trace:
                found[name] = np.asarray(parts.sum(axis=sets.other_axes).reshape(trace[name].shape))
        return found

    def _buffers(self) -> dict[str, Array]:
        return self._moved(self._of_mean, self._of_variance, self._loss)

    def _moved(self, mean: Array, variance: Array, of_old: float = 1.0) -> dict[str, Array]:
        """The same of the running statistics after the step, from that of the sets' own."""
        trace, sets = self.trace, self.trace.sets
        if not trace.running_buffers():
            return {}
        unbiased = sets.size / max(sets.size - 1, 1)
        momentum = trace.arguments["momentum"]
        found = {}
        for name, of_set in (("running_mean", mean), ("running_var", unbiased * variance)):
            old = of_old * np.abs(trace.arguments[name])
            new = of_set.mean(axis=sets.other_axes).reshape(old.shape)
            found[name] = abs(1.0 - momentum) * old + abs(momentum) * new
        return found
