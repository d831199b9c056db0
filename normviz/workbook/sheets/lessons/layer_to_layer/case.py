"""What the sheet Layer to layer is about: a norm, ReLU and a 1x1 convolution, in NumPy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.declared import NORMS
from normviz.norms.partition import StatisticsSets
from normviz.norms.sets import statistics_sets
from normviz.reference.trace import Trace, trace

Array = npt.NDArray[Any]

SHAPE = IMAGES, CHANNELS, HEIGHT, WIDTH = 4, 4, 1, 3


def _x() -> Array:
    """Small whole numbers; the channels differ in size and the images in brightness."""
    draw = np.random.default_rng(3)
    drawn = draw.integers(-4, 5, size=SHAPE) * np.array([1, 2, 1, 3]).reshape(1, -1, 1, 1)
    return np.asarray(drawn + np.array([0, 4, -3, 8]).reshape(-1, 1, 1, 1), dtype=np.float64)


def _convolution() -> Array:
    """Output channels down, input channels across."""
    rows = [[1, 0.5, 0, -1], [0, 1, -1, 0.5], [-0.5, 0, 1, 1], [1, -1, 0.5, 0]]
    return np.array(rows)


@dataclass
class LayerCase:
    """The input cells of the sheet; the defaults are what ships."""

    op: str = "batch_norm"
    groups: int = 2
    splits: int = 2
    eps: float = 1e-5
    x: Array = field(default_factory=_x)
    gamma: Array = field(default_factory=lambda: np.array([1.0, 1.0, 2.0, 0.5]))
    beta: Array = field(default_factory=lambda: np.array([0.0, 1.0, 0.0, -0.5]))
    convolution: Array = field(default_factory=_convolution)
    conv_bias: Array = field(default_factory=lambda: np.array([0.0, 1.0, 0.0, -1.0]))

    def with_op(self, op: str) -> LayerCase:
        """The same numbers under another norm."""
        return replace(self, op=op)

    @property
    def arguments(self) -> dict[str, Any]:
        """What shapes the sets of the norm."""
        return NORMS[self.op].sizes_of_parts(SHAPE, self.groups, self.splits)

    @property
    def sets(self) -> StatisticsSets:
        """The statistics sets, the same in both layers."""
        return statistics_sets(self.op, SHAPE, **self.arguments)

    @cached_property
    def layer(self) -> Trace:
        """The norm of layer N."""
        return self._normalized(self.x)

    @cached_property
    def rectified(self) -> Array:
        """ReLU of its output, with γ and β per channel whatever the norm."""
        per_channel = (1, CHANNELS, 1, 1)
        scaled = self.layer["normalized"] * self.gamma.reshape(per_channel)
        return np.asarray(np.maximum(scaled + self.used_beta.reshape(per_channel), 0.0))

    @property
    def output(self) -> Array:
        """y of layer N."""
        return np.asarray(self.layer["output"])

    @property
    def used_beta(self) -> Array:
        """β, or 0 for a norm that has none, as RMSNorm."""
        return self.beta if NORMS[self.op].bias else np.zeros_like(self.beta)

    @cached_property
    def next_input(self) -> Array:
        """The convolution's output: what layer N+1 gets."""
        mixed = np.einsum("oc,nchw->nohw", self.convolution, self.rectified)
        return np.asarray(mixed + self.conv_bias.reshape(1, -1, 1, 1))

    @cached_property
    def next_layer(self) -> Trace:
        """The norm of layer N+1, before its own γ and β."""
        return trace(self.op, self.next_input, **self.arguments, eps=self.eps)

    def channel_statistics(self) -> tuple[Array, Array]:
        """Mean and variance of layer N+1's input in each channel."""
        made = trace("batch_norm", self.next_input)
        return made["mean"], made["variance"]

    def spread_out(self, statistic: Array) -> Array:
        """A statistic at every element of its set."""
        return np.asarray(statistic.ravel()[self.sets.labels().ravel() - 1].reshape(SHAPE))

    def mean_of(self, made: Trace) -> Array:
        """The mean of its set at every element, 0 for RMSNorm."""
        return self.spread_out(made["mean"]) if self.sets.centered else np.zeros(SHAPE)

    def power_of(self, made: Trace) -> Array:
        """The variance of its set at every element, the mean square for RMSNorm."""
        return self.spread_out(made[self.sets.power])

    def _normalized(self, x: Array) -> Trace:
        norm = NORMS[self.op].with_parameters_per_channel
        affine = {"weight": self.gamma} | ({"bias": self.beta} if norm.bias else {})
        return trace(norm, x, **self.arguments, **affine, eps=self.eps)
