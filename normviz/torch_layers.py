"""Torch modules: ghost and synchronized batch norm, and the NumPy reference under autograd."""

from typing import Any

import numpy as np

from normviz import functional
from normviz.channelwise import gather, spread
from normviz.errors import needs_torch, unknown_name
from normviz.sets import OPS, positive_integer, statistics_sets

try:
    import torch
    import torch.nn.functional as F
    from torch import Tensor, distributed, nn
    from torch.autograd.function import once_differentiable
except ModuleNotFoundError:
    needs_torch("normviz.torch_layers")
    raise


class GhostBatchNorm2d(nn.BatchNorm2d):
    """A drop-in for torch.nn.BatchNorm2d that normalizes each split of the batch by itself.

    In training the batch is cut into ``num_splits`` consecutive runs of N / num_splits samples;
    each is normalized by its own statistics and the running buffers move to the mean over the
    splits of what BatchNorm2d would have made of each. In evaluation it is BatchNorm2d. Buffers
    and state_dict keys are BatchNorm2d's, so weights move freely between the two.

    Shapes: x (N, C, H, W), N divisible by num_splits in training. The splits are laid out as
    channels of one torch batch norm: no loop, autograd and torch.compile see plain torch.

    Raises:
        ValueError: num_splits below 1, or one that does not divide N.

    Source: Hoffer, Hubara & Soudry, "Train longer, generalize better", 2017, algorithm 1.

    >>> layer = GhostBatchNorm2d(3, num_splits=2)
    >>> layer(torch.randn(4, 3, 5, 5)).shape
    torch.Size([4, 3, 5, 5])
    """

    def __init__(
        self,
        num_features: int,
        num_splits: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype)
        self.num_splits = positive_integer("num_splits", num_splits)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize x (N, C, H, W)."""
        if self.num_splits == 1 or not (self.training or self.running_mean is None):
            return super().forward(x)
        self._check_input_dim(x)
        n, c, height, width = x.shape
        splits = self.num_splits
        if n % splits:
            raise ValueError(
                f"num_splits must divide the {n} samples of x, got num_splits={splits}: "
                "drop the last incomplete batch or choose a divisor"
            )
        # (N, C) -> (N / S, S * C): what batch norm calls a channel is now one split's channel.
        split = x.reshape(splits, n // splits, c, height, width).transpose(0, 1)
        joined = split.reshape(n // splits, splits * c, height, width)
        buffers, momentum = self._split_buffers()
        weight, bias = (None if p is None else p.repeat(splits) for p in (self.weight, self.bias))
        y = F.batch_norm(joined, *buffers, weight, bias, True, momentum, self.eps)
        self._merge_buffers(buffers)
        y = y.reshape(n // splits, splits, c, height, width).transpose(0, 1).reshape(x.shape)
        if x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous():
            y = y.contiguous(memory_format=torch.channels_last)
        return y

    def _split_buffers(self) -> tuple[tuple[Tensor | None, Tensor | None], float]:
        """A copy of the running buffers for each split, and this step's momentum."""
        if not (self.training and self.track_running_stats):
            return (None, None), 0.0
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        momentum = self.momentum
        if momentum is None:
            momentum = 1.0 / float(self.num_batches_tracked)
        copies = (
            self.running_mean.repeat(self.num_splits),
            self.running_var.repeat(self.num_splits),
        )
        return copies, momentum

    def _merge_buffers(self, buffers: tuple[Tensor | None, Tensor | None]) -> None:
        """Move the running buffers to the mean of the splits' copies."""
        for own, copies in zip((self.running_mean, self.running_var), buffers, strict=True):
            if own is not None and copies is not None:
                own.copy_(copies.view(self.num_splits, -1).mean(0))

    def extra_repr(self) -> str:
        """BatchNorm2d's settings and the number of splits."""
        return f"{nn.BatchNorm2d.extra_repr(self)}, num_splits={self.num_splits}"  # type: ignore[no-untyped-call]


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


class RMSNorm2d(nn.Module):
    """RMSNorm over (C, H, W) with one weight per channel, as a convolutional network wants it.

    ``y = x / sqrt(mean(x^2) + eps) * weight_c``; with eps None the machine epsilon of x's dtype,
    as torch.nn.RMSNorm. That layer has one weight per element, so it would fix the image's size.

    Shapes: x (N, C, H, W); weight (C,).

    Source: Zhang & Sennrich, "Root Mean Square Layer Normalization", 2019, eq. 4.

    >>> RMSNorm2d(3)(torch.ones(2, 3, 4, 4)).sum().item()
    96.0
    """

    weight: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float | None = None,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.num_features, self.eps = num_features, eps
        weight = nn.Parameter(torch.ones(num_features, device=device, dtype=dtype))
        self.register_parameter("weight", weight if affine else None)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize x (N, C, H, W)."""
        y = F.rms_norm(x, x.shape[1:], eps=self.eps)
        return y if self.weight is None else y * self.weight.view(-1, 1, 1)

    def extra_repr(self) -> str:
        """The number of channels and eps."""
        return f"{self.num_features}, eps={self.eps}"


class _Reference(torch.autograd.Function):
    """One call of a function of normviz.functional, and its backward, inside autograd."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Any, bias: Any, op: str, arguments: Any) -> Tensor:
        ctx.op, ctx.arguments = op, arguments
        ctx.save_for_backward(x, weight, bias)
        y = getattr(functional, op)(_array(x), **_parameters(op, x, weight, bias), **arguments)
        return torch.from_numpy(y).to(x.device)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> Any:
        x, weight, bias = ctx.saved_tensors
        grads = getattr(functional, f"{ctx.op}_backward")(
            np.ascontiguousarray(_array(grad_output)),
            _array(x),
            **_parameters(ctx.op, x, weight, bias),
            **ctx.arguments,
        )
        found = [
            None if gradient is None else torch.from_numpy(gather(gradient)).to(x.device)
            for gradient in (grads.grad_weight, grads.grad_bias)
        ]
        return torch.from_numpy(grads.grad_input).to(x.device), *found, None, None


