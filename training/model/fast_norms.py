"""torch's normalization layers with a fast training step for channels-last memory on the CPU.

Parameters, buffers and everything but that step are the parents'. The step is one loop of
:mod:`training.model.kernels`, several times as fast as torch's, which write what lies between ReLU,
normalization and dropout to memory, and more exact: torch adds up the values of a channel
one by one in x's dtype, which leaves four digits of float32 over a batch's 43,264 pixels.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from normviz import torch_layers
from normviz.torch_layers.second_derivative import refuse_second_derivative
from training.model import kernels
from training.model.dropout import SparseDropout

# Of x and of the parameters.
DTYPES = {
    (torch.float32, torch.float32),
    (torch.float64, torch.float64),
    (torch.bfloat16, torch.float32),
}
NOTHING_DROPPED = torch.empty(0, dtype=torch.int64), 1.0
if TYPE_CHECKING:
    Base = nn.Module
else:
    Base = object


class FastNorm(Base):
    """What the fast layers share; stands before the torch layer that it makes fast."""

    centered = True

    def sets(self, samples: int) -> tuple[int, int]:
        """Return the splits of so many samples and the groups of channels that share statistics."""
        raise NotImplementedError

    def takes(self, x: Tensor) -> bool:
        """Whether the fast step is for x; everything else, and every refusal, is the parent's."""
        return (
            self.training
            and kernels.COMPILES
            and x.device.type == self.weight.device.type == "cpu"
            and (x.dtype, self.weight.dtype) in DTYPES
            and cast(float, self.eps) > 0
            and x.shape[1:2] == self.weight.shape
            and x.is_contiguous(memory_format=torch.channels_last)
            and not x.is_contiguous()  # one value a channel is, and may be refused
            and len(x) % self.sets(len(x))[0] == 0
        )

    def forward(self, x: Tensor) -> Tensor:
        """Normalize x (N, C, H, W)."""
        return self.step(x) if self.takes(x) else cast(Tensor, super().forward(x))

    def step(self, x: Tensor, relu: bool = False, dropout: SparseDropout | None = None) -> Tensor:
        """Normalize x, which ``takes`` said yes to, after ReLU and before ``dropout`` if asked."""
        dropped = dropout.draw(x.numel()) if dropout else NOTHING_DROPPED
        statistics = np.empty((3, *self.sets(len(x))))
        y = _Normalize.apply(x, self.weight, self.bias, self, relu, dropped, statistics)
        self.keep(statistics, x)
        return cast(Tensor, y)

    def keep(self, statistics: Any, x: Tensor) -> None:
        """Move the buffers, if there are any, by mean and biased variance of each set."""


class _Normalize(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        layer: FastNorm,
        relu: bool,
        dropped: tuple[Tensor, float],
        statistics: Any,
    ) -> Tensor:
        y = torch.empty_like(x)
        positions, scale = dropped[0].numpy(), dropped[1]
        factor = weight.detach().numpy()
        floor = factor.dtype.type(0 if relu else -math.inf)
        different = kernels.forward(
            _rows(x),
            _rows(y),
            factor,
            np.zeros_like(factor) if bias is None else bias.detach().numpy(),
            layer.centered,
            layer.eps,
            floor,
            scale,
            positions,
            *statistics,
        )
        ctx.save_for_backward(x, weight)
        ctx.others = layer.centered, floor, scale, positions[:different], statistics
        return y

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        centered, floor, scale, dropped, (mean, _, inv_std) = ctx.others
        # Of a sum, say, the gradient is one number, spread out without memory of its own.
        dy = grad_outputs[0].contiguous(memory_format=torch.channels_last)
        dx, dweight, dbias = torch.empty_like(x), torch.empty_like(weight), torch.empty_like(weight)
        kernels.backward(
            _rows(x),
            _rows(dy),
            _rows(dx),
            weight.detach().numpy(),
            centered,
            floor,
            scale,
            dropped,
            mean,
            inv_std,
            dweight.numpy(),
            dbias.numpy(),
        )
        found = (dx, dweight, dbias if ctx.needs_input_grad[2] else None)
        parts = (grad_outputs[0], x, weight)
        name = "a fast norm of the trainer"
        return *(refuse_second_derivative(name, g, *parts) for g in found), None, None, None, None


def _rows(x: Tensor) -> Any:
    """The values of x (N, C, H, W) as an array (N, H * W * C), a view if they lie so in memory."""
    rows = x.detach().permute(0, 2, 3, 1).flatten(1)
    return rows.view(torch.uint16).numpy() if x.dtype == torch.bfloat16 else rows.numpy()


class BatchNorm2d(FastNorm, nn.BatchNorm2d):
    """torch.nn.BatchNorm2d, affine and with buffers."""

    momentum: float
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, num_features: int) -> None:
        super().__init__(num_features)

    def takes(self, x: Tensor) -> bool:
        """Whether the fast step is for x."""
        return super().takes(x) and self.track_running_stats and self.momentum is not None

    def sets(self, samples: int) -> tuple[int, int]:
        """The whole batch, every channel by itself."""
        return 1, self.num_features

    def keep(self, statistics: Any, x: Tensor) -> None:
        """Move the buffers to the mean of what each split alone would make of them."""
        mean, var, _ = statistics.mean(1)
        count = x.numel() // statistics[0].size
        self.num_batches_tracked.add_(1)
        for buffer, new in (
            (self.running_mean, mean),
            (self.running_var, var * (count / (count - 1))),
        ):
            buffer.lerp_(torch.from_numpy(new).to(buffer.dtype), self.momentum)


class GhostBatchNorm2d(BatchNorm2d, torch_layers.GhostBatchNorm2d):
    """normviz's GhostBatchNorm2d, affine and with buffers."""

    def __init__(self, num_features: int, num_splits: int) -> None:
        torch_layers.GhostBatchNorm2d.__init__(self, num_features, num_splits)  # past BatchNorm2d

    def sets(self, samples: int) -> tuple[int, int]:
        """Each split by itself, every channel by itself."""
        return self.num_splits, self.num_features


class GroupNorm(FastNorm, nn.GroupNorm):
    """torch.nn.GroupNorm, affine."""

    def __init__(self, num_groups: int, num_channels: int) -> None:
        super().__init__(num_groups, num_channels)

    def sets(self, samples: int) -> tuple[int, int]:
        """Each sample by itself, each group by itself."""
        return samples, self.num_groups


class InstanceNorm2d(FastNorm, nn.InstanceNorm2d):
    """torch.nn.InstanceNorm2d, affine and without buffers."""

    def __init__(self, num_features: int) -> None:
        super().__init__(num_features, affine=True)

    def sets(self, samples: int) -> tuple[int, int]:
        """Each sample by itself, every channel by itself."""
        return samples, self.num_features


class RMSNorm2d(FastNorm, torch_layers.RMSNorm2d):
    """normviz's RMSNorm2d, affine."""

    centered = False
    bias = None

    def __init__(self, num_features: int, eps: float) -> None:
        super().__init__(num_features, eps)

    def sets(self, samples: int) -> tuple[int, int]:
        """Each sample by itself, all channels together."""
        return samples, 1


class RMSNormBeta2d(FastNorm, torch_layers.Norm):
    """RMSNorm2d with a bias per channel beside the weight: LayerNorm that keeps the mean."""

    centered = False

    def __init__(self, num_features: int, eps: float) -> None:
        shape = (None, num_features, None, None)
        super().__init__("n [c h w]", shape, affine="c", centered=False, eps=eps)

    def sets(self, samples: int) -> tuple[int, int]:
        """Each sample by itself, all channels together."""
        return samples, 1
