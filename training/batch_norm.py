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
    assert layer.running_mean is not None
    assert layer.running_var is not None
    assert layer.num_batches_tracked is not None
    assert layer.momentum is not None
    parts = x.chunk(splits) if splits > 1 else (x,)
    found = [_ByRows.apply(part, layer.weight, layer.bias, layer.eps) for part in parts]
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


class _ByRows(torch.autograd.Function):
    """Normalize x (N, C, H, W), channels last; also return its mean and biased variance (C,)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Any:
        width = x.shape[3]
        rows = _rows(x)
        means, variances = torch.batch_norm_update_stats(rows, None, None, 0.0)
        between, mean = torch.var_mean(means.view(width, -1), 0, correction=0)
        var = variances.view(width, -1).mean(0).add_(between)
        inv_std = (var + eps).rsqrt_()
        scale = weight * inv_std
        shift = torch.addcmul(bias, mean, scale, value=-1)
        across = torch.stack((shift, scale, mean, inv_std)).repeat(1, width)
        y = torch.empty_like(x)  # not as rows: in-place ops refuse a view made in a Function
        torch.addcmul(across[0], rows, across[1], out=_rows(y))
        ctx.save_for_backward(rows, across)
        ctx.mark_non_differentiable(mean, var)
        return y, mean, var

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        rows, across = ctx.saved_tensors
        shape = grad_outputs[0].shape
        dy, channels = _rows(grad_outputs[0]), shape[1]
        _, scale, mean, inv_std = across
        of_columns = torch.ops.aten.native_batch_norm_backward(
            dy, rows, None, None, None, mean, inv_std, True, 0.0, [False, True, True]
        )
        grads = torch.stack(of_columns[1:]).view(2, -1, channels).sum(1)
        # dx = scale * (dy - mean(dy) - x_hat * mean(dy * x_hat)) as a line in dy and x.
        _, scale_c, mean_c, inv_std_c = across[:, :channels]
        slope, constant = (grads * scale_c).div_(-(rows.numel() // channels))
        slope.mul_(inv_std_c)
        constant.addcmul_(slope, mean_c, value=-1)
        line = torch.stack((slope, constant)).repeat(1, shape[3])
        dx = torch.addcmul(line[1], rows, line[0]).addcmul_(dy, scale)
        return _images(dx, shape), grads[0], grads[1], None


def _rows(x: Tensor) -> Tensor:
    """View x (N, C, H, W), channels last, as (N * H, W * C)."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[3] * x.shape[1])


def _images(rows: Tensor, shape: torch.Size) -> Tensor:
    """View the rows as images of this shape (N, C, H, W) again."""
    n, channels, height, width = shape
    return rows.view(n, height, width, channels).permute(0, 3, 1, 2)
