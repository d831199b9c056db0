"""Rotations and shifts of a whole batch of digits at once.

torchvision's RandomRotation turns one PIL image at a time in Python; here every image of a batch
gets its own angle in one ``grid_sample``, with the same meaning: the angle is in degrees, counter-
clockwise, about the center, what comes in from outside is black (0), nearest pixel by default.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def transform(
    images: Tensor,
    angles: Tensor,
    shifts: Tensor | None = None,
    interpolation: str = "nearest",
) -> Tensor:
    """Rotate each image by its own angle, then shift it.

    Args:
        images: (N, C, H, W), floating point, 0 is black.
        angles: (N,), degrees, counter-clockwise.
        shifts: (N, 2) or None, pixels to the right and down.
        interpolation: "nearest" or "bilinear".

    Returns:
        A tensor like ``images``.

    >>> x = torch.arange(4.0).view(1, 1, 2, 2)
    >>> transform(x, torch.tensor([90.0]))
    tensor([[[[1., 3.],
              [0., 2.]]]])
    """
    height, width = images.shape[-2:]
    radians = angles.to(torch.float64) * (math.pi / 180)
    cos, sin = radians.cos(), radians.sin()
    # affine_grid maps output to input coordinates, which run over [-1, 1] in both directions,
    # so the matrix is that of the inverse movement, with the aspect ratio in its corners.
    theta = torch.zeros(len(images), 2, 3, dtype=torch.float64, device=images.device)
    theta[:, 0, 0] = cos
    theta[:, 0, 1] = -sin * height / width
    theta[:, 1, 0] = sin * width / height
    theta[:, 1, 1] = cos
    if shifts is not None:
        back = torch.stack([-2 * shifts[:, 0] / width, -2 * shifts[:, 1] / height], dim=1)
        theta[:, :, 2] = (theta[:, :, :2] @ back.to(torch.float64).unsqueeze(2)).squeeze(2)
    grid = F.affine_grid(theta.to(images.dtype), list(images.shape), align_corners=False)
    return F.grid_sample(
        images, grid, mode=interpolation, padding_mode="zeros", align_corners=False
    )


def uniform(shape: tuple[int, ...], limit: float, generator: torch.Generator) -> Tensor:
    """Return values drawn uniformly from [-limit, limit)."""
    return (torch.rand(shape, generator=generator) * 2 - 1) * limit
