"""Every layer of every declared norm, verified: the table of ``normviz verify``."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.errors import needs_torch
from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.torch_models.verify import Report, verify

Array = npt.NDArray[Any]

_SHAPES = {"1d": (4, 6, 10), "2d": (4, 6, 5, 5), "3d": (4, 6, 3, 4, 4)}
"""Shapes of x, by the end of a class's name."""


def _layers_of(norm: Norm) -> Iterator[tuple[str, Any]]:
    """The layers of a norm with the names of the table: its classes, its pattern, the reference."""
    from normviz import torch_layers as own

    for place in norm.layers:
        package, _, name = place.rpartition(".")
        make = getattr(importlib.import_module(package), name)
        yield name, _made(make, norm, _shape_for(name))
    shape = _shape_for("")
    sizes = norm.sizes_for(shape, {})
    if not norm.layers:
        axes = {size.axis: sizes[size.argument] for size in norm.sizes} | dict(norm.fixed or {})
        rest: dict[str, Any] = {n: getattr(norm, n) for n in ("affine", "centered", "bias")}
        yield f"Norm({norm.name})", own.Norm(norm.sets, shape, sizes=axes, **rest)
    parts = {size.argument: sizes[size.argument] for size in norm.sizes if size.divides}
    yield f"ReferenceNorm2d({norm.name})", own.ReferenceNorm2d(norm.name, shape[1], **parts)


def _shape_for(name: str) -> tuple[int, ...]:
    return _SHAPES.get(name[-2:], _SHAPES["2d"])


def _made(make: Any, norm: Norm, shape: tuple[int, ...]) -> Any:
    """A layer for x of this shape, with all the parameters and buffers that it can have."""
    channels = dict.fromkeys(("num_features", "num_channels"), shape[1])
    known = {"affine": True, "track_running_stats": True, **channels}
    known |= norm.sizes_for(shape, {})
    taken = inspect.signature(make).parameters
    return make(**{name: value for name, value in known.items() if name in taken})


def standard_layers(dtype: str) -> list[tuple[str, Any, Array]]:
    """Every layer of every declared norm, with an x for it: what ``normviz verify`` runs.

    >>> [name for name, _, _ in standard_layers("float64")][:3]
    ['BatchNorm1d', 'BatchNorm2d', 'BatchNorm3d']
    """
    torch = needs_torch("verify")
    wanted = getattr(torch, dtype)
    rng = np.random.default_rng(0)
    layers = []
    for name, module in (layer for norm in NORMS.values() for layer in _layers_of(norm)):
        module = module.to(wanted)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.copy_(torch.from_numpy(rng.normal(1.0, 0.5, tuple(parameter.shape))))
        x = (3.0 * rng.standard_normal(_shape_for(type(module).__name__)) + 1.0).astype(dtype)
        layers.append((name, module, x))
    return layers


def verify_all() -> list[Report]:
    """Verify every standard layer in float32 and float64, in training and in evaluation."""
    return [
        replace(verify(module.train(training), x), layer=name)
        for dtype in ("float32", "float64")
        for name, module, x in standard_layers(dtype)
        for training in (True, False)
    ]
