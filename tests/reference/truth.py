"""Normalization straight from its definition in extended precision, set by set.

Slow and independent of the package: its sets come from the labels of :func:`brute_labels`, its
gradients from the chain rule for one set at a time. The sets of torch's norms are said again by
hand; those of a norm that is declared after them are read off its pattern, here in a few lines.
"""

import itertools
import math
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.reference.norm_calls import BUFFERED, DECLARED, TRAILING, Call

Array = npt.NDArray[Any]
Wide = np.longdouble

SAID_BY_HAND = (
    "batch_norm",
    "layer_norm",
    "group_norm",
    "instance_norm",
    "ghost_batch_norm",
    "pixel_norm",
    "rms_norm",
)


def set_key(op: str, index: tuple[int, ...], shape: tuple[int, ...], arguments: Any) -> Any:
    """What two elements must have in common to share their statistics."""
    if op in TRAILING:
        return index[: len(shape) - len(arguments["normalized_shape"])]
    sample, channel = index[:2]
    if op == "batch_norm":
        return channel
    if op == "pixel_norm":
        return sample, *index[2:]
    if op == "instance_norm":
        return sample, channel
    if op == "group_norm":
        return sample, channel // (shape[1] // arguments["num_groups"])
    if op == "ghost_batch_norm":
        return sample // (shape[0] // arguments["num_splits"]), channel
    return key_by_pattern(op, index, shape, arguments)


def key_by_pattern(op: str, index: tuple[int, ...], shape: tuple[int, ...], arguments: Any) -> Any:
    """The coordinates that stand outside of brackets; of a composed axis two factors at most."""
    sizes = {size.axis: arguments[size.argument] for size in DECLARED[op].sizes}
    axes = re.findall(r"\([^)]*\)|\S+", DECLARED[op].sets)
    dots = next((at for at, axis in enumerate(axes) if "..." in axis), len(axes))
    axes[dots : dots + 1] = axes[dots : dots + 1] * (len(shape) - len(axes) + 1)
    key = []
    for axis, at, length in zip(axes, index, shape, strict=True):
        names = axis.strip("()").split()
        if len(names) == 1:
            at_each = [at]
        else:
            first, second = (name.strip("[]") for name in names)
            inner = length // sizes[first] if first in sizes else sizes[second]
            at_each = [at // inner, at % inner]
        key += [n for name, n in zip(names, at_each, strict=True) if "[" not in name]
    return tuple(key)


def brute_labels(op: str, shape: tuple[int, ...], **arguments: Any) -> Array:
    """Labels by the definition, element by element, in row-major order of first appearance."""
    numbers: dict[Any, int] = {}
    labels = np.zeros(shape, np.int64)
    for index in itertools.product(*map(range, shape)):
        key = set_key(op, index, shape, arguments)
        labels[index] = numbers.setdefault(key, len(numbers) + 1)
    return labels


def by_definition(call: Call) -> dict[str, Array]:
    """Output, gradients and buffers in extended precision; names as in the oracle."""
    op, arguments = call.op, call.arguments
    own = arguments.get("training", arguments.get("use_input_stats", True))
    x, dy = call.x.astype(Wide), call.grad_output.astype(Wide)
    channels = _channels(call)
    gamma, beta = (_beside(call, name, channels) for name in ("weight", "bias"))
    if own:
        labels = _labels_by_axes(op, x.shape, **call.sizes) - 1
        mean, var = _moments(x, labels, centered=DECLARED[op].centered)
    else:
        labels = channels
        mean, var = (arguments[n].astype(Wide) for n in ("running_mean", "running_var"))
    eps = np.finfo(call.x.dtype).eps if arguments["eps"] is None else arguments["eps"]
    std = np.sqrt(var + Wide(eps))
    normalized = (x - mean[labels]) / std[labels]
    dxhat = dy * gamma
    dx = dxhat
    if own:
        dx = dx - normalized * _set_means(dxhat * normalized, labels)[labels]
        if DECLARED[op].centered:
            dx = dx - _set_means(dxhat, labels)[labels]
    found = {"output": normalized * gamma + beta, "grad_input": dx / std[labels]}
    for name, value in (("weight", dy * normalized), ("bias", dy)):
        if name in arguments:
            found[f"grad_{name}"] = _set_sums(value, channels).reshape(arguments[name].shape)
    if op in BUFFERED and "running_mean" in arguments:
        found |= _buffers(call, mean, var, labels, channels, own)
    return found


def _labels_by_axes(op: str, shape: tuple[int, ...], **arguments: Any) -> Array:
    """brute_labels on one spatial element, spread over the rest: or the pixels themselves."""
    if op in TRAILING:
        leading = math.prod(shape[: len(shape) - len(arguments["normalized_shape"])])
        return np.repeat(np.arange(1, leading + 1), math.prod(shape) // leading).reshape(shape)
    if op == "pixel_norm":
        pixels = np.arange(1, math.prod(shape) // shape[1] + 1)
        return np.broadcast_to(pixels.reshape(shape[0], 1, *shape[2:]), shape)
    if op not in SAID_BY_HAND:
        return brute_labels(op, shape, **arguments)
    labels = brute_labels(op, shape[:2], **arguments)
    return np.broadcast_to(labels.reshape(*shape[:2], *(1,) * (len(shape) - 2)), shape)


def _channels(call: Call) -> Array:
    """For every element the index of its affine parameter."""
    shape = call.x.shape
    if call.op in TRAILING:
        trailing = math.prod(call.arguments["normalized_shape"])
        return (np.arange(call.x.size) % trailing).reshape(shape)
    numbers = np.arange(shape[1]).reshape(-1, *(1,) * (len(shape) - 2))
    return np.broadcast_to(numbers, shape)


def _beside(call: Call, name: str, channels: Array) -> Any:
    if name not in call.arguments:
        return Wide(name == "weight")
    return call.arguments[name].astype(Wide).reshape(-1)[channels]


def _set_sums(values: Array, labels: Array) -> Array:
    sums = np.zeros(labels.max() + 1, Wide)
    np.add.at(sums, labels, values)
    return sums


def _set_means(values: Array, labels: Array) -> Array:
    return _set_sums(values, labels) / np.bincount(labels.reshape(-1))


def _moments(x: Array, labels: Array, centered: bool) -> tuple[Array, Array]:
    mean = _set_means(x, labels)
    if not centered:
        mean = np.zeros_like(mean)
    return mean, _set_means((x - mean[labels]) ** 2, labels)


def _buffers(
    call: Call, mean: Array, var: Array, labels: Array, channels: Array, own: bool
) -> dict[str, Array]:
    given = {n: call.arguments[n].astype(Wide) for n in ("running_mean", "running_var")}
    if not own:
        return given
    size = call.x.size // len(mean)
    momentum = Wide(call.arguments["momentum"])
    new = {
        "running_mean": _set_means(mean[labels], channels),
        "running_var": _set_means(var[labels], channels) * size / (size - 1),
    }
    return {n: (1 - momentum) * given[n] + momentum * new[n] for n in given}
