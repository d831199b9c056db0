"""What `normviz.NAME` gives, but for what needs more than NumPy: see the package itself."""

from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.norms.partition import StatisticsSets
from normviz.norms.sets import set_labels, statistics_sets
from normviz.reference.core import Gradients
from normviz.reference.functional import (
    batch_norm,
    batch_norm_backward,
    ghost_batch_norm,
    ghost_batch_norm_backward,
    group_norm,
    group_norm_backward,
    instance_norm,
    instance_norm_backward,
    layer_norm,
    layer_norm_backward,
    pixel_norm,
    pixel_norm_backward,
    rms_norm,
    rms_norm_backward,
)
from normviz.reference.pattern import normalize, normalize_backward
from normviz.reference.steps import Step
from normviz.reference.trace import Trace, trace
from normviz.torch_models.from_torch import from_torch

__all__ = [
    "batch_norm",
    "batch_norm_backward",
    "ghost_batch_norm",
    "ghost_batch_norm_backward",
    "group_norm",
    "group_norm_backward",
    "instance_norm",
    "instance_norm_backward",
    "layer_norm",
    "layer_norm_backward",
    "rms_norm",
    "rms_norm_backward",
    "pixel_norm",
    "pixel_norm_backward",
    "normalize",
    "normalize_backward",
    "Gradients",
    "Norm",
    "NORMS",
    "StatisticsSets",
    "statistics_sets",
    "set_labels",
    "Step",
    "Trace",
    "trace",
    "from_torch",
]
