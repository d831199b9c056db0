"""What an exercise asks: the steps of a trace, the running buffers, and how many points each is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from normviz.reference.steps import Step, StepText
from normviz.reference.trace import Trace

FORWARD, BACKWARD, ALL = "forward", "backward", "all"
PARTS = (FORWARD, BACKWARD, ALL)

POINTS = {
    "grad_weight": 2,
    "grad_variance": 2,
    "grad_mean_square": 2,
    "grad_mean": 2,
    "grad_input": 3,
}
"""Points of a step by its name; 1 for all others."""

MIX = "new = (1 − momentum) · old + momentum · "
BUFFERS = {
    "running_mean": StepText(
        "running_mean",
        "parameter",
        "after this batch",
        f"{MIX}μ",
        "",
        "What evaluation will use in the place of the mean.",
    ),
    "running_var": StepText(
        "running_var",
        "parameter",
        "after this batch",
        f"{MIX}s²",
        "",
        "What evaluation will use; s² is the unbiased variance of the batch.",
    ),
}


def points(step: str) -> int:
    """How many points a step is worth.

    >>> points("mean"), points("grad_input")
    (1, 3)
    """
    return POINTS.get(step, 1)


def forward_steps(trace: Trace) -> list[Step]:
    """The steps from x to y, then the running buffers where this batch moves them."""
    steps = [step for step in trace.steps if not step.is_backward]
    buffers = trace.running_buffers()
    return steps + [Step(text, buffers[n], "") for n, text in BUFFERS.items() if n in buffers]


def backward_steps(trace: Trace) -> list[Step]:
    """The steps from dy to dx; dy itself is given."""
    return [step for step in trace.steps if step.is_backward and not step.is_given]


def asked_steps(trace: Trace, part: str) -> list[Step]:
    """The steps that an exercise of this part asks, in their order."""
    forward: Sequence[Step] = forward_steps(trace) if part != BACKWARD else []
    backward: Sequence[Step] = backward_steps(trace) if part != FORWARD else []
    return [*forward, *backward]


def values(step: Step) -> list[float]:
    """The values of a step in the order of its cells."""
    found: list[float] = np.asarray(step.value, dtype=np.float64).ravel().tolist()
    return found
