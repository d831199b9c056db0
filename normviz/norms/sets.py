"""From a norm's name, a pattern or a declaration to its statistics sets on a shape."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.errors import unknown_name
from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.norms.notation import REST, Shape, Size, checked_size
from normviz.norms.partition import StatisticsSets

__all__ = [
    "NORMS",
    "StatisticsSets",
    "norm_for",
    "norm_of",
    "norm_without_buffers",
    "set_labels",
    "sets_where_known",
    "statistics_sets",
    "told_shape",
]

_OWN = {"sizes": None, "affine": "", "centered": True}
"""The arguments that belong to a pattern, with their defaults."""


def norm_of(op: str | Norm, arguments: Mapping[str, Any]) -> tuple[Norm, dict[str, Any]]:
    """The norm that ``op`` names, and the arguments without those that belong to a pattern.

    ``op`` is the name of a declared norm, a :class:`Norm`, or a pattern; a pattern takes the
    arguments ``sizes``, ``affine`` and ``centered``.

    Raises:
        ValueError: for an unknown name, or a pattern that cannot be read.
        TypeError: for sizes that are no dict of ints or tuples, affine axes that are no text.
    """
    if isinstance(op, str) and op in NORMS:
        return NORMS[op], dict(arguments)
    if isinstance(op, Norm):
        return op, dict(arguments)
    if not (isinstance(op, str) and any(mark in op for mark in "[]()")):
        said = unknown_name("op", op, NORMS)
        if isinstance(op, str) and (" " in op or REST in op):
            said += "; a pattern has brackets around what shares statistics, as 'n [c] ...'"
        raise ValueError(said)
    own = {name: arguments.get(name, default) for name, default in _OWN.items()}
    if not isinstance(own["sizes"] or {}, Mapping):
        raise TypeError(f'sizes must be a dict such as {{"g": 2}}, got {own["sizes"]!r}')
    if not isinstance(own["affine"], str):
        raise TypeError(f"affine must be a text such as 'c', got {own['affine']!r}")
    if not isinstance(own["centered"], bool):
        raise TypeError(f"centered must be True or False, got {own['centered']!r}")
    sizes = tuple((name, checked_size(name, n)) for name, n in (own["sizes"] or {}).items())
    rest = {name: value for name, value in arguments.items() if name not in _OWN}
    return _pattern_norm(op, sizes, own["affine"], own["centered"]), rest


@lru_cache(maxsize=1024)
def _pattern_norm(
    sets: str, sizes: tuple[tuple[str, Size], ...], affine: str, centered: bool
) -> Norm:
    return Norm(sets, sets, affine, fixed=dict(sizes), centered=centered)


def norm_for(
    sets: str | Norm,
    *,
    sizes: Mapping[str, Size] | None = None,
    affine: str = "",
    centered: bool = True,
) -> Norm:
    """The norm that a pattern says, with the sizes of its axes; or a norm that is given, as it is.

    Raises:
        ValueError, TypeError: as :func:`norm_of`; a TypeError for what a norm that is declared, by
            name or given, has otherwise.
    """
    norm, rest = norm_of(sets, {"sizes": sizes or None, "affine": affine, "centered": centered})
    for name, value in rest.items():
        own = {**(norm.fixed or {})} if name == "sizes" else getattr(norm, name)
        if value not in (_OWN[name], own):
            raise TypeError(
                f"{name} must be {own!r}, as {norm.name} has it, got {value!r}: another is for a "
                f"pattern, such as {norm.sets!r}"
            )
    return norm


def norm_without_buffers(norm: Norm) -> Norm:
    """A norm that a layer without running statistics can do: all but those that keep some.

    Raises:
        ValueError: with the layers that have them.
    """
    if norm.buffers:
        own = f"use {' or '.join(norm.layers)}, or " if norm.layers else ""
        raise ValueError(
            f"sets must be a norm without running statistics, got {norm.name}: {own}give "
            f"{norm.sets!r} for x's own statistics in evaluation, too"
        )
    return norm


def told_shape(norm: Norm, shape: Sequence[int | None]) -> tuple[int | None, ...]:
    """``shape`` with the lengths that it leaves open (None) where sizes of the norm tell them.

    >>> told_shape(norm_for("n t (h [d])", sizes={"h": 2, "d": 4}), (None, None, None))
    (None, None, 8)
    """
    sizes = norm.fixed or {}
    named = [[axis.name for axis in axes] for axes in norm.pattern.dimensions]
    rest = named.index([REST]) if [REST] in named else len(named)
    left = [n for names in named[:rest] for n in _told(names, sizes)]
    right = [n for names in named[rest + 1 :] for n in _told(names, sizes)]
    told = [*left, *[None] * (len(shape) - len(left) - len(right)), *right]
    return tuple(n if own is None else own for n, own in zip(told, shape, strict=False))


def _told(names: Sequence[str], sizes: Mapping[str, Size]) -> tuple[int | None, ...]:
    """The lengths of the dimensions that are composed of these axes, as sizes tell them."""
    known = [sizes.get(name) for name in names]
    if isinstance(known[0], tuple):
        return known[0]
    return (None if None in known else math.prod(n for n in known if isinstance(n, int)),)


def sets_where_known(norm: Norm, shape: Sequence[int | None]) -> StatisticsSets:
    """The statistics sets on x of which some lengths may vary (None), for their parameters.

    Raises:
        ValueError: where the length of an axis of weight and bias is not known.

    >>> sets_where_known(norm_for("n [c] h w", affine="c"), (None, 8, None, None)).parameter_shape
    (8,)
    """
    # A length that every size divides stands in for one that may vary.
    stand_in = math.prod(n for n in (norm.fixed or {}).values() if isinstance(n, int))
    found = norm.on(tuple(stand_in if n is None else n for n in told_shape(norm, shape)))
    affine = {name for names in found.affine for name in names}
    for factor in found.factors:
        places = range(factor.dimension, factor.dimension + len(factor.lengths))
        told = told_shape(norm, shape)
        if factor.name in affine and any(told[at] is None for at in places):
            raise ValueError(
                f"shape must tell the length of {factor.name!r}, which weight and bias have, got "
                f"{tuple(shape)} for the pattern {norm.sets!r}"
            )
    return found


def statistics_sets(op: str | Norm, shape: Shape, **arguments: Any) -> StatisticsSets:
    """The statistics sets of ``op`` on a tensor of ``shape`` (N, C, *spatial).

    ``op`` is the name of a declared norm, or a pattern (:mod:`normviz.norms.notation`) with the
    ``sizes`` that the shape does not tell and its ``affine`` axes. ``arguments`` are those of the
    function of that name; only the ones that shape the sets (num_groups, num_splits,
    normalized_shape) are read, so that a call's own keyword arguments can be handed on whole.

    Raises:
        ValueError: for an unknown op, or a shape that the op does not divide.
        TypeError: for a missing argument, one of the wrong type, or one that no norm has.

    >>> statistics_sets("batch_norm", (4, 3, 2, 2)).count
    3
    """
    norm, rest = norm_of(op, arguments)
    own = () if op is norm or op in NORMS else tuple(_OWN)
    for name in rest:
        # What another norm has shapes nothing here, and may stand among the arguments of many.
        if not (norm.takes(name) or any(other.takes(name) for other in NORMS.values())):
            known = (*own, *norm.argument_names)
            raise TypeError(unknown_name(f"argument of {norm.name}", name, known))
    return norm.on(shape, rest)


def set_labels(op: str | Norm, shape: Shape, **arguments: Any) -> npt.NDArray[np.int64]:
    """For every element of a tensor of ``shape``, the number of the statistics set it is in.

    Labels are 1..K in row-major order of first appearance; int64, of the given shape. Arguments
    and errors as for :func:`statistics_sets`.

    >>> set_labels("group_norm", (2, 4), num_groups=2)
    array([[1, 1, 2, 2],
           [3, 3, 4, 4]])
    >>> set_labels("([m] s) c", (4, 2), sizes={"s": 2})
    array([[1, 2],
           [3, 4],
           [1, 2],
           [3, 4]])
    """
    return statistics_sets(op, shape, **arguments).labels()
