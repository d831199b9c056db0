"""Normalization by hand: forward and backward, with the signatures of torch.nn.functional.

Every function names its statistics sets and hands them to the shared arithmetic of
:mod:`normviz.core`. The variance that normalizes is the biased one (divided by n); the one that
goes into ``running_var`` is unbiased (divided by n - 1); eps is inside the root; ``momentum``
weighs the new value. All as in torch, to the last detail.

Shapes: x is (N, C, *spatial), float16, float32 or float64; results have x's shape and dtype.
float16 is worked in float32.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.arguments import (
    check_buffers,
    check_eps,
    check_grad_output,
    check_momentum,
    check_parameters,
    check_tensor,
    check_values_per_set,
)
from normviz.core import Gradients, Moments, differentiate, normalize
from normviz.sets import StatisticsSets, statistics_sets

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


def batch_norm(
    x: Array,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    weight: Array | None = None,
    bias: Array | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Array:
    """Normalize every channel over the batch and space.

    ``y = (x - mean_c) / sqrt(var_c + eps) * weight_c + bias_c``, with the statistics of x in
    training and the running buffers in evaluation. In training the buffers, if given, change in
    place: ``running = (1 - momentum) * running + momentum * new``, with the unbiased variance.

    Shapes: x (N, C, *spatial); weight, bias, running_mean, running_var (C,).

    Raises:
        TypeError: x or a parameter is not a floating-point array of a dtype that goes together.
        ValueError: a wrong shape, eps that is not positive, one value per channel in training, no
            buffers in evaluation.

    Source: Ioffe & Szegedy, "Batch Normalization", 2015, algorithm 1.

    >>> x = np.array([[1.0, 10.0], [3.0, 30.0]])
    >>> batch_norm(x, training=True, eps=1e-12).round(6)
    array([[-1., -1.],
           [ 1.,  1.]])
    """
    setup = _batch_setup(
        "batch_norm", x, {}, running_mean, running_var, weight, bias, training, momentum, eps
    )
    sets, given = setup
    output, moments = normalize(x, sets, weight, bias, eps, given)
    if training:
        update_running(running_mean, running_var, moments, sets, momentum)
    return output


def batch_norm_backward(
    grad_output: Array,
    x: Array,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    weight: Array | None = None,
    bias: Array | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Gradients:
    """The gradients of :func:`batch_norm`; in evaluation the buffers are constants.

    Shapes: grad_output and grad_input as x; grad_weight, grad_bias (C,), or None without such a
    parameter. The buffers are never touched.

    Raises:
        TypeError, ValueError: as the forward pass; also for a grad_output unlike x.

    Source: Ioffe & Szegedy, 2015, section 3.

    >>> x = np.array([[1.0], [2.0], [6.0]])
    >>> grads = batch_norm_backward(np.array([[1.0], [0.0], [0.0]]), x, training=True)
    >>> bool(abs(grads.grad_input.sum()) < 1e-12), grads.grad_weight
    (True, None)
    """
    setup = _batch_setup(
        "batch_norm", x, {}, running_mean, running_var, weight, bias, training, momentum, eps
    )
    return differentiate(
        check_grad_output(grad_output, x), x, setup[0], weight, bias, eps, setup[1]
    )


def ghost_batch_norm(
    x: Array,
    num_splits: int,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    weight: Array | None = None,
    bias: Array | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Array:
    """Batch norm over each of ``num_splits`` consecutive runs of N / num_splits samples.

    In training a running buffer moves to the mean, over the splits, of what :func:`batch_norm`
    would have made of each. Evaluation is plain :func:`batch_norm` and ignores ``num_splits``: the
    splits are noise for training and vanish at inference. (The layer published by D. Page for
    CIFAR-10 and the one in Apple's ml-cvnets interleave the samples between splits instead; on a
    shuffled batch that is the same in distribution.)

    Shapes: as :func:`batch_norm`; N divisible by num_splits in training.

    Raises:
        TypeError: as :func:`batch_norm`; num_splits that is not an int.
        ValueError: as :func:`batch_norm`; num_splits that does not divide N in training.

    Source: Hoffer, Hubara & Soudry, "Train longer, generalize better", 2017, algorithm 1.

    >>> x = np.array([[1.0], [3.0], [50.0], [70.0]])
    >>> ghost_batch_norm(x, 2, training=True, eps=1e-12).round(6).ravel()
    array([-1.,  1., -1.,  1.])
    """
    buffers = (running_mean, running_var)
    sets, given = _ghost_setup(x, num_splits, *buffers, weight, bias, training, momentum, eps)
    output, moments = normalize(x, sets, weight, bias, eps, given)
    if training:
        update_running(running_mean, running_var, moments, sets, momentum)
    return output


def ghost_batch_norm_backward(
    grad_output: Array,
    x: Array,
    num_splits: int,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    weight: Array | None = None,
    bias: Array | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Gradients:
    """The gradients of :func:`ghost_batch_norm`; in evaluation those of :func:`batch_norm`.

    Shapes and errors as :func:`batch_norm_backward` and :func:`ghost_batch_norm`.

    >>> x = np.array([[1.0], [3.0], [50.0], [70.0]])
    >>> grad = np.array([[1.0], [2.0], [3.0], [4.0]])
    >>> ghost_batch_norm_backward(grad, x, 2, bias=np.zeros(1), training=True).grad_bias
    array([10.])
    """
    buffers = (running_mean, running_var)
    sets, given = _ghost_setup(x, num_splits, *buffers, weight, bias, training, momentum, eps)
    return differentiate(check_grad_output(grad_output, x), x, sets, weight, bias, eps, given)


def layer_norm(
    x: Array,
    normalized_shape: Shape,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    """Normalize the trailing dimensions ``normalized_shape`` at every index of the leading ones.

    ``y = (x - mean) / sqrt(var + eps) * weight + bias``, with one weight and bias per element of
    normalized_shape (not per channel, as group_norm has it). The same in training and evaluation.

    Shapes: x (*leading, *normalized_shape); weight, bias normalized_shape.

    Raises:
        TypeError: x or a parameter is not a floating-point array of a dtype that goes together.
        ValueError: normalized_shape is not how x's shape ends, a wrong shape, a negative eps.

    Source: Ba, Kiros & Hinton, "Layer Normalization", 2016, eq. 3.

    >>> layer_norm(np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]), (3,)).round(3)
    array([[-1.225,  0.   ,  1.225],
           [-1.225,  0.   ,  1.225]])
    """
    sets = _sample_setup("layer_norm", x, weight, bias, eps, normalized_shape=normalized_shape)
    return normalize(x, sets, weight, bias, eps)[0]


def layer_norm_backward(
    grad_output: Array,
    x: Array,
    normalized_shape: Shape,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Gradients:
    """The gradients of :func:`layer_norm`; grad_weight and grad_bias of normalized_shape.

    Errors as the forward pass; also for a grad_output unlike x.

    >>> x = np.array([[1.0, 2.0, 4.0]])
    >>> layer_norm_backward(np.array([[0.0, 0.0, 1.0]]), x, (3,), bias=np.zeros(3)).grad_bias
    array([0., 0., 1.])
    """
    sets = _sample_setup("layer_norm", x, weight, bias, eps, normalized_shape=normalized_shape)
    return differentiate(check_grad_output(grad_output, x), x, sets, weight, bias, eps)


def group_norm(
    x: Array,
    num_groups: int,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    """Normalize every sample over ``num_groups`` groups of consecutive channels, and space.

    With one group the sets are those of layer_norm over (C, *spatial), with C groups those of
    instance_norm. ``num_groups`` counts the groups, not the channels in one.

    Shapes: x (N, C, *spatial), C divisible by num_groups; weight, bias (C,).

    Raises:
        TypeError: x or a parameter is not a floating-point array of a dtype that goes together.
        ValueError: num_groups does not divide C, a wrong shape, a negative eps, a single value
            in all (as torch).

    Source: Wu & He, "Group Normalization", 2018, eq. 7.

    >>> group_norm(np.array([[1.0, 3.0, 50.0, 70.0]]), 2).round(3)
    array([[-1.,  1., -1.,  1.]])
    """
    sets = _sample_setup("group_norm", x, weight, bias, eps, num_groups=num_groups)
    return normalize(x, sets, weight, bias, eps)[0]


def group_norm_backward(
    grad_output: Array,
    x: Array,
    num_groups: int,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Gradients:
    """The gradients of :func:`group_norm`; grad_weight and grad_bias (C,).

    Errors as the forward pass; also for a grad_output unlike x.

    >>> x = np.array([[1.0, 3.0, 50.0, 70.0]])
    >>> group_norm_backward(np.array([[1.0, 0.0, 0.0, 0.0]]), x, 2).grad_input.shape
    (1, 4)
    """
    sets = _sample_setup("group_norm", x, weight, bias, eps, num_groups=num_groups)
    return differentiate(check_grad_output(grad_output, x), x, sets, weight, bias, eps)


def instance_norm(
    x: Array,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    weight: Array | None = None,
    bias: Array | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Array:
    """Normalize every channel of every sample over space.

    With ``use_input_stats`` the statistics are x's own, and buffers, if given, move in place to
    the mean over the samples (variances unbiased); without, the buffers normalize.

    Shapes: x (N, C, *spatial); weight, bias, running_mean, running_var (C,).

    Raises:
        TypeError: x or a parameter is not a floating-point array of a dtype that goes together.
        ValueError: a wrong shape, eps that is not positive, one spatial element with
            use_input_stats, no buffers without.

    Source: Ulyanov, Vedaldi & Lempitsky, "Instance Normalization", 2016, eq. 2.

    >>> instance_norm(np.array([[[1.0, 3.0], [50.0, 70.0]]])).round(3)
    array([[[-1.,  1.],
            [-1.,  1.]]])
    """
    buffers = (running_mean, running_var)
    sets, given = _batch_setup(
        "instance_norm", x, {}, *buffers, weight, bias, use_input_stats, momentum, eps
    )
    output, moments = normalize(x, sets, weight, bias, eps, given)
    if use_input_stats:
        update_running(running_mean, running_var, moments, sets, momentum)
    return output


def instance_norm_backward(
    grad_output: Array,
    x: Array,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    weight: Array | None = None,
    bias: Array | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Gradients:
    """The gradients of :func:`instance_norm`; grad_weight and grad_bias (C,).

    Errors as the forward pass; also for a grad_output unlike x. The buffers are never touched.

    >>> x = np.array([[[1.0, 3.0], [50.0, 70.0]]])
    >>> instance_norm_backward(np.ones_like(x), x, bias=np.zeros(2)).grad_bias
    array([2., 2.])
    """
    buffers = (running_mean, running_var)
    sets, given = _batch_setup(
        "instance_norm", x, {}, *buffers, weight, bias, use_input_stats, momentum, eps
    )
    return differentiate(check_grad_output(grad_output, x), x, sets, weight, bias, eps, given)


def rms_norm(
    x: Array, normalized_shape: Shape, weight: Array | None = None, eps: float | None = None
) -> Array:
    """Divide by the root mean square over the trailing dimensions: layer_norm without a mean.

    ``y = x / sqrt(mean(x^2) + eps) * weight``. ``eps=None`` is the machine epsilon of x's dtype.

    Shapes: x (*leading, *normalized_shape); weight normalized_shape.

    Raises:
        TypeError: x or weight is not a floating-point array of a dtype that goes together.
        ValueError: normalized_shape is not how x's shape ends, a wrong shape, a negative eps.

    Source: Zhang & Sennrich, "Root Mean Square Layer Normalization", 2019, eq. 4.

    >>> rms_norm(np.array([[3.0, 4.0]]), (2,)).round(4)
    array([[0.8485, 1.1314]])
    """
    eps = default_eps(check_tensor("x", x).dtype) if eps is None else eps
    sets = _sample_setup("rms_norm", x, weight, None, eps, normalized_shape=normalized_shape)
    return normalize(x, sets, weight, None, eps)[0]


def rms_norm_backward(
    grad_output: Array,
    x: Array,
    normalized_shape: Shape,
    weight: Array | None = None,
    eps: float | None = None,
) -> Gradients:
    """The gradients of :func:`rms_norm`; grad_weight of normalized_shape, grad_bias None.

    Errors as the forward pass; also for a grad_output unlike x.

    >>> x = np.array([[3.0, 4.0]])
    >>> bool(abs((rms_norm_backward(x, x, (2,)).grad_input)).max() < 1e-12)
    True
    """
    eps = default_eps(check_tensor("x", x).dtype) if eps is None else eps
    sets = _sample_setup("rms_norm", x, weight, None, eps, normalized_shape=normalized_shape)
    return differentiate(check_grad_output(grad_output, x), x, sets, weight, None, eps)


def setup(op: str, x: Array, arguments: dict[str, Any]) -> tuple[StatisticsSets, bool]:
    """Check a whole call of ``op`` as its function does; its sets, and whether x's own are used.

    ``arguments`` are all of the function's, by name.
    """
    rest = dict(arguments)
    if op in ("layer_norm", "rms_norm", "group_norm"):
        rest.setdefault("bias", None)
        return _sample_setup(op, x, **rest), True
    names = ("running_mean", "running_var", "weight", "bias")
    training = rest.get("use_input_stats", rest.get("training", False))
    tail = (*(rest[n] for n in names), training, rest["momentum"], rest["eps"])
    if op == "ghost_batch_norm":
        return _ghost_setup(x, rest["num_splits"], *tail)[0], training
    return _batch_setup(op, x, {}, *tail)[0], training


def default_eps(dtype: Any) -> float:
    """What ``eps=None`` means in rms_norm: the machine epsilon of the dtype.

    >>> default_eps(np.float64)
    2.220446049250313e-16
    """
    return float(np.finfo(dtype).eps)


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


def _batch_setup(
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
    check_eps(eps, positive=training)
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


def _ghost_setup(x: Array, num_splits: int, *rest: Any) -> tuple[StatisticsSets, Moments | None]:
    """As _batch_setup; in evaluation the splits are gone, and with them any demand on N."""
    training = rest[4]
    if training:
        return _batch_setup("ghost_batch_norm", x, {"num_splits": num_splits}, *rest)
    return _batch_setup("batch_norm", x, {}, *rest)


def _sample_setup(
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
