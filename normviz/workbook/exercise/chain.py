"""The formulas of an exercise: those of the steps, the running buffers, and the key's disguise.

The key stands on a hidden sheet, and its cells hold no right answer: to every value of a step a
number of that step's own is added. Who links to the key gets a wrong number; a mark takes the
number off again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from normviz.workbook.book.address import Area, on_sheet
from normviz.workbook.formulas.steps import FORMULAS, Chain

BEFORE = "_before"
"""A running buffer has two cells: what the batch finds, under this suffix, and what it leaves."""


@dataclass
class ExerciseChain(Chain):
    """A chain that also knows the momentum, and the sets that other norms would average over.

    `others` has, by the title of a norm, for every set of this one the areas of the other norm's
    set that the first element is in.
    """

    momentum: str = ""
    others: Mapping[str, list[list[Area]]] = field(default_factory=dict)

    def mixed(self, name: str, parameter: int, new: str) -> str:
        """What becomes of a running buffer when `new` is mixed in."""
        return f"(1-{self.momentum})*{self.at(name + BEFORE, parameter)}+{self.momentum}*{new}"

    def of_parameter(self, step: str, parameter: int) -> str:
        """The mean of a statistic over the sets that share a parameter."""
        return self.mean_over_sets(step, self.sets_of_parameters()[parameter], parameter)


@dataclass
class KeyChain(ExerciseChain):
    """The chain of the key: values of the steps in `masks` stand there with a number added.

    `title` is the key's sheet, for formulas on another one; givens are at the same cells on both.
    """

    masks: Mapping[str, int] = field(default_factory=dict)
    title: str = ""

    def at(self, step: str, index: int) -> str:
        where = super().at(step, index)
        return f"({self._there(where)}-{self.masks[step]})" if step in self.masks else where

    def areas(self, step: str, areas: list[Area]) -> list[str]:
        found = super().areas(step, areas)
        return list(map(self._there, found)) if step in self.masks else found

    def mean_of(self, step: str, areas: list[Area]) -> str:
        return f"({super().mean_of(step, areas)}-{self.masks.get(step, 0)})"

    def sum_of(self, step: str, areas: list[Area]) -> str:
        inner = ",".join(self.areas(step, areas))
        return f"(SUM({inner})-{self.masks.get(step, 0)}*COUNT({inner}))"

    def products_of(self, step: str, other: str, areas: list[Area]) -> str:
        a, b = self.masks.get(step, 0), self.masks.get(other, 0)
        pairs = zip(self.areas(step, areas), self.areas(other, areas), strict=True)
        return "+".join(
            f"SUMPRODUCT({one},{two})-{b}*SUM({one})-{a}*SUM({two})+{a * b}*COUNT({one})"
            for one, two in pairs
        )

    def _there(self, reference: str) -> str:
        return on_sheet(self.title, reference) if self.title else reference


def running_mean(c: ExerciseChain, p: int) -> str:
    """The running mean after this batch."""
    return c.mixed("running_mean", p, c.of_parameter("mean", p))


def running_var(c: ExerciseChain, p: int) -> str:
    """The running variance after this batch: it takes the unbiased one."""
    variance = c.of_parameter("variance", p)
    return c.mixed("running_var", p, f"{variance}*{c.count}/({c.count}-1)")


RULES: dict[str, Callable[[ExerciseChain, int], str]] = {
    **FORMULAS,
    "running_mean": running_mean,
    "running_var": running_var,
}
"""Step name to the formula of one of its cells, without the leading '='."""
