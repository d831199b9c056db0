"""A recognized layer as a call of the reference: its norm, its arguments, and how it divides."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.norms.partition import StatisticsSets
from normviz.norms.sets import norm_of
from normviz.reference.spread import Spread
from normviz.torch_models.identify.identity import Identity

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class FoundCall:
    """The norm, declared or as a pattern, its arguments after x, and its spread."""

    norm: Norm
    arguments: dict[str, Any]
    spread: Spread


def call_of(found: Identity) -> FoundCall:
    """The call that gives what a proven layer gives, with γ and β as the layer uses them.

    Raises:
        ValueError: stored statistics that are not one for each channel.
    """
    norm, arguments = _declared(found)
    if found.kind == "constants":
        if found.name is None:
            raise ValueError(
                "stored statistics must be one for each channel, along axis 1 of x; "
                f"{found.sentence}"
            )
        flat = {"running_mean": found.mean, "running_var": found.variance}
        flat |= {"weight": found.gamma, "bias": found.beta}
        arguments |= {n: np.ascontiguousarray(v).ravel() for n, v in flat.items() if v is not None}
        return FoundCall(norm, arguments | {"eps": found.eps}, Spread())
    sets = norm.on(found.shape, arguments)
    if found.gamma_is != "1":
        arguments["weight"] = _parameter(sets, found.gamma)
    if found.beta_is != "0" and norm.bias:
        arguments["bias"] = _parameter(sets, found.beta)
    if norm.flag:
        arguments[norm.flag] = True
    spread = Spread(str(found.eps_where), str(found.divisor))
    return FoundCall(norm, arguments | {"eps": float(found.eps or 0.0)}, spread)


def _declared(found: Identity) -> tuple[Norm, dict[str, Any]]:
    """The norm and the arguments that shape its sets."""
    sizes = dict(found.sizes or {})
    named = NORMS.get(found.name or "")
    if named is not None and (found.beta_is == "0" or named.bias):
        return named, {s.argument: sizes[s.axis] for s in named.sizes}
    affine = found.affine
    if not affine and (found.gamma_is != "1" or found.beta_is != "0"):
        # One number for all: it is repeated along an axis, of those that share statistics if any.
        names = re.findall(r"\[([a-z]+)", str(found.sets)) or re.findall("[a-z]+", str(found.sets))
        affine = names[0]
    pattern = {"sizes": sizes, "affine": affine, "centered": found.centered}
    return norm_of(str(found.sets), pattern)


def _parameter(sets: StatisticsSets, values: Any) -> Array:
    """An array that broadcasts over x, as the weight of these sets."""
    full = np.broadcast_to(values, sets.shape).reshape(sets.view)
    index = tuple(slice(None) if a in sets.affine_axes else 0 for a in range(full.ndim))
    return np.ascontiguousarray(full[index]).reshape(sets.parameter_shape)
