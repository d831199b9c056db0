"""Normalization in neural networks, by hand and in a spreadsheet, held to torch."""

from importlib import import_module
from typing import Any

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
    rms_norm,
    rms_norm_backward,
)
from normviz.reference.trace import Step, Trace, trace
from normviz.torch_models.from_torch import from_torch
from normviz.torch_models.verify import verify

__version__ = "0.1.0"

# What needs openpyxl or torch is imported at its first use, so that `import normviz` stays light.
_LATER = {"explain": "normviz.workbook.explain.explain"}
_LATER_MODULES = ("torch_layers", "workbook")


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    if name in _LATER_MODULES:
        return import_module(f"normviz.{name}")
    raise AttributeError(f"module 'normviz' has no attribute {name!r}")


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
    "Gradients",
    "Norm",
    "NORMS",
    "StatisticsSets",
    "statistics_sets",
    "set_labels",
    "Step",
    "Trace",
    "trace",
    "explain",
    "from_torch",
    "verify",
]
