"""A torch module of any normalization that one line of notation can say."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from normviz.norms.norm import USUAL_EPS
from normviz.norms.norm import Norm as Declaration
from normviz.norms.notation import Factor, Size
from normviz.norms.sets import norm_for, norm_without_buffers, sets_where_known, told_shape
from normviz.norms.sizes import check_lengths
from normviz.reference.checks import check_eps
from normviz.torch_layers.common import check_floating, node_of


class Norm(nn.Module):
    """The normalization that a pattern says (:mod:`normviz.norms.notation`), in plain torch.

    ``shape`` is that of x, None where it may vary; the axes of weight and bias (``affine``) must
    be known. ``sizes``, ``centered`` and ``eps`` (1e-5, or what a declared norm has) as in
    :func:`normviz.normalize`. Without ``affine`` there are no parameters, with ``bias=False`` only
    a weight. In mixed precision a
    float16 or bfloat16 x is worked in float32 and the result has x's dtype.

    It is plain torch operations: differentiable any number of times, for torch.func, torch.export
    and torch.compile, where lengths that vary stay so. For torch.fx the layer is one node; not for
    torch.jit.script.

    Shapes: x as ``shape`` says; weight and bias the lengths of the affine axes.

    Raises:
        ValueError: a pattern that cannot be read or does not fit the shape; an affine axis of
            unknown length; an x of another shape; a negative eps; a declared norm with running
            statistics.
        TypeError: sizes, affine or centered other than a declared norm has them, an x of whole or
            complex numbers.

    >>> layer = Norm("n [c] h w", (None, 8, None, None), affine="c")  # ConvNeXt's LayerNorm2d
    >>> layer(torch.randn(2, 8, 5, 5)).shape, layer.weight.shape
    (torch.Size([2, 8, 5, 5]), torch.Size([8]))
    """

    weight: Tensor | None
    bias: Tensor | None

    def __init__(
        self,
        sets: str | Declaration,
        shape: Sequence[int | None],
        *,
        sizes: Mapping[str, Size] | None = None,
        affine: str = "",
        centered: bool = True,
        bias: bool = True,
        eps: float | None = USUAL_EPS,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        norm = norm_for(sets, sizes=sizes, affine=affine, centered=centered)
        self.norm = norm_without_buffers(norm)
        self.shape = told_shape(self.norm, shape)
        self.eps = self.norm.eps if eps is USUAL_EPS else eps
        if self.eps is not None or self.norm.eps is not None:
            check_eps(self.eps, positive=not self.norm.zero_eps)
        found = sets_where_known(self.norm, self.shape)
        for name, fill, wanted in (("weight", 1.0, True), ("bias", 0.0, bias and self.norm.bias)):
            parameter = None
            if self.norm.affine and wanted:
                values = torch.full(found.parameter_shape, fill, device=device, dtype=dtype)
                parameter = nn.Parameter(values)
            self.register_parameter(name, parameter)
        self._view = list(_view_axes(found.factors, self.shape, self.norm.fixed or {}))
        self._shared = [at for at, axis in enumerate(self._view) if axis.shared]
        beside = {name for names in found.affine for name in names}
        self._parameter_view = [
            (axis.length or 1) if axis.name in beside else 1 for axis in self._view
        ]

    def forward(self, x: Tensor) -> Tensor:
        """Normalize x."""
        node = node_of(self, x)
        if node is not None:
            return node
        self._check(x)
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        y = wide.reshape([axis.length_in(x) for axis in self._view])
        if self.norm.centered:
            y = y - y.mean(self._shared, keepdim=True) if self._shared else y - y
        square = y.square()
        power = square.mean(self._shared, keepdim=True) if self._shared else square
        eps = torch.finfo(wide.dtype).eps if self.eps is None else self.eps
        y = y * torch.rsqrt(power + eps)
        if self.weight is not None:
            y = y * self.weight.view(self._parameter_view)
        if self.bias is not None:
            y = y + self.bias.view(self._parameter_view)
        return y.reshape(x.shape).to(x.dtype)

    def _check(self, x: Tensor) -> None:
        """Refuse an x of another shape, or one that a size of the pattern does not divide."""
        check_floating(x)
        check_lengths(x.shape, self.shape)
        if any(x.shape[axis.dimension] % axis.others for axis in self._view):
            self.norm.on(tuple(x.shape))

    def extra_repr(self) -> str:
        """The pattern, the shape, and the settings that are not the defaults."""
        said = [repr(self.norm.sets), str(self.shape)]
        said += [f"{name}={size}" for name, size in (self.norm.fixed or {}).items()]
        said += [f"affine={self.norm.affine!r}"] if self.norm.affine else []
        said += [] if self.norm.centered else ["centered=False"]
        return ", ".join([*said, f"eps={self.eps}"])


class _ViewAxis(NamedTuple):
    """An axis of the view in which x is normalized: its length, or what tells it of x's shape.

    The length of x's ``dimension`` is divided by ``others``, that of the axes beside it.
    """

    dimension: int
    length: int | None
    others: int
    name: str
    shared: bool

    def length_in(self, x: Tensor) -> int:
        """Its length where x is that tensor."""
        known = self.length
        return x.shape[self.dimension] // self.others if known is None else known


def _view_axes(
    factors: Sequence[Factor], shape: Sequence[int | None], sizes: Mapping[str, Size]
) -> Iterator[_ViewAxis]:
    """The axes of a pattern, so that a shape with lengths that vary is traced as such."""
    for dimension, group in groupby(factors, key=lambda factor: factor.dimension):
        composed = list(group)
        if len(composed) == 1:
            (axis,) = composed
            for place in range(dimension, dimension + len(axis.lengths)):
                yield _ViewAxis(place, shape[place], 1, axis.name, axis.shared)
            continue
        told = math.prod(axis.length for axis in composed if axis.name in sizes)
        for axis in composed:
            varies = shape[dimension] is None and axis.name not in sizes
            length = None if varies else axis.length
            yield _ViewAxis(dimension, length, told if varies else 1, axis.name, axis.shared)
