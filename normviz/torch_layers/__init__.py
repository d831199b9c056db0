"""Torch modules of our own, for networks that torch's do not serve.

Ghost and synchronized batch norm, which take the place of torch.nn.BatchNorm2d with its weights;
any pattern as a layer (`norm`); and the NumPy code itself in autograd (`reference_norm`). Begin in
`ghost_batch_norm`; what all share stands in `common`.
"""

from normviz.errors import needs_torch

needs_torch("normviz.torch_layers")

from normviz.torch_layers.ghost_batch_norm import GhostBatchNorm2d
from normviz.torch_layers.norm import Norm
from normviz.torch_layers.reference_norm import ReferenceNorm2d
from normviz.torch_layers.rms_norm import RMSNorm2d
from normviz.torch_layers.sync_batch_norm import SyncBatchNorm2d

__all__ = ["GhostBatchNorm2d", "Norm", "ReferenceNorm2d", "RMSNorm2d", "SyncBatchNorm2d"]
