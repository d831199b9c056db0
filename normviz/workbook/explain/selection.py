"""Which part of a large tensor a sheet shows: some samples, channels and pixels."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.notation import parse
from normviz.norms.partition import StatisticsSets
from normviz.norms.words import axis_words
from normviz.workbook.draw.tensor import UNNAMED, axes_of

Array = npt.NDArray[Any]
Choice = str | int | slice | Iterable[int] | None
"""Indices of one axis: "0:4", "0,3,7:9", a number, a slice or numbers; None for a default."""

MOST_SHOWN = 1_024
"""So many elements in some fifteen grids are as much as a sheet can carry and be read."""

WHOLE_UP_TO, LONGEST_AXIS = 256, 16
"""A tensor so small is shown whole."""

_FEW = {2: (4, 8), 3: (4, 4, 4), 4: (4, 4, 3, 3), 5: (2, 4, 2, 3, 3)}
"""How much of each axis is shown by default, by the rank of x."""


@dataclass(frozen=True)
class Selection:
    """The indices that are shown along every axis of a tensor; their product is the slice.

    Of a tensor too large to be traced only a part is: ``shape`` and ``axes`` are then those of the
    part, ``part`` says for every axis which indices of the tensor it has, and ``whole`` its shape.
    """

    shape: tuple[int, ...]
    axes: tuple[tuple[int, ...], ...]
    names: tuple[str, ...] = ()
    """What the axes are called, where they are not those of images."""

    part: tuple[tuple[int, ...], ...] = ()
    whole: tuple[int, ...] = ()

    @property
    def tensor(self) -> tuple[int, ...]:
        """The shape of all of the tensor."""
        return self.whole or self.shape

    @property
    def numbers(self) -> tuple[tuple[int, ...], ...]:
        """The indices that are shown, counted in all of the tensor."""
        part = self.part or tuple(tuple(range(length)) for length in self.shape)
        return tuple(tuple(of[i] for i in axis) for of, axis in zip(part, self.axes, strict=True))

    def within(self, part: tuple[tuple[int, ...], ...]) -> Selection:
        """The same slice of a part of the tensor."""
        axes = tuple(
            tuple(of.index(i) for i in axis) for of, axis in zip(part, self.axes, strict=True)
        )
        return replace(
            self,
            shape=tuple(len(of) for of in part),
            axes=axes,
            part=part,
            whole=self.shape,
        )

    @property
    def shown_shape(self) -> tuple[int, ...]:
        """The shape of the slice."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def is_whole(self) -> bool:
        """Whether all of the tensor is shown."""
        return self.shown_shape == self.tensor

    def take(self, values: Array) -> Array:
        """The slice of an array of the tensor's shape."""
        return np.asarray(values[np.ix_(*self.axes)])

    def mask(self) -> npt.NDArray[np.bool_]:
        """For every element of the tensor, whether it is shown."""
        mask = np.zeros(self.shape, dtype=bool)
        mask[np.ix_(*self.axes)] = True
        return mask

    def __str__(self) -> str:
        names = ["samples", "channels"]
        names += ["positions"] if len(self.axes) == 3 else [f"axis {a}" for a in range(2, 5)]
        if len(self.axes) == 4:
            names[2:] = ["rows", "columns"]
        return ", ".join(
            f"{name} {_in_words(axis)} of {length}"
            for name, axis, length in zip(
                self.names or names, self.numbers, self.tensor, strict=False
            )
        )


def select(
    sets: StatisticsSets, samples: Choice = None, channels: Choice = None, pixels: Any = None
) -> Selection:
    """The slice of a tensor to show; what is not said is chosen to show more than one set.

    `pixels` is one choice for every spatial axis, or one for each of them: a tuple, or a text with
    one part for each axis ("0:4 2:6").

    Raises:
        ValueError: an index outside of x, or more than `MOST_SHOWN` elements.

    >>> from normviz.norms.sets import statistics_sets
    >>> select(statistics_sets("batch_norm", (64, 32, 8, 8)), channels="5,7").axes
    ((0, 1, 2, 3), (5, 7), (0, 1, 2), (0, 1, 2))
    """
    shape = sets.shape
    given = [samples, channels, *_per_axis(pixels, len(shape) - 2)]
    small = math.prod(shape) <= WHOLE_UP_TO and max(shape) <= LONGEST_AXIS
    names = ["samples", "channels", *["pixels"] * (len(shape) - 2)]
    axes = []
    for axis, (choice, length, name) in enumerate(zip(given, shape, names, strict=True)):
        if choice is not None:
            axes.append(_indices(choice, length, name))
        elif small:
            axes.append(tuple(range(length)))
        else:
            axes.append(_some(sets, axis, _FEW[len(shape)][axis]))
    shown = math.prod(len(axis) for axis in axes)
    if shown > MOST_SHOWN:
        raise ValueError(
            f"samples, channels and pixels must leave at most {MOST_SHOWN:,} elements to show, got "
            f"{shown:,}: for example {' x '.join(str(n) for n in _FEW[len(shape)])}"
        )
    return Selection(shape, tuple(axes), _called(axes_of(sets)))


