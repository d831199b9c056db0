"""Ghost batch norm as a torch module: each split of the batch by its own statistics."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from normviz.norms.notation import positive_integer
from normviz.torch_layers.common import check_channels, check_floating, next_momentum, node_of


class GhostBatchNorm2d(nn.BatchNorm2d):
    """A drop-in for torch.nn.BatchNorm2d that normalizes each split of the batch by itself.

    In training the batch is cut into ``num_splits`` consecutive runs of N / num_splits samples;
    each is normalized by its own statistics and the running buffers move to the mean over the
    splits of what BatchNorm2d would have made of each. In evaluation it is BatchNorm2d. Buffers
    and state_dict keys are BatchNorm2d's, so weights move freely between the two.

    Shapes: x (N, C, H, W), N divisible by num_splits in training. The splits are laid out as
    channels of one torch batch norm: no loop; autograd, vmap and torch.compile see plain torch,
    and for torch.fx the layer is one node. Not for torch.jit.script.
    ``torch.nn.SyncBatchNorm.convert_sync_batchnorm`` makes a SyncBatchNorm of it, as of every
    subclass of BatchNorm2d: its splits are then gone.

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
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype)
        if not bias:
            self.register_parameter("bias", None)
        self.num_splits = positive_integer("num_splits", num_splits)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize x (N, C, H, W)."""
        node = node_of(self, x)
        if node is not None:
            return node
        self._check_input_dim(x)
        check_channels(x, self.num_features)
        check_floating(x)
        if self.num_splits == 1 or not self.training:
            return super().forward(x)
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
        if 1 < c == x.stride(3) and x.stride(1) == 1:
            y = y.contiguous(memory_format=torch.channels_last)
        return y

    def _split_buffers(self) -> tuple[tuple[Tensor | None, Tensor | None], float]:
        """A copy of the running buffers for each split, and this step's momentum."""
        if not self.track_running_stats:
            return (None, None), 0.0
        momentum = next_momentum(self)
        repeats = self.num_splits
        buffers = (self.running_mean, self.running_var)
        mean, var = (None if b is None else b.repeat(repeats) for b in buffers)
        return (mean, var), momentum

    def _merge_buffers(self, buffers: tuple[Tensor | None, Tensor | None]) -> None:
        """Move the running buffers to the mean of the splits' copies."""
        for own, copies in zip((self.running_mean, self.running_var), buffers, strict=True):
            if own is not None and copies is not None:
                own.copy_(copies.view(self.num_splits, -1).mean(0))

    def extra_repr(self) -> str:
        """BatchNorm2d's settings and the number of splits."""
        return f"{nn.BatchNorm2d.extra_repr(self)}, num_splits={self.num_splits}"  # type: ignore[no-untyped-call]
