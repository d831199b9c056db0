"""Torch modules: ghost and synchronized batch norm, any pattern, and the NumPy code in autograd."""

from normviz.errors import needs_torch

needs_torch("normviz.torch_layers")

from normviz.torch_layers.ghost_batch_norm import GhostBatchNorm2d
from normviz.torch_layers.norm import Norm
from normviz.torch_layers.reference_norm import ReferenceNorm2d
from normviz.torch_layers.rms_norm import RMSNorm2d
from normviz.torch_layers.sync_batch_norm import SyncBatchNorm2d

__all__ = ["GhostBatchNorm2d", "Norm", "ReferenceNorm2d", "RMSNorm2d", "SyncBatchNorm2d"]
