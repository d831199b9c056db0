"""Small movements of a whole batch of digits at once: rotation, scale, shear, shift.

torchvision's RandomRotation turns one PIL image at a time in Python; here every image of a batch
gets its own movement in one ``grid_sample``, with the same meaning: the angle is in degrees,
counter-clockwise, about the center, what comes in from outside is black (0), nearest pixel by
default.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from training.config import TrialConfig


@dataclass(frozen=True)
class Movements:
    """One movement for each of N images, in float32; None: not at all."""

    angles: Tensor  # (N,) degrees, counter-clockwise
    shifts: Tensor | None = None  # (N, 2) pixels to the right and down, after the rest
    log_scales: Tensor | None = None  # (N,) natural logarithm of the magnification
    shears: Tensor | None = None  # (N,) pixels to the left for each pixel down, before rotation

    def __getitem__(self, part: slice) -> Movements:
        columns = (self.angles, self.shifts, self.log_scales, self.shears)
        return Movements(*(None if c is None else c[part] for c in columns))  # type: ignore[arg-type]


def draw(count: int, config: TrialConfig, generator: torch.Generator) -> Movements:
    """Return random movements for ``count`` images, uniform within the limits of ``config``."""

    def uniform(limit: float, *shape: int) -> Tensor | None:
        return (torch.rand(shape, generator=generator) * 2 - 1) * limit if limit else None

    angles = uniform(config.rotation, count)
    return Movements(
        torch.zeros(count) if angles is None else angles,
        uniform(config.shift, count, 2),
        uniform(config.log_scale, count),
        uniform(config.shear, count),
    )


def move(images: Tensor, movements: Movements, interpolation: str = "nearest") -> Tensor:
    """Move each image by its own movement.

    Args:
        images: (N, C, H, W), floating point, 0 is black.
        movements: of the N images.
        interpolation: "nearest" or "bilinear".

    Returns:
        A tensor like ``images``.

    >>> x = torch.arange(4.0).view(1, 1, 2, 2)
    >>> move(x, Movements(torch.tensor([90.0])))
    tensor([[[[1., 3.],
              [0., 2.]]]])
    """
    height, width = images.shape[-2:]
    radians = _column(torch.deg2rad(movements.angles.double()))
    cos, sin = radians.cos().float(), radians.sin().float()
    # Pixel centers, the middle of the image at 0. For every pixel of the result: where it is from.
    x = (torch.arange(width, device=images.device) - (width - 1) / 2).view(1, 1, -1)
    y = (torch.arange(height, device=images.device) - (height - 1) / 2).view(1, -1, 1)
    if movements.shifts is not None:
        x = x - _column(movements.shifts[:, 0])
        y = y - _column(movements.shifts[:, 1])
    from_x, from_y = cos * x - sin * y, sin * x + cos * y
    if movements.log_scales is not None:
        smaller = _column((-movements.log_scales).exp())
        from_x, from_y = from_x * smaller, from_y * smaller
    if movements.shears is not None:
        from_x = from_x + _column(movements.shears) * from_y
    # grid_sample's coordinates run over [-1, 1] from edge to edge in both directions.
    # Both planes one after the other in memory: interleaving them takes longer than sampling.
    grid = torch.stack((from_x * (2 / width), from_y * (2 / height))).permute(1, 2, 3, 0)
    return F.grid_sample(
        images, grid, mode=interpolation, padding_mode="zeros", align_corners=False
    )


def _column(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1)
