"""Normalization in neural networks, by hand and in a spreadsheet, held to torch."""

from importlib import import_module
from typing import Any

from normviz.core import Gradients
from normviz.functional import (
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
    rms_norm,
    rms_norm_backward,
)
from normviz.sets import set_labels

__version__ = "0.1.0"
