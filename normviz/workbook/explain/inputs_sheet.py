"""The inputs of an explained layer: what is shown of its numbers, and sums over the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from normviz.numbers import in_words
from normviz.reference.trace import Trace
from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import (
    COUNT,
    GENERAL,
    INPUT_EDGE,
    INPUT_NUMBER,
    INPUT_WORD,
    NUMBER,
    PAPER,
    decimals,
)
from normviz.workbook.draw.columns import of_tensor
from normviz.workbook.draw.content import (
    NOT_NEGATIVE,
    NUMBERS,
    Banner,
    Caption,
    Item,
    Line,
    Step,
    StepFormula,
)
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.draw.tensor import Frame
from normviz.workbook.explain.not_finite import bursts
from normviz.workbook.explain.shown_part import RestSums, ShownFrame, rest_sums
from normviz.workbook.sheets.inputs import TITLE
from normviz.workbook.sheets.momentum import momentum

TYPED = INPUT_NUMBER.but(number="0.0###")
CONSTANT = NUMBER.but(fill=PAPER, number=TYPED.number)
GRAY = NUMBER.but(fill=PAPER, number=f"{decimals()}###", shrink=True)
PARAMETERS = (
    ("weight", "γ (weight)"),
    ("bias", "β (bias)"),
    ("running_mean", "running mean"),
    ("running_var", "running variance"),
)


def build(
    book: Book,
    trace: Trace,
    frame: ShownFrame,
    added_to_weight: tuple[float, str] | None = None,
) -> Sheet:
    """The sheet; where γ is a number plus the layer's weight, that is a step of its own."""
    whole, follows = frame.selection.is_whole, not bursts(trace)
    said = (
        "All of x is shown."
        if whole
        else f"x has shape {frame.selection.tensor}; shown are {frame.selection}."
    )
    if follows:
        said = f"{INPUT_WORD.capitalize()} cells are yours to change. {said}"
    if follows and not whole:
        said += (
            " What is not shown enters every sum by the constants at the end of this sheet, so all "
            "steps are those of the whole tensor, and stay exact when you change what is shown."
        )
    sheet = Sheet(
        book,
        TITLE,
        f"Inputs: change a {INPUT_WORD} cell and every step follows"
        if follows
        else "Inputs: what the layer was given",
        said,
        of_tensor(frame.layout),
        frame=frame,
        tab=INPUT_EDGE,
        scaled=True,
    )
    sheet.draw(
        *_settings(trace),
        Banner("x and the upstream gradient dy"),
        _typed(trace, frame, "x", "x  the input", "element", trace.x),
        _typed(
            trace,
            frame,
            "grad_output",
            "dy  the upstream gradient",
            "element",
            trace["grad_output"],
        ),
        *_parameters(trace, frame, added_to_weight),
    )
    if follows and not whole:
        sheet.draw(*_rest(trace, frame))
        for name in ("rest_count", "rest_sum"):
            if name in sheet.placed:
                book.name(name, sheet.page, sheet.placed[name].area)
    return sheet


def of_eps(trace: Trace) -> str:
    """Where ε stands, in words."""
    power = "variance" if trace.sets.centered else "mean square"
    where = {
        "inside": f"added to the {power}, inside the root",
        "outside": "added to the root, outside of it",
        "max": "the least that the root may be",
    }
    return f"ε is {where[trace.spread.eps_where]}"


def of_the_layer(trace: Trace) -> str:
    """What of its own a layer brings: parameters, stored statistics, both or nothing."""
    has = {name for name, _ in PARAMETERS if trace.arguments.get(name) is not None}
    kinds = {"parameters": {"weight", "bias"}, "stored statistics": {"running_mean", "running_var"}}
    return " and ".join(word for word, names in kinds.items() if has & names)


def _settings(trace: Trace) -> Iterator[Item]:
    yield Banner("Settings")
    note = of_eps(trace).removeprefix("ε is ")
    settings = [Line("eps", "ε (eps)", trace.eps, note=note, rule=NOT_NEGATIVE)]
    if trace.running_buffers():
        settings.append(momentum(float(trace.arguments["momentum"])))
    for line in settings:
        yield replace(line, rule=None, look=GENERAL.filled(PAPER)) if bursts(trace) else line


def _typed(trace: Trace, frame: ShownFrame, name: str, title: str, per: str, values: Any) -> Step:
    """Numbers that may be typed over; constants where no step would follow them."""
    picked = [in_words(value) for value in frame.pick(per, values.ravel())]
    if bursts(trace):
        return Step(name, Caption(title), picked, per, None, CONSTANT)
    return Step(name, Caption(title), picked, per, None, TYPED, rule=NUMBERS)


def _parameters(
    trace: Trace, frame: ShownFrame, added_to_weight: tuple[float, str] | None
) -> Iterator[Item]:
    """γ, β and the running statistics, as far as the layer has them."""
    names = {"weight": "gamma", "bias": "beta"}
    given = [(name, title) for name, title in PARAMETERS if trace.arguments.get(name) is not None]
    if given:
        yield Banner(f"{of_the_layer(trace).capitalize()} of the layer")
    for name, title in given:
        placed = names.get(name, name)
        if name == "weight" and added_to_weight is not None:
            yield from _weight_plus(trace, frame, placed, *added_to_weight)
            continue
        yield _typed(trace, frame, placed, title, "parameter", trace.arguments[name])


