"""Stateful NumPy layers, named and behaving as those in torch.nn, with running statistics.

A layer holds state only: parameters, running buffers, the mode. The mathematics is in
:mod:`normviz.reference.functional`. Layers start in training mode, as torch's do.

>>> import numpy as np
>>> layer = BatchNorm2d(3)
>>> y = layer(np.random.default_rng(0).normal(size=(2, 3, 4, 4)).astype(np.float32))
>>> layer.state_dict()["num_batches_tracked"]
array(1)
"""

from normviz.reference.layers.any_norm import Norm, ReferenceNorm2d
from normviz.reference.layers.per_sample import GroupNorm, LayerNorm, PixelNorm, RMSNorm, RMSNorm2d
from normviz.reference.layers.running import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    GhostBatchNorm2d,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    SyncBatchNorm,
)

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "SyncBatchNorm",
    "GhostBatchNorm2d",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "GroupNorm",
    "LayerNorm",
    "RMSNorm",
    "RMSNorm2d",
    "PixelNorm",
    "ReferenceNorm2d",
    "Norm",
]
