"""The numbers the live sheets are held to: what NumPy and torch gave for the inputs as shipped."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import NUMBER, PAPER
from normviz.workbook.draw.columns import of_tensor
from normviz.workbook.draw.content import Band, Banner, Caption, Item, Step
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.draw.tensor import Frame
from normviz.workbook.sheets.reference_values.torch_values import Values, torch_values
from normviz.workbook.sheets.subject.case import Case

TITLE = "Reference"
LOOK = NUMBER.filled(PAPER)


@dataclass
class ReferenceCells:
    """The sheet of constants, each named by `name_of` its source (inputs, NumPy, torch) and step.

    `inputs` are the names of what is compared with the sheet of inputs.
    """

    sheet: Sheet
    torch: Values = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)

    def area(self, source: str, op: str, step: str) -> str:
        """Where a constant stands, as other sheets write it."""
        return self.sheet.refer(name_of(source, op, step), "*")


def name_of(source: str, op: str, step: str) -> str:
    """The name of a block of constants."""
    return f"{source}_{op}_{step}"


def build(book: Book, case: Case) -> ReferenceCells:
    """The sheet of constants, NumPy beside torch."""
    values, note = torch_values(case)
    frame = Frame(case.sets("batch_norm"))
    sheet = Sheet(
        book,
        TITLE,
        "Reference: the numbers the live sheets are held to",
        "These are constants: what NumPy and torch gave, in float64, for the inputs as shipped. "
        f"The sheet Checks compares every live step with them. {note}",
        of_tensor(frame.layout, 2),
        frame=frame,
        tab="9AA5B1",
    )
    cells = ReferenceCells(sheet, values)
    sheet.draw(Banner("The inputs as shipped"), *_inputs(case, cells))
    for op, trace in case.traces.items():
        if isinstance(trace, str):
            continue
        frame, torch, bands = Frame(trace.sets), values.get(op, {}), []
        for step in trace.steps:
            if step.is_given:
                continue
            found = {"NumPy": step.value} | (
                {"torch": torch[step.name]} if step.name in torch else {}
            )
            bands.append(
                Band(
                    [
                        _constant(
                            name_of(source, op, step.name),
                            f"{step.title} · {source}",
                            value,
                            step.kind,
                            frame,
                        )
                        for source, value in found.items()
                    ]
                )
            )
        sheet.draw(Banner(trace.norm.title), *bands)
    return cells


def _inputs(case: Case, cells: ReferenceCells) -> list[Item]:
    """What was typed when the file was made, two beside each other."""
    channels = Frame(case.sets("batch_norm"))
    rows = [
        ("x", "x", case.x, "element", channels),
        ("grad_output", "grad_output", case.grad_output, "element", channels),
        ("gamma", "gamma", case.gamma, "parameter", channels),
        ("beta", "beta", case.beta, "parameter", channels),
        ("running_mean", "running_mean", case.running_mean, "parameter", channels),
        ("running_var", "running_var", case.running_var, "parameter", channels),
    ]
    for words, (op, *_) in case.other_parameters.items():
        other, end = Frame(case.sets(op)), case.gamma_of(op)
        rows.append((f"gamma{end}", f"gamma {words}", case.weight(op), "parameter", other))
        if case.shifted(words):
            rows.append((f"beta{end}", f"beta {words}", case.bias(op), "parameter", other))
    steps = [
        _constant(
            name_of("inputs", "", name),
            words,
            values,
            kind,
            frame,
        )
        for name, words, values, kind, frame in rows
    ]
    cells.inputs = [name for name, *_ in rows]
    return [Band(steps[at : at + 2]) for at in range(0, len(steps), 2)]


def _constant(
    name: str, caption: str, value: npt.NDArray[np.float64], kind: str, frame: Frame
) -> Step:
    return Step(name, Caption(caption), value, kind, None, LOOK, frame)
