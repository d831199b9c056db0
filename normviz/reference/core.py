"""The arithmetic that all normalizations share, in fifteen lines forward and fifteen backward.

What differs between normalizations is which elements share one mean and one variance; that is all
in ``sets``: ``x.reshape(sets.view)`` splits x so that a set is all of ``sets.axes``. The mean and
the biased variance of every set, then ``(x - mean) / sqrt(var + eps) * weight + bias``.

The functions of normviz run :mod:`normviz.reference.blockwise`, the same arithmetic block by block;
a test holds the two equal. The variance takes two passes (first the mean, then the squared
distances from it), never E[x^2] - E[x]^2, which loses every digit for data far from zero.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from normviz.norms.partition import StatisticsSets

Array = npt.NDArray[Any]

_FLOAT32 = np.dtype(np.float32)


class Moments(NamedTuple):
    """Mean and biased variance, one float64 value per set, broadcastable against the view."""

    mean: Array
    var: Array


class Gradients(NamedTuple):
    """What the backward pass of a normalization returns; None where there is no such parameter."""

    grad_input: Array
    grad_weight: Array | None
    grad_bias: Array | None


def inverse_std(var: Array, eps: float) -> Array:
    """``1 / sqrt(var + eps)``: eps is inside the root."""
    return 1.0 / np.sqrt(var + eps)


def working_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which tensors of ``dtype`` are worked: float32 for float16, else itself.

    >>> working_dtype(np.dtype("float16"))
    dtype('float32')
    """
    return _FLOAT32 if dtype.char == "e" else dtype


def normalize(
    x: Array, sets: StatisticsSets, weight: Array | None, bias: Array | None, eps: float
) -> Array:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` over every set, in float64.

    An op that takes the mean as zero (rms_norm) divides by the root of the mean square.

    >>> from normviz import statistics_sets
    >>> normalize(np.array([[1.0, 3.0]]), statistics_sets("n [c]", (1, 2)), None, None, eps=0.0)
    array([[-1.,  1.]])
    """
    x_hat = _x_hat_and_inverse_std(x, sets, eps)[0]
    y = x_hat if weight is None else x_hat * weight.reshape(sets.parameter_view)
    y = y if bias is None else y + bias.reshape(sets.parameter_view)
    return y.reshape(x.shape)


def differentiate(
    dy: Array,
    x: Array,
    sets: StatisticsSets,
    weight: Array | None,
    bias: Array | None,
    eps: float,
) -> Gradients:
    """The gradients of ``sum(dy * y)`` for x, weight and bias (Ioffe & Szegedy, 2015, section 3).

    In closed form, over every set: the two means are what flows back through mean and variance.

    >>> from normviz import statistics_sets
    >>> x, dy = np.array([[1.0, 2.0, 6.0]]), np.array([[1.0, 1.0, 1.0]])
    >>> grads = differentiate(dy, x, statistics_sets("n [c]", (1, 3)), None, None, eps=1e-5)
    >>> bool(abs(grads.grad_input).max() < 1e-12)  # moving all outputs alike is out of x's reach
    True
    """
    x_hat, inv_std = _x_hat_and_inverse_std(x, sets, eps)
    dy = dy.reshape(sets.view)
    dx_hat = dy if weight is None else dy * weight.reshape(sets.parameter_view)
    dx = dx_hat - x_hat * (dx_hat * x_hat).mean(sets.axes, keepdims=True)
    if sets.centered:
        dx = dx - dx_hat.mean(sets.axes, keepdims=True)
    over = sets.other_axes
    dweight = None if weight is None else (dy * x_hat).sum(over).reshape(weight.shape)
    dbias = None if bias is None else dy.sum(over).reshape(bias.shape)
    return Gradients((dx * inv_std).reshape(x.shape), dweight, dbias)


def _x_hat_and_inverse_std(x: Array, sets: StatisticsSets, eps: float) -> tuple[Array, Array]:
    """The normalized x and 1 / std, in the form of the view."""
    x = x.reshape(sets.view).astype(np.float64)
    if sets.centered:
        x = x - x.mean(sets.axes, keepdims=True)
    inv_std = inverse_std((x**2).mean(sets.axes, keepdims=True), eps)
    return x * inv_std, inv_std
