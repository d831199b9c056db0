"""One name of a normalization to one layer of the network, in torch or in the NumPy reference.

The layers are torch's own and those of ``normviz.torch_layers``, made fast for the layout that the
trainer uses. All have one weight per channel, and all but RMSNorm one bias per channel, so the
networks stay comparable; "rms-beta" is RMSNorm with that bias, to tell it from the mean.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from normviz.torch_layers import Norm, ReferenceNorm2d
from training.model.fast_norms import (
    BatchNorm2d,
    GhostBatchNorm2d,
    GroupNorm,
    InstanceNorm2d,
    RMSNorm2d,
    RMSNormBeta2d,
)

BACKENDS = ("torch", "reference")
Maker = Callable[[int, int, int], nn.Module]  # channels, groups, splits

# The others' default. RMSNorm's own, the machine epsilon, would differ with the precision.
EPS = 1e-5


_TORCH: dict[str, Maker] = {
    "batch": lambda channels, _groups, _splits: BatchNorm2d(channels),
    "layer": lambda channels, _groups, _splits: GroupNorm(1, channels),
    "group": lambda channels, groups, _splits: GroupNorm(groups, channels),
    "ghost": lambda channels, _groups, splits: GhostBatchNorm2d(channels, splits),
    "instance": lambda channels, _groups, _splits: InstanceNorm2d(channels),
    "rms": lambda channels, _groups, _splits: RMSNorm2d(channels, EPS),
    "rms-beta": lambda channels, _groups, _splits: RMSNormBeta2d(channels, EPS),
    # Without a fast kernel: plain torch, as every norm that a pattern says.
    "pixel": lambda channels, _groups, _splits: Norm(
        "n [c] h w", (None, channels, None, None), affine="c", eps=EPS
    ),
}
_REFERENCE: dict[str, Maker] = {
    "batch": lambda channels, _groups, _splits: ReferenceNorm2d("batch_norm", channels),
    "layer": lambda channels, _groups, _splits: ReferenceNorm2d(
        "group_norm", channels, num_groups=1
    ),
    "group": lambda channels, groups, _splits: ReferenceNorm2d(
        "group_norm", channels, num_groups=groups
    ),
    "ghost": lambda channels, _groups, splits: ReferenceNorm2d(
        "ghost_batch_norm", channels, num_splits=splits
    ),
    "instance": lambda channels, _groups, _splits: ReferenceNorm2d("instance_norm", channels),
    "rms": lambda channels, _groups, _splits: ReferenceNorm2d("rms_norm", channels, eps=EPS),
    "pixel": lambda channels, _groups, _splits: ReferenceNorm2d("pixel_norm", channels),
}


def make_norm(norm: str, channels: int, groups: int, splits: int, backend: str) -> nn.Module:
    """Return the normalization layer ``norm`` for ``channels`` channels.

    Raises:
        ValueError: when ``groups`` does not divide ``channels`` or ``splits`` is below 1.
    """
    if norm == "group" and (groups < 1 or channels % groups):
        raise ValueError(
            f"group_norm_groups={groups} does not divide a layer of {channels} channels; "
            "1 and 2 divide them all"
        )
    if norm == "ghost" and splits < 1:
        raise ValueError(f"num_splits={splits} must be 1 or more")
    table = _TORCH if backend == "torch" else _REFERENCE
    if norm not in table:
        raise ValueError(f"norm={norm!r} has no layer of backend={backend!r}: use backend='torch'")
    return table[norm](channels, groups, splits)
