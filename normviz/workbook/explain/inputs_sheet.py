"""The inputs of an explained layer: what is shown of its numbers, and sums over the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from normviz.reference.trace import Trace
from normviz.workbook.book.cells import Book
from normviz.workbook.book.input_rules import NOT_NEGATIVE, WEIGHT, only
from normviz.workbook.book.input_rules import NUMBER as ANY_NUMBER
from normviz.workbook.book.styles import (
    INPUT_NUMBER,
    LABEL,
    NUMBER,
    PAPER,
    PROSE,
)
from normviz.workbook.draw.page_head import FIRST_ROW, begin, explain
from normviz.workbook.draw.panels import Caption, Formula, evenly
from normviz.workbook.draw.scaled import ScaledStepPage
from normviz.workbook.draw.sections import Piece, StepPage
from normviz.workbook.explain.shown_part import RestSums, ShownFrame, rest_sums
from normviz.workbook.sheets.inputs import TITLE, InputCells

YELLOW = INPUT_NUMBER.but(number="0.0###")
GRAY = NUMBER.but(fill=PAPER, number="0.000###;-0.000###;0")
PARAMETERS = (
    ("weight", "γ (weight)"),
    ("bias", "β (bias)"),
    ("running_mean", "running mean"),
    ("running_var", "running variance"),
)


@dataclass(frozen=True)
class ExplainedCells(InputCells):
    """Where the steps find the inputs and the constants for what is not shown."""

    def rest(self, name: str, index: int) -> str:
        """The cell of a constant for what is not shown; "" where there is nothing."""
        return self.at(name, index) if name in self.placed else ""


def build(book: Book, trace: Trace, frame: ShownFrame) -> ExplainedCells:
    """The sheet; returns where everything stands."""
    page = begin(book, TITLE, "Inputs: change a yellow cell and every step follows", "D6A700")
    steps = ScaledStepPage(page, frame, FIRST_ROW)
    whole = frame.selection.is_whole
    explain(
        page,
        "Yellow cells are yours to change. "
        + (
            "All of x is shown."
            if whole
            else f"x has shape {trace.sets.shape}; shown are {frame.selection}. What is not shown "
            "enters every sum by the constants at the end of this sheet, so all steps are those of "
            "the whole tensor, and stay exact when you change what is shown."
        ),
        steps.last_column,
    )
    cells = ExplainedCells(page, steps.placed, _settings(steps, trace))
    steps.section("x and the upstream gradient dy")
    dy = trace["grad_output"]
    steps.draw(
        [
            _yellow(frame, "x", "x  the input", "element", trace.x.ravel()),
            _yellow(frame, "grad_output", "dy  the upstream gradient", "element", dy.ravel()),
        ]
    )
    for name, symbol in (("x", "x"), ("grad_output", "dy")):
        page.choices.append(only(steps.placed[name].area, ANY_NUMBER, symbol, "A number."))
    _parameters(steps, trace, frame)
    if not whole:
        _rest(steps, trace, frame, book)
    return cells


def _settings(steps: StepPage, trace: Trace) -> dict[str, tuple[int, int]]:
    page, places = steps.page, {}
    rows = [("eps", "ε (eps)", trace.eps, "added to the variance, inside the root", NOT_NEGATIVE)]
    if trace.running_buffers():
        note = "weight of the new value in the running statistics, as in torch"
        value = float(trace.arguments["momentum"])
        rows.append(("momentum", "momentum", value, note, WEIGHT))
    steps.section("Settings")
    for name, label, number, note, rule in rows:
        row = steps.row
        page.span((row, 2, row, 3), label, LABEL)
        page.span((row, 4, row, 5), number, INPUT_NUMBER)
        page.span((row, 7, row, steps.last_column), note, PROSE)
        hint = "A number from 0 to 1." if name == "momentum" else "A number, zero or more."
        page.choices.append(only((row, 4, row, 4), rule, name, hint))
        places[name] = (row, 4)
        steps.row += 1
    steps.row += 1
    return places


def _yellow(frame: ShownFrame, name: str, title: str, per: str, values: Any) -> Piece:
    """Numbers that may be typed over."""
    picked = frame.pick(per, values)
    return Piece(name, Caption(title), picked, per, None, evenly(YELLOW), alone=True)


def _parameters(steps: StepPage, trace: Trace, frame: ShownFrame) -> None:
    """γ, β and the running statistics, as far as the layer has them."""
    names = {"weight": "gamma", "bias": "beta"}
    suffix = "" if trace.sets.is_per_channel else "_elements"
    pieces = []
    for name, title in PARAMETERS:
        value = trace.arguments.get(name)
        if value is not None:
            placed = names[name] + suffix if name in names else name
            pieces.append(_yellow(frame, placed, title, "parameter", value))
    if pieces:
        steps.section("Parameters and stored statistics of the layer")
        steps.draw(pieces)


def _rest(steps: StepPage, trace: Trace, frame: ShownFrame, book: Book) -> None:
    """What is not shown, as constants; only those that are not zero throughout."""
    sums = rest_sums(trace, frame)
    steps.section(
        "The elements not shown, as constants", note="of the sets and parameters shown above"
    )
    pieces = list(_of_sets(steps, trace, sums)) + list(_of_parameters(trace, sums))
    steps.draw(pieces)
    pairs = list(_of_pairs(trace, sums))
    if pairs:
        own, frame.sets = frame.sets, frame.pairs
        steps.draw(pairs)
        frame.sets = own
    for name in ("rest_count", "rest_sum"):
        if name in steps.placed:
            book.name(name, steps.page, steps.placed[name].area)


def _of_sets(steps: StepPage, trace: Trace, sums: RestSums) -> Iterator[Piece]:
    centered, training = trace.sets.centered, trace.training

    def mean(k: int) -> str:
        count, total = (steps.placed[name].at(k) for name in ("rest_count", "rest_sum"))
        return f"IF({count}>0,{total}/{count},0)"

    yield _constant("rest_count", "how many elements are not shown", "of each set", sums.count)
    if centered:
        yield _constant("rest_sum", "sum of the elements not shown", "Σ x", sums.total)
        title, line = "mean of the elements not shown", "m = Σ x / their number"
        yield _constant("rest_mean", title, line, sums.center, formula=mean)
    if training:
        title = "squares of the elements not shown"
        line = "Σ (x − m)²" if centered else "Σ x²"
        yield _constant("rest_scatter", title, line, sums.scatter)
    if training and sums.outside.any():
        line = "Σ dx̂, where γ is not shown"
        yield _constant("rest_outside", "gradients not shown", line, sums.outside)
        line = f"Σ dx̂ · {'(x − m)' if centered else 'x'}, where γ is not shown"
        title = "gradients times distances not shown"
        yield _constant("rest_outside_product", title, line, sums.outside_product)


def _of_pairs(trace: Trace, sums: RestSums) -> Iterator[Piece]:
    if sums.grad.any():
        title, line = "dy not shown", "Σ dy of each set and parameter"
        yield _constant("rest_grad", title, line, sums.grad)
        line = f"Σ dy · {'(x − m)' if trace.sets.centered else 'x'}"
        title = "dy times distances not shown"
        yield _constant("rest_grad_product", title, line, sums.grad_product)


def _of_parameters(trace: Trace, sums: RestSums) -> Iterator[Piece]:
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
        if values.any():
            yield _constant(name, title, line, values, per="parameter")


def _constant(
    name: str, title: str, line: str, values: Any, per: str = "set", formula: Formula = None
) -> Piece:
    flat = values.tolist()
    look = GRAY.but(number="0") if name == "rest_count" else GRAY
    return Piece(name, Caption(title, line), flat, per, formula, evenly(look), alone=True)
