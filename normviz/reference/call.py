"""One call of a norm: its arguments checked, its sets, then the arithmetic and the buffers."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from normviz.errors import unknown_name
from normviz.norms.norm import Norm
from normviz.norms.partition import StatisticsSets
from normviz.reference.blockwise import differentiate, empty_moments, normalize
from normviz.reference.checks import (
    check_buffers,
    check_eps,
    check_flag,
    check_grad_output,
    check_momentum,
    check_parameters,
    check_tensor,
    check_writable,
)
from normviz.reference.core import Gradients, Moments, working_dtype

Array = npt.NDArray[Any]


GIVEN = "the gradient that was given"
SEED = 2015  # not 0, which people draw x with: dy would be x, and every dx next to nothing
RANDOM = f"random: standard normal numbers, seed {SEED}"


def drawn_gradient(shape: tuple[int, ...]) -> Array:
    """dy where none is given, float64: RANDOM says so."""
    return np.random.default_rng(SEED).standard_normal(shape)


class Call(NamedTuple):
    """A checked call. ``given`` are the stored statistics, where those normalize."""

    x: Array
    sets: StatisticsSets
    weight: Array | None
    bias: Array | None
    eps: float
    given: Moments | None
    running_mean: Array | None
    running_var: Array | None
    momentum: float


def checked_call(norm: Norm, x: Any, arguments: Mapping[str, Any]) -> Call:
    """Check a call of ``norm``; ``arguments`` are all of its arguments after x.

    Raises:
        TypeError, ValueError: for what torch refuses.
    """
    if norm.evaluation:  # the flag decides what the sets are
        check_flag(norm.flag, arguments[norm.flag])
    sets = norm.on_call(check_tensor("x", x).shape, arguments)
    if norm.flag:
        check_flag(norm.flag, arguments[norm.flag])
    own, eps = norm.uses_own_statistics(arguments), arguments["eps"]
    if eps is None and norm.eps is None:
        eps = default_eps(x.dtype)
    check_eps(eps, positive=own and not norm.zero_eps)
    weight, bias = arguments.get("weight"), arguments.get("bias")
    if not (norm.affine or norm.per_channel) and not (weight is None and bias is None):
        name = "bias" if weight is None else "weight"
        raise ValueError(f"affine must name the axes of {name}, as 'c' does, got ''")
    if not norm.buffers:
        check_parameters(x, sets.parameter_shape, weight=weight, bias=bias)
        mean = var = given = None
        momentum = 0.0
    else:
        mean, var = arguments["running_mean"], arguments["running_var"]
        momentum = arguments["momentum"]
        check_momentum(momentum)
        why = "when x's own statistics are not used (evaluation)"
        check_buffers(mean, var, needed=not own, why=why)
        given_arrays = {"running_mean": mean, "running_var": var, "weight": weight, "bias": bias}
        check_parameters(x, sets.parameter_shape, **given_arrays)
        given = None if own else stored_moments(sets, mean, var)
    refusal = norm.refusal(sets) if own else None
    if refusal is not None:
        raise ValueError(refusal)
    return Call(x, sets, weight, bias, eps, given, mean, var, momentum)


def stored_moments(sets: StatisticsSets, mean: Array, var: Array) -> Moments:
    """Running buffers as one value per set."""
    shaped = [b.astype(np.float64).reshape(sets.parameter_view) for b in (mean, var)]
    if sets.parameter_view != sets.broadcast_shape:
        shaped = [np.broadcast_to(b, sets.broadcast_shape) for b in shaped]
    return Moments(*shaped)


def forward(norm: Norm, x: Any, **arguments: Any) -> Array:
    """The output of ``norm``; running buffers, if any, change in place in training."""
    call = checked_call(norm, x, arguments)
    moves = call.given is None and call.running_mean is not None
    if moves:
        check_writable(running_mean=call.running_mean, running_var=call.running_var)
    found = empty_moments(call.sets) if moves else None
    output = normalize(x, call.sets, call.weight, call.bias, call.eps, call.given, found)
    if found is not None:
        update_running(call.running_mean, call.running_var, found, call.sets, call.momentum)
    return output


def backward(norm: Norm, grad_output: Any, x: Any, **arguments: Any) -> Gradients:
    """The gradients of ``norm`` for x, weight and bias; the buffers are never touched."""
    call = checked_call(norm, x, arguments)
    grad_output = check_grad_output(grad_output, x)
    return differentiate(grad_output, x, call.sets, call.weight, call.bias, call.eps, call.given)


def complete(norm: Norm, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call after x, with the norm's defaults filled in.

    Raises:
        TypeError: for an argument that the norm does not take, or one that is missing.
    """
    signature = norm.signature
    for name in arguments:
        if not norm.takes(name):
            raise TypeError(unknown_name(f"argument of {norm.name}", name, norm.argument_names))
    try:
        bound = signature.bind(None, **arguments)
    except TypeError as error:
        raise TypeError(f"{norm.name}: {error}") from None
    bound.apply_defaults()
    return {name: value for name, value in bound.arguments.items() if name != "x"}


def default_eps(dtype: Any) -> float:
    """What ``eps=None`` means in rms_norm: the machine epsilon of the dtype it is worked in.

    That is float32's for a float16 x, in torch as here.

    >>> default_eps(np.float64)
    2.220446049250313e-16
    """
    return float(np.finfo(working_dtype(np.dtype(dtype))).eps)


@np.errstate(all="ignore")
def update_running(
    running_mean: Array | None,
    running_var: Array | None,
    moments: Moments,
    sets: StatisticsSets,
    momentum: float,
) -> None:
    """Move the running buffers in place towards the mean, per channel, of the sets' statistics.

    With one set per channel (batch_norm) that is torch's update; with more it is the mean of what
    torch would have made of each set. The variance is unbiased: times m / (m - 1), m
    being the size of a set. It is worked in float64, whatever the buffers and momentum are of.
    """
    if running_mean is None or running_var is None or sets.size * sets.count == 0:
        return
    new_mean = moments.mean.mean(axis=sets.other_axes)
    new_var = moments.var.mean(axis=sets.other_axes) * (sets.size / (sets.size - 1))
    weight = float(momentum)
    for buffer, new in ((running_mean, new_mean), (running_var, new_var)):
        buffer[...] = (1.0 - weight) * buffer.astype(np.float64) + weight * new
