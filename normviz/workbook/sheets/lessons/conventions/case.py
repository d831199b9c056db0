"""What the sheet Conventions is about, in NumPy: two variances, two places of eps, groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.sets import statistics_sets
from normviz.reference.functional import batch_norm, rms_norm
from normviz.reference.trace import Trace, trace

Array = npt.NDArray[Any]
VALUES, MOST_CHANNELS = 6, 16

DEFAULTS = (
    ("BatchNorm", "eps", "1e-5", "1e-3", "1e-5"),
    ("", "momentum: the weight of the new value", "0.1", "1 − 0.99 = 0.01", "1 − 0.99 = 0.01"),
    ("", "momentum: as it is written there", "0.1 (new)", "0.99 (old)", "0.99 (old)"),
    ("", "variance that normalizes", "biased", "biased", "biased"),
    ("", "variance in the running statistics", "unbiased", "biased", "biased"),
    ("LayerNorm", "eps", "1e-5", "1e-3", "1e-6"),
    ("GroupNorm", "eps", "1e-5", "1e-3", "1e-6"),
    ("", "number of groups", "must be given", "32", "32"),
    ("InstanceNorm", "γ and β", "none (affine=False)", "yes (GroupNorm, groups=-1)", "yes"),
    ("", "running statistics", "none (track_running_stats=False)", "none", "none"),
    ("", "in evaluation", "as in training, unless tracked", "as in training", "as in training"),
    ("RMSNorm", "eps", "None: 1.2e-7 in float32", "1e-6", "1e-6"),
)
"""Layer, setting, and its default in torch, Keras 3 and flax (linen)."""


@dataclass
class ConventionsCase:
    """The input cells of the sheet; the defaults are what ships."""

    x: Array = field(default_factory=lambda: np.array([2.0, 4.0, 4.0, 5.0, 7.0, 8.0]))
    running_var: float = 1.0
    momentum: float = 0.1
    eps: float = 1e-5
    small: Array = field(default_factory=lambda: np.array([0.01, -0.02, 0.02, 0.0]))
    rms_eps: float = 1e-3
    channels: int = 6
    groups: int = 4

    @property
    def made(self) -> Trace:
        """The numbers as one channel of a batch, normalized in training."""
        return trace("batch_norm", self.x.reshape(-1, 1), eps=self.eps)

    @property
    def moved(self) -> float:
        """running_var after this batch."""
        mean, var = np.zeros(1), np.array([self.running_var])
        x = self.x.reshape(-1, 1)
        batch_norm(x, mean, var, training=True, momentum=self.momentum, eps=self.eps)
        return float(var[0])

    def inside(self, eps: float | None) -> Array:
        """RMSNorm as normviz and torch do it: eps inside the root."""
        return rms_norm(self.small, (len(self.small),), eps=eps)

    def outside(self, eps: float) -> Array:
        """RMSNorm as some libraries do it: eps added to the root."""
        return np.asarray(self.small / (self.root + eps))

    @property
    def root(self) -> float:
        """The root mean square itself."""
        return float(np.sqrt((self.small**2).mean()))

    def verdict(self) -> str:
        """What group_norm makes of the channels and groups: the sizes, or its refusal."""
        try:
            sets = statistics_sets("group_norm", (1, self.channels), num_groups=self.groups)
        except ValueError as error:
            return str(error)
        return f"{self.groups} groups of {sets.size} channels"
