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

from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.norms.partition import StatisticsSets
from normviz.norms.sets import norm_of
from normviz.reference.trace import Trace
from normviz.torch_models.capture import Capture, capture, norm_like
from normviz.torch_models.from_torch import from_torch, has_twin
from normviz.torch_models.identify import Identity, identify
from normviz.workbook.explain.call_trace import checked_tensor, of_twin, traced
from normviz.workbook.explain.story import Story

Array = npt.NDArray[Any]
Found = tuple[Trace, Story]


def story_of(
    module: Any,
    x: Any,
    grad_output: Any,
    layer: str | None,
    kwargs: Mapping[str, Any] | None,
    call: int,
    loss: Any,
    sets: str | None,
    sizes: dict[str, Any],
) -> Found:
    """Run the layer, tell what it is, and trace that in float64.

    Raises:
        TypeError: a layer that is no normalization, unless ``sets`` says what it should be.
        ValueError: as :func:`normviz.torch_models.capture.capture`, and for steps not finite.
    """
    seen = capture(module, x, grad_output, layer, kwargs=kwargs, call=call, loss=loss)
    story = Story(
        layer=seen.title,
        source=seen.where_x,
        dtype=seen.dtype,
        gradient=seen.where_grad_output,
        parameters="the layer's own",
        output=seen.output,
        grad_input=np.full_like(seen.x, np.nan) if seen.grad_input is None else seen.grad_input,
    )
    checked_tensor(seen.x, "x", ranks=range(1, 7))
    if sets is not None:
        if seen.x.shape != seen.output.shape:
            raise TypeError(
                f"the layer's output must have the shape of x, {seen.x.shape}, {seen.title} gives "
                f"{seen.output.shape}"
            )
        return _as_said(seen, story, sets, sizes)
    found = identify(seen.layer, seen.tensor)
    story = replace(story, identity=found.sentence)
    if has_twin(seen.layer) and (found or found.kind == "undecided"):
        twin = _of_class(seen, story)
        if twin is not None:
            return twin
    if not found:
        raise TypeError(_refusal(module, layer, found))
    return _as_found(seen, story, found)


def _refusal(module: Any, layer: str | None, found: Identity) -> str:
    what = "module" if layer is None else f"layer {layer!r}"
    names = [n for n in norm_like(module) if n != layer] if hasattr(module, "modules") else []
    hint = f"; give layer=, such as {', '.join(names[:6])}" if names else ""
    return (
        f"{what} must be a normalization layer: {found.sentence}{hint}; sets= says what it should "
        "be, and the book then shows where it departs"
    )


def _of_class(seen: Capture, story: Story) -> Found | None:
    """The trace of the twin that the layer's class has, where it gives what the layer gives."""
    try:
        made = of_twin(from_torch(seen.layer), seen.x, seen.grad_output, story)
    except (ValueError, TypeError):
        return None
    return made if made[1].agrees(made[0]) else None


def _as_found(seen: Capture, story: Story, found: Identity) -> Found:
    """The trace of what was found, with γ and β as the layer uses them."""
    norm, arguments = _declared(found)
    if found.kind == "constants":
        if found.name is None:
            raise ValueError(
                "stored statistics must be one for each channel, along axis 1 of x, to be shown; "
                f"{found.sentence}"
            )
        flat = {"running_mean": found.mean, "running_var": found.variance}
        flat |= {"weight": found.gamma, "bias": found.beta}
        arguments |= {n: np.ascontiguousarray(v).ravel() for n, v in flat.items() if v is not None}
        return _traced(seen, story, norm, arguments | {"eps": found.eps}, found)
    gamma, eps, notes = _inside_the_root(found, seen.x)
    sets = norm.on(seen.x.shape, arguments)
    if found.gamma_is != "1" or notes:
        arguments["weight"] = parameter(sets, gamma)
    if found.beta_is != "0" and norm.bias:
        arguments["bias"] = parameter(sets, found.beta)
    if norm.flag:
        arguments[norm.flag] = True
    story = replace(story, notes=notes)
    return _traced(seen, story, norm, arguments | {"eps": eps}, found)


def _declared(found: Identity) -> tuple[Norm, dict[str, Any]]:
    """The norm, declared or as a pattern, and the arguments that shape its sets."""
    sizes = dict(found.sizes or {})
    if found.name is not None and (found.beta_is == "0" or NORMS[found.name].bias):
        norm = NORMS[found.name]
        return norm, {s.argument: sizes[s.axis] for s in norm.sizes}
    pattern = {"sizes": sizes, "affine": found.affine, "centered": found.centered}
    return norm_of(str(found.sets), pattern)


