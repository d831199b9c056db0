"""A normalization as a formula on its sets: y and dx in float64, for every convention of eps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from normviz.torch_models.identify.partition import Partition

Tensor = torch.Tensor


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
