"""Equalities between normalizations that hold for any input, computed anew straight from x."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from normviz.norms.declared import NORMS
from normviz.reference.trace import Trace, trace
from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import BOLD, DIFFERENCE, NUMBER
from normviz.workbook.draw.columns import of_tensor
from normviz.workbook.draw.content import Banner, Caption, Item, Step
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.draw.tensor import Frame, by_set
from normviz.workbook.formulas.differences import distance, distance_of
from normviz.workbook.sheets.case import Case
from normviz.workbook.sheets.norm.page import NormPage

TITLE = "Identities"


def build(book: Book, case: Case, inputs: Sheet, sheets: Mapping[str, NormPage]) -> dict[str, str]:
    """The sheet; returns the difference cell of each identity by its sentence."""
    sheet = Sheet(
        book,
        TITLE,
        "Identities: norms that are special cases of others",
        "The left side is computed here, straight from x in two formulas a set (AVERAGE and VARP); "
        "the right side is what the other sheet made in its steps. The difference is live.",
        of_tensor(Frame(case.sets("batch_norm")).layout),
        reads={"inputs": inputs} | {op: made.sheet for op, made in sheets.items()},
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
            sheet.draw(Banner(sentence), *_identity(made, twin, sheets[twin].trace))
            found[sentence] = sheet.refer(f"difference_{twin}")
    return found


def _identity(made: Trace, twin: str, theirs: Trace) -> Sequence[Item]:
    """One identity: statistics and normalized values here, the other sheet's below them."""
    frame, mean, variance = Frame(made.sets), f"mean_{twin}", f"variance_{twin}"
    of_set = by_set(BOLD, range(1, made.sets.count + 1))
    of_element = by_set(NUMBER, frame.set_of)
    title, other = made.norm.title, NORMS[twin].title
    root = f"SQRT({{{variance}}}+{{inputs.eps}})"
    return (
        Step(
            mean,
            Caption("mean", "AVERAGE over the set", symbol="μ"),
            made["mean"],
            "set",
            "AVERAGE({inputs.x})",
            of_set,
            frame,
        ),
        Step(
            variance,
            Caption("variance", "VARP over the set", symbol="σ²"),
            made["variance"],
            "set",
            "VARP({inputs.x})",
            of_set,
            frame,
        ),
        Step(
            f"here_{twin}",
            Caption(f"x̂ of {title}, here", "(x − μ) / √(σ² + ε)"),
            made["normalized"],
            "element",
            f"({{inputs.x}}-{{{mean}}})/{root}",
            of_element,
            frame,
        ),
        Step(
            f"there_{twin}",
            Caption(f"x̂ from the sheet {other}"),
            theirs["normalized"],
            "element",
            f"{{{twin}.normalized}}",
            of_element,
            frame,
        ),
        Step(
            f"difference_{twin}",
            Caption("distance of the two", "√Σ (difference)²"),
            [distance_of(made["normalized"], theirs["normalized"])],
            "single",
            distance(f"{{here_{twin}[*]}}", f"{{there_{twin}[*]}}"),
            DIFFERENCE,
            frame,
        ),
    )
