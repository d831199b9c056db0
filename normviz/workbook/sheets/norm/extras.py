"""What a normalization's sheet shows beyond the chain of steps.

The backward pass once more in closed form, what the batch does to the running statistics, and the
equations that hold for any input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from normviz.reference.blockwise import differentiate
from normviz.reference.trace import Trace
from normviz.workbook.book.address import area_text
from normviz.workbook.book.cells import Value
from normviz.workbook.book.styles import BACKWARD, NUMBER, SMALL_FORMAT
from normviz.workbook.draw.panels import Caption, Formula
from normviz.workbook.draw.sections import Piece
from normviz.workbook.formulas.steps import Chain

if TYPE_CHECKING:
    from normviz.workbook.sheets.norm.sheet import NormSheet

Array = npt.NDArray[Any]
BOLD = NUMBER.but(bold=True)
SMALL = NUMBER.but(number=SMALL_FORMAT)


def closed_form(sheet: NormSheet) -> None:
    """dx in one formula from two means over each set, and how far the chain of steps is off."""
    trace, chain = sheet.trace, sheet.chain
    spread = "σ" if trace.sets.centered else "r"
    normalized, dxhat = trace["normalized"], trace["grad_normalized"]
    offset, slope = over_sets(trace, dxhat), over_sets(trace, dxhat * normalized)
    values = sheet.pick("element", closed_gradient(trace))
    shown = sheet.pick("element", trace["grad_input"])
    line = (
        "grad_normalized - a - normalized * b"
        if trace.sets.centered
        else "grad_normalized - normalized * b"
    )
    sheet.steps.section("Backward in closed form", BACKWARD, note="the same dx without the chain")
    a = _piece(
        sheet,
        "offset",
        "a  mean of dx̂",
        "a = Σ dx̂ / n",
        "set",
        offset,
        lambda k: chain.mean_over_set("grad_normalized", k),
    )
    b = _piece(
        sheet,
        "slope",
        "b  mean of dx̂ · x̂",
        "b = Σ dx̂ · x̂ / n",
        "set",
        slope,
        lambda k: f"({chain.product_over_set('grad_normalized', 'normalized', k)})/{chain.count}",
    )
    difference = Piece(
        "closed_difference",
        Caption("largest difference to grad_input", sentence="0 but for rounding."),
        [float(np.abs(np.subtract(values, shown)).max())],
        "single",
        lambda _: largest_difference(
            sheet.steps.placed["closed"].area, sheet.steps.placed["grad_input"].area
        ),
        lambda _: SMALL.but(bold=True),
    )
    means = [a, b] if trace.sets.centered else [b]
    caption = Caption(
        "closed  dx",
        f"dx = (dx̂ − a − x̂ · b) / {spread}"
        if trace.sets.centered
        else f"dx = (dx̂ − x̂ · b) / {spread}",
        f"({line}) / {chain.spread}",
        "What is left of dx̂ when its mean and its part along x̂ are taken out."
        if trace.sets.centered
        else "What is left of dx̂ when its part along x̂ is taken out.",
    )
    grid = Piece(
        "closed",
        caption,
        values,
        "element",
        _closed_formula(chain, trace),
        sheet.paint("element", NUMBER),
    )
    sheet.steps.draw([*means, difference, grid])


def running_statistics(sheet: NormSheet) -> None:
    """What one batch in training does to running_mean and running_var."""
    trace, chain, inputs = sheet.trace, sheet.chain, sheet.inputs
    buffers, n = trace.running_buffers(), trace.sets.size
    momentum = inputs.setting("momentum")
    sheet.steps.section(
        "Running statistics", note="what evaluation will use in place of this batch's own"
    )
    unbiased = Piece(
        "unbiased",
        Caption(
            "unbiased variance  s²",
            "s² = σ² · n / (n − 1)",
            f"unbiased = variance * {n} / {n - 1}",
            "The biased σ² normalizes the batch; the unbiased s² goes into the running variance.",
        ),
        sheet.pick("set", trace["variance"] * (n / (n - 1))),
        "set",
        lambda k: f"{chain.at('variance', k)}*{chain.count}/({chain.count}-1)",
        sheet.paint("set", BOLD),
    )
    sheet.steps.draw([unbiased])
    sources = chain.sets_of_parameters()
    shared = trace.sets.count // len(trace.arguments["running_mean"])
    parts = "splits" if "num_splits" in trace.arguments else "samples"
    pieces = []
    for name, symbol, source in (("running_mean", "μ", "mean"), ("running_var", "s²", "unbiased")):
        before = sheet.pick("parameter", trace.arguments[name])
        mixed = f"mean of {symbol} over the {parts}" if shared > 1 else symbol

        def old(index: int, name: str = name) -> str:
            return inputs.at(name, index)

        def new(index: int, name: str = name, source: str = source) -> str:
            batch = chain.mean_over_sets(source, sources[index], index)
            return f"(1-{momentum})*{chain.at(name, index)}+{momentum}*{batch}"

        caption = Caption(f"{name} before", sentence="As it was: from the sheet Inputs.")
        look = sheet.paint("parameter", NUMBER)
        pieces.append(Piece(name, caption, before, "parameter", old, look, alone=True))
        caption = Caption(
            f"{name} after",
            f"new = (1 − momentum) · old + momentum · {mixed}",
            sentence="Keras calls 1 − momentum its momentum.",
        )
        after = sheet.pick("parameter", buffers[name])
        pieces.append(
            Piece(f"{name}_after", caption, after, "parameter", new, sheet.paint("parameter", BOLD))
        )
    sheet.steps.draw(pieces)


def what_must_hold(sheet: NormSheet) -> None:
    """Equations for any input: each set's x̂ has mean 0 and variance σ²/(σ² + ε), dx sums to 0."""
    trace, chain = sheet.trace, sheet.chain
    power = trace[chain.power]
    expected = power / (power + trace.eps)
    sheet.steps.section("What must hold, whatever the inputs", note="checked for every set, live")
    if not trace.sets.centered:
        found = over_sets(trace, trace["normalized"] ** 2)
        sheet.steps.draw(
            [
                _piece(
                    sheet,
                    "found",
                    "mean square of x̂",
                    "Σ x̂² / n, straight from x̂",
                    "set",
                    found,
                    lambda k: chain.squares_over_set("normalized", k),
                ),
                _piece(
                    sheet,
                    "expected",
                    "what it must be",
                    "m² / (m² + ε)",
                    "set",
                    expected,
                    lambda k: (
                        f"{chain.at('mean_square', k)}/({chain.at('mean_square', k)}+{chain.eps})"
                    ),
                    alone=True,
                ),
            ]
        )
        return
    normalized, n = trace["normalized"], trace.sets.size
    means, sums = over_sets(trace, normalized), over_sets(trace, trace["grad_input"]) * n
    variances = over_sets(trace, normalized**2) - means**2
    sheet.steps.draw(
        [
            _piece(
                sheet,
                "zero_mean",
                "mean of x̂",
                "must be 0",
                "set",
                means,
                lambda k: chain.mean_over_set("normalized", k),
                small=True,
            ),
            _piece(
                sheet,
                "zero_sum",
                "sum of dx",
                "must be 0",
                "set",
                sums,
                lambda k: chain.sum_over_set("grad_input", k),
                small=True,
            ),
            _piece(
                sheet,
                "found",
                "variance of x̂",
                chain.variance_words,
                "set",
                variances,
                lambda k: chain.variance_over_set("normalized", k),
                alone=True,
            ),
            _piece(
                sheet,
                "expected",
                "what it must be",
                "σ² / (σ² + ε)",
                "set",
                expected,
                lambda k: f"{chain.at('variance', k)}/({chain.at('variance', k)}+{chain.eps})",
            ),
        ]
    )


