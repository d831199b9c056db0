"""Layers whose sets stay within a sample: group, layer, root mean square and pixel norm."""

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.declared import NORMS
from normviz.reference.module import Module, filled

Array = npt.NDArray[Any]


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
        self.weight = filled((num_channels,), affine, dtype, 1.0)
        self.bias = filled((num_channels,), affine, dtype, 0.0)

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
        self.weight = filled(self.normalized_shape, elementwise_affine, dtype, 1.0)
        self.bias = filled(self.normalized_shape, elementwise_affine and bias, dtype, 0.0)

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
        self.weight = filled((self.num_features,), affine, dtype, 1.0)
        self.bias = filled((self.num_features,), affine, dtype, 0.0)

    def _arguments(self, x: Array) -> dict[str, Any]:
        return {**super()._arguments(x), "eps": self.eps}
