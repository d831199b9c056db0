"""The numbers of one student: small, lively, and the same on every machine.

They come from Python's own `random()`, whose numbers are promised to stay the same in all versions
and on all machines, as NumPy's are not: a file is marked long after it was made, elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import numpy as np

from normviz.reference.trace import Trace
from normviz.workbook.exercise.asked_steps import ALL, asked_steps, values
from normviz.workbook.sheets.subject.case import Array, Case, Settings

EPSILONS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
"""So large that it shows where ε stands."""

MOMENTA = (0.1, 0.2, 0.25, 0.3)
WEIGHTS = (-2.0, -1.5, -1.0, -0.5, 0.5, 1.5, 2.0, 2.5, 3.0)
"""Neither 0 nor 1: a weight that is left out shows."""

BIASES = (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 2.5)
BEFORE = (0.5, 0.75, 1.25, 1.5, 2.0, 2.5, 3.0)
MOST = 4
LEAST_VARIANCE = 0.25
"""In every statistics set: below it ε would decide alone."""

Numbers = dict[tuple[str, str], Array]
"""By norm and step, what a student gets there if she is right."""


def student_seed(seed: int, name: str, attempt: int = 0) -> int:
    """The seed of one student's numbers, from that of the class and her name.

    >>> student_seed(0, "Ada") == student_seed(0, "Ada") != student_seed(0, "Ben")
    True
    """
    text = f"normviz exercise\n{seed}\n{name}\n{attempt}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


def student_case(settings: Settings, ops: Sequence[str], seed: int) -> Case:
    """What a student is given; of `settings` the shape, the groups and the splits count.

    Raises:
        ValueError: where the shape leaves a norm nothing to do.
    """
    draw = Random(seed)
    for _ in range(100):
        case = _drawn(settings, draw)
        traces = [case.trace(op) for op in ops]
        if all(_is_lively(trace) for trace in traces):
            return case
    raise ValueError(
        f"shape {settings.shape} leaves sets with almost no variance for {', '.join(ops)}: "
        "choose a larger one"
    )


def _drawn(settings: Settings, draw: Random) -> Case:
    channels = settings.shape[1]
    eps, momentum = _pick(draw, EPSILONS), _pick(draw, MOMENTA)
    case = Case(replace(settings, eps=eps, momentum=momentum))
    case.x = _halves(draw, settings.shape)
    case.grad_output = _halves(draw, settings.shape)
    case.gamma = _each(draw, WEIGHTS, channels)
    case.beta = _each(draw, BIASES, channels)
    case.running_mean = _each(draw, BIASES, channels)
    case.running_var = _each(draw, BEFORE, channels)
    return case


def _is_lively(trace: Trace) -> bool:
    power = trace[trace.sets.power]
    return bool((power >= LEAST_VARIANCE).all())


def _below(draw: Random, count: int) -> int:
    return int(draw.random() * count)


def _pick(draw: Random, choices: Sequence[float]) -> float:
    return choices[_below(draw, len(choices))]


def _halves(draw: Random, shape: tuple[int, ...]) -> Array:
    """Halves from -4 to 4."""
    size = int(np.prod(shape))
    numbers = [(_below(draw, 4 * MOST + 1) - 2 * MOST) / 2 for _ in range(size)]
    return np.array(numbers).reshape(shape)


def _each(draw: Random, choices: Sequence[float], count: int) -> Array:
    """One for each channel, different as long as there are enough."""
    left: list[float] = []
    found = []
    for _ in range(count):
        left = left or list(choices)
        found.append(left.pop(_below(draw, len(left))))
    return np.array(found)


def right_numbers(case: Case, ops: Sequence[str]) -> Numbers:
    """The right values of every step that can be asked."""
    return {
        (op, step.name): np.array(values(step))
        for op in ops
        for step in asked_steps(case.trace(op), ALL)
    }


def is_apart(one: Numbers, other: Numbers, near: float) -> bool:
    """Whether no step of one student would be right for another."""
    return all(bool((np.abs(one[key] - other[key]) > near).any()) for key in one)
