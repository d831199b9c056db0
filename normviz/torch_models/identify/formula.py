"""A normalization as a formula on its sets, and γ, β and eps fitted to what a layer gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from normviz.torch_models.identify.partition import Partition
from normviz.torch_models.identify.probe import normal_numbers

Tensor = torch.Tensor
Layer = Callable[[Tensor], Tensor]

DRAWS = 3


@dataclass(frozen=True)
class Formula:
    """y = γ · u / r + β with u = x − mean (or x) and r made of the set's mean square and eps.

    ``eps_where`` tells r: "inside" √(v + eps), "outside" √v + eps, "max" max(√v, eps); v is the
    mean of u², or with ``divisor`` "m - 1" its sum over m − 1. gamma and beta broadcast over x.
    """

    partition: Partition
    centered: bool
    eps: float
    eps_where: str
    gamma: Tensor
    beta: Tensor
    divisor: str = "m"

    @property
    def small(self) -> float:
        """A size of x at which eps counts."""
        if not self.eps:
            return 1e-3
        return math.sqrt(self.eps) if self.eps_where == "inside" else self.eps

    def distance(self, x: Tensor) -> Tensor:
        """What is divided: x less its set's mean, or x itself."""
        return x - self.partition.mean(x) if self.centered else x

    def _ratio(self) -> float:
        m = self.partition.size
        return m / (m - 1) if self.divisor == "m - 1" else 1.0

    def _spread(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """r, and its derivative by v."""
        v = self.partition.mean(u * u) * self._ratio()
        if self.eps_where == "inside":
            r = torch.sqrt(v + self.eps)
            return r, 0.5 / r
        root = torch.sqrt(v)
        if self.eps_where == "outside":
            return root + self.eps, 0.5 / root
        return root.clamp(min=self.eps), torch.where(root > self.eps, 0.5 / root, 0.0)

    def output(self, x: Tensor) -> Tensor:
        """y, of x's shape."""
        u = self.distance(x)
        return self.gamma * u / self._spread(u)[0] + self.beta

    def gradient(self, x: Tensor, dy: Tensor) -> Tensor:
        """dx of Σ dy · y."""
        u = self.distance(x)
        r, slope = self._spread(u)
        dxhat = dy * self.gamma
        # v depends on every u of its set: the mean of dxhat · u comes back to each by 2 u.
        back = self.partition.mean(dxhat * u) * slope * self._ratio() / (r * r)
        du = dxhat / r - 2.0 * u * back
        return du - self.partition.mean(du) if self.centered else du


def standardized(x: Tensor, partition: Partition, centered: bool) -> Tensor:
    """x̂ without any eps: mean square 1 in every set."""
    u = x - partition.mean(x) if centered else x
    return u / torch.sqrt(partition.mean(u * u))


@dataclass(frozen=True)
class Affine:
    """What a layer does at a scale where eps is nothing: y = γ · x̂ + β, and how far it is off."""

    centered: bool
    gamma: Tensor
    beta: Tensor
    residual: float  # the largest deviation, relative to the largest output


def affine_of(
    layer: Layer, partition: Partition, generator: torch.Generator, dtype: torch.dtype
) -> Affine:
    """γ and β of every element by least squares over a few inputs, centered or not.

    A normalization is odd in x: f(x) + f(−x) is twice β.
    """
    scale = {torch.float64: 1e10, torch.float16: 30.0}.get(dtype, 1e4)
    found = []
    for _ in range(DRAWS):
        x = normal_numbers(partition.shape, generator) + 0.5
        x = (scale * x).to(dtype).double()
        found.append((x, layer(x), layer(-x)))
    beta = torch.stack([(y + minus) / 2 for _, y, minus in found]).mean(0)
    beta = _settled(beta, torch.stack([y for _, y, _ in found]), dtype)
    largest = max(float(y.abs().max()) for _, y, _ in found) or 1.0
    best: Affine | None = None
    for centered in (True, False):
        hats = torch.stack([standardized(x, partition, centered) for x, _, _ in found])
        outputs = torch.stack([y for _, y, _ in found]) - beta
        gamma = (outputs * hats).sum(0) / (hats * hats).sum(0).clamp(min=1e-300)
        off = float((outputs - gamma * hats).abs().max())
        mine = Affine(centered, gamma, beta, off / largest)
        # A NaN loses against everything.
        if best is None or not mine.residual >= best.residual:
            best = mine
    assert best is not None
    return best


def _settled(beta: Tensor, outputs: Tensor, dtype: torch.dtype) -> Tensor:
    """β without the dust that rounding leaves where there is none."""
    dust = 16 * torch.finfo(dtype).eps * float(outputs.abs().max())
    return torch.where(beta.abs() <= dust, 0.0, beta)


def eps_of(
    layer: Layer,
    affine: Affine,
    partition: Partition,
    generator: torch.Generator,
    dtype: torch.dtype,
) -> tuple[float, str]:
    """eps and where it stands, from how the output shrinks as x does.

    With x̂ of mean square 1 the layer gives r · γ · x̂ + β for s · x̂, r = s / √(s² + eps) inside the
    root, s / (s + eps) outside, min(1, s / eps) for a maximum.
    """
    z = normal_numbers(partition.shape, generator)
    z = standardized(z, partition, affine.centered)
    kept = _Kept(layer, affine, partition, z, dtype)
    lowest = {torch.float64: -30.0, torch.float32: -17.0, torch.bfloat16: -17.0}.get(dtype, -3.0)
    low, high = lowest, 3.0
    if not kept(10.0**low) < 0.7:
        return 0.0, "inside"
    while high - low > 0.2:
        middle = (low + high) / 2
        if kept(10.0**middle) < 0.7:
            low = middle
        else:
            high = middle
    scales = [10.0 ** (high + step) for step in (-1.5, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0)]
    ratios = [kept(s) for s in scales]
    return _fitted(scales, ratios)


class _Kept:
    """How much of its full output a layer keeps when x has the size s: between 0 and 1."""

    def __init__(
        self, layer: Layer, affine: Affine, partition: Partition, z: Tensor, dtype: torch.dtype
    ) -> None:
        self.layer, self.affine, self.partition, self.z = layer, affine, partition, z
        self.dtype = dtype
        self.power = float((affine.gamma * z).square().sum())

    def __call__(self, scale: float) -> float:
        x = (scale * self.z).to(self.dtype).double()
        full = self.affine.gamma * self.z
        found = float(((self.layer(x) - self.affine.beta) * full).sum())
        return found / self.power if self.power and math.isfinite(found) else math.nan


def _fitted(scales: list[float], ratios: list[float]) -> tuple[float, str]:
    """The convention under which all scales tell the same eps, and that eps."""
    near = [(s, r) for s, r in zip(scales, ratios, strict=True) if 0.05 < r < 0.98]
    told = {
        "inside": [s * s * (1.0 / (r * r) - 1.0) for s, r in near],
        "outside": [s * (1.0 / r - 1.0) for s, r in near],
        "max": [s / r for s, r in near],
    }
    best, smallest = ("inside", 0.0), math.inf
    for where, values in told.items():
        if not values:
            continue
        eps = sorted(values)[len(values) // 2]
        off = max(abs(_ratio(where, eps, s) - r) for s, r in zip(scales, ratios, strict=True))
        if off < smallest:
            best, smallest = (where, eps), off
    return best[1], best[0]


def _ratio(where: str, eps: float, s: float) -> float:
    if where == "inside":
        return s / math.sqrt(s * s + eps)
    return s / (s + eps) if where == "outside" else min(1.0, s / eps)


def snapped(eps: float, precision: float) -> float:
    """The number that was meant, where a short one is as near as the fit is exact.

    >>> snapped(1.0000000002e-05, 1e-8), snapped(1.1920929e-07, 1e-4)
    (1e-05, 1.1920928955078125e-07)
    """
    machine = [torch.finfo(d).eps for d in (torch.float64, torch.float32, torch.bfloat16)]
    for candidate in (*machine, *(float(f"{eps:.{n}g}") for n in (1, 2, 3))):
        if abs(candidate - eps) <= precision * eps:
            return candidate
    return eps


def formula_of(
    layer: Layer, partition: Partition, generator: torch.Generator, dtype: torch.dtype
) -> tuple[Formula, float]:
    """The normalization that is nearest to a layer with these sets, and its residual."""
    affine = affine_of(layer, partition, generator, dtype)
    eps, where = eps_of(layer, affine, partition, generator, dtype)
    formula = Formula(partition, affine.centered, eps, where, affine.gamma, affine.beta)
    return formula, affine.residual
