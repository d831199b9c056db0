"""From a torch layer, alone or in a model, to the trace that its book shows.

What the layer is :func:`normviz.identify` finds out; a layer of torch's own classes is shown with
its running statistics too, as its NumPy twin has them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.errors import unknown_name
from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.norms.partition import StatisticsSets
from normviz.norms.sets import norm_of
from normviz.reference.spread import Spread
from normviz.reference.trace import USUAL
from normviz.torch_models.capture import Capture, norm_like
from normviz.torch_models.from_torch import from_torch, has_twin
from normviz.torch_models.identify import Identity, identify
from normviz.torch_models.identify.call import call_of
from normviz.workbook.explain.call_trace import Shown, Slices, checked_tensor, of_twin, shown
from normviz.workbook.explain.part import Numbers
from normviz.workbook.explain.story import Story

Array = npt.NDArray[Any]

ASKED = 2_000_000
"""Of more elements identify is asked on a part of x: all it does then would take ten seconds."""


def story_of(
    seen: Capture,
    module: Any,
    layer: str | None,
    sets: str | None,
    sizes: dict[str, Any],
    slices: Slices,
) -> Shown:
    """Tell what a layer is that was seen, of that name in a module or it itself, and trace that.

    Raises:
        TypeError: a layer that is no normalization, unless ``sets`` says what it should be.
        ValueError: what cannot be shown, in a sentence.
    """
    story = Story(
        layer=seen.title,
        source=seen.where_x,
        dtype=seen.dtype,
        output_dtype=seen.output_dtype,
        gradient=seen.where_grad_output,
        parameters="the layer's own",
        axes=seen.axes,
        output=seen.output,
        grad_input=np.full_like(seen.x, np.nan) if seen.grad_input is None else seen.grad_input,
    )
    checked_tensor(seen.x, "x", range(1, 7), finite=False)
    if sets is not None:
        if seen.x.shape != seen.output.shape:
            raise TypeError(
                f"the layer's output must have the shape of x, {seen.x.shape}, {seen.title} gives "
                f"{seen.output.shape}"
            )
        return _as_said(seen, story, sets, sizes, slices)
    found = _asked(seen)
    story = replace(story, identity=found.sentence)
    if has_twin(seen.layer) and (found or found.kind == "undecided"):
        twin = _of_class(seen, story, slices)
        if twin is not None:
            return twin
    if not found:
        raise TypeError(_refusal(module, layer, found))
    if found.gamma_is and found.gamma_is.startswith("1 + "):
        story = replace(story, added_to_weight=(1.0, found.gamma_is.removeprefix("1 + ")))
    told = call_of(found)
    return _traced(seen, story, slices, told.norm, told.arguments, told.spread)


def _asked(seen: Capture) -> Identity:
    """What the layer is, asked on all of x, or on some samples (or tokens) of a large one."""
    x = seen.tensor
    for axis in range(x.dim() if x.numel() > ASKED else 0):
        few = max(2, ASKED * x.shape[axis] // x.numel())
        if few >= x.shape[axis]:
            continue
        try:
            found = identify(seen.layer, x.narrow(axis, 0, few))
            told = call_of(found) if found else None
        except (ValueError, TypeError):
            continue  # not of this length
        if told is not None and _has_sets_on(told.norm, told.arguments, tuple(x.shape)):
            return found
    return identify(seen.layer, x)


def _has_sets_on(norm: Norm, arguments: Mapping[str, Any], shape: tuple[int, ...]) -> bool:
    try:
        norm.on_call(shape, arguments)
    except (ValueError, TypeError):
        return False
    return True


def _refusal(module: Any, layer: str | None, found: Identity) -> str:
    what = "module" if layer is None else f"layer {layer!r}"
    names = [n for n in norm_like(module) if n != layer] if hasattr(module, "modules") else []
    hint = f"; give layer=, such as {', '.join(names[:6])}" if names else ""
    return (
        f"{what} must be a normalization layer: {found.sentence}{hint}; sets= says what it should "
        "be, and the book then shows where it departs"
    )


def _of_class(seen: Capture, story: Story, slices: Slices) -> Shown | None:
    """The trace of the twin that the layer's class has, where it gives what the layer gives."""
    try:
        made = of_twin(from_torch(seen.layer), seen.x, seen.grad_output, story, slices)
    except (ValueError, TypeError):
        return None
    return made if made.story.agrees(made.trace) else None


def _traced(
    seen: Capture,
    story: Story,
    slices: Slices,
    norm: Norm,
    arguments: dict[str, Any],
    spread: Spread = USUAL,
) -> Shown:
    """The trace on x, in a rank that a sheet shows."""
    x, grad = seen.x, seen.grad_output
    shape = _shown_shape(norm, arguments, x.shape)
    if shape != x.shape:
        story = replace(
            story.with_shape(shape), source=f"{story.source}, of shape {x.shape} shown as {shape}"
        )
        x, grad = x.reshape(shape), grad.reshape(shape)
    grad = checked_tensor(grad, "grad_output", finite=False)
    return shown(Numbers(norm, x, grad, arguments, spread), story, slices)


