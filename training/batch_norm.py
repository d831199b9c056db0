"""Batch norm and ghost batch norm that are fast for few channels in channels-last memory.

torch's channels-last kernels walk through memory C values at a time. At 8 to 16 channels that is
at most one vector of the processor, and the threads' partial sums lie in the same cache line: the
backward pass takes up to five times as long on two threads as on one. A row of W pixels is W * C
consecutive values; so here each column of the image gets its own statistics from torch's kernel, as
if there were W * C channels, and those of the W columns are merged (Chan, Golub & LeVeque, 1983,
eq. 2.1). Shorter sums also lose less: in float32 the result is some ten times as exact.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from normviz import torch_layers


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
    y, mean, var = _ByRows.apply(x, layer.weight, layer.bias, splits, layer.eps)
    assert layer.running_mean is not None
    assert layer.running_var is not None
    assert layer.num_batches_tracked is not None
    assert layer.momentum is not None
    count = x.numel() // x.shape[1] // splits
    layer.num_batches_tracked.add_(1)
    # The buffers move linearly: to the mean of what each split alone would make of them.
    layer.running_mean.lerp_(mean.mean(0), layer.momentum)
    layer.running_var.lerp_(var.mean(0).mul_(count / (count - 1)), layer.momentum)
    assert isinstance(y, Tensor)
    return y


class _ByRows(torch.autograd.Function):
    """Normalize the splits of x (N, C, H, W); also return their mean and variance (S, C)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, splits: int, eps: float) -> Any:
        rows = _rows(x, splits)
        found = [torch.batch_norm_update_stats(part, None, None, 0.0) for part in rows]
        means, variances = (
            torch.stack(s).view(splits, x.shape[3], -1) for s in zip(*found, strict=True)
        )
        between, mean = torch.var_mean(means, 1, correction=0)
        var = variances.mean(1).add_(between)
        inv_std = (var + eps).rsqrt_()
        scale = weight * inv_std
        shift = torch.addcmul(bias, mean, scale, value=-1)
        y = torch.addcmul(_across(shift, x), rows, _across(scale, x))
        ctx.save_for_backward(x, mean, inv_std, scale)
        ctx.mark_non_differentiable(mean, var)
        return _images(y, x), mean, var

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        x, mean, inv_std, scale = ctx.saved_tensors
        splits, channels = mean.shape
        rows, dy = _rows(x, splits), _rows(grad_outputs[0], splits)
        statistics = zip(dy, rows, _across(mean, x), _across(inv_std, x), strict=True)
        found = [_parameter_gradients(*of_split) for of_split in statistics]
        grad_weight, grad_bias = (
            torch.stack(s).view(splits, -1, channels).sum(1) for s in zip(*found, strict=True)
        )
        # dx = scale * (dy - mean(dy) - x_hat * mean(dy * x_hat)) as a line in dy and x.
        count = x.numel() // channels // splits
        slope = (scale * inv_std).mul_(grad_weight).div_(-count)
        constant = (scale * grad_bias).div_(-count).addcmul_(slope, mean, value=-1)
        dx = torch.addcmul(_across(constant, x), rows, _across(slope, x))
        dx.addcmul_(dy, _across(scale, x))
        return _images(dx, x), grad_weight.sum(0), grad_bias.sum(0), None, None


def _parameter_gradients(dy: Tensor, rows: Tensor, mean: Tensor, inv_std: Tensor) -> Any:
    """Sum dy * x_hat, and dy, over the rows by torch's kernel, without its grad_input."""
    statistics = (mean.view(-1), inv_std.view(-1))
    return torch.ops.aten.native_batch_norm_backward(
        dy, rows, None, None, None, *statistics, True, 0.0, [False, True, True]
    )[1:]


def _rows(x: Tensor, splits: int) -> Tensor:
    """View x (N, C, H, W), channels last, as (S, N / S * H, W * C)."""
    return x.permute(0, 2, 3, 1).reshape(splits, -1, x.shape[3] * x.shape[1])


def _images(rows: Tensor, like: Tensor) -> Tensor:
    """View the rows as the images that they came from."""
    n, channels, height, width = like.shape
    return rows.view(n, height, width, channels).permute(0, 3, 1, 2)


def _across(values: Tensor, x: Tensor) -> Tensor:
    """Repeat values (S, C) for the columns of a row: (S, 1, W * C)."""
    return values.repeat(1, x.shape[3]).unsqueeze(1)
