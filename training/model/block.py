"""A block of the network: convolution, ReLU, normalization, dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from training.model.dropout import SparseDropout
from training.model.fast_norms import FastNorm


class Block(nn.Sequential):
    """A 3 by 3 convolution without bias, ReLU, and ``norm`` and dropout unless None and 0.

    In training a fast norm does the work of its neighbors in its own loop, with the same result.
    Where one of them was replaced, or is watched with hooks, they run one after the other.
    """

    def __init__(
        self, inputs: int, outputs: int, padding: int, norm: nn.Module | None, dropout: float
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=padding, bias=False)
        self.relu = nn.ReLU(inplace=True)
        if norm is not None:
            self.norm = norm
        if dropout > 0:
            self.dropout = SparseDropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """From (N, inputs, H, W) to (N, outputs, H', W')."""
        conv, *others = self
        x = conv(x)
        norm = _stands_for(others)
        if norm is not None and norm.takes(x):
            dropout = cast(SparseDropout, others[2]) if len(others) > 2 else None
            return norm.step(x, relu=True, dropout=dropout)
        for layer in others:
            x = layer(x)
        return x


def _stands_for(layers: Sequence[nn.Module]) -> FastNorm | None:
    """Return the norm whose step does what all the layers do, if nobody watches one of them."""
    norm = layers[1] if len(layers) > 1 else None
    if not isinstance(norm, FastNorm) or type(norm).forward is not FastNorm.forward:
        return None
    kinds = [type(layer) for layer in layers]
    known = kinds in ([nn.ReLU, type(norm)], [nn.ReLU, type(norm), SparseDropout])
    return norm if known and not any(map(_watched, layers)) else None


def _watched(layer: nn.Module) -> bool:
    forward = layer._forward_pre_hooks or layer._forward_hooks
    return bool(forward or layer._backward_pre_hooks or layer._backward_hooks)
