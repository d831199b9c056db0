"""The arithmetic of :mod:`normviz.reference.core` as it runs: fast, and sparing with memory.

A set is complete in itself, so the work goes block by block: as many whole sets at a time as stay
in the processor's cache, each step of a block in one NumPy call that, where it can, overwrites the
block of the result. What counts is how often the elements are gone through, so that is kept low.
That is why this one implementation, written to be read, also keeps up with compiled layers.

The variance takes two passes (first the mean, then the squared distances from it), never
E[x^2] - E[x]^2, which loses every digit for data far from zero (Chan, Golub & LeVeque, "Algorithms
for Computing the Sample Variance", 1983). Sums add up in float64 (:mod:`normviz.reference.sums`).
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from normviz.norms.partition import StatisticsSets
from normviz.reference import core
from normviz.reference.core import Gradients, Moments, working_dtype
from normviz.reference.sums import SHORT, Array, Axes, ParameterSums, Slices, of_parameter, total

BLOCK_BYTES = 1_700_000
"""Bytes of x in one block: a few such arrays stay in the cache, and NumPy's calls are few.

A tensor up to twice as large is not cut at all: the calls for a second block would take longer.
"""

BESIDE = 1.8
"""How large what is beside a block may be, in units of x: less than two, for what Python takes."""

SMALL_BYTES = 32_000
"""So few bytes beside a block that they do not count, but the time of every call does."""

_STATISTICS_BYTES = {"rows": 6 * 8, "columns": 8 * 8}
"""Bytes of what is worked out of one set, at once: numbers in float64."""


class _Quiet(np.errstate):
    """NaN and infinity pass through without warnings, as in torch, and broadcasting stays fast.

    NumPy copies a broadcast operand through its ufunc buffer when the inner loop is shorter than
    the buffer (8192 elements), which more than doubles the time of ``x - mean`` on a feature map;
    with a small buffer it does not. (The end of errstate puts the buffer back, too.)
    """

    def __enter__(self) -> None:
        super().__enter__()
        np.setbufsize(512)


def quiet_and_unbuffered() -> _Quiet:
    """Around the arithmetic of a call."""
    return _Quiet(all="ignore")


def blocks(sets: StatisticsSets, dtype: np.dtype[Any], backward: bool = False) -> Iterable[Slices]:
    """Slices that cut the view of an x into blocks of whole sets, at most ``BLOCK_BYTES`` each.

    (Or of a single set, where that alone is larger; or all of a view at most twice as large.)
    Sets with a parameter for each of their elements need products of a block's size beside it, and
    may be so small that their statistics are larger than themselves: their blocks are a quarter.
    Their blocks are also such that what is beside one is at most ``BESIDE`` times x.
    """
    itemsize = working_dtype(dtype).itemsize
    each, limit, uncut = sets.size * itemsize, BLOCK_BYTES, 2 * BLOCK_BYTES
    most = sets.count
    if sets.are_rows or sets.are_columns:
        # Products of the elements (BLAS adds up a long row without), and them in another dtype.
        copies = (backward or sets.size <= SHORT) if sets.are_rows else 1 + backward
        copies += (dtype.itemsize != itemsize) * (2 + backward)
        statistics = _STATISTICS_BYTES["rows" if sets.are_rows else "columns"]
        beside = max(SMALL_BYTES, BESIDE * sets.count * sets.size * dtype.itemsize)
        most = int(beside / (copies * each + statistics))
    if sets.are_columns:
        each += _STATISTICS_BYTES["rows"]
        limit = uncut = BLOCK_BYTES // 4
    if 0 < sets.count * each <= uncut and most >= sets.count:
        return (sets.everywhere,)
    room = max(1, min(most, limit // max(1, each)))
    return _cut(sets, sets.kept, room, [slice(None)] * len(sets.view))


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


def center(x: Array, sets: StatisticsSets, out: Array, scratch: Array | None = None) -> Moments:
    """Write ``x - mean`` of every set into ``out`` and return the sets' moments.

    x and out are blocks of whole sets in the form of ``sets.view``. For an op that takes the mean
    as zero (rms_norm) out is left alone, and the variance is the mean square. ``scratch``, where
    given, is room for their squares.
    """
    axes, size = sets.axes, max(1, sets.size)
    if not sets.centered:
        return Moments(np.zeros(()), total(x, x, axes, scratch) / size)
    mean = total(x, None, axes) / size
    np.subtract(x, mean.astype(out.dtype), out=out)
    var = total(out, out, axes, scratch) / size
    far = mean * mean > 16.0 * var
    if np.count_nonzero(far):  # any() takes ten times as long for a few
        # Far from zero the rounding of the mean itself shows: measure what is left, take it away.
        rest = np.where(far, total(out, None, axes) / size, 0.0)
        out -= rest.astype(out.dtype)
        mean = np.where(far, mean.astype(out.dtype) + rest, mean)
        var = total(out, out, axes, scratch) / size
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
    found: Moments | None = None,
) -> Array:
    """``(x - mean) / sqrt(var + eps) * weight + bias``.

    With ``given`` moments (evaluation) those are used instead of x's own; else x's own are written
    into ``found``, where that is given.
    """
    dtype = working_dtype(x.dtype)
    output = np.empty(x.shape, x.dtype)
    x_view, output_view = x.reshape(sets.view), output.reshape(sets.view)
    gamma, beta = _beside_sets(weight, sets), _beside_sets(bias, sets)
    with quiet_and_unbuffered():
        for at in blocks(sets, x.dtype):
            block = x_view[at].astype(dtype, copy=False)
            out = output_view[at].astype(dtype, copy=False)
            centered, var = _center(block, sets, out, at, given, found)
            inv_std = core.inverse_std(var, eps)
            _scale_into(centered, inv_std, of_parameter(gamma, at, sets), sets, out)
            if beta is not None:
                out += of_parameter(beta, at, sets)
            if out.dtype != x.dtype:
                output_view[at] = out
            del block, out, centered  # or they would be kept beside the next ones
    return output


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
    weight_inside = gamma is not None and sets.parameters_differ_within
    sums = ParameterSums(sets, weight, bias)
    scratch = _empty_block(sets, x.dtype) if weight_inside else None
    with quiet_and_unbuffered():
        for at in blocks(sets, x.dtype, backward=True):
            grad, block, out = (view[at].astype(dtype, copy=False) for view in views)
            products = None if scratch is None else scratch[tuple(map(slice, block.shape))]
            centered, var = _center(block, sets, out, at, given, scratch=products)
            inv_std = core.inverse_std(var, eps)
            del var  # no more of the statistics at once than must be: sets may be small
            plain, weighed = sums.add(grad, centered, inv_std, at, products)
            outside, inside = inv_std, of_parameter(gamma, at, sets)
            if inside is not None and not weight_inside:
                outside, inside = inv_std * inside, None
            grad_normalized = grad
            if sums.at_once:  # not one sum yet: the products lie in scratch
                weighed = total(weighed, inside, sets.axes, products)
            elif sums.inner != sets.axes:  # one sum a parameter: add them up to one a set
                plain, weighed = (total(part, inside, sets.axes) for part in (plain, weighed))
            if inside is not None:
                grad_normalized = np.multiply(grad, inside, out=products)
            if sums.at_once:
                plain = total(grad_normalized, None, sets.axes)
            plain = plain / sets.size
            slope = weighed / sets.size * inv_std**2
            if given is None:
                # What flows back through the variance, then through the mean of each set.
                np.multiply(centered, slope.astype(dtype), out=out)
                np.subtract(grad_normalized, out, out=out)
                if sets.centered:
                    out -= plain.astype(dtype)
                out *= outside.astype(dtype)
            else:
                np.multiply(grad_normalized, outside.astype(dtype), out=out)
            if out.dtype != x.dtype:
                views[2][at] = out
            del grad, block, out, centered, plain, weighed, slope, grad_normalized
        return Gradients(grad_input, sums.of_weight(), sums.of_bias())


def _center(
    block: Array,
    sets: StatisticsSets,
    out: Array,
    at: Slices,
    given: Moments | None,
    found: Moments | None = None,
    scratch: Array | None = None,
) -> tuple[Array, Array]:
    """``block - mean`` and the variance, by its own moments (kept in ``found``) or given ones."""
    if given is None:
        mean, var = center(block, sets, out, scratch)
        if found is not None:
            found.mean[at], found.var[at] = mean, var
    else:
        var = given.var[at]
        if sets.centered:
            np.subtract(block, given.mean[at].astype(out.dtype), out=out)
    return (out if sets.centered else block), var


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


def empty_moments(sets: StatisticsSets) -> Moments:
    """Room for the moments of all sets."""
    return Moments(np.zeros(sets.broadcast_shape), np.zeros(sets.broadcast_shape))


def _empty_block(sets: StatisticsSets, dtype: np.dtype[Any]) -> Array:
    """An array as large as the largest block of gradients, which is the first."""
    at = next(iter(blocks(sets, dtype, backward=True)), (slice(0),) * len(sets.view))
    shape = [len(range(n)[s]) for n, s in zip(sets.view, at, strict=True)]
    return np.empty(shape, working_dtype(dtype))


def _beside_sets(parameter: Array | None, sets: StatisticsSets) -> Array | None:
    """weight or bias in a form that broadcasts against the view."""
    if parameter is None:
        return None
    wide = working_dtype(parameter.dtype)
    beside = parameter.reshape(sets.parameter_view)
    return beside if wide is parameter.dtype else beside.astype(wide)
