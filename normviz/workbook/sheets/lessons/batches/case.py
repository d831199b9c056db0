"""What the sheet Batches is about, in NumPy: a bias before BN, batches in parts, devices."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.reference.functional import (
    batch_norm_backward,
    ghost_batch_norm_backward,
    group_norm_backward,
)
from normviz.reference.trace import Trace, trace

Array = npt.NDArray[Any]
SAMPLES, CHANNELS, PARTS = 6, 3, 2
PART = SAMPLES // PARTS


def _x() -> Array:
    rows = [[1, 4, -2], [3, 1, 0], [2, 5, -1], [6, -3, 2], [8, 0, 4], [7, -1, 1]]
    return np.array(rows, dtype=np.float64)


def _dy() -> Array:
    rows = [[1, -1, 2], [0, 2, -1], [-2, 1, 0], [1, 0, 1], [2, -1, -1], [-1, 1, 2]]
    return np.array(rows, dtype=np.float64)


@dataclass
class BatchesCase:
    """The input cells of the sheet; the defaults are what ships."""

    x: Array = field(default_factory=_x)
    dy: Array = field(default_factory=_dy)
    weights: Array = field(default_factory=lambda: np.array([2.0, -1.0]))
    bias: float = 3.0
    eps: float = 1e-5

    @cached_property
    def mixed(self) -> Array:
        """w₀ · x₀ + w₁ · x₁ + b: a convolution of two channels and one pixel."""
        first, second = self.weights
        return np.asarray(first * self.x[:, :1] + second * self.x[:, 1:2] + self.bias)

    @cached_property
    def dead(self) -> Trace:
        """BatchNorm after the convolution."""
        return trace("batch_norm", self.mixed, eps=self.eps)

    @cached_property
    def mixed_gradient(self) -> Array:
        """dL/dz through BatchNorm, by the reference's closed form."""
        made = batch_norm_backward(self.dy[:, :1], self.mixed, training=True, eps=self.eps)
        return made.grad_input

    @property
    def convolution_gradients(self) -> tuple[float, float, float]:
        """dL/db, dL/dw₀ and dL/dw₁, summed in a fixed order: a matrix product's depends on BLAS."""
        dz = self.mixed_gradient
        first, second = (dz * self.x[:, :2]).sum(axis=0)
        return float(dz.sum()), float(first), float(second)

    @property
    def outputs(self) -> tuple[Array, Array, Array, Array]:
        """x̂ of BatchNorm on the batch and in parts, of GroupNorm on the batch and in parts."""
        parts = np.split(self.x, PARTS)
        whole = trace("batch_norm", self.x, eps=self.eps)["normalized"]
        ghost = trace("ghost_batch_norm", self.x, num_splits=PARTS, eps=self.eps)["normalized"]
        group = trace("group_norm", self.x, num_groups=1, eps=self.eps)["normalized"]
        pieces = [trace("group_norm", x, num_groups=1, eps=self.eps)["normalized"] for x in parts]
        return whole, ghost, group, np.concatenate(pieces)

    @property
    def weight_gradients(self) -> tuple[Array, Array, Array, Array]:
        """∂L/∂γ of the four, those of parts added up as gradient accumulation does."""
        ones = np.ones(CHANNELS)
        tail: dict[str, Any] = {"weight": ones, "eps": self.eps}
        in_parts = list(zip(np.split(self.dy, PARTS), np.split(self.x, PARTS), strict=True))
        found = (
            batch_norm_backward(self.dy, self.x, training=True, **tail),
            ghost_batch_norm_backward(self.dy, self.x, PARTS, training=True, **tail),
            group_norm_backward(self.dy, self.x, 1, **tail),
        )
        pieces = [group_norm_backward(dy, x, 1, **tail) for dy, x in in_parts]
        batch, ghost, group, *halves = (np.asarray(m.grad_weight) for m in (*found, *pieces))
        return batch, ghost, group, np.sum(halves, axis=0)

    @property
    def devices(self) -> list[tuple[Array, Array]]:
        """Mean and variance on each device."""
        made = trace("ghost_batch_norm", self.x, num_splits=PARTS, eps=self.eps)
        return list(zip(made["mean"], made["variance"], strict=True))

    @property
    def together(self) -> tuple[Array, Array]:
        """Mean and variance of the whole batch: what SyncBatchNorm uses."""
        made = trace("batch_norm", self.x, eps=self.eps)
        return made["mean"], made["variance"]
