"""The arithmetic of :mod:`normviz.reference.core` as it runs: fast, and sparing with memory.

A set is complete in itself, so the work goes block by block: as many whole sets at a time as stay
in the processor's cache, each step of a block in one NumPy call that, where it can, overwrites the
block of the result. What counts is how often the elements are gone through, so that is kept low.
That is why this one implementation, written to be read, also keeps up with compiled layers.

The variance takes two passes (first the mean, then the squared distances from it), never
E[x^2] - E[x]^2, which loses every digit for data far from zero (Chan, Golub & LeVeque, "Algorithms
for Computing the Sample Variance", 1983). Sums add up in float64, whatever the dtype of x.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.partition import StatisticsSets
from normviz.reference import core
from normviz.reference.core import Gradients, Moments, working_dtype

Array = npt.NDArray[Any]
Axes = tuple[int, ...]
Slices = tuple[slice, ...]

BLOCK_BYTES = 1_700_000
"""Bytes of x in one block: a few such arrays stay in the cache, and NumPy's calls are few.

A tensor up to twice as large is not cut at all: the calls for a second block would take longer.
"""

_RUN = 4096
"""The longest run of elements summed in x's own dtype before float64 takes over."""

_ONES = {np.dtype(t): np.ones(_RUN, t) for t in (np.float32, np.float64)}


@contextmanager
def quiet_and_unbuffered() -> Iterator[None]:
    """NaN and infinity pass through without warnings, as in torch, and broadcasting stays fast.

    NumPy copies a broadcast operand through its ufunc buffer when the inner loop is shorter than
    the buffer (8192 elements), which more than doubles the time of ``x - mean`` on a feature map;
    with a small buffer it does not.
    """
    with np.errstate(all="ignore"):
        previous = np.setbufsize(512)
        try:
            yield
        finally:
            np.setbufsize(previous)


