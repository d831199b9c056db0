"""For a layer that is no normalization: the nearest one, and what was added to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from normviz.torch_models.identify.formula import Formula
from normviz.torch_models.identify.partition import (
    Layer,
    Moved,
    Partition,
    factored,
    pattern_of,
)
from normviz.torch_models.identify.probe import normal_numbers

Tensor = torch.Tensor

ADDED: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "relu6": F.relu6,
    "leaky_relu": F.leaky_relu,
    "leaky_relu (slope 0.1)": lambda x: F.leaky_relu(x, 0.1),
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu (tanh)": lambda x: F.gelu(x, approximate="tanh"),
    "elu": F.elu,
    "mish": F.mish,
    "softplus": F.softplus,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "hardswish": F.hardswish,
    "hardsigmoid": F.hardsigmoid,
    "hardtanh": F.hardtanh,
}


@dataclass(frozen=True)
class Nearest:
    """The nearest normalization: its pattern, what the layer makes of it, and how far it is off."""

    pattern: str
    centered: bool
    difference: float
    added: str = ""

    def __str__(self) -> str:
        kind = "normalization" if self.centered else "normalization by the root mean square"
        nearest = f"the nearest is a {kind} over {self.pattern}"
        if self.added:
            return f"it is {self.added} of a {kind} over {self.pattern}"
        return f"{nearest}, from which it deviates by up to {self.difference:.3g}"


def loose_sets(
    layer: Layer, shape: tuple[int, ...], generator: torch.Generator, precision: float
) -> Partition | None:
    """Sets of a layer some of whose outputs do not move: an activation cuts them off."""
    moved = Moved(layer, shape, generator, precision)
    for _ in range(12):
        moved.add_base()
    for _ in range(3):
        partition = factored(moved.by(moved.any_element()))
        if partition is not None and partition.size > 2:
            return partition
    return None


def nearest_to(
    layer: Layer,
    partition: Partition,
    state: Mapping[str, Tensor],
    eps: float,
    generator: torch.Generator,
) -> Nearest:
    """The normalization with these sets from which a layer deviates least.

    Tried are all γ and β among the layer's own tensors, an activation behind, x added to it, and
    its gradient left aside.
    """
    x = 10.0 * normal_numbers(partition.shape, generator) + 3.0
    y = layer(x)
    best: Nearest | None = None
    pattern = pattern_of(partition)[0]
    for centered in (True, False):
        for gamma in _candidates(state, partition.shape, ones=True):
            for beta in _candidates(state, partition.shape, ones=False):
                z = Formula(partition, centered, eps, "inside", gamma, beta).output(x)
                for added, deviation in _deviations(x, y, z):
                    # What was added must explain more than rounding does.
                    if best is None or deviation < best.difference * (0.5 if added else 1.0):
                        best = Nearest(pattern, centered, deviation, added)
    assert best is not None
    if best.difference <= 1e-3 * (1.0 + float(y.abs().max())):
        return best
    plain = Formula(partition, best.centered, eps, "inside", *_plain()).output(x)
    return Nearest(pattern, best.centered, float((y - plain).abs().max()))


def _plain() -> tuple[Tensor, Tensor]:
    return torch.ones((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)


def _deviations(x: Tensor, y: Tensor, z: Tensor) -> Iterator[tuple[str, float]]:
    yield "", float((y - z).abs().max())
    yield "x plus the output", float((y - x - z).abs().max())
    for name, function in ADDED.items():
        yield name, float((y - function(z)).abs().max())
    factor = float((y * z).sum() / (z * z).sum().clamp(min=1e-300))
    if factor and abs(factor - 1.0) > 1e-3:
        yield f"{factor:.4g} times the output", float((y - factor * z).abs().max())


def _candidates(
    state: Mapping[str, Tensor], shape: tuple[int, ...], ones: bool
) -> Iterator[Tensor]:
    """Every tensor of the layer that fits x along one run of axes, and 1 (or 0)."""
    yield _plain()[0 if ones else 1]
    for value in state.values():
        fitted = _fitted(value, shape)
        if fitted is not None:
            yield fitted
            if ones:
                yield 1.0 + fitted


def _fitted(value: Tensor, shape: tuple[int, ...]) -> Tensor | None:
    """A tensor broadcast along the last axes of x, or along the channels."""
    rank = value.dim()
    if value.numel() == 1:
        return value.reshape(())
    if tuple(value.shape) == tuple(shape[len(shape) - rank :]):
        return value
    if rank == 1 and len(shape) > 2 and value.shape[0] == shape[1]:
        return value.reshape(-1, *[1] * (len(shape) - 2))
    return None
