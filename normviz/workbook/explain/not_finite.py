"""NaN and infinity: what a cell says of them, and at which step they first come up.

A sheet computes in float64, where little bursts. Where a step does (a constant set without eps),
no formula can go on as IEEE arithmetic does: Excel has neither NaN nor infinity, and sums pass over
texts. The book is then one of numbers, as they came, and says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from normviz.numbers import in_words
from normviz.reference.trace import PARAMETERS, Trace

_RANGE: dict[str, Any] = {"float16": np.float16, "float32": np.float32, "bfloat16": np.float32}
"""dtypes that burst where float64 does not, by one of NumPy's of that range."""


def bursts(trace: Trace) -> str:
    """What is first not finite in float64 too, given or a step, with its place, in words; or ""."""
    given = [("the given x", trace.x)]
    given += [
        (f"the layer's {name}", np.asarray(trace.arguments[name]))
        for name in PARAMETERS
        if trace.arguments.get(name) is not None
    ]
    steps = ((f"the step {step.title} ({step.formula})", step.value) for step in trace.steps)
    for name, values in (*given, *steps):
        bad = ~np.isfinite(values)
        if bad.any():
            index = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape))
            is_given = any(values is one for _, one in given)
            value, count = in_words(float(values[index])), int(bad.sum())
            more = f" and {count - 1:,} more" if count > 1 else ""
            of_eps = "" if is_given else f", in float64 too, with eps = {trace.eps:g}"
            return f"{name} is {value} at index {index}{more}{of_eps}"
    return ""


def first_not_finite(trace: Trace, dtype: str) -> str:
    """At which step the layer's own dtype first holds infinity or NaN, in words."""
    burst = bursts(trace)
    if burst:
        return f", first {burst}"
    if dtype not in _RANGE:
        return ""
    most = float(np.finfo(_RANGE[dtype]).max)
    for step in trace.steps:
        if step.is_backward:
            break
        largest, what = float(np.abs(step.value).max()), f"the step {step.title}"
        if step.name == trace.sets.spread and largest <= most:
            largest, what = 1.0 / float(step.value.min()), "1 / r, by which layers multiply"
        if largest > most:
            return (
                f", first at {what}: {largest:.3g} is too large for {dtype}, though not for float64"
            )
    return f", though every step is small enough for {dtype}"
