"""A torch module of any normalization that one line of notation can say."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from normviz.norms.norm import Norm as Declaration
from normviz.norms.notation import Size
from normviz.norms.sets import norm_for, sets_where_known


class Norm(nn.Module):
    """The normalization that a pattern says (:mod:`normviz.norms.notation`), in plain torch.

    ``shape`` is that of x, None where it may vary; the axes of weight and bias (``affine``) must
    be known. ``sizes``, ``centered`` and ``eps`` as in :func:`normviz.normalize`. Without
    ``affine`` there are no parameters, with ``bias=False`` only a weight. In mixed precision a
    float16 or bfloat16 x is worked in float32 and the result has x's dtype.

    Shapes: x as ``shape`` says; weight and bias the lengths of the affine axes.

    Raises:
        ValueError: a pattern that cannot be read or does not fit the shape; an affine axis of
            unknown length; an x of another shape.

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
        eps: float = 1e-5,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.norm = norm_for(sets, sizes=sizes, affine=affine, centered=centered)
        self.shape, self.eps = tuple(shape), eps
        found = sets_where_known(self.norm, self.shape)
        for name, fill, wanted in (("weight", 1.0, True), ("bias", 0.0, bias)):
            parameter = None
            if self.norm.affine and wanted:
                values = torch.full(found.parameter_shape, fill, device=device, dtype=dtype)
                parameter = nn.Parameter(values)
            self.register_parameter(name, parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize x."""
        return _normalized(x, self.norm, self.shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The pattern, the shape, and the settings that are not the defaults."""
        said = [repr(self.norm.sets), str(self.shape)]
        said += [f"{name}={size}" for name, size in (self.norm.fixed or {}).items()]
        said += [f"affine={self.norm.affine!r}"] if self.norm.affine else []
        said += [] if self.norm.centered else ["centered=False"]
        return ", ".join([*said, f"eps={self.eps}"])


def _normalized(
    x: Tensor,
    norm: Declaration,
    shape: tuple[int | None, ...],
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> Tensor:
    if len(shape) != x.dim() or any(
        n not in (None, own) for n, own in zip(shape, x.shape, strict=True)
    ):
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise ValueError(f"x must have shape ({wanted}), got {tuple(x.shape)}")
    sets = norm.on(tuple(x.shape))
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    y = wide.reshape(sets.view)
    if norm.centered:
        y = y - y.mean(sets.axes, keepdim=True) if sets.axes else y - y
    y = y * torch.rsqrt((y.square().mean(sets.axes, keepdim=True) if sets.axes else y**2) + eps)
    if weight is not None:
        y = y * weight.view(sets.parameter_view)
    if bias is not None:
        y = y + bias.view(sets.parameter_view)
    return y.reshape(x.shape).to(x.dtype)


# For torch.fx a call of it is one node: the sets are found from a real shape.
torch.fx.wrap("_normalized")
