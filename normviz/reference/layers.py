"""Stateful NumPy layers, named and behaving as those in torch.nn, with running statistics.

A layer holds state only: parameters, running buffers, the mode. The mathematics is in
:mod:`normviz.reference.functional`. Layers start in training mode, as torch's do.

>>> layer = BatchNorm2d(3)
>>> y = layer(np.random.default_rng(0).normal(size=(2, 3, 4, 4)).astype(np.float32))
>>> layer.state_dict()["num_batches_tracked"]
array(1)
"""

import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm as Declaration
from normviz.norms.notation import Size, positive_integer
from normviz.norms.sets import norm_for, sets_where_known
from normviz.reference.call import complete
from normviz.reference.core import Gradients
from normviz.reference.module import Module

Array = npt.NDArray[Any]


def _affine(shape: tuple[int, ...], wanted: bool, dtype: Any, fill: float) -> Array | None:
    return np.full(shape, fill, dtype) if wanted else None


class _ChannelNorm(Module):
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
        self.weight = _affine(shape, affine, dtype, 1.0)
        self.bias = _affine(shape, affine, dtype, 0.0)
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


class _BatchNorm(_ChannelNorm):
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


class GhostBatchNorm2d(_ChannelNorm):
    """Ghost batch norm in NumPy, the twin of normviz.torch_layers.GhostBatchNorm2d.

    x (N, C, H, W), N divisible by ``num_splits`` in training.
    """

    norm = NORMS["ghost_batch_norm"]
    _ranks = (4,)

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
        return {"num_splits": self.num_splits, **super()._arguments(x)}


class _InstanceNorm(_ChannelNorm):
    """Unlike batch norm, torch's instance norm has no parameters and no buffers by default."""

    norm = NORMS["instance_norm"]
    _default_affine_and_tracking = False
    _counts_batches = False

    def __call__(self, x: Array) -> Array:
        if self._ranks and np.ndim(x) == self._ranks[0] - 1:
            return np.asarray(super().__call__(np.asarray(x)[None])[0])
        return super().__call__(x)

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


class GroupNorm(Module):
    """torch.nn.GroupNorm in NumPy: x (N, C, *); the same in training and evaluation."""

    norm = NORMS["group_norm"]
    _buffers = ()

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        self.num_groups, self.num_channels = operator.index(num_groups), num_channels
        if self.num_groups < 1 or num_channels % self.num_groups:
            raise ValueError(
                f"num_groups must divide num_channels, got num_groups={num_groups} and "
                f"num_channels={num_channels} (the number of groups comes first)"
            )
        self.eps = eps
        self.weight = _affine((num_channels,), affine, dtype, 1.0)
        self.bias = _affine((num_channels,), affine, dtype, 0.0)

    def _arguments(self, x: Array) -> dict[str, Any]:
        return {"num_groups": self.num_groups, **super()._arguments(x), "eps": self.eps}


class _TrailingNorm(Module):
    _buffers = ()

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float | None,
        elementwise_affine: bool,
        bias: bool,
        dtype: Any,
    ) -> None:
        whole = normalized_shape if isinstance(normalized_shape, Iterable) else (normalized_shape,)
        self.normalized_shape = tuple(operator.index(n) for n in whole)
        self.eps = eps
        self.weight = _affine(self.normalized_shape, elementwise_affine, dtype, 1.0)
        self.bias = _affine(self.normalized_shape, elementwise_affine and bias, dtype, 0.0)

    def _arguments(self, x: Array) -> dict[str, Any]:
        return {"normalized_shape": self.normalized_shape, "weight": self.weight, "eps": self.eps}


class LayerNorm(_TrailingNorm):
    """torch.nn.LayerNorm in NumPy: x (*, *normalized_shape)."""

    norm = NORMS["layer_norm"]

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(normalized_shape, eps, elementwise_affine, bias, dtype)

    def _arguments(self, x: Array) -> dict[str, Any]:
        return {**super()._arguments(x), "bias": self.bias}