def _inside_the_root(found: Identity, x: Array) -> tuple[Array, float, tuple[str, ...]]:
    """γ and the eps inside the root, biased variance, that make the same of this x.

    Raises:
        ValueError: an eps outside the root that counts on this x.
    """
    gamma, eps = np.asarray(found.gamma), float(found.eps or 0.0)
    notes: list[str] = []
    m = int(np.bincount(np.asarray(found.labels).ravel())[1])
    ratio = m / (m - 1) if found.divisor == "m - 1" else 1.0
    if ratio != 1.0:
        gamma = gamma / math.sqrt(ratio)
        eps = eps / ratio if found.eps_where == "inside" else eps / math.sqrt(ratio)
        notes.append(
            "it divides the variance by m − 1; here γ is smaller by √((m − 1) / m) instead, and "
            "eps likewise, which is the same"
        )
    if found.eps_where == "inside":
        return gamma, eps, tuple(notes)
    smallest = _smallest_spread(found, x)
    counts = smallest <= eps if found.eps_where == "max" else eps > 1e-6 * smallest
    if counts:
        where = "adds eps to" if found.eps_where == "outside" else "takes the larger of eps and"
        raise ValueError(
            f"eps must be inside the root to be shown where it counts; this layer {where} the "
            f"root, eps = {eps:.3g}, and on this x the smallest root is {smallest:.3g}"
        )
    notes.append(
        f"its eps of {eps:.3g} stands {found.eps_where} of the root and counts nothing here"
    )
    return gamma, 0.0, tuple(notes)


def _smallest_spread(found: Identity, x: Array) -> float:
    labels = np.asarray(found.labels).ravel() - 1
    wide = x.astype(np.float64).ravel()
    count = np.bincount(labels)
    if found.centered:
        wide = wide - (np.bincount(labels, wide) / count)[labels]
    return float(np.sqrt((np.bincount(labels, wide * wide) / count).min()))


def parameter(sets: StatisticsSets, values: Any) -> Array:
    """An array that broadcasts over x, as the weight of these sets."""
    full = np.broadcast_to(values, sets.shape).reshape(sets.view)
    index = tuple(slice(None) if a in sets.affine_axes else 0 for a in range(full.ndim))
    return np.ascontiguousarray(full[index]).reshape(sets.parameter_shape)


def _traced(
    seen: Capture, story: Story, norm: Norm, arguments: dict[str, Any], found: Identity | None
) -> Found:
    """The trace on x, in a rank that a sheet shows."""
    x, grad = seen.x, seen.grad_output
    shape = _shown_shape(norm, arguments, x.shape)
    if shape != x.shape:
        story = replace(
            story.with_shape(shape), source=f"{story.source}, of shape {x.shape} shown as {shape}"
        )
        x, grad = x.reshape(shape), grad.reshape(shape)
    if found is not None and found.gamma_is and found.gamma_is.startswith("1 + "):
        story = replace(story, added_to_weight=(1.0, found.gamma_is.removeprefix("1 + ")))
    return traced(norm, x, checked_tensor(grad, "grad_output"), arguments), story


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


def _as_said(seen: Capture, story: Story, sets: str, sizes: dict[str, Any]) -> Found:
    """The trace of what the user says the layer should be."""
    best: Found | None = None
    for norm, arguments in _readings(seen, sets, sizes):
        made = _traced(seen, story, norm, arguments, None)
        gap = made[1].distance(made[0])
        if best is None or gap < best[1].distance(best[0]):
            best = made
    assert best is not None
    said = f"said to be {sets}" + "".join(f", {a} = {n}" for a, n in sizes.items())
    return best[0], replace(best[1], identity=f"{said}; red is where the layer departs from that")


def _readings(
    seen: Capture, sets: str, sizes: dict[str, Any]
) -> Iterator[tuple[Norm, dict[str, Any]]]:
    """The norm with the layer's eps and parameters; a pattern also with the mean taken as zero."""
    own = {name: _own(seen.layer, name) for name in ("weight", "bias")}
    named = [getattr(seen.layer, name, None) for name in _EPS_NAMES]
    eps = next((value for value in named if isinstance(value, float)), 1e-5)
    shape = seen.x.shape
    if sets in NORMS:
        norm = NORMS[sets]
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


_EPS_NAMES = ("eps", "variance_epsilon", "epsilon", "layer_norm_eps")


def _own(layer: Any, name: str) -> Array | None:
    value: Any = getattr(layer, name, None)
    return value.detach().double().cpu().numpy() if hasattr(value, "detach") else None
