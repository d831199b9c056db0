"""Layers with running statistics: batch norm, ghost batch norm, instance norm."""

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.declared import NORMS
from normviz.norms.notation import positive_integer
from normviz.reference.core import Gradients
from normviz.reference.module import Module, filled

Array = npt.NDArray[Any]


class ChannelNorm(Module):
    """A norm over channels with running buffers, for one rank of x (or any, with ranks empty)."""

    _ranks: tuple[int, ...] = ()
    _default_affine_and_tracking = True

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool | None = None,
        track_running_stats: bool | None = None,
        dtype: Any = np.float32,
    ) -> None:
        default = self._default_affine_and_tracking
        affine = default if affine is None else affine
        self.track_running_stats = default if track_running_stats is None else track_running_stats
        self.num_features, self.eps, self.momentum = operator.index(num_features), eps, momentum
        shape = (self.num_features,)
        self.weight = filled(shape, affine, dtype, 1.0)
        self.bias = filled(shape, affine, dtype, 0.0)
        if self.track_running_stats:
            self.running_mean = np.zeros(shape, dtype)
            self.running_var = np.ones(shape, dtype)
            self.num_batches_tracked = np.array(0, np.int64)

    def _check_rank(self, x: Array) -> None:
        if self._ranks and np.ndim(x) not in self._ranks:
            wanted = " or ".join(f"{rank}D" for rank in self._ranks)
            raise ValueError(
                f"x must be {wanted} for {type(self).__name__}, got {np.ndim(x)}D of shape "
                f"{np.shape(x)}"
            )
        if self._checks_channels and np.shape(x)[1] != self.num_features:
            raise ValueError(f"x must have {self.num_features} channels, got shape {np.shape(x)}")

    def _own_statistics(self) -> bool:
        """Whether x's own statistics normalize: in training, or without buffers."""
        return self.training or self.running_mean is None

    def _uses_buffers(self) -> bool:
        """Whether the buffers take part; with tracking switched off later, in evaluation only."""
        return self.track_running_stats or not self.training

    def _momentum(self, moves: bool) -> float:
        """This step's momentum; None means a cumulative average, 1 / (batches so far)."""
        cumulative = 0.0
        if moves and self._counts_batches and self.num_batches_tracked is not None:
            self.num_batches_tracked += 1
            cumulative = 1.0 / int(self.num_batches_tracked)
        return cumulative if self.momentum is None else self.momentum

    def _arguments(self, x: Array) -> dict[str, Any]:
        own = self._own_statistics()
        keep_buffers = self._uses_buffers()
        return {
            "running_mean": self.running_mean if keep_buffers else None,
            "running_var": self.running_var if keep_buffers else None,
            "weight": self.weight,
            "bias": self.bias,
            self.norm.flag: own,
            "momentum": self._momentum(self.training and self.track_running_stats),
            "eps": self.eps,
        }

    _counts_batches = True


class _BatchNorm(ChannelNorm):
    norm = NORMS["batch_norm"]


class BatchNorm1d(_BatchNorm):
    """torch.nn.BatchNorm1d in NumPy: x (N, C) or (N, C, L)."""

    _ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """torch.nn.BatchNorm2d in NumPy: x (N, C, H, W)."""

    _ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """torch.nn.BatchNorm3d in NumPy: x (N, C, D, H, W)."""

    _ranks = (5,)


class SyncBatchNorm(_BatchNorm):
    """torch.nn.SyncBatchNorm in NumPy, as it is on one process: batch norm of x (N, C, ...)."""


class GhostBatchNorm2d(ChannelNorm):
    """Ghost batch norm in NumPy, the twin of normviz.torch_layers.GhostBatchNorm2d.

    x (N, C, H, W), N divisible by ``num_splits`` in training.
    """

    norm = NORMS["ghost_batch_norm"]
    _ranks = (4,)
    _checks_channels = True

    def __init__(
        self,
        num_features: int,
        num_splits: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype)
        self.num_splits = positive_integer("num_splits", num_splits)

    def _arguments(self, x: Array) -> dict[str, Any]:
        arguments = super()._arguments(x)
        # Evaluation ignores the splits, also where x's own statistics normalize.
        splits = 1 if arguments[self.norm.flag] and not self.training else self.num_splits
        return {"num_splits": splits, **arguments}


class _InstanceNorm(ChannelNorm):
    """Unlike batch norm, torch's instance norm has no parameters and no buffers by default."""

    norm = NORMS["instance_norm"]
    _default_affine_and_tracking = False
    _counts_batches = False

    def with_batch(self, x: Array) -> Array:
        is_sample = bool(self._ranks) and np.ndim(x) == self._ranks[0] - 1
        return np.asarray(x)[None] if is_sample else x

    def __call__(self, x: Array) -> Array:
        output = super().__call__(self.with_batch(x))
        return output.reshape(np.shape(x))

    def backward(self, grad_output: Array) -> Gradients:
        """The gradients at the x of the last call, which may have been a single sample (C, ...)."""
        if self._x is not None and np.ndim(grad_output) == self._x.ndim - 1:
            grads = super().backward(grad_output[None])
            return grads._replace(grad_input=grads.grad_input[0])
        return super().backward(grad_output)

    def _own_statistics(self) -> bool:
        return self.training or not self.track_running_stats

    def _uses_buffers(self) -> bool:
        return True


class InstanceNorm1d(_InstanceNorm):
    """torch.nn.InstanceNorm1d in NumPy: x (N, C, L) or (C, L)."""

    _ranks = (3,)


class InstanceNorm2d(_InstanceNorm):
    """torch.nn.InstanceNorm2d in NumPy: x (N, C, H, W) or (C, H, W)."""

    _ranks = (4,)


class InstanceNorm3d(_InstanceNorm):
    """torch.nn.InstanceNorm3d in NumPy: x (N, C, D, H, W) or (C, D, H, W)."""

    _ranks = (5,)
