"""Sums over statistics sets and over the elements that share a parameter, in float64.

Whatever the dtype of x, a sum is no longer than ``_RUN`` elements before float64 takes over.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.partition import StatisticsSets
from normviz.reference.core import working_dtype

Array = npt.NDArray[Any]
Axes = tuple[int, ...]
Slices = tuple[slice, ...]

_RUN = 4096
"""The longest run of elements summed in x's own dtype before float64 takes over."""

SHORT = 64
"""Rows so short that a call of BLAS for each takes longer than its sum: one call for all."""

_ONES = {np.dtype(t): np.ones(_RUN, t) for t in (np.float32, np.float64)}


def total(a: Array, b: Array | None, axes: Axes, scratch: Array | None = None) -> Array:
    """The sum of ``a * b`` (of ``a`` where b is None) over ``axes``, kept with length 1.

    Runs along the last axis are summed by BLAS in a's dtype, the rest in float64. Without axes it
    is the elementwise product itself. ``scratch``, where given, is room for the products.
    """
    if not axes:
        return a if b is None else np.multiply(a, b, out=scratch)
    last = a.ndim - 1
    if axes[-1] != last or a.shape[last] < 8:
        product = a if b is None else np.multiply(a, b, out=scratch)
        return np.add.reduce(product, axis=axes, dtype=np.float64, keepdims=True)
    partial = _run_sums(a, b, scratch)[..., None]
    return partial if len(axes) == 1 else np.add.reduce(partial, axis=axes[:-1], keepdims=True)


def _run_sums(a: Array, b: Array | None, scratch: Array | None) -> Array:
    """Sums along the last axis, in float64 from one run of ``_RUN`` elements to the next."""
    length = a.shape[-1]
    ones = _ONES[a.dtype][: min(length, _RUN)]
    if length <= SHORT and a.ndim == 2 and a.flags.c_contiguous:
        products = a if b is None else np.multiply(a, b, out=scratch)
        return np.asarray(np.dot(products, ones), np.float64)
    b = ones if b is None else b
    if length <= _RUN:
        return np.asarray(np.vecdot(a, b), np.float64)
    whole = length - length % _RUN
    runs = a[..., :whole].reshape(*a.shape[:-1], -1, _RUN)
    others = b if b.shape[-1] == _RUN else b[..., :whole].reshape(*b.shape[:-1], -1, _RUN)
    sums = np.add.reduce(np.vecdot(runs, others), axis=-1, dtype=np.float64)
    rest = b[: length - whole] if b.shape[-1] == _RUN else b[..., whole:]
    return np.asarray(sums + np.vecdot(a[..., whole:], rest), np.float64)


class ParameterSums:
    """The sums that the parameters' gradients are made of, gathered block by block.

    Of the gradient (for the bias) and of gradient * centered (for the weight), over the elements
    that share a set and a parameter; the gradients of the statistics are made of the same sums.
    """

    def __init__(self, sets: StatisticsSets, weight: Array | None, bias: Array | None) -> None:
        self.sets, self.weight, self.bias = sets, weight, bias
        # The elements that share a set and a parameter; without parameters, a whole set.
        with_parameters = weight is not None or bias is not None
        self.inner = sets.shared_by_both if with_parameters else sets.axes
        # One sum per set and parameter, added up at the end. Where no two elements share both, they
        # would be as many as x has elements, so there the sets are added up at once.
        self.at_once = not self.inner
        # Sets that are rows, with a parameter for each column: sums as large as a whole row.
        self.rows = self.at_once and sets.are_rows
        shape = sets.parameter_view if self.at_once else sets.sum_shape
        self.sums = {
            name: np.zeros(shape, working_dtype(parameter.dtype) if self.rows else np.float64)
            for name, parameter in (("weight", weight), ("bias", bias))
            if parameter is not None
        }

    def add(
        self, grad: Array, centered: Array, inv_std: Array, at: Slices, scratch: Array | None
    ) -> tuple[Array, Array]:
        """Take in a block; its sums of grad and of grad * centered (which may lie in scratch)."""
        weighed = total(grad, centered, self.inner, scratch)
        plain = total(grad, None, self.inner)
        if "bias" in self.sums:
            self._keep("bias", plain, None, at)
        if "weight" in self.sums:
            self._keep("weight", weighed, inv_std, at)
        return plain, weighed

    def _keep(self, name: str, value: Array, factor: Array | None, at: Slices) -> None:
        """Keep ``value * factor``, one factor per set."""
        if not self.at_once:
            self.sums[name][at] = value if factor is None else value * factor
            return
        there = of_parameter(self.sums[name], at, self.sets)
        if self.rows:
            # The factors weigh the rows, a matrix product adds them.
            # (dot, because matmul is ten times as slow for a single row.)
            factors = np.ones((len(value), 1)) if factor is None else factor
            there += np.dot(factors.T.astype(value.dtype), value)
            return
        weighed = value if factor is None else value * factor.astype(value.dtype)
        there += np.add.reduce(
            weighed, axis=self.sets.kept_by_both, dtype=np.float64, keepdims=True
        )

    def of_weight(self) -> Array | None:
        """The gradient of the weight, in its own shape and dtype."""
        return self._gradient("weight", self.weight)

    def of_bias(self) -> Array | None:
        """The gradient of the bias, in its own shape and dtype."""
        return self._gradient("bias", self.bias)

    def _gradient(self, name: str, parameter: Array | None) -> Array | None:
        if parameter is None:
            return None
        total_ = self.sums[name]
        if not self.at_once:
            total_ = np.add.reduce(total_, axis=self.sets.kept_by_both)
        return total_.reshape(parameter.shape).astype(parameter.dtype)


def of_parameter(parameter: Any, at: Slices, sets: StatisticsSets) -> Any:
    """The part of weight or bias, as it lies beside the view, that a block of the view has."""
    if parameter is None or at is sets.everywhere:
        return parameter
    return parameter[tuple(s if a in sets.affine_axes else slice(None) for a, s in enumerate(at))]
