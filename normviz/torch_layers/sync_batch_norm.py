"""Batch norm over the samples of several processes, on the CPU too."""

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.autograd.function import once_differentiable


class SyncBatchNorm2d(nn.BatchNorm2d):
    """Batch norm whose statistics are shared by all processes, on CPU and GPU alike.

    torch.nn.SyncBatchNorm refuses CPU tensors; this one does both over torch.distributed (gloo or
    nccl). Every process sends its count, mean and sum of squared distances, and merges all of them
    (Chan, Golub & LeVeque, 1983, eq. 2.1), so the result is that of BatchNorm2d on the whole
    batch, also when the processes hold different numbers of samples. Without processes, and in
    evaluation, it is BatchNorm2d. grad_weight and grad_bias are those of the process's own
    samples, as in torch: DistributedDataParallel adds them up.

    Shapes: x (N, C, H, W) on each process; H and W may differ, C may not.

    Raises:
        ValueError: one value per channel over all processes in training.

    >>> layer = SyncBatchNorm2d(3)
    >>> layer(torch.randn(4, 3, 5, 5)).shape
    torch.Size([4, 3, 5, 5])
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype)
        self.process_group = process_group

    def forward(self, x: Tensor) -> Tensor:
        """Normalize this process's x (N, C, H, W) by the statistics of all processes."""
        own = self.training or self.running_mean is None
        if not own or _world_size(self.process_group) == 1:
            return super().forward(x)
        self._check_input_dim(x)
        y, mean, var, count = _Synchronized.apply(
            x, self.weight, self.bias, self.eps, self.process_group
        )
        if self.training and self.track_running_stats:
            assert self.num_batches_tracked is not None
            self.num_batches_tracked.add_(1)
            momentum = self.momentum
            if momentum is None:
                momentum = 1.0 / float(self.num_batches_tracked)
            unbiased = var * (count / (count - 1))
            for buffer, new in ((self.running_mean, mean), (self.running_var, unbiased)):
                if buffer is not None:
                    buffer.lerp_(new.to(buffer.dtype), momentum)
        assert isinstance(y, Tensor)
        return y


def _world_size(group: Any) -> int:
    ready = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size(group) if ready else 1


class _Synchronized(torch.autograd.Function):
    """Batch norm over the samples of all processes; statistics travel in float64."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Any, bias: Any, eps: float, group: Any) -> Any:
        wide = x.double()
        values = x.numel() // x.shape[1]
        own = wide.mean((0, 2, 3)) if values else wide.new_zeros(x.shape[1])
        squares = (wide - own.view(1, -1, 1, 1)).square().sum((0, 2, 3))
        packed = torch.cat((wide.new_tensor([values]), own, squares))
        gathered = [torch.empty_like(packed) for _ in range(_world_size(group))]
        distributed.all_gather(gathered, packed, group)
        table = torch.stack(gathered)
        counts, means, sums = table[:, :1], *table[:, 1:].chunk(2, dim=1)
        count = counts.sum()
        if count <= 1:
            raise ValueError(
                "x must have more than 1 value per channel over all processes in training, got "
                f"shape {tuple(x.shape)} on this one: use more samples or drop_last"
            )
        mean = (counts * means).sum(0) / count
        var = (sums + counts * (means - mean).square()).sum(0) / count
        inv_std = (var + eps).rsqrt()
        x_hat = ((wide - mean.view(1, -1, 1, 1)) * inv_std.view(1, -1, 1, 1)).to(x.dtype)
        ctx.save_for_backward(x_hat, inv_std, weight)
        ctx.group, ctx.count, ctx.has_bias = group, count, bias is not None
        ctx.mark_non_differentiable(mean, var, count)
        y = x_hat if weight is None else x_hat * weight.view(1, -1, 1, 1)
        y = y.clone() if bias is None else y + bias.view(1, -1, 1, 1)
        return y, mean, var, count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor, *_: Any) -> Any:
        x_hat, inv_std, weight = ctx.saved_tensors
        wide = grad_output.double()
        grad_bias = wide.sum((0, 2, 3))
        grad_weight = (wide * x_hat).sum((0, 2, 3))
        shared = torch.cat((grad_bias, grad_weight))
        distributed.all_reduce(shared, group=ctx.group)
        mean_grad, mean_product = (shared / ctx.count).view(2, 1, -1, 1, 1)
        scale = inv_std if weight is None else inv_std * weight
        grad_input = (wide - mean_grad - x_hat * mean_product) * scale.view(1, -1, 1, 1)
        return (
            grad_input.to(x_hat.dtype),
            None if weight is None else grad_weight.to(weight.dtype),
            grad_bias.to(x_hat.dtype) if ctx.has_bias else None,
            None,
            None,
        )
