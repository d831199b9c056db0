"""From a torch normalization layer to its NumPy twin, by class name: torch is not imported."""

from typing import Any

from normviz.reference import layers
from normviz.reference.module import Module, to_numpy

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
_NAMES = tuple(layers.__all__)
"""The NumPy layers have the names of their torch twins."""


def from_torch(module: Any) -> Module:
    """The NumPy twin of a torch normalization layer: its settings, mode and a copy of its state.

    Takes torch.nn.BatchNorm1d/2d/3d, SyncBatchNorm, GroupNorm, LayerNorm, InstanceNorm1d/2d/3d,
    RMSNorm, normviz's own GhostBatchNorm2d, SyncBatchNorm2d, RMSNorm2d, Norm and ReferenceNorm2d,
    and subclasses of these.

    Raises:
        TypeError: for any other module, and for state in bfloat16, which NumPy does not have.

    A NumPy layer has a copy for its twin.
    """
    twin: Module = object.__new__(getattr(layers, _twin_name(module)))
    for setting in (*_SETTINGS, *twin._own_settings):
        if hasattr(module, setting):
            setattr(twin, setting, getattr(module, setting))
    if any(_package_of(cls) == "normviz" for cls in type(module).__mro__):
        twin._checks_channels = True  # torch's own, without parameters, take any number of them
    if hasattr(twin, _SHAPE):
        setattr(twin, _SHAPE, tuple(getattr(twin, _SHAPE)))
    for key in (*twin._parameters, *twin._buffers):
        value = getattr(module, key, None)
        setattr(twin, key, None if value is None else to_numpy(value).copy())
    return twin


def has_twin(module: Any) -> bool:
    """Whether this is a torch layer of a class that ``from_torch`` knows."""
    if isinstance(module, Module):
        return False
    try:
        _twin_name(module)
    except TypeError:
        return False
    return True


def _twin_name(module: Any) -> str:
    for cls in type(module).__mro__:
        # Many libraries have a layer of their own of such a name.
        if cls.__name__ in _NAMES and _package_of(cls) in ("torch", "normviz"):
            return cls.__name__
    raise TypeError(
        f"module must be one of {', '.join(_NAMES)} or a subclass, got {type(module).__name__}"
    )


def _package_of(cls: type) -> str:
    return cls.__module__.partition(".")[0]