def _array(x: Tensor) -> Any:
    return x.detach().cpu().numpy()


def _parameters(op: str, x: Tensor, weight: Any, bias: Any) -> dict[str, Any]:
    """weight and bias as the op wants them: layer_norm and rms_norm have one per element."""
    given = {"weight": weight, "bias": bias}
    if op == "rms_norm":
        del given["bias"]
    arrays = {name: _array(p) for name, p in given.items() if p is not None}
    if op in ("layer_norm", "rms_norm"):
        return {name: spread(array, tuple(x.shape[1:])) for name, array in arrays.items()}
    return arrays


class ReferenceNorm2d(nn.Module):
    """Any normalization of normviz as a torch module that runs the NumPy code under autograd.

    ``op`` is a function's name: batch_norm, layer_norm, group_norm (needs num_groups),
    instance_norm, ghost_batch_norm (needs num_splits) or rms_norm. weight and bias are one per
    channel for every op, so that norms can be swapped in a network (rms_norm has no bias):
    layer_norm and rms_norm normalize over (C, H, W), as torch.nn.GroupNorm(1, C) does. State_dict
    keys are those of torch's layer of that kind; batch_norm and ghost_batch_norm have running
    buffers, as torch.nn.BatchNorm2d.

    Shapes: x (N, C, H, W), float32 or float64; computed on the CPU, whatever the device of x.

    Raises:
        ValueError: an unknown op, a num_groups or num_splits that the op needs or cannot use.

    >>> layer = ReferenceNorm2d("group_norm", 4, num_groups=2)
    >>> y = layer(torch.randn(2, 4, 3, 3))
    >>> y.sum().backward(); layer.bias.grad
    tensor([18., 18., 18., 18.])
    """

    num_batches_tracked: Tensor

    def __init__(
        self,
        op: str,
        num_features: int,
        num_groups: int | None = None,
        num_splits: int | None = None,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
    ) -> None:
        super().__init__()
        if op not in OPS:
            raise ValueError(unknown_name("op", op, OPS))
        for name, value in {"num_groups": num_groups, "num_splits": num_splits}.items():
            if (name in OPS[op].arguments) != (value is not None):
                wanted = "be given" if value is None else "be None"
                raise ValueError(f"{name} must {wanted} for {op}, got {value}")
        # What cannot divide the channels or a batch is refused now, not at the first batch.
        smallest = (num_splits or 1, num_features, 1, 1)
        statistics_sets(
            op,
            smallest,
            num_groups=num_groups,
            num_splits=num_splits,
            normalized_shape=smallest[1:],
        )
        self.op, self.num_features = op, num_features
        self.num_groups, self.num_splits = num_groups, num_splits
        self.eps, self.momentum = eps, momentum
        self.track_running_stats = op in ("batch_norm", "ghost_batch_norm")
        parameters = {
            "weight": nn.Parameter(torch.ones(num_features)) if affine else None,
            "bias": nn.Parameter(torch.zeros(num_features)) if affine else None,
        }
        if op == "rms_norm":
            parameters["bias"] = None
        for name, parameter in parameters.items():
            self.register_parameter(name, parameter)
        if self.track_running_stats:
            self.register_buffer("running_mean", torch.zeros(num_features))
            self.register_buffer("running_var", torch.ones(num_features))
            self.register_buffer("num_batches_tracked", torch.tensor(0, dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        """Normalize x (N, C, H, W)."""
        if x.dim() != 4 or x.shape[1] != self.num_features:
            raise ValueError(
                f"x must have shape (N, {self.num_features}, H, W), got {tuple(x.shape)}"
            )
        if x.dtype not in (torch.float16, torch.float32, torch.float64):
            raise TypeError(
                f"x must be float16, float32 or float64 for the NumPy reference, got {x.dtype}: "
                "convert the network and x with .float()"
            )
        arguments = self._arguments(x)
        y = _Reference.apply(x, self.weight, self.bias, self.op, arguments)
        assert isinstance(y, Tensor)
        if self.track_running_stats and self.training:
            # On the CPU these arrays are the buffers' own memory; elsewhere they are copies.
            for name in ("running_mean", "running_var"):
                getattr(self, name).copy_(torch.from_numpy(arguments[name]))
        return y

    def _arguments(self, x: Tensor) -> dict[str, Any]:
        arguments: dict[str, Any] = {"eps": self.eps}
        if self.op in ("layer_norm", "rms_norm"):
            arguments["normalized_shape"] = tuple(x.shape[1:])
        for name in ("num_groups", "num_splits"):
            if getattr(self, name) is not None:
                arguments[name] = getattr(self, name)
        if self.track_running_stats:
            momentum = self.momentum
            if self.training:
                self.num_batches_tracked += 1
                if momentum is None:
                    momentum = 1.0 / float(self.num_batches_tracked)
            for name in ("running_mean", "running_var"):
                # Training writes into the buffers themselves; what evaluation has read must not
                # change before its backward pass.
                buffer = _array(getattr(self, name))
                arguments[name] = buffer if self.training else buffer.copy()
            arguments |= {"training": self.training, "momentum": momentum or 0.0}
        return arguments

    def extra_repr(self) -> str:
        """The op and its settings."""
        extras = [f"{n}={v}" for n in ("num_groups", "num_splits") if (v := getattr(self, n))]
        return ", ".join([self.op, str(self.num_features), *extras, f"eps={self.eps}"])
