"""What the sheet Which LayerNorm is about: three layers that go by that name, in NumPy."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.sets import set_labels, statistics_sets
from normviz.reference.trace import Trace, trace
from normviz.workbook.book.layout import Layout, Regions
from normviz.workbook.draw.tensor import Frame

Array = npt.NDArray[Any]
SHAPE = IMAGES, CHANNELS, HEIGHT, WIDTH = 2, 4, 2, 2
LAST = (0, 2, 3, 1)
"""The order of axes that puts the channels last, where a LayerNorm over C needs them."""

FIRST = (0, 3, 1, 2)
"""The order that puts them back."""


def _x() -> Array:
    draw = np.random.default_rng(8)
    drawn = draw.integers(-4, 5, size=SHAPE) + np.array([0, 2, -2, 5]).reshape(1, -1, 1, 1)
    return np.asarray(drawn, dtype=np.float64)


def _elements(per_channel: Array) -> Array:
    """One number for each element of an image: that of its channel."""
    return np.broadcast_to(per_channel.reshape(-1, 1, 1), SHAPE[1:]).copy()


GAMMA, BETA = (1.0, 2.0, 0.5, -1.0), (0.0, 1.0, -1.0, 0.5)


@dataclass
class WhichCase:
    """The input cells of the sheet; the defaults are what ships."""

    x: Array = field(default_factory=_x)
    eps: float = 1e-5
    gamma: Array = field(default_factory=lambda: np.array(GAMMA))
    beta: Array = field(default_factory=lambda: np.array(BETA))

    @property
    def gamma_elements(self) -> Array:
        """γ for each element of an image: that of its channel."""
        return _elements(self.gamma)

    @property
    def beta_elements(self) -> Array:
        """β likewise."""
        return _elements(self.beta)

    @cached_property
    def layer(self) -> Trace:
        """LayerNorm over (C, H, W)."""
        return trace(
            "layer_norm",
            self.x,
            normalized_shape=SHAPE[1:],
            weight=self.gamma_elements,
            bias=self.beta_elements,
            eps=self.eps,
        )

    @cached_property
    def group(self) -> Trace:
        """GroupNorm with one group."""
        affine = {"weight": self.gamma, "bias": self.beta, "eps": self.eps}
        return trace("group_norm", self.x, num_groups=1, **affine)

    @cached_property
    def pixel(self) -> Trace:
        """LayerNorm over the channels of each pixel, of x with its channels last."""
        return trace(
            "layer_norm",
            self.x.transpose(LAST).copy(),
            normalized_shape=(CHANNELS,),
            weight=self.gamma,
            bias=self.beta,
            eps=self.eps,
        )

    def element_values(self, made: Trace, step: str) -> Array:
        """An elementwise step in x's own order of axes."""
        value = made[step]
        return value.transpose(FIRST) if made is self.pixel else value


class PixelFrame(Frame):
    """The sets of LayerNorm over the channels of a pixel, drawn on x as it is."""

    def __init__(self) -> None:
        last = tuple(SHAPE[axis] for axis in LAST)
        labels = set_labels("layer_norm", last, normalized_shape=(CHANNELS,)).transpose(FIRST)
        super().__init__(statistics_sets("group_norm", SHAPE, num_groups=1))
        self.sets = Regions(Layout(SHAPE), labels)
        self.set_of = labels.ravel().tolist()
