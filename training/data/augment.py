"""Small movements of a whole batch of digits at once: rotation, scale, shear, shift.

torchvision's RandomRotation turns one PIL image at a time in Python; here every image of a batch
gets its own movement in one ``grid_sample``, with the same meaning: the angle is in degrees,
counter-clockwise, about the center, what comes in from outside is black (0), nearest pixel by
default.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from training.experiments.config import TrialConfig


@dataclass(frozen=True)
class Movements:
    """One movement for each of N images, in float32; None: not at all."""

    angles: Tensor  # (N,) degrees, counter-clockwise
    shifts: Tensor | None = None  # (N, 2) pixels to the right and down, after the rest
    log_scales: Tensor | None = None  # (N,) natural logarithm of the magnification
    shears: Tensor | None = None  # (N,) pixels to the left for each pixel down, before rotation


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
    return warp(images, matrices(movements), interpolation)


def matrices(movements: Movements) -> Tensor:
    """Return (N, 2, 3): from a pixel (x, y, 1) of the result to where it is from, (x, y).

    In pixels to the right and down from the middle of the image.
    """
    radians = torch.deg2rad(movements.angles.double())
    cos, sin, zero = radians.cos(), radians.sin(), torch.zeros_like(radians)
    turn = torch.stack((cos, -sin, zero, sin, cos, zero), 1).view(-1, 2, 3)
    if movements.shifts is not None:
        turn[:, :, 2:] = -turn[:, :, :2] @ movements.shifts.double().unsqueeze(2)
    if movements.log_scales is not None:
        turn *= (-movements.log_scales.double()).exp().view(-1, 1, 1)
    if movements.shears is not None:
        turn[:, 0] += movements.shears.double().unsqueeze(1) * turn[:, 1]
    return turn.float()


def warp(images: Tensor, matrices: Tensor, interpolation: str) -> Tensor:
    """Give each image (N, C, H, W) the pixels that its matrix (2, 3) says, black outside."""
    height, width = images.shape[-2:]
    # Both planes one after the other in memory: sampling is slower where they interleave.
    grid = matrices.transpose(0, 1).flatten(0, 1) @ _pixels(height, width, images.device)
    # grid_sample's coordinates run over [-1, 1] from edge to edge in both directions.
    grid = grid.view(2, -1, height, width)
    grid[0] *= 2 / width
    grid[1] *= 2 / height
    return F.grid_sample(
        images, grid.permute(1, 2, 3, 0), interpolation, padding_mode="zeros", align_corners=False
    )


@functools.cache
def _pixels(height: int, width: int, device: torch.device) -> Tensor:
    """Return (3, H * W): x, y and 1 of every pixel's center, the middle of the image at 0."""
    y = torch.arange(height, device=device).repeat_interleave(width) - (height - 1) / 2
    x = torch.arange(width, device=device).repeat(height) - (width - 1) / 2
    return torch.stack((x, y, torch.ones_like(x)))
