"""Statistics sets: which elements of a tensor share one mean and one variance.

This is the one idea of the project. Every normalization here is the same few lines of arithmetic;
what tells them apart is the set S_i of the elements that are averaged together (Wu & He, "Group
Normalization", 2018, eq. 2-6). This module is the only place that knows those sets.
"""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.errors import unknown_name

Shape = tuple[int, ...]


@dataclass(frozen=True)
class StatisticsSets:
    """The statistics sets of one normalization on one shape, as a view and the axes to reduce.

    ``x.reshape(view)`` splits x so that every set is all of ``axes`` at one index of the other
    ("kept") axes, and every affine parameter is one index of ``affine_axes``.

    >>> sets = statistics_sets("group_norm", (4, 6, 2, 2), num_groups=3)
    >>> sets.view, sets.axes, sets.statistic_shape, sets.count, sets.size
    ((4, 3, 2, 4), (2, 3), (4, 3), 12, 8)
    """

    op: str
    shape: Shape
    view: Shape
    axes: Shape
    affine_axes: Shape
    statistic_shape: Shape
    parameter_shape: Shape
    centered: bool = True
    channelwise: bool = True

    @cached_property
    def kept(self) -> Shape:
        """The axes of the view that tell one set from another."""
        return tuple(a for a in range(len(self.view)) if a not in self.axes)

    @cached_property
    def count(self) -> int:
        """How many sets there are."""
        return math.prod(self.view[a] for a in self.kept)

    @cached_property
    def size(self) -> int:
        """How many elements share one mean and one variance."""
        return math.prod(self.view[a] for a in self.axes)

    @cached_property
    def broadcast_shape(self) -> Shape:
        """The shape in which one value per set broadcasts against the view."""
        return tuple(1 if a in self.axes else n for a, n in enumerate(self.view))

    @cached_property
    def parameter_view(self) -> Shape:
        """The shape in which weight and bias broadcast against the view."""
        return tuple(n if a in self.affine_axes else 1 for a, n in enumerate(self.view))

    def labels(self) -> npt.NDArray[np.int64]:
        """The number of its set for every element, int64 of x's shape, from 1."""
        numbers = np.arange(1, self.count + 1, dtype=np.int64).reshape(self.broadcast_shape)
        # A copy: what broadcasting gives may be read-only, and its elements one in memory.
        return np.array(np.broadcast_to(numbers, self.view)).reshape(self.shape)


def statistics_sets(op: str, shape: Shape, **arguments: Any) -> StatisticsSets:
    """The statistics sets of ``op`` on a tensor of ``shape`` (N, C, *spatial).

    ``arguments`` are those of the function of that name; only the ones that shape the sets
    (num_groups, num_splits, normalized_shape) are read, so that a call's own keyword arguments
    can be handed on whole.

    Raises:
        ValueError: for an unknown op, or a shape that the op does not divide.
        TypeError: for a missing argument, or one of the wrong type.

    >>> statistics_sets("batch_norm", (4, 3, 2, 2)).count
    3
    """
    if op not in OPS:
        raise ValueError(unknown_name("op", op, OPS))
    needed = OPS[op].arguments
    for name in needed:
        if name not in arguments:
            raise TypeError(f"{op} needs the argument {name}: for example {name}={_EXAMPLES[name]}")
    values = tuple(arguments[name] for name in needed)
    build = _build_once if all(map(_is_plain, values)) else _build
    return build(OPS[op].build, op, _checked(shape), *values)


def set_labels(op: str, shape: Shape, **arguments: Any) -> npt.NDArray[np.int64]:
    """For every element of a tensor of ``shape``, the number of the statistics set it is in.

    Labels are 1..K in row-major order of first appearance; int64, of the given shape. Arguments
    and errors as for :func:`statistics_sets`.

    >>> set_labels("group_norm", (2, 4), num_groups=2)
    array([[1, 1, 2, 2],
           [3, 3, 4, 4]])
    >>> set_labels("ghost_batch_norm", (4, 2), num_splits=2)
    array([[1, 2],
           [1, 2],
           [3, 4],
           [3, 4]])
    """
    return statistics_sets(op, shape, **arguments).labels()


def _build(build: Callable[..., StatisticsSets], *arguments: Any) -> StatisticsSets:
    return build(*arguments)


_build_once = lru_cache(_build)
"""A layer asks for the same sets at every step of a training, so they are remembered."""


def _is_plain(value: Any) -> bool:
    """Whether ``value`` equals nothing of another type that would be refused (2 == 2.0 == ...)."""
    return type(value) is int or (type(value) is tuple and all(type(n) is int for n in value))


