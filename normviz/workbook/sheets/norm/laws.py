"""What a normalization's sheet shows beyond the chain of steps.

The backward pass once more in closed form, what the batch does to the running statistics, and the
equations that hold for any input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.reference.blockwise import differentiate
from normviz.reference.trace import Trace
from normviz.workbook.book.styles import (
    BACKWARD,
    BOLD,
    DIFFERENCE,
    NUMBER,
    Style,
    decimals,
)
from normviz.workbook.draw.content import Banner, Caption, Item, Step
from normviz.workbook.formulas.differences import distance, distance_of
from normviz.workbook.sheets.norm.page import NormPage

Array = npt.NDArray[Any]
CLOSE = BOLD.but(number=decimals(3))
"""Of what is near 1, and the point is that it is not 1."""


def closed_form(page: NormPage) -> Sequence[Item]:
    """dx in one formula from two means over each set, and how far the chain of steps is off."""
    trace, chain = page.trace, page.chain
    centered = trace.sets.centered
    normalized, dxhat = trace["normalized"], trace["grad_normalized"]
    values = page.pick("element", closed_gradient(trace))
    shown = page.pick("element", trace["grad_input"])
    offset, less, taken = "", "", ""
    if centered:
        offset, less, taken = "-{offset}", " − mean(dx̂)", "its mean and "
    line = f"grad_normalized{' - offset' if centered else ''} - normalized * slope"
    over = f"mean(axis={trace.sets.axes}, keepdims=True)"
    products = "grad_normalized", "normalized"

    def slope(k: int) -> str:
        return f"({chain.product_over_set(*products, k)})/{chain.count}"

    means = (
        _of_sets(
            page,
            ("offset", "", "mean of dx̂", "mean(dx̂) = Σ dx̂ / m"),
            over_sets(trace, dxhat),
            lambda k: chain.mean_over_set("grad_normalized", k),
            numpy=f"offset = grad_normalized.{over}",
        ),
        _of_sets(
            page,
            ("slope", "", "mean of dx̂ · x̂", "mean(dx̂ x̂) = Σ dx̂ · x̂ / m"),
            over_sets(trace, dxhat * normalized),
            slope,
            numpy=f"slope = (grad_normalized * normalized).{over}",
        ),
    )
    caption = Caption(
        "closed",
        f"dx = (dx̂{less} − x̂ · mean(dx̂ x̂)) / r",
        f"({line}) / {chain.spread}",
        f"What is left of dx̂ when {taken}its part along x̂ {'are' if centered else 'is'} taken out.",
        "dx",
    )
    formula = f"({{grad_normalized}}{offset}-{{normalized}}*{{slope}})/{{{chain.spread}}}"
    return (
        Banner("Backward in closed form", "the same dx without the chain", BACKWARD),
        *(means if centered else means[1:]),
        Step("closed", caption, values, "element", formula, page.paint("element", NUMBER)),
        Step(
            "closed_difference",
            Caption("distance from grad_input", "√Σ (difference)²", sentence="0 but for rounding."),
            [distance_of(values, shown)],
            "single",
            distance("{closed[*]}", "{grad_input[*]}"),
            DIFFERENCE,
        ),
    )


def running_statistics(page: NormPage) -> Sequence[Item]:
    """What one batch in training does to running_mean and running_var; nothing where none are."""
    trace, chain = page.trace, page.chain
    buffers, n = trace.running_buffers(), trace.sets.size
    if not buffers:
        return ()
    sources = chain.sets_of_parameters()
    shared = trace.sets.count // len(trace.arguments["running_mean"])
    parts = next((s.parts for s in trace.norm.sizes if s.divides == "sample"), "samples")
    items: list[Item] = [
        Banner("Running statistics", "what evaluation will use in place of this batch's own"),
        Step(
            "unbiased",
            Caption(
                "unbiased variance",
                "s² = σ² · m / (m − 1)",
                f"unbiased = variance * {n} / {n - 1}",
                "The biased σ² normalizes the batch; the unbiased s² goes into running_var.",
                "s²",
            ),
            page.pick("set", trace["variance"] * (n / (n - 1))),
            "set",
            f"{{variance}}*{chain.count}/({chain.count}-1)",
            page.paint("set", BOLD),
        ),
    ]
    for name, symbol, source in (("running_mean", "μ", "mean"), ("running_var", "s²", "unbiased")):
        mixed = f"mean of {symbol} over the {parts}" if shared > 1 else symbol

        def new(index: int, name: str = name, source: str = source) -> str:
            batch = chain.mean_over_sets(source, sources[index], index)
            momentum = "{inputs.momentum}"
            return f"(1-{momentum})*{chain.at(name, index)}+{momentum}*{batch}"

        before = Caption(f"{name} before", sentence="As it was: from the sheet Inputs.")
        items.append(page.given(name, name, before, trace.arguments[name], "parameter"))
        after = Caption(
            f"{name} after",
            f"new = (1 − momentum) · old + momentum · {mixed}",
            sentence="Keras calls 1 − momentum its momentum.",
        )
        values, paint = page.pick("parameter", buffers[name]), page.paint("parameter", BOLD)
        items.append(Step(f"{name}_after", after, values, "parameter", new, paint))
    return items


def what_must_hold(page: NormPage) -> Sequence[Item]:
    """Equations for any input: each set's x̂ has mean 0 and variance σ²/(σ² + ε), dx sums to 0."""
    trace, chain, n = page.trace, page.chain, page.trace.sets.size
    power, normalized = trace[chain.power], trace["normalized"]
    symbol = "σ²" if trace.sets.centered else "v"
    line, values = f"{symbol} / ({symbol} + ε)", power / (power + trace.eps)
    formula = f"{{{chain.power}}}/({{{chain.power}}}+{chain.eps})"
    if not trace.spread.is_usual:
        line, values = "Σ u² / m / r²", power / trace[chain.spread] ** 2
        values, formula = values * trace.spread.divides_by(n) / n, f"{{{chain.power}}}"
        formula += f"*{chain.divisor}/{chain.count}/{{{chain.spread}}}^2"
    why = "Not quite 1, because ε is inside the root." if trace.spread.is_usual else ""
    words = ("expected", "", "what it must be", line)
    must = _of_sets(page, words, values, formula, CLOSE, sentence=why)
    banner = Banner("What must hold, whatever the inputs", "checked for every set, live")
    squares = over_sets(trace, normalized**2)
    if not trace.sets.centered:
        words = ("found", "", "mean square of x̂", "Σ x̂² / m, straight from x̂")
        found = _of_sets(
            page, words, squares, lambda k: chain.squares_over_set("normalized", k), CLOSE
        )
        return banner, found, must
    means = over_sets(trace, normalized)
    return (
        banner,
        _of_sets(
            page,
            ("zero_mean", "", "mean of x̂", "must be 0, but for rounding"),
            means,
            lambda k: chain.mean_over_set("normalized", k),
            DIFFERENCE,
        ),
        _of_sets(
            page,
            (
                "zero_sum",
                "",
                "sum of dx",
                "must be 0, but for rounding: the mean takes away what all x share",
            ),
            over_sets(trace, trace["grad_input"]) * n,
            lambda k: chain.sum_over_set("grad_input", k),
            DIFFERENCE,
        ),
        _of_sets(
            page,
            ("found", "", "variance of x̂", chain.variance_words),
            squares - means**2,
            lambda k: chain.variance_over_set("normalized", k),
            CLOSE,
        ),
        must,
    )


def over_sets(trace: Trace, values: Array) -> Array:
    """The mean of an elementwise array over every statistics set."""
    means = values.reshape(trace.sets.view).mean(axis=trace.sets.axes)
    return np.asarray(means.reshape(trace.sets.statistic_shape))


def closed_gradient(trace: Trace) -> Array:
    """The gradient of x by the reference's closed form, which knows no steps in between."""
    grad, x = trace["grad_output"], trace.x
    return differentiate(grad, x, trace.sets, trace.weight, trace.bias, trace.eps).grad_input


def _of_sets(
    page: NormPage,
    words: tuple[str, str, str, str],
    values: Array,
    formula: str | Callable[[int], str],
    style: Style = BOLD,
    numpy: str = "",
    sentence: str = "",
) -> Step:
    """A number for each set, by its name, symbol, title and formula in symbols."""
    name, symbol, title, line = words
    caption = Caption(title, line, numpy, sentence, symbol)
    paint = page.paint("set", style)
    return Step(name, caption, page.pick("set", values), "set", formula, paint)
