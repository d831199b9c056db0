"""The part of a tensor too large to be traced whole: the sets that are shown, each of them whole.

What a set gives hangs on its own elements alone, so that its statistics, y and dx in the part are
those in the whole. dγ and dβ are sums over all sets: what the others add is summed in chunks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt

from normviz.norms.norm import Norm
from normviz.norms.partition import StatisticsSets
from normviz.reference.rounding import in_float64
from normviz.reference.spread import Spread
from normviz.reference.trace import PARAMETERS, USUAL, Trace
from normviz.tensors.limits import MOST_ELEMENTS
from normviz.workbook.explain.selection import Selection
from normviz.workbook.explain.story import Story

Array = npt.NDArray[Any]
Indices = tuple[tuple[int, ...], ...]

CHUNK = 500_000
"""So many elements are summed at a time: a trace of them takes some fifty megabytes."""


@dataclass(frozen=True)
class Numbers:
    """A call that is to be traced: its norm, its numbers, and how it divides."""

    norm: Norm
    x: Array
    grad_output: Array
    arguments: dict[str, Any]
    spread: Spread = USUAL

    @property
    def sets(self) -> StatisticsSets:
        """The statistics sets on x."""
        return self.norm.on_call(self.x.shape, self.arguments)

    def traced(self) -> Trace:
        """Every step in float64."""
        return in_float64(self.norm, self.x, self.grad_output, self.arguments, self.spread)

    def part(self, part: Indices) -> Numbers:
        """The same on some indices of every axis, with the parameters that belong to them."""
        places = _places_of_parameters(self.sets)
        arguments = dict(self.arguments)
        for name in PARAMETERS:
            value = arguments.get(name)
            if value is not None:
                axes = zip(places, value.shape, strict=True)
                taken = (range(n) if at is None else part[at] for at, n in axes)
                arguments[name] = _take(value, tuple(map(tuple, taken)))
        x, grad = _take(self.x, part), _take(self.grad_output, part)
        return replace(self, x=x, grad_output=grad, arguments=arguments)


def traced_part(
    numbers: Numbers, selection: Selection, story: Story
) -> tuple[Trace, Selection, Story]:
    """The trace of the sets that are shown; dγ and dβ are those of the whole tensor.

    Raises:
        ValueError: where these sets alone are too many elements.
    """
    shape = numbers.x.shape
    part = _whole_sets(numbers, selection)
    count = math.prod(len(axis) for axis in part)
    if count > MOST_ELEMENTS:
        raise ValueError(
            f"x is too large: {numbers.x.size:,} elements of shape {shape}; the statistics sets of "
            f"those shown ({selection}) have {count:,}, and at most {MOST_ELEMENTS:,} can be "
            "traced: show fewer samples or channels, or give a part of x"
        )
    inside = numbers.part(part)
    trace = inside.traced()
    cut = replace(story, output=_take(story.output, part), grad_input=_take(story.grad_input, part))
    if "grad_bias" in trace or "grad_weight" in trace:
        for name, total in _sums_of_parameters(numbers, part).items():
            trace.put(name, total)
    return trace, selection.within(part), cut


def _whole_sets(numbers: Numbers, selection: Selection) -> Indices:
    """The indices of every axis that the sets shown have; axes that are composed, all of them."""
    sets, found = numbers.sets, []
    affine = {name for names in sets.affine for name in names}
    for axis, length in enumerate(sets.shape):
        factors = [f for f in sets.factors if f.dimension <= axis < f.dimension + len(f.lengths)]
        alone = len(factors) == 1 and not factors[0].shared
        named = factors[0].name in (numbers.norm.fixed or {})
        # A running statistic is a mean over all sets of its channel.
        moves = numbers.arguments.get("running_mean") is not None
        if alone and not named and (factors[0].name in affine or not moves):
            found.append(selection.axes[axis])
        else:
            found.append(tuple(range(length)))
    return tuple(found)


def _sums_of_parameters(numbers: Numbers, part: Indices) -> Mapping[str, Array]:
    """dγ and dβ over all sets, for the parameters of the part; nothing where they are all in it."""
    shape = numbers.x.shape
    own = {at for at in _places_of_parameters(numbers.sets) if at is not None}
    cut = [a for a, n in enumerate(shape) if a not in own and len(part[a]) < n]
    if not cut:
        return {}
    all_sets = tuple(
        part[axis] if axis in own else tuple(range(length)) for axis, length in enumerate(shape)
    )
    sums: dict[str, Array] = {}
    for chunk in _chunks(all_sets, max(cut, key=lambda axis: shape[axis])):
        made = numbers.part(chunk).traced()
        for name in ("grad_bias", "grad_weight"):
            if name in made:
                sums[name] = sums.get(name, 0.0) + made[name]
    return sums


def _chunks(indices: Indices, axis: int) -> Iterator[Indices]:
    """The same indices, some of one axis at a time."""
    others = math.prod(len(of) for a, of in enumerate(indices) if a != axis)
    step = max(1, CHUNK // others)
    for first in range(0, len(indices[axis]), step):
        some = indices[axis][first : first + step]
        yield (*indices[:axis], some, *indices[axis + 1 :])


def _places_of_parameters(sets: StatisticsSets) -> list[int | None]:
    """The axis of x that each axis of weight and bias is; None for one that is composed."""
    factors = {factor.name: factor for factor in sets.factors}
    found: list[int | None] = []
    for names in sets.affine:
        factor = factors[names[0]]
        whole = len(names) == 1 and sum(f.dimension == factor.dimension for f in sets.factors) == 1
        axes = range(factor.dimension, factor.dimension + len(factor.lengths))
        found += list(axes) if whole else [None]
    return found


def _take(values: Array, part: Indices) -> Array:
    """Some indices of every axis, without a copy of what is taken whole."""
    for axis, indices in enumerate(part):
        if len(indices) < values.shape[axis]:
            values = values.take(indices, axis=axis)
    return values
