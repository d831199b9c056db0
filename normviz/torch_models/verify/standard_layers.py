"""Every layer that the reference has, verified: the table of ``normviz verify``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.errors import needs_torch
from normviz.torch_models.verify import Report, verify

Array = npt.NDArray[Any]


def standard_layers(dtype: str) -> list[tuple[str, Any, Array]]:
    """Every layer that the reference has, with an x for it: what ``normviz verify`` runs.

    >>> [name for name, _, _ in standard_layers("float64")][:3]
    ['BatchNorm1d', 'BatchNorm2d', 'BatchNorm3d']
    """
    torch = needs_torch("verify")
    from normviz import torch_layers as own

    nn, wanted = torch.nn, getattr(torch, dtype)
    two, three, four, five = (8, 6), (4, 6, 10), (4, 6, 5, 5), (4, 6, 3, 4, 4)
    cases = [
        (nn.BatchNorm1d(6), two),
        (nn.BatchNorm2d(6), four),
        (nn.BatchNorm3d(6), five),
        (nn.GroupNorm(3, 6), four),
        (nn.LayerNorm((6, 5, 5)), four),
        (nn.InstanceNorm1d(6, affine=True, track_running_stats=True), three),
        (nn.InstanceNorm2d(6, affine=True, track_running_stats=True), four),
        (nn.InstanceNorm3d(6, affine=True, track_running_stats=True), five),
        (nn.RMSNorm((6, 5, 5)), four),
        (own.GhostBatchNorm2d(6, num_splits=2), four),
        (own.RMSNorm2d(6), four),
        (own.Norm("n [c] ...", (None, 6, None, None), affine="c"), four),
        (own.ReferenceNorm2d("batch_norm", 6), four),
    ]
    rng = np.random.default_rng(0)
    layers = []
    for module, shape in cases:
        module = module.to(wanted)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.copy_(torch.from_numpy(rng.normal(1.0, 0.5, tuple(parameter.shape))))
        x = (3.0 * rng.standard_normal(shape) + 1.0).astype(dtype)
        layers.append((module._get_name(), module, x))
    return layers


def verify_all() -> list[Report]:
    """Verify every standard layer in float32 and float64, in training and in evaluation."""
    return [
        verify(module.train(training), x)
        for dtype in ("float32", "float64")
        for _, module, x in standard_layers(dtype)
        for training in (True, False)
    ]
