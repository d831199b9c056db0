"""A call in float64, step by step, from arrays or from a NumPy layer."""

from __future__ import annotations

import copy
from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from normviz.norms.norm import Norm
from normviz.norms.partition import StatisticsSets
from normviz.reference.call import GIVEN, RANDOM, drawn_gradient
from normviz.reference.checks import check_plain_array, converted
from normviz.reference.module import Module
from normviz.reference.trace import Trace
from normviz.tensors.files import checked
from normviz.tensors.limits import MOST_ELEMENTS
from normviz.workbook.draw.tensor import UNNAMED, axes_of
from normviz.workbook.explain.part import Numbers, traced_part
from normviz.workbook.explain.selection import Choice, Selection, select
from normviz.workbook.explain.story import Story

Array = npt.NDArray[Any]
RANKS = (2, 3, 4, 5)


@dataclass(frozen=True)
class Slices:
    """Which samples, channels and pixels of x are to be shown, as the user says it."""

    samples: Choice = None
    channels: Choice = None
    pixels: Any = None

    def of(self, sets: StatisticsSets) -> Selection:
        """The same as indices."""
        return select(sets, self.samples, self.channels, self.pixels)


class Shown(NamedTuple):
    """What a book shows: a trace, the slice of it, and where the numbers come from."""

    trace: Trace
    selection: Selection
    story: Story


def shown(numbers: Numbers, story: Story, slices: Slices) -> Shown:
    """Every step in float64, which is what a sheet computes in; of a large x, of the sets shown.

    Raises:
        ValueError: a slice outside of x, or sets too large to be traced.
    """
    numbers = replace(numbers, norm=_with_names(numbers, story.axes))
    selection = slices.of(numbers.sets)
    if numbers.x.size > MOST_ELEMENTS:
        return Shown(*traced_part(numbers, selection, story))
    return Shown(numbers.traced(), selection, story)


def _with_names(numbers: Numbers, axes: tuple[str, ...]) -> Norm:
    """The norm, whatever its pattern leaves unnamed before the features called by its name."""
    norm = numbers.norm
    if len(axes) != numbers.x.ndim or axes_of(numbers.sets) != UNNAMED:
        return norm
    return replace(norm, sets=" ".join([*axes[:-1], f"[{axes[-1]}]"]))


def checked_tensor(x: Any, name: str, ranks: Container[int] = RANKS, finite: bool = True) -> Array:
    """A floating-point array of a rank that a sheet can show.

    Raises:
        TypeError, ValueError: otherwise, in a sentence.
    """
    array = checked(_array(x, name), name, finite)[0]
    if array.ndim not in ranks:
        raise ValueError(f"{name} must have 2 to 5 dimensions (N, C, *spatial), got {array.shape}")
    return array


def _array(value: Any, name: str) -> Array:
    check_plain_array(name, value)
    return np.asarray(value)


def numpy_story(layer: Module, x: Any, grad_output: Any, slices: Slices) -> Shown:
    """A NumPy layer, a copy of which runs on x."""
    twin, layer, array = copy.deepcopy(layer), copy.deepcopy(layer), _array(x, "x")
    output = layer(array)
    where, grad = GIVEN, _array(grad_output, "grad_output")
    if grad_output is None:
        where, grad = RANDOM, drawn_gradient(array.shape)
    grad = converted("grad_output", grad, array.dtype)
    grad_input = layer.backward(grad).grad_input
    story = Story(
        layer=type(layer).__name__,
        source="the tensor that was given",
        dtype=str(array.dtype),
        gradient=where,
        parameters="the layer's own",
        output=output,
        grad_input=grad_input,
    )
    return of_twin(twin, array, grad, story, slices)


def of_twin(twin: Module, x: Array, grad: Array, story: Story, slices: Slices) -> Shown:
    """What a NumPy layer makes of x; an instance norm may see one sample without the batch."""
    x, grad = twin.with_batch(x), twin.with_batch(grad)
    story = story.with_shape(x.shape)
    given, grad = (checked_tensor(a, n, finite=False) for a, n in ((x, "x"), (grad, "grad_output")))
    return shown(Numbers(twin.norm, given, grad, twin.arguments(given)), story, slices)
