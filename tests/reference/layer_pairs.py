"""Torch layers with an input for each: what the NumPy twins are compared on."""

from typing import Any

import numpy as np
import torch
from torch import nn

from normviz.torch_layers import GhostBatchNorm2d, Norm, ReferenceNorm2d, RMSNorm2d

D2, D3, D4, D5 = (8, 6), (4, 6, 5), (4, 6, 5, 3), (4, 6, 2, 3, 2)
TRACKED = {"affine": True, "track_running_stats": True}

PAIRS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "BatchNorm1d-2D": (lambda: nn.BatchNorm1d(6), D2),
    "BatchNorm1d-3D": (lambda: nn.BatchNorm1d(6), D3),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(6), D4),
    "BatchNorm2d-settings": (lambda: nn.BatchNorm2d(6, eps=1e-2, momentum=0.3), D4),
    "BatchNorm2d-cumulative": (lambda: nn.BatchNorm2d(6, momentum=None), D4),
    "BatchNorm2d-plain": (lambda: nn.BatchNorm2d(6, affine=False), D4),
    "BatchNorm2d-untracked": (lambda: nn.BatchNorm2d(6, track_running_stats=False), D4),
    "BatchNorm3d": (lambda: nn.BatchNorm3d(6), D5),
    "SyncBatchNorm": (lambda: nn.SyncBatchNorm(6), D4),
    "GroupNorm": (lambda: nn.GroupNorm(3, 6), D4),
    "GroupNorm-plain": (lambda: nn.GroupNorm(2, 6, eps=1e-3, affine=False), D3),
    "LayerNorm": (lambda: nn.LayerNorm((6, 5, 3)), D4),
    "LayerNorm-int": (lambda: nn.LayerNorm(5, eps=1e-3), D3),
    "LayerNorm-biasless": (lambda: nn.LayerNorm((5, 3), bias=False), D4),
    "LayerNorm-plain": (lambda: nn.LayerNorm((5, 3), elementwise_affine=False), D4),
    "InstanceNorm1d": (lambda: nn.InstanceNorm1d(6), D3),
    "InstanceNorm1d-tracked": (lambda: nn.InstanceNorm1d(6, **TRACKED), D3),
    "InstanceNorm1d-one sample": (lambda: nn.InstanceNorm1d(6, **TRACKED), D3[1:]),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(6), D4),
    "InstanceNorm2d-affine": (lambda: nn.InstanceNorm2d(6, affine=True), D4),
    "InstanceNorm2d-tracked": (lambda: nn.InstanceNorm2d(6, momentum=0.4, **TRACKED), D4),
    "InstanceNorm2d-cumulative": (lambda: nn.InstanceNorm2d(6, momentum=None, **TRACKED), D4),
    "InstanceNorm2d-one sample": (lambda: nn.InstanceNorm2d(6, **TRACKED), D4[1:]),
    "InstanceNorm3d-tracked": (lambda: nn.InstanceNorm3d(6, **TRACKED), D5),
    "RMSNorm": (lambda: nn.RMSNorm((6, 5, 3)), D4),
    "RMSNorm-int": (lambda: nn.RMSNorm(5, eps=1e-3), D3),
    "RMSNorm-plain": (lambda: nn.RMSNorm((5,), elementwise_affine=False), D3),
    "GhostBatchNorm2d": (lambda: GhostBatchNorm2d(6, 2), D4),
    "GhostBatchNorm2d-cumulative": (lambda: GhostBatchNorm2d(6, 4, momentum=None), D4),
    "GhostBatchNorm2d-untracked": (
        lambda: GhostBatchNorm2d(6, 2, track_running_stats=False),
        D4,
    ),
    "RMSNorm2d": (lambda: RMSNorm2d(6), D4),
    "ReferenceNorm2d-batch_norm": (lambda: ReferenceNorm2d("batch_norm", 6), D4),
    "ReferenceNorm2d-layer_norm": (lambda: ReferenceNorm2d("layer_norm", 6), D4),
    "ReferenceNorm2d-group_norm": (lambda: ReferenceNorm2d("group_norm", 6, num_groups=2), D4),
    "ReferenceNorm2d-instance_norm": (lambda: ReferenceNorm2d("instance_norm", 6), D4),
    "ReferenceNorm2d-ghost_batch_norm": (
        lambda: ReferenceNorm2d("ghost_batch_norm", 6, num_splits=2),
        D4,
    ),
    "ReferenceNorm2d-rms_norm": (lambda: ReferenceNorm2d("rms_norm", 6), D4),
    "ReferenceNorm2d-pixel_norm": (lambda: ReferenceNorm2d("pixel_norm", 6), D4),
    "Norm-pixels": (lambda: Norm("n [c] ...", (None, 6, None, None), affine="c"), D4),
    "Norm-heads": (
        lambda: Norm(
            "n (h [d]) t", (4, 6, 5), sizes={"h": 2}, affine="d", centered=False, bias=False
        ),
        D3,
    ),
}


def layer_of(name: str, dtype: str = "float64") -> Any:
    """The layer with parameters and buffers that are not 1 and 0."""
    module = PAIRS[name][0]().to(getattr(torch, dtype))
    rng = np.random.default_rng(1)
    with torch.no_grad():
        for value in [*module.parameters(), *module.buffers()]:
            if value.is_floating_point():
                value.copy_(torch.from_numpy(rng.uniform(0.5, 1.5, tuple(value.shape))))
    return module


def inputs_of(name: str, dtype: str = "float64", steps: int = 1) -> list[np.ndarray]:
    """An input for every step, each with another mean and spread."""
    rng = np.random.default_rng(2)
    shape = PAIRS[name][1]
    return [
        ((1.0 + step) * rng.standard_normal(shape) + step).astype(dtype) for step in range(steps)
    ]
