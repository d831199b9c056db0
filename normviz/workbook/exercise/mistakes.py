"""The usual mistakes, each as the formula that a student who makes it would type.

A mistake is said once, for every norm: the exercise compares a typed number with it and hints, and
the grader names it in the table. `right` is the formula of the step as it should be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from normviz.workbook.book.address import Area
from normviz.workbook.exercise.chain import BEFORE, ExerciseChain

Wrong = Callable[[ExerciseChain, int, str], str]
"""The wrong formula of one cell: from the chain, the index of the cell, and the right formula."""


@dataclass(frozen=True)
class Mistake:
    """One usual mistake: its mark in a cell, some words, a hint, and its formulas by step.

    It can be made where all that it ``needs`` stands on the sheet.
    """

    mark: str
    words: str
    hint: str
    wrong: Mapping[str, Wrong]
    needs: tuple[str, ...] = ()


def mistakes(chain: ExerciseChain, step: str) -> list[tuple[Mistake, Wrong]]:
    """The usual mistakes that can be made in a step of this norm."""
    found = [*_USUAL, *_wrong_axes(chain)]
    made = [m for m in found if step in m.wrong and chain.placed.keys() >= {*m.needs}]
    return [(m, m.wrong[step]) for m in made]


def _scaled(c: ExerciseChain, i: int, normalized: str) -> str:
    """The output made of some other x̂."""
    scaled = f"{c.parameter('weight', i)}*({normalized})" if "weight" in c.placed else normalized
    return f"{scaled}+{c.parameter('bias', i)}" if "bias" in c.placed else scaled


def _divided(c: ExerciseChain, i: int, spread: str) -> str:
    return f"{c.at(c.base, i)}/({spread})"


def _n_less_one(c: ExerciseChain, variance: str) -> str:
    return f"{variance}*{c.count}/({c.count}-1)"


def _unbiased_root(c: ExerciseChain, power: str) -> str:
    return f"SQRT({_n_less_one(c, power)}+{c.eps})"


def _outside(c: ExerciseChain, power: str) -> str:
    return f"SQRT({power})+{c.eps}"


def _by_wrong_root(root: Callable[[ExerciseChain, str], str]) -> dict[str, Wrong]:
    """A wrong root, and what x̂ and y become when it was never written down."""

    def spread(c: ExerciseChain, k: int, right: str) -> str:
        return root(c, c.at(c.power, k))

    def normalized(c: ExerciseChain, i: int, right: str) -> str:
        return _divided(c, i, root(c, c.own(c.power, i)))

    def output(c: ExerciseChain, i: int, right: str) -> str:
        return _scaled(c, i, normalized(c, i, right))

    return {"std": spread, "rms": spread, "normalized": normalized, "output": output}


def _times_count(c: ExerciseChain, i: int, right: str) -> str:
    return f"({right})*{c.count}"


def _negative(c: ExerciseChain, i: int, right: str) -> str:
    return f"-({right})"


def _paths(c: ExerciseChain, i: int, power: bool, mean: bool, divided: bool = True) -> str:
    """dx by some of its paths only, or with the sums not divided by m."""
    found = f"{c.at('grad_normalized', i)}/{c.own(c.spread, i)}"
    by = f"/{c.count}" if divided else ""
    if power:
        found += f"+{c.own(f'grad_{c.power}', i)}*2*{c.at(c.base, i)}{by}"
    if mean and "grad_mean" in c.placed:
        found += f"+{c.own('grad_mean', i)}{by}"
    return found


def _sharing(c: ExerciseChain, p: int) -> int:
    """How many elements share a parameter."""
    return c.parameter_of.count(p + 1)


def _biased_running(c: ExerciseChain, p: int, right: str) -> str:
    return c.mixed("running_var", p, c.of_parameter("variance", p))


def _other_momentum(statistic: str) -> Wrong:
    def wrong(c: ExerciseChain, p: int, right: str) -> str:
        new = c.of_parameter(statistic, p)
        if statistic == "variance":
            new = _n_less_one(c, new)
        buffer = "running_var" if statistic == "variance" else "running_mean"
        old = c.at(buffer + BEFORE, p)
        return f"{c.momentum}*{old}+(1-{c.momentum})*{new}"

    return wrong


BY_COUNT = Mistake(
    "m−1?",
    "m − 1 instead of m",
    "This is the unbiased variance, divided by m − 1: normalizing takes the biased one, "
    "divided by m.",
    {
        "variance": lambda c, k, right: _n_less_one(c, f"({right})"),
        "mean_square": lambda c, k, right: _n_less_one(c, f"({right})"),
        **{step: wrong for step, wrong in _by_wrong_root(_unbiased_root).items() if step != "rms"},
    },
)
BIASED_RUNNING = Mistake(
    "m−1?",
    "m instead of m − 1",
    "This is the biased variance: running_var takes the unbiased one, divided by m − 1.",
    {"running_var": _biased_running},
)
EPS_OUTSIDE = Mistake(
    "eps?",
    "ε outside of the root",
    "ε stands outside of the root here: it is added to the variance, under the root.",
    _by_wrong_root(_outside),
)
EPS_FORGOTTEN = Mistake(
    "no eps",
    "ε forgotten",
    "ε is missing: it is added to the variance, under the root.",
    _by_wrong_root(lambda c, power: f"SQRT({power})"),
)
ROOT_FORGOTTEN = Mistake(
    "no root",
    "the root forgotten",
    "The root is missing: r is the square root of variance + ε.",
    _by_wrong_root(lambda c, power: f"{power}+{c.eps}"),
)
COUNT_FORGOTTEN = Mistake(
    "1/m?",
    "not divided by m",
    "This is not divided by m, the number of elements in the set.",
    {
        "mean": _times_count,
        "variance": _times_count,
        "mean_square": _times_count,
        "grad_input": lambda c, i, right: _paths(c, i, True, True, divided=False),
    },
)
SIGN = Mistake(
    "sign?",
    "the wrong sign",
    "The sign is the other way round.",
    dict.fromkeys(("centered", "grad_variance", "grad_mean_square", "grad_mean"), _negative),
)
WEIGHT_FORGOTTEN = Mistake(
    "γ?",
    "γ forgotten",
    "γ is missing: each element is multiplied by its weight.",
    {
        "output": lambda c, i, right: (
            c.at("normalized", i) + (f"+{c.parameter('bias', i)}" if "bias" in c.placed else "")
        ),
        "grad_normalized": lambda c, i, right: c.at("grad_output", i),
    },
    needs=("weight",),
)
BIAS_FORGOTTEN = Mistake(
    "β?",
    "β forgotten",
    "β is missing: it is added at the end.",
    {"output": lambda c, i, right: f"{c.parameter('weight', i)}*{c.at('normalized', i)}"},
    needs=("weight", "bias"),
)
BIAS_FIRST = Mistake(
    "order?",
    "β added before γ",
    "β was added before γ multiplied: the product comes first, then the sum.",
    {
        "output": lambda c, i, right: (
            f"{c.parameter('weight', i)}*({c.at('normalized', i)}+{c.parameter('bias', i)})"
        )
    },
    needs=("weight", "bias"),
)
X_FOR_NORMALIZED = Mistake(
    "x̂?",
    "x instead of x̂",
    "This takes x: γ multiplied x̂, so its gradient takes x̂.",
    {"grad_weight": lambda c, p, right: c.product_over_parameter("grad_output", "x", p)},
)
AVERAGED = Mistake(
    "sum?",
    "averaged instead of summed",
    "This is a mean: the gradient of a shared parameter is the sum over all that share it.",
    dict.fromkeys(("grad_bias", "grad_weight"), lambda c, p, right: f"({right})/{_sharing(c, p)}"),
)
HALF_FORGOTTEN = Mistake(
    "1/2?",
    "the factor ½ forgotten",
    "The factor 1/2 is missing: it comes from the root.",
    dict.fromkeys(("grad_variance", "grad_mean_square"), lambda c, k, right: f"2*({right})"),
)
WRONG_POWER = Mistake(
    "power?",
    "r² instead of r³",
    "The root is to the power of 3 here, not 2.",
    dict.fromkeys(
        ("grad_variance", "grad_mean_square"),
        lambda c, k, right: f"({right})*{c.at(c.spread, k)}",
    ),
)
MEAN_PATH = Mistake(
    "by μ?",
    "the path by way of the mean forgotten",
    "The path by way of the mean is missing: dμ / m.",
    {"grad_input": lambda c, i, right: _paths(c, i, True, False)},
    needs=("grad_mean",),
)
POWER_PATH = Mistake(
    "by σ²?",
    "the path by way of the variance forgotten",
    "The path by way of the variance (or mean square) is missing.",
    {"grad_input": lambda c, i, right: _paths(c, i, False, True)},
)
STRAIGHT_PATH = Mistake(
    "paths?",
    "only the straight path",
    "Only the straight path is here: x also moves the statistics of its set.",
    {"grad_input": lambda c, i, right: _paths(c, i, False, False)},
    needs=("grad_mean",),
)
MOMENTUM = Mistake(
    "mom.?",
    "momentum the other way round",
    "momentum weighs the new value, and 1 − momentum the old one.",
    {"running_mean": _other_momentum("mean"), "running_var": _other_momentum("variance")},
)

_USUAL = (
    BY_COUNT,
    BIASED_RUNNING,
    EPS_OUTSIDE,
    EPS_FORGOTTEN,
    ROOT_FORGOTTEN,
    COUNT_FORGOTTEN,
    SIGN,
    WEIGHT_FORGOTTEN,
    BIAS_FORGOTTEN,
    BIAS_FIRST,
    X_FOR_NORMALIZED,
    AVERAGED,
    HALF_FORGOTTEN,
    WRONG_POWER,
    MEAN_PATH,
    POWER_PATH,
    STRAIGHT_PATH,
    MOMENTUM,
)

AXIS_MARK = "axis?"


def _wrong_axes(chain: ExerciseChain) -> Iterator[Mistake]:
    """Statistics of the sets that another norm has."""
    for title, areas in chain.others.items():
        mean = partial(_mean_elsewhere, "x", areas)
        squares = partial(_mean_elsewhere, "squared", areas)
        yield Mistake(
            AXIS_MARK,
            f"averaged over the sets of {title}",
            "This is averaged over other sets: here a set is what has one color.",
            {"mean": mean, "variance": squares, "mean_square": squares},
        )


def _mean_elsewhere(
    step: str, areas: list[list[Area]], c: ExerciseChain, k: int, right: str
) -> str:
    return c.mean_of(step, areas[k])
