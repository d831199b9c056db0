"""The arithmetic that all normalizations share, driven by their statistics sets.

A set is complete in itself, so the work goes block by block: as many whole sets at a time as stay
in the processor's cache, each step of a block in one NumPy call. That is why this one
implementation, written to be read, also keeps up with compiled layers.

The variance takes two passes (first the mean, then the squared distances from it), never
E[x^2] - E[x]^2, which loses every digit for data far from zero (Chan, Golub & LeVeque, "Algorithms
for Computing the Sample Variance", 1983). Sums add up in float64, whatever the dtype of x.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from normviz.sets import StatisticsSets

Array = npt.NDArray[Any]
Axes = tuple[int, ...]
Slices = tuple[slice, ...]

BLOCK_BYTES = 400_000
"""Bytes of x in one block: with its output that fits a second-level cache of 1 MiB."""

_RUN = 16384
"""The longest run of elements summed in x's own dtype before float64 takes over."""

_ONES = {np.dtype(t): np.ones(_RUN, t) for t in (np.float32, np.float64)}


class Moments(NamedTuple):
    """Mean and biased variance, one float64 value per set, broadcastable against the view."""

    mean: Array
    var: Array


def working_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which tensors of ``dtype`` are worked: float32 for float16, else itself.

    >>> working_dtype(np.dtype("float16"))
    dtype('float32')
    """
    return np.dtype(np.float32) if dtype == np.float16 else dtype


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
    """Slices that cut the view into blocks of whole sets, each about ``BLOCK_BYTES`` large."""
    room = max(1, BLOCK_BYTES // max(1, sets.size * itemsize))
    yield from _cut(sets, sets.kept, room, [slice(None)] * len(sets.view))


def _cut(sets: StatisticsSets, kept: Axes, room: int, at: list[slice]) -> Iterator[Slices]:
    """Slice the first kept axis; where even one of its indices is too much, also the next."""
    axis, inner = kept[0], kept[1:]
    per_index = math.prod(sets.view[a] for a in inner)
    step = max(1, room // max(1, per_index))
    for start in range(0, sets.view[axis], step):
        at[axis] = slice(start, start + step)
        if per_index > room and inner:
            yield from _cut(sets, inner, room, at)
        else:
            yield tuple(at)


def total(a: Array, b: Array | None, axes: Axes) -> Array:
    """The sum of ``a * b`` (of ``a`` where b is None) over ``axes``, kept with length 1.

    Runs along the last axis are summed by BLAS in a's dtype, the rest in float64. Without axes it
    is the elementwise product itself.
    """
    last = a.ndim - 1
    if not axes:
        return a if b is None else a * b
    if last not in axes or a.shape[last] < 8:
        product = a if b is None else a * b
        return np.add.reduce(product, axis=axes, dtype=np.float64, keepdims=True)
    partial = _run_sums(a, b)[..., None]
    if len(axes) == 1:
        return partial
    return np.add.reduce(partial, axis=axes[:-1], keepdims=True)


def _run_sums(a: Array, b: Array | None) -> Array:
    """Sums along the last axis, in float64 from one run of ``_RUN`` elements to the next."""
    length = a.shape[-1]
    other = _ONES[a.dtype] if b is None else b
    sums = np.float64(0.0)
    for start in range(0, length, _RUN):
        stop = min(start + _RUN, length)
        factor = other[: stop - start] if b is None else other[..., start:stop]
        sums = sums + np.vecdot(a[..., start:stop], factor).astype(np.float64)
    return np.asarray(sums)


def _merge_trailing(x: Array, axes: Axes) -> tuple[Array, Axes]:
    """The same block with its neighbouring reduced axes as one, where that needs no copy."""
    first = x.ndim - 2
    if axes[-2:] != (first, first + 1) or not x.flags.c_contiguous:
        return x, axes
    return x.reshape(*x.shape[:first], -1), axes[:-1]


def center(x: Array, sets: StatisticsSets, out: Array) -> Moments:
    """Write ``x - mean`` of every set into ``out`` and return the sets' moments.

    x and out are blocks of whole sets in the form of ``sets.view``. For an op that takes the mean
    as zero (rms_norm) nothing is subtracted, and the variance is the mean square.
    """
    shape = x.shape
    x, axes = _merge_trailing(x, sets.axes)
    out = out.reshape(x.shape)
    size = sets.size
    if not sets.centered:
        mean, centered = np.zeros(()), x
    else:
        mean = total(x, None, axes) / size
        centered = np.subtract(x, mean.astype(out.dtype), out=out)
    var = total(centered, centered, axes) / size
    if np.any(mean * mean > 16.0 * var):
        # Far from zero the rounding of the mean itself shows: measure what is left, take it away.
        rest = total(centered, None, axes) / size
        centered -= rest.astype(out.dtype)
        mean = mean.astype(out.dtype) + rest
        var = total(centered, centered, axes) / size
    keep = tuple(1 if a in sets.axes else n for a, n in enumerate(shape))
    return Moments(mean.reshape(keep) if sets.centered else mean, var.reshape(keep))


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
    moments = given or _empty_moments(sets)
    with quiet_and_unbuffered():
        for at in blocks(sets, dtype.itemsize):
            block = x_view[at].astype(dtype, copy=False)
            out = output_view[at] if x.dtype == dtype else np.empty(block.shape, dtype)
            centered = _center(block, sets, out, at, moments, own=given is None)
            inv_std = inverse_std(_at(moments.var, at), eps)
            _scale_into(centered, inv_std, _parameter(weight, sets, at), sets, out)
            if bias is not None:
                out += _parameter(bias, sets, at)
            if out.dtype != x.dtype:
                output_view[at] = out
    return output, moments


class Gradients(NamedTuple):
    """What the backward pass of a normalization returns; None where there is no such parameter."""

    grad_input: Array
    grad_weight: Array | None
    grad_bias: Array | None


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
    """
    dtype = working_dtype(x.dtype)
    grad_input = np.empty(x.shape, x.dtype)
    views = (grad_output.reshape(sets.view), x.reshape(sets.view), grad_input.reshape(sets.view))
    moments = given or _empty_moments(sets)
    sums = {n: _zeros(p, sets) for n, p in (("weight", weight), ("bias", bias)) if p is not None}
    with quiet_and_unbuffered():
        for at in blocks(sets, dtype.itemsize):
            grad, block, out = (view[at].astype(dtype, copy=False) for view in views)
            scratch = np.empty(block.shape, dtype)
            centered = _center(block, sets, scratch, at, moments, own=given is None)
            inv_std = inverse_std(_at(moments.var, at), eps)
            run_sums = _run_gradients(grad, centered, sets, at, inv_std, sums)
            gamma = _parameter(weight, sets, at)
            _scale_into(grad, inv_std, gamma, sets, out)
            if given is None:
                _through_statistics(run_sums, gamma, sets, inv_std, centered, scratch, out)
            if out.dtype != x.dtype:
                views[2][at] = out
    grads = {n: s.reshape(sets.parameter_shape).astype(x.dtype) for n, s in sums.items()}
    return Gradients(grad_input, grads.get("weight"), grads.get("bias"))


