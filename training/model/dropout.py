"""Dropout whose mask costs as much as what it drops, not as much as what it keeps.

torch draws one random number for every element; at p = 0.01 that is a fifth of a training step
of this network. Here the dropped positions are drawn instead. Of n elements, M are hit, with
M ~ Poisson(n * rate) and rate = -log(1 - p), each hit uniform over the n, with replacement. By
the splitting of a Poisson process every element is then hit Poisson(rate) times, independently of
all others, so it stays untouched with probability exp(-rate) = 1 - p: the very distribution of
torch.nn.Dropout, from about p draws an element.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn


def dropped_positions(count: int, p: float, generator: torch.Generator | None = None) -> Tensor:
    """Return indices below ``count``, some perhaps twice, that a coin of probability p drops.

    >>> positions = dropped_positions(1000, 0.5, torch.Generator().manual_seed(0))
    >>> 400 < len(positions.unique()) < 600
    True
    """
    rate = torch.tensor(-math.log1p(-p) * count, dtype=torch.float64)
    hits = int(torch.poisson(rate, generator=generator))
    return torch.randint(count, (hits,), generator=generator)


class _DropAt(torch.autograd.Function):
    """Scale x and zero some of its elements; the gradient passes the same way."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, positions: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(positions)
        ctx.scale = scale
        return _scaled_and_zeroed(x, positions, scale)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        (positions,) = ctx.saved_tensors
        (grad,) = grad_outputs
        return _scaled_and_zeroed(grad, positions, ctx.scale), None, None


def _scaled_and_zeroed(x: Tensor, positions: Tensor, scale: float) -> Tensor:
    # Images are counted channels last, whatever their layout: so forward, backward and every
    # backend drop the same elements.
    layout = torch.channels_last if x.dim() == 4 else torch.contiguous_format
    y = x.contiguous(memory_format=layout) * scale
    flat = y.permute(0, 2, 3, 1) if y.dim() == 4 else y
    flat.view(-1).index_fill_(0, positions, 0)
    return y


class SparseDropout(nn.Module):
    """``torch.nn.Dropout`` for small p, drawing from ``self.generator`` (None: torch's own).

    It draws on the CPU, so that a seed drops the same elements on every device. In evaluation, or
    with p = 0, the identity.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"p={p} must be in [0, 1)")
        self.p = p
        self.generator: torch.Generator | None = None

    def draw(self, count: int) -> tuple[Tensor, float]:
        """Return which of ``count`` elements to drop now, and the factor of the others.

        Channels last, and some of them perhaps twice.
        """
        if not self.training or self.p == 0:
            return torch.empty(0, dtype=torch.int64), 1.0
        return dropped_positions(count, self.p, self.generator), 1 / (1 - self.p)

    def forward(self, x: Tensor) -> Tensor:
        """Drop elements of x, of any shape, in training."""
        if not self.training or self.p == 0:
            return x
        positions, scale = self.draw(x.numel())
        return _DropAt.apply(x, positions.to(x.device), scale)

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"