def _weight_plus(
    trace: Trace, frame: ShownFrame, placed: str, number: float, said: str
) -> Iterator[Item]:
    """γ as the layer makes it of its weight: a number is added."""
    gamma = trace.arguments["weight"]
    yield _typed(trace, frame, "own_weight", f"{said}  of the layer", "parameter", gamma - number)
    caption = Caption("γ", f"γ = {number:g} + {said}")
    formula: StepFormula = f"{number:g}+{{own_weight}}"
    look = NUMBER.filled(PAPER)
    values = [in_words(float(value)) for value in frame.pick("parameter", gamma.ravel())]
    live = None if bursts(trace) else formula
    yield Step(placed, caption, values, "parameter", live, look)


_MAY_BE_TYPED = (
    *("x", "grad_output", "eps", "momentum", "own_weight"),
    *("gamma", "beta", "running_mean", "running_var"),
)


def as_shipped(inputs: Sheet) -> str:
    """A condition: the input cells add up to what they were, block by block."""
    terms = []
    for name in _MAY_BE_TYPED:
        if name not in inputs.placed:
            continue
        values = [
            float(v)
            for v in inputs.page.values(inputs.placed[name].area)
            if isinstance(v, (int, float))
        ]
        total = sum(values)
        room = 1e-12 * sum(abs(v) for v in values)
        terms.append(f"ABS(SUM({inputs.refer(name, '*')})-{total!r})<={room!r}")
    return f"AND({','.join(terms)})".replace("--", "+")


def _rest(trace: Trace, frame: ShownFrame) -> Iterator[Item]:
    """What is not shown, as constants; only those that are not zero throughout."""
    sums = rest_sums(trace, frame)
    note = "of the sets and parameters shown above"
    yield Banner("The elements not shown, as constants", note)
    yield from _of_sets(trace, sums)
    yield from _of_parameters(trace, sums)
    yield from _of_pairs(trace, sums, frame.of_pairs)


def _of_sets(trace: Trace, sums: RestSums) -> Iterator[Step]:
    centered, training = trace.sets.centered, trace.training
    yield _constant("rest_count", "how many elements are not shown", "of each set", sums.count)
    if centered:
        yield _constant("rest_sum", "sum of the elements not shown", "Σ x", sums.total)
        title, line = "mean of the elements not shown", "Σ x / their number"
        mean = "IF({rest_count}>0,{rest_sum}/{rest_count},0)"
        yield _constant("rest_mean", title, line, sums.center, formula=mean)
    if training:
        title = "squares of the elements not shown"
        line = "Σ (x − their mean)²" if centered else "Σ x²"
        yield _constant("rest_scatter", title, line, sums.scatter)
    if training and centered and sums.outside.any():
        line = "Σ dx̂, where γ is not shown"
        yield _constant("rest_outside", "gradients not shown", line, sums.outside)
    if training and sums.outside_product.any():
        line = f"Σ dx̂ · {'(x − their mean)' if centered else 'x'}, where γ is not shown"
        title = f"gradients times {'distances' if centered else 'x'} not shown"
        yield _constant("rest_outside_product", title, line, sums.outside_product)


def _of_pairs(trace: Trace, sums: RestSums, frame: Frame) -> Iterator[Step]:
    if sums.grad.any():
        if _sums_of_dy(trace):
            title, line = "dy not shown", "Σ dy of each set and parameter"
            yield _constant("rest_grad", title, line, sums.grad, frame=frame)
        centered = trace.sets.centered
        line = f"Σ dy · {'(x − their mean)' if centered else 'x'}"
        title = f"dy times {'distances' if centered else 'x'} not shown"
        yield _constant("rest_grad_product", title, line, sums.grad_product, frame=frame)


def _sums_of_dy(trace: Trace) -> bool:
    """Whether a step adds up dy: for β, or where a mean, its own or a stored one, is taken away."""
    return trace.sets.centered or "grad_bias" in trace


def _of_parameters(trace: Trace, sums: RestSums) -> Iterator[Step]:
    times = "x̂" if trace.training else "x"
    rows: Sequence[tuple[str, str, str, Any]] = (
        ("rest_bias", "dy in sets not shown", "Σ dy of each parameter", sums.bias),
        ("rest_weight", f"dy · {times} in sets not shown", f"Σ dy · {times}", sums.weight),
        ("rest_means", "means of the sets not shown", "Σ μ of each channel", sums.means),
        (
            "rest_variances",
            "variances of the sets not shown",
            "Σ s² of each channel",
            sums.variances,
        ),
    )
    for name, title, line, values in rows:
        if values.any() and (name != "rest_bias" or _sums_of_dy(trace)):
            yield _constant(name, title, line, values, per="parameter")


def _constant(
    name: str,
    title: str,
    line: str,
    values: Any,
    per: str = "set",
    formula: StepFormula = None,
    frame: Frame | None = None,
) -> Step:
    look = COUNT.but(bold=False).filled(PAPER) if name == "rest_count" else GRAY
    return Step(name, Caption(title, line), values, per, formula, look, frame)
