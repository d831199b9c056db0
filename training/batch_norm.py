"""Batch norm and ghost batch norm that are exact and fast for few channels in channels-last memory.

torch's channels-last kernel adds up the values of a channel one by one in x's dtype: over the
43,264 pixels of a batch's first layer float32 keeps four digits of the result. Here 16 pixels that
follow each other in memory get statistics of their own from that kernel, as if there were 16 * C
channels, and these are merged (Chan, Golub & LeVeque, 1983, eq. 2.1): sixteen sums a sixteenth as
long keep five and, wider than a vector of the processor, take less time. The rest is torch's.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from normviz import torch_layers

PIXELS = 16  # with statistics of their own, at most: fewer are slower, more no faster


class BatchNorm2d(nn.BatchNorm2d):
    """torch.nn.BatchNorm2d, affine and with running buffers, that is fast in channels-last."""

    def __init__(self, num_features: int) -> None:
        super().__init__(num_features)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize x (N, C, H, W)."""
        return _train(self, x, 1) if _can_train(self, x, 1) else super().forward(x)


class GhostBatchNorm2d(torch_layers.GhostBatchNorm2d):
    """normviz's GhostBatchNorm2d, affine and with buffers, that is fast in channels-last."""

    def __init__(self, num_features: int, num_splits: int) -> None:
        super().__init__(num_features, num_splits)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize x (N, C, H, W)."""
        splits = self.num_splits
        return _train(self, x, splits) if _can_train(self, x, splits) else super().forward(x)


def _can_train(layer: nn.BatchNorm2d, x: Tensor, splits: int) -> bool:
    # Everything else, and every refusal, is the parent's.
    return (
        layer.training
        and x.device.type == "cpu"
        and x.dtype == layer.weight.dtype
        and x.dim() == 4
        and len(x) % splits == 0
        and x.is_contiguous(memory_format=torch.channels_last)
        and not x.is_contiguous()
    )


def _train(layer: nn.BatchNorm2d, x: Tensor, splits: int) -> Tensor:
    assert layer.running_mean is not None
    assert layer.running_var is not None
    assert layer.num_batches_tracked is not None
    assert layer.momentum is not None
    parts = x.chunk(splits) if splits > 1 else (x,)
    found = [_Normalize.apply(part, layer.weight, layer.bias, layer.eps) for part in parts]
    ys, means, variances = zip(*found, strict=True)
    layer.num_batches_tracked.add_(1)
    count = parts[0].numel() // x.shape[1]
    # The buffers move linearly: to the mean of what each split alone would make of them.
    for buffer, news, factor in (
        (layer.running_mean, means, 1.0),
        (layer.running_var, variances, count / (count - 1)),
    ):
        buffer.mul_(1 - layer.momentum)
        for new in news:
            buffer.add_(new, alpha=layer.momentum / splits * factor)
    y = torch.cat(ys) if splits > 1 else ys[0]
    assert isinstance(y, Tensor)
    return y


class _Normalize(torch.autograd.Function):
    """Normalize x (N, C, H, W), channels last; also return its mean and biased variance (C,)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Any:
        mean, var = _moments(x)
        y = torch.native_batch_norm(x, weight, bias, mean, var, False, 0.0, eps)[0]
        ctx.save_for_backward(x, weight, mean, (var + eps).rsqrt_())
        ctx.eps = eps
        ctx.mark_non_differentiable(mean, var)
        return y, mean, var

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        x, weight, mean, inv_std = ctx.saved_tensors
        dy = grad_outputs[0].contiguous(memory_format=torch.channels_last)
        grads = torch.ops.aten.native_batch_norm_backward(
            dy, x, weight, None, None, mean, inv_std, True, ctx.eps, [True, True, True]
        )
        return *grads, None


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and biased variance (C,) of x (N, C, H, W), channels last."""
    channels = x.shape[1]
    count = x.numel() // channels
    rows = x.permute(0, 2, 3, 1).reshape(count // math.gcd(count, PIXELS), -1)
    of_columns = torch.batch_norm_update_stats(rows, None, None, 0.0)
    means, variances = (found.view(-1, channels) for found in of_columns)
    between, mean = torch.var_mean(means, 0, correction=0)
    return mean, variances.mean(0).add_(between)