def over_sets(trace: Trace, values: Array) -> Array:
    """The mean of an elementwise array over every statistics set."""
    means = values.reshape(trace.sets.view).mean(axis=trace.sets.axes)
    return np.asarray(means.reshape(trace.sets.statistic_shape))


def closed_gradient(trace: Trace) -> Array:
    """The gradient of x by the reference's closed form, which knows no steps in between."""
    grad, x = trace["grad_output"], trace.x
    return differentiate(grad, x, trace.sets, trace.weight, trace.bias, trace.eps).grad_input


def largest_difference(first: tuple[int, int, int, int], second: tuple[int, int, int, int]) -> str:
    """The largest absolute difference of two areas; the empty cells between blocks count as 0."""
    return f"SUMPRODUCT(MAX(ABS({area_text(first)}-{area_text(second)})))"


def _closed_formula(chain: Chain, trace: Trace) -> Formula:
    def formula(i: int) -> str:
        rest = f"{chain.at('grad_normalized', i)}"
        if trace.sets.centered:
            rest += f"-{chain.own('offset', i)}"
        along = f"{chain.at('normalized', i)}*{chain.own('slope', i)}"
        return f"({rest}-{along})/{chain.own(chain.spread, i)}"

    return formula


def _piece(
    sheet: NormSheet,
    name: str,
    title: str,
    line: str,
    per: str,
    values: Array,
    formula: Formula,
    small: bool = False,
    alone: bool = False,
) -> Piece:
    style = SMALL if small else BOLD
    flat: list[Value] = sheet.pick(per, values)
    return Piece(name, Caption(title, line), flat, per, formula, sheet.paint(per, style), alone)