class RMSNorm(_TrailingNorm):
    """torch.nn.RMSNorm in NumPy: x (*, *normalized_shape); no bias."""

    norm = NORMS["rms_norm"]

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float | None = None,
        elementwise_affine: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(normalized_shape, eps, elementwise_affine, False, dtype)


class ReferenceNorm2d(_ChannelNorm):
    """The twin of normviz.torch_layers.ReferenceNorm2d: any declared norm, parameters per channel.

    x (N, C, H, W); ``sizes`` are the arguments that shape its sets, such as num_groups.
    """

    _ranks = (4,)
    _own_settings = ("op", "sizes")

    def __init__(
        self,
        op: str,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        dtype: Any = np.float32,
        **sizes: Any,
    ) -> None:
        self.op, self.sizes = op, sizes
        self.norm.check_sizes(sizes)
        tracks = self.norm.buffers and not self.norm.flag_default
        super().__init__(num_features, eps, momentum, affine, tracks, dtype)
        if not self.norm.bias:
            self.bias = None

    @property
    def norm(self) -> Declaration:  # type: ignore[override]
        """The declaration, with a weight and a bias for each channel."""
        return NORMS[self.op].with_parameters_per_channel

    def _arguments(self, x: Array) -> dict[str, Any]:
        shaping = self.norm.sizes_for(x.shape, self.sizes)
        known = {**shaping, "weight": self.weight, "bias": self.bias, "eps": self.eps}
        if self.norm.buffers and not self.norm.flag_default:
            known |= super()._arguments(x)
        return complete(self.norm, {n: v for n, v in known.items() if self.norm.takes(n)})


class RMSNorm2d(RMSNorm):
    """The twin of normviz.torch_layers.RMSNorm2d: x (N, C, H, W), one weight per channel."""

    norm = RMSNorm.norm.with_parameters_per_channel

    def __init__(
        self,
        num_features: int,
        eps: float | None = None,
        affine: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(num_features, eps, affine, dtype)
        self.num_features = operator.index(num_features)

    def _check_rank(self, x: Array) -> None:
        if np.ndim(x) != 4 or np.shape(x)[1] != self.num_features:
            raise ValueError(f"x must be (N, {self.num_features}, H, W), got shape {np.shape(x)}")

    def _arguments(self, x: Array) -> dict[str, Any]:
        return {"normalized_shape": x.shape[1:], "weight": self.weight, "eps": self.eps}


class PixelNorm(Module):
    """Every pixel over the channels, as ConvNeXt's LayerNorm2d: x (N, C, *spatial)."""

    norm = NORMS["pixel_norm"]
    _buffers = ()

    def __init__(
        self, num_features: int, eps: float = 1e-5, affine: bool = True, dtype: Any = np.float32
    ) -> None:
        self.num_features, self.eps = operator.index(num_features), eps
        self.weight = _affine((self.num_features,), affine, dtype, 1.0)
        self.bias = _affine((self.num_features,), affine, dtype, 0.0)

    def _arguments(self, x: Array) -> dict[str, Any]:
        return {**super()._arguments(x), "eps": self.eps}


class Norm(Module):
    """The twin of normviz.torch_layers.Norm: any pattern, on x of ``shape`` (None: may vary)."""

    _buffers = ()
    _own_settings = ("norm", "shape")

    def __init__(
        self,
        sets: str,
        shape: Sequence[int | None],
        *,
        sizes: Mapping[str, Size] | None = None,
        affine: str = "",
        centered: bool = True,
        bias: bool = True,
        eps: float = 1e-5,
        dtype: Any = np.float32,
    ) -> None:
        self.norm = norm_for(sets, sizes=sizes, affine=affine, centered=centered)
        self.shape, self.eps = tuple(shape), eps
        parameter = sets_where_known(self.norm, self.shape).parameter_shape
        self.weight = _affine(parameter, bool(affine), dtype, 1.0)
        self.bias = _affine(parameter, bool(affine) and bias, dtype, 0.0)

    def _arguments(self, x: Array) -> dict[str, Any]:
        return {**super()._arguments(x), "eps": self.eps}
