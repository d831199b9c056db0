"""Torch modules: ghost and synchronized batch norm, and the NumPy reference under autograd."""

from normviz.errors import needs_torch

needs_torch("normviz.torch_layers")

from normviz.torch_layers.ghost import GhostBatchNorm2d  # noqa: E402  torch first, or one clear line
from normviz.torch_layers.reference import ReferenceNorm2d  # noqa: E402
from normviz.torch_layers.rms import RMSNorm2d  # noqa: E402
from normviz.torch_layers.synchronized import SyncBatchNorm2d  # noqa: E402

__all__ = ["GhostBatchNorm2d", "ReferenceNorm2d", "RMSNorm2d", "SyncBatchNorm2d"]
