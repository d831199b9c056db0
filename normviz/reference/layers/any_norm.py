"""Layers of any norm: of a pattern, and of a declared one with parameters per channel."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.declared import NORMS
from normviz.norms.norm import USUAL_EPS
from normviz.norms.norm import Norm as Declaration
from normviz.norms.notation import Size
from normviz.norms.sets import norm_for, norm_without_buffers, sets_where_known, told_shape
from normviz.norms.sizes import check_lengths
from normviz.reference.call import complete
from normviz.reference.layers.running import ChannelNorm
from normviz.reference.module import Module, filled

Array = npt.NDArray[Any]


class ReferenceNorm2d(ChannelNorm):
    """The twin of normviz.torch_layers.ReferenceNorm2d: any declared norm, parameters per channel.

    x (N, C, H, W); ``sizes`` are the arguments that shape its sets, such as num_groups.
    """

    _ranks = (4,)
    _own_settings = ("op", "sizes")
    _checks_channels = True

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
        super().__init__(num_features, eps, momentum, affine, self.norm.tracks, dtype)
        if not self.norm.bias:
            self.bias = None

    @property
    def norm(self) -> Declaration:  # type: ignore[override]
        """The declaration, with a weight and a bias for each channel."""
        return NORMS[self.op].with_parameters_per_channel

    def _arguments(self, x: Array) -> dict[str, Any]:
        shaping = self.norm.sizes_for(x.shape, self.sizes)
        known = {**shaping, "weight": self.weight, "bias": self.bias, "eps": self.eps}
        if self.norm.tracks:
            known |= super()._arguments(x)
        return complete(self.norm, {n: v for n, v in known.items() if self.norm.takes(n)})


class Norm(Module):
    """The twin of normviz.torch_layers.Norm: any pattern, on x of ``shape`` (None: may vary).

    eps is 1e-5, or what a declared norm has.
    """

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
        eps: float | None = USUAL_EPS,
        dtype: Any = np.float32,
    ) -> None:
        norm = norm_for(sets, sizes=sizes, affine=affine, centered=centered)
        self.norm = norm_without_buffers(norm)
        self.shape = told_shape(self.norm, shape)
        self.eps = self.norm.eps if eps is USUAL_EPS else eps
        parameter = sets_where_known(self.norm, self.shape).parameter_shape
        has_weight = bool(self.norm.affine)
        self.weight = filled(parameter, has_weight, dtype, 1.0)
        self.bias = filled(parameter, has_weight and bias and self.norm.bias, dtype, 0.0)

    def _check_rank(self, x: Array) -> None:
        check_lengths(np.shape(x), self.shape)

    def _arguments(self, x: Array) -> dict[str, Any]:
        known = {**super()._arguments(x), "eps": self.eps}
        return {name: value for name, value in known.items() if self.norm.takes(name)}
