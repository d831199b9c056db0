"""The formulas of an exercise: those of the steps, the running buffers, and the key's disguise.

The key stands on a hidden sheet, and its cells hold no right answer: to every value of a step a
number of that step's own is added. Who links to the key gets a wrong number; a mark takes the
number off again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

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

    `key_title` is the key's sheet and `title` the student's, at the same cells of which is what is
    given; the one on which the formulas stand is "".
    """

    masks: Mapping[str, int] = field(default_factory=dict)
    key_title: str = ""
    title: str = ""

    def on_its_sheet(self, title: str) -> KeyChain:
        """The same for formulas on the key's sheet, `title` being the student's."""
        eps, count = (on_sheet(title, where) for where in (self.eps, self.count))
        momentum = on_sheet(title, self.momentum) if self.momentum else ""
        return replace(self, key_title="", title=title, eps=eps, count=count, momentum=momentum)

    def at(self, step: str, index: int) -> str:
        where = self._there(step, super().at(step, index))
        return f"({where}-{self.masks[step]})" if step in self.masks else where

    def areas(self, step: str, areas: list[Area]) -> list[str]:
        return [self._there(step, area) for area in super().areas(step, areas)]

    def mean_of(self, step: str, areas: list[Area]) -> str:
        mean = super().mean_of(step, areas)
        return f"({mean}-{self.masks[step]})" if step in self.masks else mean

    def sum_of(self, step: str, areas: list[Area]) -> str:
        inner, mask = ",".join(self.areas(step, areas)), self.masks.get(step, 0)
        return f"(SUM({inner})-{mask}*COUNT({inner}))" if mask else f"SUM({inner})"

    def products_of(self, step: str, other: str, areas: list[Area]) -> str:
        a, b = self.masks.get(step, 0), self.masks.get(other, 0)
        pairs = zip(self.areas(step, areas), self.areas(other, areas), strict=True)
        return "+".join(
            f"SUMPRODUCT({one},{two})"
            + (f"-{b}*SUM({one})" if b else "")
            + (f"-{a}*SUM({two})" if a else "")
            + (f"+{a * b}*COUNT({one})" if a * b else "")
            for one, two in pairs
        )

    def _there(self, step: str, reference: str) -> str:
        title = self.key_title if step in self.masks else self.title
        return on_sheet(title, reference) if title else reference


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
