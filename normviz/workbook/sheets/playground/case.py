"""What the playground holds: its settings and tensors, and what NumPy makes of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from normviz.norms.declared import NORMS
from normviz.norms.partition import StatisticsSets
from normviz.norms.sets import statistics_sets
from normviz.reference.trace import Trace, trace
from normviz.workbook.sheets.case import (
    Array,
    Case,
    Settings,
    per_parameter,
)

MOST_ELEMENTS = 1_024
"""Every statistic looks through all labels, so a larger tensor would answer slowly."""
TOO_MANY = (
    f" This workbook's own tensor has more than {MOST_ELEMENTS:,} elements, too many to follow a "
    "drop-down at once: the numbers here are those of the default workbook."
)

COUNTS = {"num_groups": "groups", "num_splits": "splits"}

_UNCENTERED = {"variance": "mean_square", "std": "rms", "grad_variance": "grad_mean_square"}
"""What the steps are called where the mean is taken as zero."""


@dataclass(frozen=True)
class PlayCase:
    """The yellow cells of the playground, and the trace of its norm on them.

    `groups` and `splits` may be wrong, as a student's may: there is no trace then.
    """

    x: Array
    grad_output: Array
    gamma: Array
    beta: Array
    op: str = "batch_norm"
    groups: int = 1
    splits: int = 1
    eps: float = 1e-5
    note: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of x."""
        return self.x.shape

    @cached_property
    def sets(self) -> StatisticsSets | None:
        """The statistics sets, or None where groups or splits do not divide."""
        return sets_of(self.op, self.shape, self.groups, self.splits)

    @cached_property
    def trace(self) -> Trace | None:
        """Every step, γ and β being one a channel; None for settings that make none."""
        if self.sets is None or (self.sets.size == 1 and refuses_one_value(self.op, self.shape)):
            return None
        arguments = _sizes(self.op, self.shape, self.groups, self.splits)
        arguments |= {"weight": per_parameter(self.gamma, self.sets), "eps": self.eps}
        if has_bias(self.op):
            arguments["bias"] = per_parameter(self.beta, self.sets)
        if NORMS[self.op].takes("training"):
            arguments["training"] = True
        with np.errstate(all="ignore"):
            made = trace(self.op, self.x, **arguments).backward(self.grad_output)
        return made if all(np.isfinite(value).all() for value in made.values()) else None

    def values(self, name: str) -> Array | None:
        """A step of the sheet: one value an element, or one a channel for the gradients of γ, β.

        A statistic is given at every element of its set. None where the norm has no such step or
        there is no trace.
        """
        made = self.trace
        if made is None or self.sets is None:
            return None
        if name == "product":
            centered = made["centered"] if self.sets.centered else self.x
            return np.asarray(made["grad_normalized"] * centered)
        if not self.sets.centered:
            if name in ("mean", "grad_mean"):
                return np.zeros(self.shape)
            if name == "centered":
                return self.x
        name = name if self.sets.centered else _UNCENTERED.get(name, name)
        if name not in made:
            return None
        value = made[name]
        if name in ("grad_weight", "grad_bias"):
            return np.asarray(value.reshape(self.shape[1], -1).sum(axis=1))
        if value.shape == self.shape:
            return value
        return np.asarray(value.ravel()[self.sets.labels() - 1])

    @property
    def sizes(self) -> dict[str, object]:
        """The arguments that shape the sets."""
        return _sizes(self.op, self.shape, self.groups, self.splits)


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


def sets_of(op: str, shape: tuple[int, ...], groups: int, splits: int) -> StatisticsSets | None:
    """The sets of an op, or None where the number of groups or splits is wrong."""
    try:
        return statistics_sets(op, shape, **_sizes(op, shape, groups, splits))
    except (ValueError, TypeError):
        return None


def refuses_one_value(op: str, shape: tuple[int, ...]) -> bool:
    """Whether the reference, like torch, refuses sets of one value on a batch of this size."""
    images, norm = shape[0], NORMS[op]
    sets = norm.on((images, 1, 1, 1), _sizes(op, (images, 1, 1, 1), 1, images))
    return sets.size > 1 or norm.refusal(sets) is not None


def has_bias(op: str) -> bool:
    """Whether an op has a β at all."""
    return NORMS[op].bias


def title_of(op: str) -> str:
    """The op's name in the drop-down."""
    return NORMS[op].title


def _sizes(op: str, shape: tuple[int, ...], groups: int, splits: int) -> dict[str, object]:
    known = {"num_groups": groups, "num_splits": splits, "normalized_shape": shape[1:]}
    return {name: known[name] for name in NORMS[op].size_arguments}
