"""A normalization as a formula on its sets: y and dx in float64, for every convention of eps."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from normviz.torch_models.identify.partition import Partition

Tensor = torch.Tensor


@dataclass(frozen=True)
class Formula:
    """y = γ · d / s + β with d = x − mean (or x) and s made of the set's mean square and eps.

    ``eps_where`` tells s: "inside" √(v + eps), "outside" √v + eps, "max" max(√v, eps); v is the
    mean of d², or with ``divisor`` "m - 1" its sum over m − 1. gamma and beta broadcast over x.
    """

    partition: Partition
    centered: bool
    eps: float
    eps_where: str
    gamma: Tensor
    beta: Tensor
    divisor: str = "m"

    def distance(self, x: Tensor) -> Tensor:
        """What is divided: x less its set's mean, or x itself."""
        return x - self.partition.mean(x) if self.centered else x

    def _ratio(self) -> float:
        m = self.partition.size
        return m / (m - 1) if self.divisor == "m - 1" else 1.0

    def _spread(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """s, and its derivative by v."""
        v = self.partition.mean(d * d) * self._ratio()
        if self.eps_where == "inside":
            s = torch.sqrt(v + self.eps)
            return s, 0.5 / s
        root = torch.sqrt(v)
        if self.eps_where == "outside":
            return root + self.eps, 0.5 / root
        return root.clamp(min=self.eps), torch.where(root > self.eps, 0.5 / root, 0.0)

    def output(self, x: Tensor) -> Tensor:
        """y, of x's shape."""
        d = self.distance(x)
        return self.gamma * d / self._spread(d)[0] + self.beta

    def gradient(self, x: Tensor, dy: Tensor) -> Tensor:
        """dx of Σ dy · y."""
        d = self.distance(x)
        s, slope = self._spread(d)
        dxhat = dy * self.gamma
        # v depends on every d of its set: the mean of dxhat · d comes back to each by 2 d.
        back = self.partition.mean(dxhat * d) * slope * self._ratio() / (s * s)
        dd = dxhat / s - 2.0 * d * back
        return dd - self.partition.mean(dd) if self.centered else dd


def standardized(x: Tensor, partition: Partition, centered: bool) -> Tensor:
    """x̂ without any eps: mean square 1 in every set."""
    d = x - partition.mean(x) if centered else x
    return d / torch.sqrt(partition.mean(d * d))
