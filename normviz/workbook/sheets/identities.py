"""Equalities between normalizations that hold for any input, computed anew straight from x."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from normviz.norms.declared import NORMS
from normviz.reference.trace import Trace, trace
from normviz.workbook.book.address import area_text, on_sheet
from normviz.workbook.book.cells import Book
from normviz.workbook.book.layout import shifted
from normviz.workbook.book.styles import NUMBER, SMALL_FORMAT
from normviz.workbook.draw.page_head import FIRST_ROW, begin, explain
from normviz.workbook.draw.panels import Caption, by_set
from normviz.workbook.draw.sections import Frame, Piece, StepPage
from normviz.workbook.sheets.case import Case
from normviz.workbook.sheets.inputs import InputCells
from normviz.workbook.sheets.norm.sheet import NormSheet

TITLE = "Identities"
BOLD = NUMBER.but(bold=True)


def build(
    book: Book, case: Case, inputs: InputCells, sheets: Mapping[str, NormSheet]
) -> dict[str, str]:
    """The sheet; returns the difference cell of each identity by its sentence."""
    page = begin(book, TITLE, "Identities: norms that are special cases of others")
    steps = StepPage(page, Frame(case.sets("batch_norm")), FIRST_ROW)
    explain(
        page,
        "The left side is computed here, straight from x in two formulas a set (AVERAGE and VARP); "
        "the right side is what the other sheet made in its steps. The difference is live.",
        steps.last_column,
    )
    channels = case.shape[1]
    found = {}
    for op, argument, number, twin in (
        ("group_norm", "num_groups", 1, "layer_norm"),
        ("group_norm", "num_groups", channels, "instance_norm"),
        ("ghost_batch_norm", "num_splits", 1, "batch_norm"),
    ):
        if twin in sheets:
            what = f"{argument[4:-1]}{'s' if number > 1 else ''}"
            sentence = f"{NORMS[op].title} with {number} {what} = {NORMS[twin].title}"
            made = trace(op, case.x, eps=case.settings.eps, **{argument: number})
            steps.section(sentence)
            _identity(steps, made, inputs, sheets[twin])
            found[sentence] = on_sheet(TITLE, steps.placed["difference"].at(0))
    return found


def _identity(steps: StepPage, made: Trace, inputs: InputCells, twin: NormSheet) -> None:
    """One identity: statistics and normalized values here, the other sheet's beside them."""
    frame = steps.frame = Frame(made.sets)
    steps.placed.clear()
    placed = steps.placed
    x, eps = inputs.placed["x"], inputs.setting("eps")

    def areas(k: int) -> str:
        moved = (shifted(area, x.top, x.left) for area in frame.sets.areas[k])
        return ",".join(on_sheet(inputs.page.title, area_text(area)) for area in moved)

    def normalized(i: int) -> str:
        k = frame.set_of[i] - 1
        root = f"SQRT({placed['variance'].at(k)}+{eps})"
        return f"({inputs.at('x', i)}-{placed['mean'].at(k)})/{root}"

    def other(i: int) -> str:
        return on_sheet(twin.page.title, twin.steps.placed["normalized"].at(i))

    def difference(_: int) -> str:
        here, there = (area_text(placed[name].area) for name in ("normalized", "other"))
        return f"SUMPRODUCT(MAX(ABS({here}-{there})))"

    gap = float(np.abs(made["normalized"] - twin.trace["normalized"]).max())
    by_number = by_set(BOLD, range(1, made.sets.count + 1))
    elements = by_set(NUMBER, frame.set_of)
    mean, variance = made["mean"].ravel().tolist(), made["variance"].ravel().tolist()
    flat, theirs = (t["normalized"].ravel().tolist() for t in (made, twin.trace))
    name = made.norm.title
    steps.draw(
        [
            Piece(
                "mean",
                Caption("mean  μ", "AVERAGE over the set"),
                mean,
                "set",
                lambda k: f"AVERAGE({areas(k)})",
                by_number,
            ),
            Piece(
                "variance",
                Caption("variance  σ²", "VARP over the set"),
                variance,
                "set",
                lambda k: f"VARP({areas(k)})",
                by_number,
                alone=True,
            ),
            Piece(
                "normalized",
                Caption(f"x̂ of {name}, here", "(x − μ) / √(σ² + ε)"),
                flat,
                "element",
                normalized,
                elements,
            ),
            Piece(
                "other",
                Caption(f"x̂ from the sheet {twin.page.title}"),
                theirs,
                "element",
                other,
                elements,
            ),
            Piece(
                "difference",
                Caption("largest difference"),
                [gap],
                "single",
                difference,
                lambda _: BOLD.but(number=SMALL_FORMAT),
            ),
        ]
    )
