"""What a call needs before and after the arithmetic: checks, sets, and the running buffers."""

from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.sets import StatisticsSets, statistics_sets
from normviz.reference.checks import (
    check_buffers,
    check_eps,
    check_flag,
    check_momentum,
    check_parameters,
    check_tensor,
    check_values_per_set,
)
from normviz.reference.core import Moments, working_dtype

Array = npt.NDArray[Any]


def setup(op: str, x: Array, arguments: dict[str, Any]) -> tuple[StatisticsSets, bool]:
    """Check a whole call of ``op`` as its function does; its sets, and whether x's own are used.

    ``arguments`` are all of the function's, by name.
    """
    rest = dict(arguments)
    if op in ("layer_norm", "rms_norm", "group_norm"):
        rest.setdefault("bias", None)
        return sample_setup(op, x, **rest), True
    names = ("running_mean", "running_var", "weight", "bias")
    training = rest.get("use_input_stats", rest.get("training", False))
    tail = (*(rest[n] for n in names), training, rest["momentum"], rest["eps"])
    if op == "ghost_batch_norm":
        return ghost_setup(x, rest["num_splits"], *tail)[0], training
    return batch_setup(op, x, {}, *tail)[0], training


def default_eps(dtype: Any) -> float:
    """What ``eps=None`` means in rms_norm: the machine epsilon of the dtype it is worked in.

    That is float32's for a float16 x, in torch as here.

    >>> default_eps(np.float64)
    2.220446049250313e-16
    """
    return float(np.finfo(working_dtype(np.dtype(dtype))).eps)


def update_running(
    running_mean: Array | None,
    running_var: Array | None,
    moments: Moments,
    sets: StatisticsSets,
    momentum: float,
) -> None:
    """Move the running buffers in place towards the mean, per channel, of the sets' statistics.

    With one set per channel (batch_norm) that is torch's update; with more it is the mean of what
    torch would have made of each set. The variance is unbiased: times n / (n - 1).
    """
    if running_mean is None or running_var is None or sets.size * sets.count == 0:
        return
    over = tuple(a for a in range(len(sets.view)) if a not in sets.affine_axes)
    new_mean = moments.mean.mean(axis=over)
    new_var = moments.var.mean(axis=over) * (sets.size / (sets.size - 1))
    running_mean[...] = (1.0 - momentum) * running_mean + momentum * new_mean
    running_var[...] = (1.0 - momentum) * running_var + momentum * new_var


def batch_setup(
    op: str,
    x: Array,
    arguments: dict[str, Any],
    running_mean: Array | None,
    running_var: Array | None,
    weight: Array | None,
    bias: Array | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[StatisticsSets, Moments | None]:
    """Check a call of an op with running buffers; its sets, and the moments it is given."""
    sets = statistics_sets(op, check_tensor("x", x).shape, **arguments)
    instance = op == "instance_norm"
    check_flag("use_input_stats" if instance else "training", training)
    check_eps(eps, positive=training and not instance)
    check_momentum(momentum)
    why = "when x's own statistics are not used (evaluation)"
    check_buffers(running_mean, running_var, needed=not training, why=why)
    check_parameters(
        x,
        sets.parameter_shape,
        running_mean=running_mean,
        running_var=running_var,
        weight=weight,
        bias=bias,
    )
    if training:
        check_values_per_set(
            sets, "the output would be the bias alone: use more samples or pixels, or drop_last"
        )
        return sets, None
    assert running_mean is not None
    assert running_var is not None
    shape = sets.parameter_view
    per_channel = [b.astype(np.float64).reshape(shape) for b in (running_mean, running_var)]
    return sets, Moments(*(np.broadcast_to(b, sets.broadcast_shape) for b in per_channel))


def ghost_setup(x: Array, num_splits: int, *rest: Any) -> tuple[StatisticsSets, Moments | None]:
    """As batch_setup; in evaluation the splits are gone, and with them any demand on N."""
    if check_flag("training", rest[4]):
        return batch_setup("ghost_batch_norm", x, {"num_splits": num_splits}, *rest)
    return batch_setup("batch_norm", x, {}, *rest)


def sample_setup(
    op: str, x: Array, weight: Array | None, bias: Array | None, eps: float, **arguments: Any
) -> StatisticsSets:
    """Check a call of an op whose sets stay within a sample, and return its sets."""
    sets = statistics_sets(op, check_tensor("x", x).shape, **arguments)
    check_eps(eps, positive=False)
    check_parameters(x, sets.parameter_shape, weight=weight, bias=bias)
    if op == "group_norm":
        if sets.size == 0:
            raise ValueError(f"x must have spatial elements to normalize, got shape {x.shape}")
        if sets.view[0] == 1:
            check_values_per_set(sets, "the output would be the bias alone: use fewer groups")
    return sets