def _called(axes: tuple[str, ...]) -> tuple[str, ...]:
    """What the axes of tokens and of rows are called.

    >>> _called(("n", "t", "d"))
    ('sequences', 'tokens', 'features')
    """
    if axes == UNNAMED:
        return ("samples", "axis 1", "axis 2", "features")
    return tuple(word.many for word in axis_words(parse(" ".join(axes))).values()) if axes else ()


def _some(sets: StatisticsSets, axis: int, few: int) -> tuple[int, ...]:
    """A few indices of an axis, from the first two sets along it where there are several."""
    length = sets.shape[axis]
    if length <= few:
        return tuple(range(length))
    starts = np.flatnonzero(np.diff(_sets_along(sets, axis))) + 1
    if axis < 2 and len(starts) and starts[0] > few // 2:
        half = few // 2
        return (*range(half), *range(int(starts[0]), int(starts[0]) + few - half))
    return tuple(range(few))


def _sets_along(sets: StatisticsSets, axis: int) -> Array:
    """A number of its set for every index along an axis, without labels of all elements.

    >>> from normviz.norms.sets import statistics_sets
    >>> _sets_along(statistics_sets("group_norm", (2, 6), num_groups=3), 1)
    array([0, 0, 1, 1, 2, 2])
    """
    inside = sets.shape[axis]
    index, found = np.arange(inside), np.zeros(inside, dtype=np.int64)
    for factor in sets.factors:
        if not factor.dimension <= axis < factor.dimension + len(factor.lengths):
            continue
        length = factor.lengths[axis - factor.dimension]
        inside //= length
        if not factor.shared:
            found = found * length + index // inside % length
    return found


def _per_axis(pixels: Any, axes: int) -> list[Choice]:
    if pixels is None:
        return [None] * axes
    parts: Sequence[Any] = [pixels]
    if isinstance(pixels, str):
        parts = pixels.split()
    elif isinstance(pixels, tuple):
        parts = pixels
    if axes == 0:
        raise ValueError(f"pixels must not be given for x without spatial axes, got {pixels!r}")
    if len(parts) == 1:
        return [parts[0]] * axes
    if len(parts) != axes:
        raise ValueError(
            f"pixels must be one choice for all {axes} spatial axes or one for each, got {pixels!r}"
        )
    return list(parts)


def _indices(choice: Choice, length: int, name: str) -> tuple[int, ...]:
    """The indices of an axis that a choice means, sorted and each once.

    >>> _indices("0,3,6:8", 10, "samples"), _indices(slice(-2, None), 10, "samples")
    ((0, 3, 6, 7), (8, 9))
    """
    found: list[int] = []
    if isinstance(choice, slice):
        found = list(range(length))[choice]
    elif isinstance(choice, str):
        for part in choice.split(","):
            found += _part(part, length, name, choice)
    elif isinstance(choice, (int, np.integer)):
        found = [int(choice)]
    elif choice is not None:
        found = [int(index) for index in choice]
    found = [index + length if index < 0 else index for index in found]
    if not found or min(found) < 0 or max(found) >= length:
        raise ValueError(f"{name} must be indices from 0 to {length - 1}, got {choice!r}")
    return tuple(sorted(set(found)))


def _part(text: str, length: int, name: str, whole: str) -> list[int]:
    match = re.fullmatch(r"\s*(-?\d+)?(:(-?\d+)?)?\s*", text)
    if match is None or not text.strip():
        raise ValueError(f"{name} must look like 0:4 or 0,3,7, got {whole!r}")
    if match[2] is None:
        return [int(match[1])]
    first, last = int(match[1] or 0), int(match[3]) if match[3] else length
    if last > length or first >= length:
        raise ValueError(f"{name} must be indices from 0 to {length - 1}, got {whole!r}")
    return list(range(length))[first:last]


def _in_words(indices: tuple[int, ...]) -> str:
    """Indices in runs.

    >>> _in_words((0, 1, 2, 7))
    '0–2, 7'
    """
    runs: list[list[int]] = []
    for index in indices:
        if runs and runs[-1][1] == index - 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in runs)