def _run_gradients(
    grad: Array,
    centered: Array,
    sets: StatisticsSets,
    at: Slices,
    inv_std: Array,
    sums: dict[str, Array],
) -> tuple[Array, Array]:
    """Sums of grad and of grad * centered over the elements that share a set and a parameter.

    Both the parameters' gradients, added up here in ``sums``, and the gradients of the statistics
    are made of these.
    """
    inner = tuple(a for a in sets.axes if a not in sets.affine_axes)
    outer = tuple(a for a in sets.kept if a not in sets.affine_axes)
    plain, weighted = total(grad, None, inner), total(grad, centered, inner)
    if "bias" in sums:
        _parameter_at(sums["bias"], at)[...] += np.add.reduce(plain, axis=outer, keepdims=True)
    if "weight" in sums:
        weighed = weighted * inv_std.astype(weighted.dtype)
        _parameter_at(sums["weight"], at)[...] += np.add.reduce(weighed, axis=outer, keepdims=True)
    return plain, weighted


def _through_statistics(
    run_sums: tuple[Array, Array],
    gamma: Array | None,
    sets: StatisticsSets,
    inv_std: Array,
    centered: Array,
    scratch: Array,
    out: Array,
) -> None:
    """Take away from ``out`` what flows back through the variance and the mean of each set."""
    plain, weighted = run_sums
    slope = total(weighted, gamma, sets.axes) / sets.size * inv_std**3
    out -= np.multiply(centered, slope.astype(out.dtype), out=scratch)
    if sets.centered:
        offset = total(plain, gamma, sets.axes) / sets.size * inv_std
        out -= offset.astype(out.dtype)


def inverse_std(var: Array, eps: float) -> Array:
    """``1 / sqrt(var + eps)``: eps is inside the root."""
    return 1.0 / np.sqrt(var + eps)


def _center(
    block: Array, sets: StatisticsSets, out: Array, at: Slices, moments: Moments, own: bool
) -> Array:
    """``block - mean``, with its own mean (kept in ``moments``) or the one already there."""
    if own:
        found = center(block, sets, out)
        _at(moments.mean, at)[...] = found.mean
        _at(moments.var, at)[...] = found.var
    elif sets.centered:
        np.subtract(block, _at(moments.mean, at).astype(out.dtype), out=out)
    return out if sets.centered else block


def _scale_into(
    x: Array, inv_std: Array, gamma: Array | None, sets: StatisticsSets, out: Array
) -> None:
    """``out = x * inv_std * gamma``, in one pass where gamma is constant along the last axis."""
    if gamma is None:
        np.multiply(x, inv_std.astype(out.dtype), out=out)
    elif sets.channelwise:
        np.multiply(x, (inv_std * gamma).astype(out.dtype), out=out)
    else:
        np.multiply(x, inv_std.astype(out.dtype), out=out)
        out *= gamma


def _empty_moments(sets: StatisticsSets) -> Moments:
    return Moments(np.zeros(sets.broadcast_shape), np.zeros(sets.broadcast_shape))


def _zeros(parameter: Array, sets: StatisticsSets) -> Array:
    return np.zeros(sets.parameter_view, np.float64 if sets.channelwise else parameter.dtype)


def _at(values: Array, at: Slices) -> Array:
    """The part of one-per-set ``values`` that belongs to a block."""
    return values[tuple(s if n > 1 else slice(None) for s, n in zip(at, values.shape, strict=True))]


_parameter_at = _at


def _parameter(parameter: Array | None, sets: StatisticsSets, at: Slices) -> Array | None:
    """The part of weight or bias that belongs to a block, broadcastable against it."""
    if parameter is None:
        return None
    view = parameter.reshape(sets.parameter_view)
    return _at(view, at).astype(working_dtype(parameter.dtype), copy=False)