def blocks(sets: StatisticsSets, itemsize: int) -> Iterator[Slices]:
    """Slices that cut the view into blocks of whole sets, each at most ``BLOCK_BYTES`` large.

    (Or of a single set, where that alone is larger; or all of a view at most twice as large.)
    """
    whole = math.prod(sets.view) * itemsize
    limit = whole if whole <= 2 * BLOCK_BYTES else BLOCK_BYTES
    room = max(1, limit // max(1, sets.size * itemsize))
    yield from _cut(sets, sets.kept, room, [slice(None)] * len(sets.view))


def _cut(sets: StatisticsSets, kept: Axes, room: int, at: list[slice]) -> Iterator[Slices]:
    """Slice the first kept axis evenly; where one of its indices is too much, also the next."""
    axis, inner = kept[0], kept[1:]
    per_index = math.prod(sets.view[a] for a in inner)
    length = sets.view[axis]
    pieces = math.ceil(length / max(1, room // max(1, per_index)))
    step = math.ceil(length / max(1, pieces))
    for start in range(0, length, max(1, step)):
        at[axis] = slice(start, start + step)
        if per_index > room and inner:
            yield from _cut(sets, inner, room, at)
        else:
            yield tuple(at)


def total(a: Array, b: Array | None, axes: Axes, scratch: Array | None = None) -> Array:
    """The sum of ``a * b`` (of ``a`` where b is None) over ``axes``, kept with length 1.

    Runs along the last axis are summed by BLAS in a's dtype, the rest in float64. Without axes it
    is the elementwise product itself, in ``scratch`` where given.
    """
    if not axes:
        return a if b is None else np.multiply(a, b, out=scratch)
    last = a.ndim - 1
    if axes[-1] != last or a.shape[last] < 8:
        product = a if b is None else a * b
        return np.add.reduce(product, axis=axes, dtype=np.float64, keepdims=True)
    partial = _run_sums(a, b)[..., None]
    return partial if len(axes) == 1 else np.add.reduce(partial, axis=axes[:-1], keepdims=True)


def _run_sums(a: Array, b: Array | None) -> Array:
    """Sums along the last axis, in float64 from one run of ``_RUN`` elements to the next."""
    length = a.shape[-1]
    if b is None:
        b = _ONES[a.dtype][: min(length, _RUN)]
    if length <= _RUN:
        return np.asarray(np.vecdot(a, b), np.float64)
    whole = length - length % _RUN
    runs = a[..., :whole].reshape(*a.shape[:-1], -1, _RUN)
    others = b if b.shape[-1] == _RUN else b[..., :whole].reshape(*b.shape[:-1], -1, _RUN)
    sums = np.add.reduce(np.vecdot(runs, others), axis=-1, dtype=np.float64)
    rest = b[: length - whole] if b.shape[-1] == _RUN else b[..., whole:]
    return np.asarray(sums + np.vecdot(a[..., whole:], rest), np.float64)


def center(x: Array, sets: StatisticsSets, out: Array) -> Moments:
    """Write ``x - mean`` of every set into ``out`` and return the sets' moments.

    x and out are blocks of whole sets in the form of ``sets.view``. For an op that takes the mean
    as zero (rms_norm) out is left alone, and the variance is the mean square.
    """
    axes, size = sets.axes, max(1, sets.size)
    if not sets.centered:
        return Moments(np.zeros(()), total(x, x, axes) / size)
    mean = total(x, None, axes) / size
    np.subtract(x, mean.astype(out.dtype), out=out)
    var = total(out, out, axes) / size
    far = mean * mean > 16.0 * var
    if far.any():
        # Far from zero the rounding of the mean itself shows: measure what is left, take it away.
        rest = np.where(far, total(out, None, axes) / size, 0.0)
        out -= rest.astype(out.dtype)
        mean = np.where(far, mean.astype(out.dtype) + rest, mean)
        var = total(out, out, axes) / size
    return Moments(mean, var)


def moments(x: Array, sets: StatisticsSets) -> Moments:
    """Mean and biased variance of every set of x, which has the form of ``sets.view``."""
    with quiet_and_unbuffered():
        return center(x, sets, np.empty(x.shape, x.dtype))


def normalize(
    x: Array,
    sets: StatisticsSets,
    weight: Array | None,
    bias: Array | None,
    eps: float,
    given: Moments | None = None,
) -> tuple[Array, Moments]:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` and the moments of all sets.

    With ``given`` moments (evaluation) those are used instead of x's own.
    """
    dtype = working_dtype(x.dtype)
    output = np.empty(x.shape, x.dtype)
    x_view, output_view = x.reshape(sets.view), output.reshape(sets.view)
    gamma, beta = _beside_sets(weight, sets), _beside_sets(bias, sets)
    moments = given or _empty_moments(sets)
    with quiet_and_unbuffered():
        for at in blocks(sets, dtype.itemsize):
            block = x_view[at].astype(dtype, copy=False)
            out = output_view[at].astype(dtype, copy=False)
            centered = _center(block, sets, out, at, moments, own=given is None)
            inv_std = core.inverse_std(moments.var[at], eps)
            there = _of_parameter(at, sets)
            _scale_into(centered, inv_std, None if gamma is None else gamma[there], sets, out)
            if beta is not None:
                out += beta[there]
            if out.dtype != x.dtype:
                output_view[at] = out
    return output, moments


def differentiate(
    grad_output: Array,
    x: Array,
    sets: StatisticsSets,
    weight: Array | None,
    bias: Array | None,
    eps: float,
    given: Moments | None = None,
) -> Gradients:
    """The gradients of ``sum(grad_output * output)`` for x, weight and bias.

    With dnormalized = grad_output * weight, the gradient of x is (Ioffe & Szegedy, 2015, sec. 3,
    written in closed form)

        (dnormalized - mean(dnormalized) - normalized * mean(dnormalized * normalized)) / std

    over every set: the two subtracted terms are what flows back through mean and variance. An op
    that takes the mean as zero lacks the first, given moments (constants) lack both.

    A block of the result holds x - mean first and turns into the gradient in place. A weight that
    is the same for all of a set stands outside the bracket, beside 1 / std.
    """
    dtype = working_dtype(x.dtype)
    grad_input = np.empty(x.shape, x.dtype)
    views = [a.reshape(sets.view) for a in (grad_output, x, grad_input)]
    gamma = _beside_sets(weight, sets)
    weight_inside = gamma is not None and not set(sets.affine_axes) <= set(sets.kept)
    moments = given or _empty_moments(sets)
    sums = ParameterSums(sets, weight, bias)
    scratch = _empty_block(sets, dtype) if weight_inside else None
    with quiet_and_unbuffered():
        for at in blocks(sets, dtype.itemsize):
            grad, block, out = (view[at].astype(dtype, copy=False) for view in views)
            products = None if scratch is None else scratch[tuple(map(slice, block.shape))]
            centered = _center(block, sets, out, at, moments, own=given is None)
            inv_std = core.inverse_std(moments.var[at], eps)
            plain, weighed = sums.add(grad, centered, inv_std, at, products)
            outside, inside = inv_std, None if gamma is None else gamma[_of_parameter(at, sets)]
            if inside is not None and not weight_inside:
                outside, inside = inv_std * inside, None
            if sums.inner != sets.axes:  # one sum a parameter: add them up to one a set
                plain, weighed = (total(part, inside, sets.axes) for part in (plain, weighed))
            offset, slope = plain / sets.size, weighed / sets.size * inv_std**2
            grad_normalized = grad if inside is None else np.multiply(grad, inside, out=products)
            if given is None:
                # What flows back through the variance, then through the mean of each set.
                np.multiply(centered, slope.astype(dtype), out=out)
                np.subtract(grad_normalized, out, out=out)
                if sets.centered:
                    out -= offset.astype(dtype)
                out *= outside.astype(dtype)
            else:
                np.multiply(grad_normalized, outside.astype(dtype), out=out)
            if out.dtype != x.dtype:
                views[2][at] = out
    return Gradients(grad_input, sums.of_weight(), sums.of_bias())


class ParameterSums:
    """The sums that the parameters' gradients are made of, gathered block by block.

    Of the gradient (for the bias) and of gradient * centered (for the weight), over the elements
    that share a set and a parameter; the gradients of the statistics are made of the same sums.
    """

    def __init__(self, sets: StatisticsSets, weight: Array | None, bias: Array | None) -> None:
        self.sets, self.weight, self.bias = sets, weight, bias
        # The elements that share a set and a parameter; without parameters, a whole set.
        with_parameters = weight is not None or bias is not None
        shared = sets.affine_axes if with_parameters else ()
        self.inner = tuple(a for a in sets.axes if a not in shared)
        self.outer = tuple(a for a in sets.kept if a not in sets.affine_axes)
        # One sum per set and parameter, added up at the end. Where no two elements share both, they
        # would be as many as x has elements, so there the sets are added up at once.
        self.at_once = not self.inner
        # Sets that are rows, with a parameter for each column: sums as large as a whole row.
        self.rows = self.at_once and self.outer == (0,) and len(sets.view) == 2
        shape = sets.parameter_view if self.at_once else _beside_shape(sets)
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
        there = self.sums[name][_of_parameter(at, self.sets)]
        if self.rows:
            # The factors weigh the rows, a matrix product adds them.
            # (dot, because matmul is ten times as slow for a single row.)
            factors = np.ones((len(value), 1)) if factor is None else factor
            there += np.dot(factors.T.astype(value.dtype), value)
            return
        weighed = value if factor is None else value * factor.astype(value.dtype)
        there += np.add.reduce(weighed, axis=self.outer, dtype=np.float64, keepdims=True)

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
            total_ = np.add.reduce(total_, axis=self.outer)
        return total_.reshape(parameter.shape).astype(parameter.dtype)


def _center(
    block: Array, sets: StatisticsSets, out: Array, at: Slices, moments: Moments, own: bool
) -> Array:
    """``block - mean``, with its own mean (kept in ``moments``) or the one already there."""
    if own:
        moments.mean[at], moments.var[at] = center(block, sets, out)
    elif sets.centered:
        np.subtract(block, moments.mean[at].astype(out.dtype), out=out)
    return out if sets.centered else block


def _scale_into(
    x: Array, inv_std: Array, gamma: Array | None, sets: StatisticsSets, out: Array
) -> None:
    """``out = x * inv_std * gamma``, in one pass where many elements share both factors."""
    if gamma is not None and sets.shared_by_both:
        np.multiply(x, (inv_std * gamma).astype(out.dtype), out=out)
        return
    np.multiply(x, inv_std.astype(out.dtype), out=out)
    if gamma is not None:
        out *= gamma


def _empty_moments(sets: StatisticsSets) -> Moments:
    return Moments(np.zeros(sets.broadcast_shape), np.zeros(sets.broadcast_shape))


def _empty_block(sets: StatisticsSets, dtype: np.dtype[Any]) -> Array:
    """An array as large as the largest block, which is the first."""
    at = next(blocks(sets, dtype.itemsize), (slice(0),) * len(sets.view))
    return np.empty([len(range(n)[s]) for n, s in zip(sets.view, at, strict=True)], dtype)


def _beside_shape(sets: StatisticsSets) -> tuple[int, ...]:
    """The view's shape with 1 where elements share both a set and a parameter."""
    kept = sets.kept
    return tuple(n if a in kept or a in sets.affine_axes else 1 for a, n in enumerate(sets.view))


def _beside_sets(parameter: Array | None, sets: StatisticsSets) -> Array | None:
    """weight or bias in a form that broadcasts against the view."""
    if parameter is None:
        return None
    return parameter.reshape(sets.parameter_view).astype(working_dtype(parameter.dtype), copy=False)


def _of_parameter(at: Slices, sets: StatisticsSets) -> Slices:
    """Where in weight or bias, as :func:`_beside_sets` gives them, a block of the view is."""
    return tuple(s if a in sets.affine_axes else slice(None) for a, s in enumerate(at))
