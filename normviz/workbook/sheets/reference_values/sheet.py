"""The numbers the live sheets are held to: what NumPy and torch gave for the inputs as shipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from normviz.reference.trace import Trace
from normviz.workbook.book.address import fixed_area, on_sheet
from normviz.workbook.book.cells import Book, Page
from normviz.workbook.book.styles import NUMBER, PAPER
from normviz.workbook.draw.page_head import FIRST_ROW, begin, explain
from normviz.workbook.draw.panels import Caption, evenly
from normviz.workbook.draw.sections import Frame, Piece, StepPage
from normviz.workbook.sheets.case import Case
from normviz.workbook.sheets.reference_values.torch_values import Values, torch_values

TITLE = "Reference"
LOOK = NUMBER.filled(PAPER)
Key = tuple[str, str, str]


@dataclass
class ReferenceCells:
    """Where each constant stands: by source (inputs, NumPy, torch), op and step."""

    page: Page
    areas: dict[Key, str] = field(default_factory=dict)
    torch: Values = field(default_factory=dict)


def build(book: Book, case: Case) -> ReferenceCells:
    """The sheet of constants, NumPy beside torch."""
    values, note = torch_values(case)
    page = begin(book, TITLE, "Reference: the numbers the live sheets are held to", "9AA5B1")
    steps = StepPage(page, Frame(case.sets("batch_norm")), FIRST_ROW)
    explain(
        page,
        "These are constants: what NumPy and torch gave, in float64, for the inputs as shipped. "
        f"The sheet Checks compares every live step with them. {note}",
        steps.last_column,
    )
    cells = ReferenceCells(page, torch=values)
    _inputs(steps, case, cells)
    for op, trace in case.traces.items():
        if not isinstance(trace, str):
            _op(steps, trace, values.get(op, {}), cells)
    return cells


def _inputs(steps: StepPage, case: Case, cells: ReferenceCells) -> None:
    steps.section("The inputs as shipped")
    tensors = {"x": case.x, "grad_output": case.grad_output}
    steps.draw([_constant(("inputs", "", name), name, a, "element") for name, a in tensors.items()])
    per_channel = {
        "gamma": case.gamma,
        "beta": case.beta,
        "running_mean": case.running_mean,
        "running_var": case.running_var,
    }
    steps.draw(
        [_constant(("inputs", "", name), name, a, "parameter") for name, a in per_channel.items()]
    )
    steps.frame = Frame(case.sets("layer_norm"))
    per_element = {"gamma": case.weight("layer_norm"), "beta": case.bias("layer_norm")}
    steps.draw(
        [
            _constant(
                ("inputs", "", f"{name}_elements"), f"{name} for each element", a, "parameter"
            )
            for name, a in per_element.items()
        ]
    )
    _remember(steps, cells)


def _op(
    steps: StepPage,
    trace: Trace,
    torch: Mapping[str, npt.NDArray[np.float64]],
    cells: ReferenceCells,
) -> None:
    steps.frame = Frame(trace.sets)
    steps.section(trace.norm.title)
    steps.placed.clear()
    for step in trace.steps:
        if step.name == "grad_output":
            continue
        pair = [
            _constant(("NumPy", trace.op, step.name), f"{step.name} · NumPy", step.value, step.kind)
        ]
        if step.name in torch:
            value = torch[step.name]
            pair.append(
                _constant(("torch", trace.op, step.name), f"{step.name} · torch", value, step.kind)
            )
        steps.draw(pair)
    _remember(steps, cells)


def _constant(key: Key, caption: str, value: npt.NDArray[np.float64], kind: str) -> Piece:
    flat: Sequence[float] = value.ravel().tolist()
    return Piece(" ".join(key), Caption(caption), flat, kind, None, evenly(LOOK), alone=True)


def _remember(steps: StepPage, cells: ReferenceCells) -> None:
    for name, body in steps.placed.items():
        source, op, step = name.split(" ")
        cells.areas[source, op, step] = on_sheet(steps.page.title, fixed_area(body.area))
