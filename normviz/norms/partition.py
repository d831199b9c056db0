"""The statistics sets of a normalization on one shape, as a view and the axes to reduce.

This is the one idea of the project. Every normalization here is the same few lines of arithmetic;
what tells them apart is the set S_i of the elements that are averaged together (Wu & He, "Group
Normalization", 2018, eq. 2-6).
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from normviz.norms.notation import REST, Factor, Shape


@dataclass(frozen=True)
class StatisticsSets:
    """The statistics sets of one normalization on one shape.

    ``factors`` are the axes of its pattern with their lengths, ``affine`` those that weight and
    bias have, each the names that it is composed of. ``x.reshape(view)`` splits x so that every
    set is all of ``axes`` at one index of the other ("kept") axes, and every affine parameter is
    one index of ``affine_axes``.

    >>> from normviz import statistics_sets
    >>> sets = statistics_sets("group_norm", (4, 6, 2, 2), num_groups=3)
    >>> sets.view, sets.axes, sets.statistic_shape, sets.count, sets.size
    ((4, 3, 2, 4), (2, 3), (4, 3), 12, 8)
    """

    op: str
    shape: Shape
    factors: tuple[Factor, ...]
    affine: tuple[tuple[str, ...], ...] = ()
    centered: bool = True

    @cached_property
    def _parts(self) -> list[tuple[int, bool, bool]]:
        """Length, whether shared and whether affine of every axis of the view.

        Neighbors that are alike in both are one axis, and one of length 1 is none: fewer axes are
        faster.
        """
        affine = {name for names in self.affine for name in names}
        parts: list[tuple[int, bool, bool]] = []
        for factor in self.factors:
            kind = (factor.shared, factor.name in affine)
            if factor.length == 1 and not factor.shared:
                continue
            if parts and parts[-1][1:] == kind:
                parts[-1] = (parts[-1][0] * factor.length, *kind)
            else:
                parts.append((factor.length, *kind))
        # One set in all still has an index, 0.
        return parts if any(not shared for _, shared, _ in parts) else [(1, False, False), *parts]

    @cached_property
    def view(self) -> Shape:
        """The shape in which whole axes are reduced."""
        return tuple(length for length, _, _ in self._parts)

    @cached_property
    def axes(self) -> Shape:
        """The axes of the view that a set has all of."""
        return tuple(a for a, (_, shared, _) in enumerate(self._parts) if shared)

    @cached_property
    def kept(self) -> Shape:
        """The axes of the view that tell one set from another."""
        return tuple(a for a, (_, shared, _) in enumerate(self._parts) if not shared)

    @cached_property
    def affine_axes(self) -> Shape:
        """The axes of the view that tell one affine parameter from another."""
        return tuple(a for a, (_, _, affine) in enumerate(self._parts) if affine)

    @cached_property
    def other_axes(self) -> Shape:
        """The axes of the view that weight and bias lack: their gradients are sums over these."""
        return tuple(a for a in range(len(self.view)) if a not in self.affine_axes)

    @cached_property
    def shared_by_both(self) -> Shape:
        """The axes of elements that share a set and an affine parameter."""
        return tuple(a for a in self.axes if a in self.other_axes)

    @cached_property
    def kept_by_both(self) -> Shape:
        """The axes that tell one set from another, but no parameters."""
        return tuple(a for a in self.kept if a in self.other_axes)

    @cached_property
    def parameters_differ_within(self) -> bool:
        """Whether a set has elements of several parameters."""
        return len(self.shared_by_both) < len(self.axes)

    @cached_property
    def are_rows(self) -> bool:
        """Whether every set is a row of the view, its elements having a parameter each."""
        return self.kept_by_both == (0,) and len(self.view) == 2 and not self.shared_by_both

    @cached_property
    def are_columns(self) -> bool:
        """Whether no two elements share both a set and a parameter, and the sets are no rows."""
        return self.parameters_differ_within and not (self.shared_by_both or self.are_rows)

    @cached_property
    def everywhere(self) -> tuple[slice, ...]:
        """All of the view, as an index."""
        return (slice(None),) * len(self.view)

    @cached_property
    def count(self) -> int:
        """How many sets there are."""
        return math.prod(self.view[a] for a in self.kept)

    @cached_property
    def size(self) -> int:
        """How many elements share one mean and one variance."""
        return math.prod(self.view[a] for a in self.axes)

    @property
    def power(self) -> str:
        """The step of a trace with the mean of the squares."""
        return "variance" if self.centered else "mean_square"

    @property
    def spread(self) -> str:
        """The step with its root, by which a set is divided."""
        return "std" if self.centered else "rms"

    @cached_property
    def statistic_shape(self) -> Shape:
        """The shape of the means: the lengths of the axes that are not shared."""
        return tuple(n for f in self.factors if not f.shared for n in f.lengths)

    @cached_property
    def parameter_shape(self) -> Shape:
        """The shape of weight and bias."""
        lengths = {f.name: f.lengths for f in self.factors}
        shape: list[int] = []
        for names in self.affine:
            composed = (math.prod(n for name in names for n in lengths[name]),)
            shape += lengths[names[0]] if len(names) == 1 else composed
        return tuple(shape)

    @cached_property
    def broadcast_shape(self) -> Shape:
        """The shape in which one value per set broadcasts against the view."""
        return tuple(1 if a in self.axes else n for a, n in enumerate(self.view))

    @cached_property
    def sum_shape(self) -> Shape:
        """The shape in which a sum over what shares a set and a parameter lies in the view."""
        return tuple(1 if a in self.shared_by_both else n for a, n in enumerate(self.view))

    @cached_property
    def parameter_view(self) -> Shape:
        """The shape in which weight and bias broadcast against the view."""
        return tuple(n if a in self.affine_axes else 1 for a, n in enumerate(self.view))

    @cached_property
    def dimension_names(self) -> tuple[str, ...]:
        """The pattern's name for every dimension of x, "" where it has none of its own.

        >>> from normviz import statistics_sets
        >>> statistics_sets("n t (h [d])", (2, 3, 8), sizes={"h": 2}).dimension_names
        ('n', 't', 'h d')
        """
        names: list[list[str]] = [[] for _ in self.shape]
        for factor in self.factors:
            if len(factor.lengths) == 1 and factor.name != REST:
                names[factor.dimension].append(factor.name)
        return tuple(" ".join(parts) for parts in names)

    def name_of_set(self, index: int) -> str:
        """Which set one is, by the indices of the axes that are not shared; index from 0.

        >>> from normviz import statistics_sets
        >>> statistics_sets("n t (h [d])", (2, 3, 8), sizes={"h": 2}).name_of_set(3)
        'n = 0, t = 1, h = 1'
        """
        return _at([f for f in self.factors if not f.shared], index)

    def name_of_parameter(self, index: int) -> str:
        """Which weight or bias one is, by the indices of its axes; index from 0."""
        affine = {name for names in self.affine for name in names}
        return _at([f for f in self.factors if f.name in affine], index)

    @cached_property
    def per_channel(self) -> "StatisticsSets":
        """The same sets with a weight and a bias for each index of x's dimension 1.

        >>> from normviz import statistics_sets
        >>> sets = statistics_sets("layer_norm", (2, 3, 5), normalized_shape=(3, 5))
        >>> sets.per_channel.parameter_shape, sets.per_channel.view
        ((3,), (2, 3, 5))
        """
        single = []
        for factor in self.factors:
            single += [
                replace(
                    factor,
                    name=f"{factor.name}{i}" if len(factor.lengths) > 1 else factor.name,
                    dimension=factor.dimension + i,
                    lengths=(length,),
                )
                for i, length in enumerate(factor.lengths)
            ]
        names = tuple(factor.name for factor in single if factor.dimension == 1)
        return replace(self, factors=tuple(single), affine=(names,))

    def labels(self) -> npt.NDArray[np.int64]:
        """The number of its set for every element, int64 of x's shape, from 1."""
        numbers = np.arange(1, self.count + 1, dtype=np.int64).reshape(self.broadcast_shape)
        # A copy: what broadcasting gives may be read-only, and its elements one in memory.
        return np.array(np.broadcast_to(numbers, self.view)).reshape(self.shape)


def _at(factors: list[Factor], index: int) -> str:
    names = [factor.name for factor in factors for _ in factor.lengths]
    places = np.unravel_index(index, [n for factor in factors for n in factor.lengths] or (1,))
    return ", ".join(f"{name} = {at}" for name, at in zip(names, places, strict=False))