def _shown_shape(
    norm: Norm, arguments: Mapping[str, Any], shape: tuple[int, ...]
) -> tuple[int, ...]:
    """The shape with a leading 1, or its first axes as one, where the sets stay the same.

    Raises:
        ValueError: where they would not.
    """
    if 2 <= len(shape) <= 5:
        return shape
    other = (1, *shape) if len(shape) < 2 else (math.prod(shape[: len(shape) - 4]), *shape[-4:])
    own = norm.on(shape, arguments)
    try:
        shown = norm.on(other, arguments)
    except (ValueError, TypeError):
        shown = None
    if shown is None or not np.array_equal(own.labels().ravel(), shown.labels().ravel()):
        raise ValueError(f"x must have 1 to 5 dimensions to be shown with these sets, got {shape}")
    return other


def _as_said(
    seen: Capture, story: Story, sets: str, sizes: dict[str, Any], slices: Slices
) -> Shown:
    """The trace of what the user says the layer should be."""
    read = (_traced(seen, story, slices, *each) for each in _readings(seen, sets, sizes))
    best = min(read, key=lambda made: made.story.distance(made.trace))
    said = f"said to be {sets}" + "".join(f", {a} = {n}" for a, n in sizes.items())
    said += f"; red is where the layer departs from that. {_asked(seen).sentence}"
    parameters = _parameters_used(seen.layer, best.trace.arguments)
    return best._replace(story=replace(best.story, identity=said, parameters=parameters))


def _parameters_used(layer: Any, arguments: Mapping[str, Any]) -> str:
    """What of the layer stands in the steps that it is said to take, and what was assumed."""
    used = [name for name in ("weight", "bias") if arguments.get(name) is not None]
    said = f"the layer's own {' and '.join(used)}"
    if not used:
        said = "the layer has no weight or bias that fits: γ is 1, β is 0"
    return said if _eps_of(layer) is not None else f"{said}; it names no ε, which is {USUAL_EPS:g}"


def _eps_of(layer: Any) -> float | None:
    named = (getattr(layer, name, None) for name in _EPS_NAMES)
    return next((value for value in named if isinstance(value, float)), None)


def _readings(
    seen: Capture, sets: str, sizes: dict[str, Any]
) -> Iterator[tuple[Norm, dict[str, Any]]]:
    """The norm with the layer's eps and parameters; a pattern also with the mean taken as zero."""
    own = {name: _own(seen.layer, name) for name in ("weight", "bias")}
    named = _eps_of(seen.layer)
    eps = USUAL_EPS if named is None else named
    shape = seen.x.shape
    if sets in NORMS:
        norm = NORMS[sets]
        names = [*(axis.name for axis in norm.pattern.axes), *norm.size_arguments]
        for name in sizes:
            if name not in names:
                raise ValueError(unknown_name("a size", name, names))
        arguments = {s.argument: sizes.get(s.axis, sizes.get(s.argument)) for s in norm.sizes}
        arguments = {name: value for name, value in arguments.items() if value is not None}
        if norm.takes("normalized_shape"):
            trailing = getattr(seen.layer, "normalized_shape", shape[-1:])
            arguments.setdefault("normalized_shape", trailing)
        if norm.flag:
            arguments[norm.flag] = True
        fitting = _fitting(own, norm, norm.on(shape, arguments))
        yield norm, arguments | fitting | {"eps": eps}
        return
    for centered in (True, False):
        plain, _ = norm_of(sets, {"sizes": sizes, "centered": centered})
        count = 0 if own["weight"] is None else own["weight"].size
        axes = [f.name for f in plain.on(shape).factors if f.length == count > 1]
        settings = {"sizes": sizes, "centered": centered, "affine": axes[0] if axes else ""}
        norm, _ = norm_of(sets, settings)
        fitting = _fitting(own, norm, norm.on(shape)) if axes else {}
        yield norm, fitting | {"eps": eps}


def _fitting(own: Mapping[str, Array | None], norm: Norm, sets: StatisticsSets) -> dict[str, Array]:
    """Weight and bias of the layer, as far as the norm has such ones."""
    shape = sets.parameter_shape
    return {
        name: value.reshape(shape)
        for name, value in own.items()
        if value is not None and norm.takes(name) and value.size == math.prod(shape)
    }


USUAL_EPS = 1e-5
_EPS_NAMES = ("eps", "variance_epsilon", "epsilon", "layer_norm_eps")


def _own(layer: Any, name: str) -> Array | None:
    value: Any = getattr(layer, name, None)
    return value.detach().double().cpu().numpy() if hasattr(value, "detach") else None
