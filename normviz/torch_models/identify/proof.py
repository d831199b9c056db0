"""A formula held to the layer on inputs that the fit has not seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from normviz.torch_models.identify.formula import Formula
from normviz.torch_models.identify.partition import Partition
from normviz.torch_models.identify.probe import Probe, normal_numbers

Tensor = torch.Tensor

MANY = 50_000
"""From so many elements on two inputs are enough, where there are sets for each kind of numbers."""

KINDS = 5
"""Kinds of numbers: see :func:`mixed`."""


@dataclass(frozen=True)
class Verdict:
    """The largest deviations of y and dx, relative to the size of what they deviate from."""

    output: float
    gradient: float
    has_gradient: bool
    precision: float

    def __bool__(self) -> bool:
        return self.output <= self.precision and self.gradient <= 10 * self.precision


def proven(formula: Formula, probe: Probe, generator: torch.Generator) -> Verdict:
    """Output and dx of a probe against the formula on fresh inputs.

    Normal numbers, far from zero, about as small as eps counts, large, and one outlier among
    normal ones; every set has its own kind, and they take turns.
    """
    partition = formula.partition
    off_output = off_gradient = 0.0
    has_gradient = True
    count = math.prod(partition.shape)
    rounds = 2 if count > MANY and count // partition.size >= KINDS else KINDS
    for turn in range(rounds):
        x = mixed(partition, turn, formula.small, probe.dtype, generator)
        wanted = formula.output(x)
        off_output = max(off_output, _deviation(probe(x), wanted, partition))
        if turn % 2 and rounds > 2:
            continue
        dy = normal_numbers(partition.shape, generator)
        dy = dy.to(probe.dtype).double()
        found = probe.gradient(x, dy)
        if found is None:
            has_gradient = False
            off_gradient = math.inf
            continue
        off_gradient = max(off_gradient, _deviation(found, formula.gradient(x, dy), partition))
    return Verdict(off_output, off_gradient, has_gradient, probe.precision)


def mixed(
    partition: Partition, turn: int, small: float, dtype: torch.dtype, generator: torch.Generator
) -> Tensor:
    """Numbers of five kinds, by the number of an element's set; in the precision of ``dtype``."""
    x = normal_numbers(partition.shape, generator)
    kinds = (partition.labels() + turn) % KINDS
    large = 30.0 if dtype == torch.float16 else 1e3
    scale = torch.tensor([1.0, 1.0, small, large, 1.0], dtype=torch.float64)[kinds]
    offset = torch.tensor([0.0, 5.0, 0.0, 0.0, 0.0], dtype=torch.float64)[kinds]
    # The outlier: the largest of its set, twenty times over.
    top = partition.each(x, lambda view: view.amax(partition.shared, keepdim=True))
    outlier = (kinds == 4) & (x == top)
    x = torch.where(outlier, 20.0 * x, x) * scale + offset
    return x.to(dtype).double()


def off_on(
    x: Tensor, output: Tensor, native: Formula, tolerance: float, formula: Formula, probe: Probe
) -> tuple[float, bool]:
    """The largest difference on the x that was given, and whether that is too much.

    ``output`` is what the layer makes of it in its own dtype, which ``native`` with ``tolerance``
    must give; ``formula`` is the same in the precision of the probe.
    """
    wanted, distance = native.output(x), native.distance(x)
    spread = (distance.abs() + x.abs()).square()
    far = native.partition.mean(spread) / native.partition.mean(distance.square())
    size = native.gamma.abs() * (1.0 + far) + native.beta.abs() + wanted.abs()
    finite = wanted.isfinite() & output.isfinite()
    off = torch.where(finite, (output - wanted).abs(), 0.0)
    allowed = tolerance * size
    if bool((finite & allowed.isfinite() & (off > allowed)).any()):
        return float(off.max()), True
    if bool(x.isfinite().all()):
        exact = (probe(x) - formula.output(x)).abs()
        if bool((exact > probe.precision * (size + 1e-6 * size * far)).any()):
            return float(exact.max()), True
    return float(off.max()), False


def _deviation(found: Tensor, wanted: Tensor, partition: Partition) -> float:
    """The largest difference, relative to the largest value of its set."""
    size = partition.each(wanted.abs(), lambda view: view.amax(partition.shared, keepdim=True))
    floor = 1e-6 * float(wanted.abs().max()) + 1e-300
    off = ((found - wanted).abs() / (size + floor)).max()
    value = float(off)
    return value if value == value else math.inf
