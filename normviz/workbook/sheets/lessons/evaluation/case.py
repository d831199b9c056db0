"""What the sheet Evaluation is about: four mini-batches, and what NumPy makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.reference.functional import batch_norm, ghost_batch_norm
from normviz.reference.trace import Trace, trace

Array = npt.NDArray[Any]

BATCHES, SAMPLES, CHANNELS, SPLITS, STEPS = 4, 6, 2, 2, 24


def _batches() -> Array:
    """Small whole numbers, channel 0 around 3 and channel 1 around -2."""
    draw = np.random.default_rng(11)
    drawn = draw.integers(-3, 4, size=(BATCHES, SAMPLES, CHANNELS)) + np.array([3, -2])
    return np.asarray(drawn, dtype=np.float64)


@dataclass
class EvaluationCase:
    """The input cells of the sheet; the defaults are what ships."""

    batches: Array = field(default_factory=_batches)
    weight: Array = field(default_factory=lambda: np.array([1.0, 2.0]))
    bias: Array = field(default_factory=lambda: np.array([0.0, 1.0]))
    running_mean: Array = field(default_factory=lambda: np.zeros(CHANNELS))
    running_var: Array = field(default_factory=lambda: np.ones(CHANNELS))
    momentum: float = 0.1
    eps: float = 1e-5
    batch: int = 4
    step: int = 4

    @cached_property
    def traces(self) -> list[Trace]:
        """Every batch, normalized in training."""
        return [
            trace("batch_norm", x, weight=self.weight, bias=self.bias, eps=self.eps)
            for x in self.batches
        ]

    @cached_property
    def ghosts(self) -> list[Trace]:
        """Every batch, each of its splits normalized by itself."""
        affine = {"weight": self.weight, "bias": self.bias, "eps": self.eps}
        return [trace("ghost_batch_norm", x, num_splits=SPLITS, **affine) for x in self.batches]

    @property
    def chosen(self) -> Trace:
        """The batch that is normalized in training and in evaluation."""
        return self.traces[self.batch - 1]

    def running(self, momentum: float | None = None) -> tuple[Array, Array]:
        """running_mean and running_var after 0, 1, ..., STEPS steps, of shape (STEPS + 1, C)."""
        weight = self.momentum if momentum is None else momentum
        mean, var = self.running_mean.copy(), self.running_var.copy()
        means, variances = [mean.copy()], [var.copy()]
        for step in range(STEPS):
            batch = self.batches[step % BATCHES]
            batch_norm(batch, mean, var, training=True, momentum=weight, eps=self.eps)
            means.append(mean.copy())
            variances.append(var.copy())
        return np.array(means), np.array(variances)

    def ghost_running(self) -> tuple[Array, Array]:
        """The same for Ghost BN, after 0 to 4 steps."""
        mean, var = self.running_mean.copy(), self.running_var.copy()
        means, variances = [mean.copy()], [var.copy()]
        for batch in self.batches:
            ghost_batch_norm(
                batch, SPLITS, mean, var, training=True, momentum=self.momentum, eps=self.eps
            )
            means.append(mean.copy())
            variances.append(var.copy())
        return np.array(means), np.array(variances)

    def keras_variance(self) -> Array:
        """Keras' moving_variance after 0 to 4 steps: the biased variance enters it."""
        moved = [self.running_var]
        for made in self.traces:
            moved.append((1 - self.momentum) * moved[-1] + self.momentum * made["variance"])
        return np.array(moved)

    def unbiased(self, made: Trace) -> Array:
        """The unbiased variance of every set, with NumPy's own ddof."""
        x = made.x.reshape(made.sets.view)
        found = x.var(axis=made.sets.axes, ddof=1)
        return np.asarray(found.reshape(made.sets.statistic_shape))

    def evaluated(self, mean: Array, var: Array) -> Array:
        """The chosen batch normalized with stored statistics."""
        x = self.batches[self.batch - 1]
        return batch_norm(x, mean, var, self.weight, self.bias, eps=self.eps)
