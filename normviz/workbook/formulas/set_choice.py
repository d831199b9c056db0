"""The statistics sets of a norm that is chosen on the sheet: set numbers as live formulas.

A norm's own sheet has its sets built into its formulas. Where a drop-down chooses the norm, each
element gets the number of its set by a formula instead, statistics are AVERAGEIF over those
numbers, and conditional formats paint every element by its number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.workbook.book.address import Area, address
from normviz.workbook.book.cells import Page, Rule
from normviz.workbook.book.styles import set_color
from normviz.workbook.formulas.set_labels import label_formula


def in_words(op: str, shape: tuple[int, ...]) -> str | None:
    """The number of the set of image n and channel c; None for sets that cut through a channel.

    >>> in_words("group_norm", (4, 4, 1, 3))
    'n · groups + INT(c · groups / 4) + 1'
    """
    formula = label_formula(op, shape, ("n", "c"), {"num_groups": "groups", "num_splits": "splits"})
    return formula and re.sub(r" ?([+*/]) ?", r" \1 ", formula).replace("*", "·")


def choices() -> list[Norm]:
    """The norms that can be chosen: those whose sets do not cut through a channel."""
    return [norm for op, norm in NORMS.items() if in_words(op, (4, 4, 1, 3))]


def norm_titles() -> list[str]:
    """The norms that can be chosen, as a drop-down names them."""
    return [norm.title for norm in choices()]


def op_of(title: str) -> str:
    """The op that a drop-down's text stands for.

    >>> op_of("GroupNorm")
    'group_norm'
    """
    return next(op for op in NORMS if NORMS[op].title == title)


@dataclass(frozen=True)
class SetChoice:
    """The cells that choose: the number of the norm (from 1, as listed), groups and splits."""

    number: str
    groups: str
    splits: str
    shape: tuple[int, ...]

    def label(self, image: int, channel: int) -> str:
        """The formula for the number of the set of an element, by its image and channel."""
        at, counts = (str(image), str(channel)), {"num_groups": self.groups}
        counts["num_splits"] = self.splits
        labels = (label_formula(norm.name, self.shape, at, counts) or "" for norm in choices())
        return f"CHOOSE({self.number},{','.join(labels)})"

    def is_rms(self) -> str:
        """The condition under which the mean is taken as zero and there is no bias."""
        numbers = [at for at, norm in enumerate(choices(), start=1) if not norm.centered]
        conditions = [f"{self.number}={at}" for at in numbers]
        return conditions[0] if len(conditions) == 1 else f"OR({','.join(conditions)})"

    @property
    def most_sets(self) -> int:
        """The largest number a set can have: that of InstanceNorm."""
        return self.shape[0] * self.shape[1]


def paint_by_label(page: Page, areas: Sequence[Area], labels: Area, most: int) -> None:
    """Color every cell of the areas by the set number at the same place among the labels."""
    corner = address(labels[0], labels[1])
    for area in areas:
        for label in range(1, most + 1):
            page.rules.append(Rule(area, f"{corner}={label}", set_color(label)))
