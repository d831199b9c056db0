"""What the playground holds: its settings and tensors, and what NumPy makes of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.norms.partition import StatisticsSets
from normviz.reference.trace import Trace, trace
from normviz.workbook.sheets.playground.reach import (
    OWN,
    SPATIAL,
    PlayNorm,
    Reach,
    known_as,
    norm_called,
)
from normviz.workbook.sheets.subject.case import Array, Case, Settings

MOST_ELEMENTS = 1_024
"""Every statistic looks through all labels, so a larger tensor would answer slowly."""
TOO_MANY = (
    f" This workbook's own tensor has more than {MOST_ELEMENTS:,} elements, too many to follow a "
    "drop-down at once: the numbers here are those of the default workbook."
)

_UNCENTERED = {"variance": "mean_square", "std": "rms", "grad_variance": "grad_mean_square"}
"""What the steps are called where the mean is taken as zero."""


@dataclass(frozen=True)
class PlayCase:
    """The input cells of the playground, and the trace of its norm on them.

    `op` is a declared norm or OWN, under which the switches `own` are in force; the first `images`
    of x are the batch (0: all). `groups` and `splits` may be wrong, as a student's may: there is no
    trace then.
    """

    x: Array
    grad_output: Array
    gamma: Array
    beta: Array
    op: str = "batch_norm"
    groups: int = 1
    splits: int = 1
    eps: float = 1e-5
    images: int = 0
    own: Reach = Reach(images=True, splits=True, pixels=True)  # noqa: RUF009
    note: str = ""

    @property
    def batch(self) -> tuple[int, ...]:
        """The shape of the images in the batch."""
        return (self.images or self.x.shape[0], *self.x.shape[1:])

    @cached_property
    def norm(self) -> PlayNorm:
        """The norm that is chosen."""
        own = PlayNorm(OWN, OWN, self.own, centered=True, bias=True, words="")
        return norm_called(self.op) or own

    @property
    def fits(self) -> dict[str, bool]:
        """Whether groups and splits cut the channels and the images of the batch evenly."""
        wholes = {"groups": self.batch[1], "splits": self.batch[0]}
        return {
            name: number >= 1 and wholes[name] % number == 0
            for name, number in (("groups", self.groups), ("splits", self.splits))
        }

    @cached_property
    def own_norm(self) -> Norm | None:
        """The normalization with a γ and β a channel; None where groups or splits do not fit."""
        norm, cuts = self.norm, self.norm.reach.cuts
        if any(cuts[name] and not fits for name, fits in self.fits.items()):
            return None
        return norm.reach.norm(self.batch, self.groups, self.splits, norm.centered, norm.bias)

    @cached_property
    def sets(self) -> StatisticsSets | None:
        """The statistics sets of the batch; None where groups or splits do not divide."""
        return self.own_norm.on(self.batch) if self.own_norm else None

    @property
    def alone(self) -> bool:
        """Whether each set is one value."""
        return self.sets is not None and self.sets.size == 1

    @property
    def refused(self) -> bool:
        """Whether each set is one value and torch refuses that."""
        declared = NORMS.get(self.op)
        return bool(self.alone and self.sets and declared and declared.refusal(self.sets))

    @property
    def spatial(self) -> tuple[str, ...]:
        """What the axes of the pixels are called."""
        return SPATIAL[self.x.ndim - 2]

    @property
    def pattern(self) -> str:
        """The sets in the notation."""
        return self.norm.reach.pattern(self.spatial)

    @cached_property
    def known(self) -> str:
        """The declared norm that has the sets in force."""
        if self.sets is None:
            return ""
        return known_as(self.norm.reach, self.batch, self.groups, self.splits)

    @property
    def sizes(self) -> dict[str, int]:
        """S, m, G, k of the sets in force, 0 where they do not fit."""
        cuts, fits, (images, channels) = self.norm.reach.cuts, self.fits, self.batch[:2]
        g = (self.groups if fits["groups"] else 0) if cuts["groups"] else 1
        s = (self.splits if fits["splits"] else 0) if cuts["splits"] else 1
        return {"g": g, "s": s, "k": channels // g if g else 0, "m": images // s if s else 0}

    @property
    def label_steps(self) -> dict[str, int]:
        """By how much the label of a set grows along each axis, and the sets of one image."""
        reach, sizes = self.norm.reach, self.sizes
        pixels = 1 if reach.pixels else math.prod(self.x.shape[2:])
        channels = pixels * (1 if reach.channels else sizes["k"])
        image = channels * (1 if reach.groups else sizes["g"])
        across = sizes["s"] if reach.interleaved and not reach.splits else 1
        along = sizes["m"] if not reach.interleaved and not reach.images else 1
        return {
            "pixels": int(not reach.pixels),
            "channels": 0 if reach.channels else pixels,
            "groups": 0 if reach.groups else channels,
            "per_image": image,
            "images": 0 if reach.images else image * across,
            "splits": 0 if reach.splits else image * along,
        }

    @cached_property
    def trace(self) -> Trace | None:
        """Every step, γ and β being one a channel; None for settings that make none."""
        if self.own_norm is None or self.refused:
            return None
        batch = slice(self.batch[0])
        parameters = {"weight": self.gamma} | ({"bias": self.beta} if self.norm.bias else {})
        with np.errstate(all="ignore"):
            made = trace(self.own_norm, self.x[batch], **parameters, eps=self.eps)
            made.backward(self.grad_output[batch])
        return made if all(np.isfinite(value).all() for value in made.values()) else None

    def values(self, name: str) -> Array | None:
        """A step of the sheet: one value an element, or one a channel for the gradients of γ, β.

        A statistic is given at every element of its set. None where the norm has no such step or
        there is no trace.
        """
        made = self.trace
        if made is None or self.sets is None:
            return None
        centered = made["centered"] if self.sets.centered else made.x
        if name == "product":
            return np.asarray(made["grad_normalized"] * centered)
        if name == "scaled_by":
            return np.asarray(made["grad_output"] * made["normalized"])
        if not self.sets.centered:
            if name in ("mean", "grad_mean"):
                return np.zeros(self.batch)
            if name == "centered":
                return made.x
        name = name if self.sets.centered else _UNCENTERED.get(name, name)
        if name not in made:
            return None
        value = made[name]
        if name in ("grad_weight", "grad_bias") or value.shape == self.batch:
            return value
        return self.over_sets(value)

    def over_sets(self, statistic: Array) -> Array:
        """A statistic at every element of its set."""
        assert self.sets is not None
        return np.asarray(statistic.ravel()[self.sets.labels() - 1])


def play_case(settings: Settings) -> PlayCase:
    """The playground of a workbook: its own numbers, or the default's where those are too many."""
    too_many = math.prod(settings.shape) > MOST_ELEMENTS
    case = Case(Settings() if too_many else settings)
    chosen = case.settings
    return PlayCase(
        case.x,
        case.grad_output,
        case.gamma,
        case.beta,
        groups=chosen.groups,
        splits=chosen.splits,
        eps=chosen.eps,
        note=TOO_MANY if too_many else "",
    )
