"""A call in float64, step by step, from arrays or from a NumPy layer."""

from __future__ import annotations

import copy
from collections.abc import Container
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.norm import Norm
from normviz.reference.module import Module
from normviz.reference.rounding import in_float64
from normviz.reference.spread import Spread
from normviz.reference.trace import USUAL, Trace
from normviz.tensors.files import checked
from normviz.workbook.explain.story import Story

Array = npt.NDArray[Any]
RANKS = (2, 3, 4, 5)
GIVEN = "the gradient that was given"
RANDOM = "random: standard normal numbers, seed 0"


def traced(
    norm: Norm, x: Array, grad_output: Array, arguments: dict[str, Any], spread: Spread = USUAL
) -> Trace:
    """Every step in float64, which is what a sheet computes in.

    Raises:
        ValueError: where a step is not finite (a constant set with eps = 0), with its place.
    """
    made = in_float64(norm, x, grad_output, arguments, spread)
    for step in made.steps:
        bad = ~np.isfinite(step.value)
        if bad.any():
            index = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape))
            raise ValueError(
                f"the step {step.name} ({step.formula}) must be finite in float64 to be shown; at "
                f"index {index} it is {step.value[index]} with eps = {made.eps:g}"
            )
    return made


def checked_tensor(x: Any, name: str, ranks: Container[int] = RANKS) -> Array:
    """A finite floating-point array of a rank that a sheet can show.

    Raises:
        TypeError, ValueError: otherwise, in a sentence.
    """
    array = checked(np.asarray(x), name)[0]
    if array.ndim not in ranks:
        raise ValueError(f"{name} must have 2 to 5 dimensions (N, C, *spatial), got {array.shape}")
    return array


def numpy_story(layer: Module, x: Any, grad_output: Any) -> tuple[Trace, Story]:
    """A NumPy layer, a copy of which runs on x."""
    twin, layer, array = copy.deepcopy(layer), copy.deepcopy(layer), np.asarray(x)
    output = layer(array)
    where, grad = GIVEN, np.asarray(grad_output)
    if grad_output is None:
        where, grad = RANDOM, np.random.default_rng(0).standard_normal(array.shape)
    grad = grad.astype(array.dtype)
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
    return of_twin(twin, array, grad, story)


def of_twin(twin: Module, x: Array, grad: Array, story: Story) -> tuple[Trace, Story]:
    """The trace of a NumPy layer; an instance norm may see one sample without the batch."""
    ranks: tuple[int, ...] = getattr(twin, "_ranks", ())
    if twin.norm.name == "instance_norm" and bool(ranks) and x.ndim == ranks[0] - 1:
        x, grad = x[None], grad[None]
        story = story.with_shape(x.shape)
    given, grad = checked_tensor(x, "x"), checked_tensor(grad, "grad_output")
    twin._check_rank(given)
    return traced(twin.norm, given, grad, twin._arguments(given)), story
