"""Normalization by hand: forward and backward, with the signatures of torch.nn.functional.

Every function is a declared norm (:mod:`normviz.norms.declared`) with its arguments; the arithmetic
is the same for all (:mod:`normviz.reference.core`). The variance that normalizes is the biased one
(divided by n); the one that goes into ``running_var`` is unbiased (divided by n - 1); eps is inside
the root; ``momentum`` weighs the new value. All as in torch, to the last detail.

Shapes: x is (N, C, *spatial), float16, float32 or float64; results have x's shape and dtype.
float16 is worked in float32.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.declared import NORMS
from normviz.reference.call import backward, forward
from normviz.reference.core import Gradients

Array = npt.NDArray[np.floating[Any]]
Shape = tuple[int, ...]


def _forward(op: str, x: Array, *values: Any) -> Array:
    """The output of a declared norm, its arguments in the order of its signature."""
    norm = NORMS[op]
    return forward(norm, x, **dict(zip(norm.argument_names, values, strict=True)))


def _backward(op: str, grad_output: Array, x: Array, *values: Any) -> Gradients:
    norm = NORMS[op]
    return backward(norm, grad_output, x, **dict(zip(norm.argument_names, values, strict=True)))


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
    return _forward(
        "batch_norm", x, running_mean, running_var, weight, bias, training, momentum, eps
    )


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
    return _backward(
        "batch_norm",
        grad_output,
        x,
        running_mean,
        running_var,
        weight,
        bias,
        training,
        momentum,
        eps,
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
    return _forward(
        "ghost_batch_norm",
        x,
        num_splits,
        running_mean,
        running_var,
        weight,
        bias,
        training,
        momentum,
        eps,
    )


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
    return _backward(
        "ghost_batch_norm",
        grad_output,
        x,
        num_splits,
        running_mean,
        running_var,
        weight,
        bias,
        training,
        momentum,
        eps,
    )


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
    return _forward("layer_norm", x, normalized_shape, weight, bias, eps)


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
    return _backward("layer_norm", grad_output, x, normalized_shape, weight, bias, eps)


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
    return _forward("group_norm", x, num_groups, weight, bias, eps)


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
    return _backward("group_norm", grad_output, x, num_groups, weight, bias, eps)


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
        ValueError: a wrong shape, a negative eps, one spatial element with use_input_stats, no
            buffers without.

    Source: Ulyanov, Vedaldi & Lempitsky, "Instance Normalization", 2016, eq. 2.

    >>> instance_norm(np.array([[[1.0, 3.0], [50.0, 70.0]]])).round(3)
    array([[[-1.,  1.],
            [-1.,  1.]]])
    """
    return _forward(
        "instance_norm", x, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


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
    return _backward(
        "instance_norm",
        grad_output,
        x,
        running_mean,
        running_var,
        weight,
        bias,
        use_input_stats,
        momentum,
        eps,
    )


def rms_norm(
    x: Array, normalized_shape: Shape, weight: Array | None = None, eps: float | None = None
) -> Array:
    """Divide by the root mean square over the trailing dimensions: layer_norm without a mean.

    ``y = x / sqrt(mean(x^2) + eps) * weight``. ``eps=None`` is the machine epsilon of x's dtype
    (of float32 for a float16 x, which is worked in float32).

    Shapes: x (*leading, *normalized_shape); weight normalized_shape.

    Raises:
        TypeError: x or weight is not a floating-point array of a dtype that goes together.
        ValueError: normalized_shape is not how x's shape ends, a wrong shape, a negative eps.

    Source: Zhang & Sennrich, "Root Mean Square Layer Normalization", 2019, eq. 4.

    >>> rms_norm(np.array([[3.0, 4.0]]), (2,)).round(4)
    array([[0.8485, 1.1314]])
    """
    return _forward("rms_norm", x, normalized_shape, weight, eps)


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
    return _backward("rms_norm", grad_output, x, normalized_shape, weight, eps)


def pixel_norm(
    x: Array, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5
) -> Array:
    """Normalize every pixel of every sample over the channels.

    ``y = (x - mean) / sqrt(var + eps) * weight_c + bias_c``: positional normalization, and the
    LayerNorm2d of ConvNeXt, that is torch's layer_norm with the channels moved to the end. (The
    PixelNorm of Karras et al., 2018, takes the mean as zero: ``normalize(x, "n [c] ...",
    centered=False)``.)

    Shapes: x (N, C, *spatial); weight, bias (C,).

    Raises:
        TypeError: x or a parameter is not a floating-point array of a dtype that goes together.
        ValueError: a wrong shape, a negative eps.

    Source: Li, Wu, Weinberger & Belongie, "Positional Normalization", 2019, eq. 1.

    >>> pixel_norm(np.array([[[1.0, 50.0], [3.0, 70.0]]])).round(3)
    array([[[-1., -1.],
            [ 1.,  1.]]])
    """
    return _forward("pixel_norm", x, weight, bias, eps)


def pixel_norm_backward(
    grad_output: Array,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Gradients:
    """The gradients of :func:`pixel_norm`; grad_weight and grad_bias (C,).

    Errors as the forward pass; also for a grad_output unlike x.

    >>> x = np.array([[[1.0, 50.0], [3.0, 70.0]]])
    >>> pixel_norm_backward(np.ones_like(x), x, bias=np.zeros(2)).grad_bias
    array([2., 2.])
    """
    return _backward("pixel_norm", grad_output, x, weight, bias, eps)
