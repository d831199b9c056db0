"""From a torch normalization layer to its NumPy twin, by class name: torch is not imported."""

import copy
from typing import Any

from normviz.reference import layers
from normviz.reference.module import Module, to_numpy

_NAMES = (
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "SyncBatchNorm",
    "GroupNorm",
    "LayerNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "RMSNorm",
    "GhostBatchNorm2d",
    "RMSNorm2d",
)
_REFERENCE = {
    "batch_norm": "BatchNorm2d",
    "layer_norm": "GroupNorm",
    "group_norm": "GroupNorm",
    "instance_norm": "InstanceNorm2d",
    "ghost_batch_norm": "GhostBatchNorm2d",
    "rms_norm": "RMSNorm2d",
}
_SHAPE = "normalized_shape"
_SETTINGS = (
    "num_features",
    "num_groups",
    "num_channels",
    "num_splits",
    _SHAPE,
    "eps",
    "momentum",
    "track_running_stats",
    "training",
)


def from_torch(module: Any) -> Module:
    """The NumPy twin of a torch normalization layer: its settings, mode and a copy of its state.

    Takes torch.nn.BatchNorm1d/2d/3d, SyncBatchNorm, GroupNorm, LayerNorm, InstanceNorm1d/2d/3d,
    RMSNorm, normviz's own GhostBatchNorm2d, SyncBatchNorm2d, RMSNorm2d and ReferenceNorm2d, and
    subclasses of these.

    Raises:
        TypeError: for any other module, and for state in bfloat16, which NumPy does not have.
    """
    name = _twin_name(module)
    twin: Module = object.__new__(getattr(layers, name))
    for setting in _SETTINGS:
        if hasattr(module, setting):
            setattr(twin, setting, copy.copy(getattr(module, setting)))
    if name == "GroupNorm" and getattr(twin, "num_groups", None) is None:
        setattr(twin, "num_groups", 1)  # noqa: B010  ReferenceNorm2d's layer_norm: one group
    if hasattr(twin, "normalized_shape"):
        twin.normalized_shape = tuple(twin.normalized_shape)
    for key in (*twin._parameters, *twin._buffers):
        value = getattr(module, key, None)
        setattr(twin, key, None if value is None else to_numpy(value).copy())
    return twin


def has_twin(module: Any) -> bool:
    """Whether ``from_torch`` knows layers of this class."""
    try:
        _twin_name(module)
    except TypeError:
        return False
    return True


def _twin_name(module: Any) -> str:
    if type(module).__name__ == "ReferenceNorm2d":
        return _REFERENCE[module.op]
    for cls in type(module).__mro__:
        # Many libraries call a layer of their own RMSNorm; torch's says its normalized_shape.
        if cls.__name__ in _NAMES and (cls.__name__ != "RMSNorm" or hasattr(module, _SHAPE)):
            return cls.__name__
    raise TypeError(
        f"module must be one of {', '.join(_NAMES)} or a subclass, got {type(module).__name__}"
    )
