"""Batch norm over the samples of several processes, on the CPU too."""

from typing import Any

import torch
from torch import Tensor, distributed, nn

from normviz.reference.checks import check_eps
from normviz.torch_layers.common import check_channels, check_floating, next_momentum, node_of
from normviz.torch_layers.second_derivative import refuse_second_derivative


class SyncBatchNorm2d(nn.BatchNorm2d):
    """Batch norm whose statistics are shared by all processes, on CPU and GPU alike.

    torch.nn.SyncBatchNorm refuses CPU tensors; this one does both over torch.distributed (gloo or
    nccl). Every process sends its count, mean and sum of squared distances, and merges all of them
    (Chan, Golub & LeVeque, 1983, eq. 2.1), so the result is that of BatchNorm2d on the whole
    batch, also when the processes hold different numbers of samples. Without processes, and in
    evaluation, it is BatchNorm2d. grad_weight and grad_bias are those of the process's own
    samples, as in torch: DistributedDataParallel adds them up.

    Shapes: x (N, C, H, W) on each process; H and W may differ, C may not. In mixed precision y has
    x's dtype. For torch.fx the layer is one node; not for torch.jit.script.
    ``torch.nn.SyncBatchNorm.convert_sync_batchnorm`` makes a SyncBatchNorm of it, which refuses
    CPU tensors.

    Raises:
        ValueError: one value per channel over all processes in training, or an eps not above zero.
        RuntimeError: over several processes, for a second derivative.

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
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype)
        if not bias:
            self.register_parameter("bias", None)
        self.process_group = process_group

    def forward(self, x: Tensor) -> Tensor:
        """Normalize this process's x (N, C, H, W) by the statistics of all processes."""
        node = node_of(self, x)
        if node is not None:
            return node
        self._check_input_dim(x)
        check_channels(x, self.num_features)
        check_floating(x)
        # In evaluation each process is on its own, also without running statistics: one that
        # evaluates alone would wait for the others.
        if not self.training or _world_size(self.process_group) == 1:
            return super().forward(x)
        check_eps(self.eps, positive=True)  # as torch does: before any process waits for another
        y, mean, var, count = _Synchronized.apply(
            x, self.weight, self.bias, self.eps, self.process_group
        )
        if self.track_running_stats:
            momentum = next_momentum(self)
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
        ctx.save_for_backward(x, x_hat, inv_std, weight, bias)
        ctx.group, ctx.count = group, count
        ctx.mark_non_differentiable(mean, var, count)
        y = x_hat if weight is None else x_hat * weight.view(1, -1, 1, 1)
        y = y.clone() if bias is None else y + bias.view(1, -1, 1, 1)
        return y.to(x.dtype), mean, var, count

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor, *_: Any) -> Any:
        x, x_hat, inv_std, weight, bias = ctx.saved_tensors
        with torch.no_grad():
            wide = grad_output.double()
            grad_bias = wide.sum((0, 2, 3))
            grad_weight = (wide * x_hat).sum((0, 2, 3))
            shared = torch.cat((grad_bias, grad_weight))
            distributed.all_reduce(shared, group=ctx.group)
            mean_grad, mean_product = (shared / ctx.count).view(2, 1, -1, 1, 1)
            scale = inv_std if weight is None else inv_std * weight
            grad_input = (wide - mean_grad - x_hat * mean_product) * scale.view(1, -1, 1, 1)
        gradients = (
            grad_input.to(x.dtype),
            None if weight is None else grad_weight.to(weight.dtype),
            None if bias is None else grad_bias.to(bias.dtype),
        )
        parts = (grad_output, x, weight, bias)
        name = "SyncBatchNorm2d over several processes"
        return *(refuse_second_derivative(name, g, *parts) for g in gradients), None, None
