"""Torch layers drawn at random, over awkward shapes, dtypes, layouts, offsets and scales."""

import random

import torch
from torch import nn

from normviz import torch_layers

SPATIAL = {
    1: [(1,), (2,), (7,), (33,)],
    2: [(1, 1), (1, 2), (3, 1), (5, 7), (16, 16)],
    3: [(1, 1, 2), (2, 3, 1), (3, 3, 3)],
}
EPS = [1e-5, 1e-5, 1e-3, 1e-12, 0.1]
DTYPES = ["float64", "float32", "float32", "float32", "float16", "bfloat16"]
OFFSETS = {"float64": [0, 1, 1e3, 1e6], "float32": [0, 1, 30, 1e3, 1e5]}
SCALES = {"float64": [1, 1e-8, 1e8], "float32": [1, 1e-4, 1e4]}


def random_layer(seed: int, far: bool = True) -> tuple[nn.Module, torch.Tensor]:
    """A layer in one of its modes, and an x for it; ``far``: its numbers are of awkward sizes."""
    draw = random.Random(seed)
    torch.manual_seed(seed)
    make, shape = draw.choice(KINDS)(draw)
    layer = make()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(1.0, 1.0).mul_(draw.choice([1, 1, 1e-3, 100]))
        for name, buffer in layer.named_buffers():
            if name.startswith("running"):
                buffer.uniform_(0.1, 3.0)
    dtype = draw.choice(DTYPES)
    usual = dtype if dtype in OFFSETS else "float32"
    offset = draw.choice(OFFSETS[usual][: None if usual == dtype and far else 3])
    scale = draw.choice(SCALES[usual]) if usual == dtype and far else draw.choice([1, 0.1])
    x = (torch.randn(shape, dtype=torch.float64) + offset) * scale
    if far and draw.random() < 0.1:
        x[..., : shape[-1] // 2 + 1] = offset  # partly constant
    if not (isinstance(layer, nn.modules.instancenorm._InstanceNorm) and 1 in shape[:2]):
        # Of one image in another layout torch 2.14 gives a wrong gradient: see test_verify.
        x = _laid_out(draw, x)
    mixed = dtype == "bfloat16" or (dtype == "float16" and draw.random() < 0.5)
    if dtype == "float16":
        layer.eps = layer.eps and max(layer.eps, 1e-5)  # 1 / 1e-6 is infinite there
    layer = layer.to(torch.float32 if mixed else getattr(torch, dtype))
    return layer.train(draw.random() < 0.75), x.to(getattr(torch, dtype))


def _laid_out(draw: random.Random, x: torch.Tensor) -> torch.Tensor:
    how = draw.choice(["contiguous", "contiguous", "channels last", "transposed", "strided"])
    if how == "channels last" and x.dim() == 4:
        return x.contiguous(memory_format=torch.channels_last)
    if how == "transposed":
        return x.transpose(0, -1).contiguous().transpose(0, -1)
    if how == "strided":
        return torch.stack([x, x], -1)[..., 0]
    return x


def _images(draw: random.Random, dimensions: int) -> tuple[int, int, tuple[int, ...]]:
    return (
        draw.choice([1, 2, 3, 8, 17]),
        draw.choice([1, 2, 3, 6, 12]),
        draw.choice(SPATIAL[dimensions]),
    )


def _batch_norm(draw):
    dimensions = draw.choice([1, 2, 3])
    n, c, spatial = _images(draw, dimensions)
    if n == 1 and spatial in ((1,), (1, 1)):
        n = 2  # one value per channel is refused
    kind = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[dimensions - 1]
    momentum, affine, track = (
        draw.choice([0.1, 0.9, None]),
        draw.random() < 0.8,
        draw.random() < 0.8,
    )
    eps = draw.choice(EPS)
    shape = (n, c) if dimensions == 1 and n > 1 and draw.random() < 0.5 else (n, c, *spatial)
    return lambda: kind(c, eps, momentum, affine, track), shape


def _instance_norm(draw):
    dimensions = draw.choice([1, 2, 3])
    n, c, spatial = _images(draw, dimensions)
    spatial = (2,) * dimensions if max(spatial) == 1 else spatial
    kind = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)[dimensions - 1]
    affine, track, eps = draw.random() < 0.7, draw.random() < 0.5, draw.choice(EPS)
    return lambda: kind(c, eps, 0.1, affine, track), (n, c, *spatial)


def _group_norm(draw):
    n, c, spatial = _images(draw, draw.choice([1, 2, 3]))
    groups = draw.choice([g for g in range(1, c + 1) if c % g == 0])
    if c // groups * max(spatial) == 1:
        spatial = (*spatial[:-1], 2)
    affine, eps = draw.random() < 0.8, draw.choice(EPS)
    return lambda: nn.GroupNorm(groups, c, eps, affine), (n, c, *spatial)


def _layer_norm(draw):
    n, c, spatial = _images(draw, draw.choice([1, 2]))
    shape = (n, c, *spatial[:-1], draw.choice([2, 3, 8, 31, 128]))
    taken = shape[draw.randrange(1, len(shape)) :]
    kind, eps, affine = (
        draw.choice([nn.LayerNorm, nn.RMSNorm]),
        draw.choice(EPS),
        draw.random() < 0.8,
    )
    eps = None if kind is nn.RMSNorm and draw.random() < 0.3 else eps
    return lambda: kind(taken, eps, affine), shape


def _own(draw):
    _, c, spatial = _images(draw, 2)
    splits = draw.choice([1, 2, 4])
    shape = (splits * draw.choice([2, 3]), c, *spatial)
    kind = draw.choice(
        [
            lambda: torch_layers.GhostBatchNorm2d(c, splits),
            lambda: torch_layers.RMSNorm2d(c),
            lambda: torch_layers.SyncBatchNorm2d(c),
            lambda: torch_layers.Norm(
                "n (g [k]) [...]", (None, c, None, None), sizes={"g": 1}, affine="(g k)"
            ),
        ]
    )
    return kind, shape


KINDS = [_batch_norm, _instance_norm, _group_norm, _layer_norm, _layer_norm, _own]
