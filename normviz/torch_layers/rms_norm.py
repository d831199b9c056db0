"""RMSNorm with one weight per channel, for images."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from normviz.reference.checks import check_eps
from normviz.torch_layers.common import check_floating, node_of


class RMSNorm2d(nn.Module):
    """RMSNorm over (C, H, W) with one weight per channel, as a convolutional network wants it.

    ``y = x / sqrt(mean(x^2) + eps) * weight_c``; with eps None the machine epsilon of x's dtype,
    as torch.nn.RMSNorm. That layer has one weight per element, so it would fix the image's size;
    with one per channel the switch is called `affine`, as in torch's layers that have such weights.

    Shapes: x (N, C, H, W); weight (C,). In mixed precision y has x's dtype. For torch.fx the layer
    is one node; not for torch.jit.script.

    Raises:
        ValueError: another rank or number of channels, a negative eps.
        TypeError: an x of whole or complex numbers.

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
        if eps is not None:
            check_eps(eps, positive=False)
        self.num_features, self.eps = num_features, eps
        weight = nn.Parameter(torch.ones(num_features, device=device, dtype=dtype))
        self.register_parameter("weight", weight if affine else None)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize x (N, C, H, W)."""
        node = node_of(self, x)
        if node is not None:
            return node
        if x.dim() != 4 or x.shape[1] != self.num_features:
            raise ValueError(f"x must be (N, {self.num_features}, H, W), got {tuple(x.shape)}")
        check_floating(x)
        y = F.rms_norm(x, x.shape[1:], eps=self.eps)
        return y if self.weight is None else (y * self.weight.view(-1, 1, 1)).to(x.dtype)

    def extra_repr(self) -> str:
        """The number of channels and eps."""
        return f"{self.num_features}, eps={self.eps}"
