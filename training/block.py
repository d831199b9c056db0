"""A block of the network: convolution, ReLU, normalization, dropout."""

from __future__ import annotations

from torch import Tensor, nn

from training.dropout import SparseDropout
from training.fast_norms import FastNorm


class Block(nn.Sequential):
    """A 3 by 3 convolution without bias, ReLU, and ``norm`` and dropout unless None and 0.

    In training a fast norm does the work of its neighbours in its own loop. Where someone watches
    one of them with hooks, they run one after the other, each to see what it is for.
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
        norm = getattr(self, "norm", None)
        if isinstance(norm, FastNorm) and norm.takes(x) and not any(map(_watched, others)):
            return norm.step(x, relu=True, dropout=getattr(self, "dropout", None))
        for layer in others:
            x = layer(x)
        return x


def _watched(layer: nn.Module) -> bool:
    forward = layer._forward_pre_hooks or layer._forward_hooks
    return bool(forward or layer._backward_pre_hooks or layer._backward_hooks)