def _checked(shape: Shape) -> Shape:
    try:
        checked = tuple(operator.index(n) for n in shape)
    except TypeError:
        raise TypeError(
            f"shape must be a tuple of ints, got {shape!r}: for example (4, 6, 2, 2)"
        ) from None
    if min(checked, default=0) < 0:
        raise ValueError(f"shape must not have negative dimensions, got {checked}")
    return checked


def _channels_and_space(op: str, shape: Shape) -> tuple[int, int, int]:
    if len(shape) < 2:
        raise ValueError(
            f"x must have at least 2 dimensions (N, C, *spatial) for {op}, got shape {shape}"
        )
    return shape[0], shape[1], math.prod(shape[2:])


def positive_integer(name: str, value: Any) -> int:
    """``value`` as an int of at least 1.

    Raises:
        TypeError, ValueError: for anything else, naming ``name``.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name} must be an int, got {value!r} of type {type(value).__name__}"
        ) from None
    if number < 1:
        raise ValueError(f"{name} must be at least 1, got {number}")
    return number


def _divisors(n: int) -> str:
    return ", ".join(str(d) for d in range(1, n + 1) if n % d == 0)


def _batch(op: str, shape: Shape) -> StatisticsSets:
    n, c, space = _channels_and_space(op, shape)
    return StatisticsSets(op, shape, (n, c, space), (0, 2), (1,), (c,), (c,))


def _instance(op: str, shape: Shape) -> StatisticsSets:
    n, c, space = _channels_and_space(op, shape)
    return StatisticsSets(op, shape, (n, c, space), (2,), (1,), (n, c), (c,))


def _group(op: str, shape: Shape, num_groups: Any) -> StatisticsSets:
    n, c, space = _channels_and_space(op, shape)
    groups = positive_integer("num_groups", num_groups)
    if c == 0 or c % groups:
        choices = f"use one of {_divisors(c)}" if c else "x needs at least one channel"
        raise ValueError(
            f"num_groups must divide the {c} channels of x, got num_groups={groups}: {choices} "
            "(num_groups counts the groups, not the channels in a group)"
        )
    view = (n, groups, c // groups, space)
    return StatisticsSets(op, shape, view, (2, 3), (1, 2), (n, groups), (c,))


def _ghost(op: str, shape: Shape, num_splits: Any) -> StatisticsSets:
    n, c, space = _channels_and_space(op, shape)
    splits = positive_integer("num_splits", num_splits)
    if n % splits:
        raise ValueError(
            f"num_splits must divide the {n} samples of x, got num_splits={splits}: "
            f"use one of {_divisors(n)}, or drop the last incomplete batch"
        )
    view = (splits, n // splits, c, space)
    return StatisticsSets(op, shape, view, (1, 3), (2,), (splits, c), (c,))


def _layer(op: str, shape: Shape, normalized_shape: Any) -> StatisticsSets:
    return _trailing(op, shape, normalized_shape, centered=True)


def _root_mean_square(op: str, shape: Shape, normalized_shape: Any) -> StatisticsSets:
    return _trailing(op, shape, normalized_shape, centered=False)


def _trailing(op: str, shape: Shape, normalized_shape: Any, centered: bool) -> StatisticsSets:
    """One set per index of the leading dimensions, over the trailing ``normalized_shape``."""
    try:
        trailing = tuple(operator.index(n) for n in normalized_shape)
    except TypeError:
        raise TypeError(
            f"normalized_shape must be a tuple of ints, got {normalized_shape!r}: "
            f"for example {shape[1:] or shape}"
        ) from None
    if not trailing or shape[-len(trailing) :] != trailing:
        raise ValueError(
            f"normalized_shape must be the last dimensions of x, got {trailing} "
            f"for x of shape {shape}: for example {shape[1:] or shape}"
        )
    leading = shape[: len(shape) - len(trailing)]
    view = (math.prod(leading), math.prod(trailing))
    return StatisticsSets(op, shape, view, (1,), (1,), leading, trailing, centered, False)


@dataclass(frozen=True)
class Op:
    """How one normalization makes its sets, and which of its arguments shape them."""

    build: Callable[..., StatisticsSets]
    arguments: tuple[str, ...] = ()


OPS: dict[str, Op] = {
    "batch_norm": Op(_batch),
    "layer_norm": Op(_layer, ("normalized_shape",)),
    "group_norm": Op(_group, ("num_groups",)),
    "instance_norm": Op(_instance),
    "ghost_batch_norm": Op(_ghost, ("num_splits",)),
    "rms_norm": Op(_root_mean_square, ("normalized_shape",)),
}

_EXAMPLES = {"normalized_shape": "x.shape[1:]", "num_groups": "2", "num_splits": "2"}
