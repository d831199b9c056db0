"""Dropout whose mask costs as much as what it drops, not as much as what it keeps.

torch draws one random number for every element; at p = 0.01 that is a fifth of a training step
of this network. Here the distances between dropped elements are drawn instead: in a sequence of
independent trials that succeed with probability p they are geometric, so walking along the tensor
by geometric distances drops each element independently with probability p, exactly as torch does,
from about p draws an element.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def dropped_positions(count: int, p: float, generator: torch.Generator | None) -> Tensor:
    """Return the sorted indices below ``count`` that an independent coin of probability p drops.

    >>> positions = dropped_positions(1000, 0.5, torch.Generator().manual_seed(0))
    >>> bool((positions.diff() > 0).all()), 400 < len(positions) < 600
    (True, True)
    """
    device = generator.device if generator is not None else torch.device("cpu")
    # Mean plus six standard deviations: enough draws in all but one of a billion tensors, for
    # which the loop below draws again behind the last position.
    draws = math.ceil(count * p + 6 * math.sqrt(count * p * (1 - p)) + 1)
    found: list[Tensor] = []
    last = -1
    while last < count:
        gaps = torch.empty(draws, dtype=torch.float64, device=device)
        positions = gaps.geometric_(p, generator=generator).to(torch.int64).cumsum(0) + last
        found.append(positions)
        last = int(positions[-1])
    positions = found[0] if len(found) == 1 else torch.cat(found)
    return positions[: int(torch.searchsorted(positions, count))]


class _Drop(torch.autograd.Function):
    """Zero some positions of x in place and scale the rest; the gradient passes the same way."""

    @staticmethod
    def forward(ctx, x: Tensor, positions: Tensor, scale: float) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(positions)
        ctx.scale = scale
        y = x * scale
        y.view(-1).index_fill_(0, positions, 0)
        return y

    @staticmethod
    def backward(ctx, grad_output: Tensor):  # type: ignore[override]
        (positions,) = ctx.saved_tensors
        grad = grad_output.contiguous() * ctx.scale
        grad.view(-1).index_fill_(0, positions, 0)
        return grad, None, None


class SparseDropout(nn.Module):
    """``torch.nn.Dropout`` for small p, drawing from ``self.generator`` (None: torch's own).

    In evaluation, or with p = 0, the identity.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"p={p} must be in [0, 1)")
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        positions = dropped_positions(x.numel(), self.p, self.generator)
        return _Drop.apply(x.contiguous(), positions.to(x.device), 1 / (1 - self.p))

    def extra_repr(self) -> str:
        return f"p={self.p}"
