"""The workbook of one explained layer: what it is about, its inputs, its steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from normviz.reference.trace import Trace
from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import BODY, BODY_CENTER, BODY_SMALL, INPUT_WORD, LABEL, PLAIN
from normviz.workbook.draw.content import VERDICTS, Banner, Entry, Listing
from normviz.workbook.draw.page_head import CONTENTS
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.explain import inputs_sheet, sheet
from normviz.workbook.explain.selection import Selection
from normviz.workbook.explain.shown_part import ShownFrame
from normviz.workbook.sheets import checks, contents

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Story:
    """Where the numbers come from, and what the layer itself made of them."""

    layer: str
    source: str
    dtype: str
    gradient: str
    parameters: str
    output: Array
    grad_input: Array


def explain_book(trace: Trace, selection: Selection, story: Story) -> Book:
    """The workbook of a trace with its backward pass, for the slice selected."""
    book = Book(f"{story.layer}, step by step")
    first = Sheet(
        book,
        CONTENTS,
        _short(book.title),
        "Every step of this layer on your own numbers, forward and backward, as live formulas. "
        f"Change a {INPUT_WORD} cell on the sheet Inputs and watch the steps follow.",
        contents.COLUMNS,
    )
    frame = ShownFrame(trace.sets, selection)
    inputs = inputs_sheet.build(book, trace, frame)
    layer = (story.layer.partition(":")[0], story.output, story.grad_input)
    page = sheet.build(book, trace, inputs, frame, layer)
    rows = [
        (
            "Inputs",
            "x, dy, the parameters and stored statistics"
            + (", and what is not shown as constants." if page.cut else "."),
            "Type over one x: only its set changes.",
        ),
        (
            page.page.title,
            "Every step of forward and backward, and the layer's own results beside them.",
            "Click a number to see its formula.",
        ),
    ]
    first.draw(
        _facts(trace, selection, story),
        contents.table(rows),
        Banner("Checks, live"),
        _checks(trace, story, page),
        *contents.legend(),
    )
    book.opening = page.page.title
    return book


def _facts(trace: Trace, selection: Selection, story: Story) -> Listing:
    mode = "training: x's own statistics" if trace.training else "evaluation: stored statistics"
    settings = {
        name: value for name, value in trace.arguments.items() if name in trace.norm.size_arguments
    }
    shown = (
        "all of x"
        if selection.is_whole
        else f"{selection}. Every statistic is computed over the whole tensor; sums over what is "
        "not shown stand in the formulas as constants, so that each step is exact and live."
    )
    facts = (
        ("layer", story.layer),
        ("op", ", ".join([str(trace.norm), *(f"{n} = {v}" for n, v in settings.items())])),
        ("mode", mode),
        ("x", f"{story.source}; shape {trace.sets.shape}, {story.dtype}"),
        ("dy", story.gradient),
        ("parameters", story.parameters),
        ("statistics sets", f"{trace.sets.count:,} of {trace.sets.size:,} elements each"),
        ("shown", shown),
        ("arithmetic", f"float64 on these sheets; {story.dtype} in the layer"),
    )
    return Listing(facts, looks=(LABEL, PLAIN.but(wrap=True)), shares=(20, 112))


def _checks(trace: Trace, story: Story, page: sheet.ExplainedPage) -> Listing:
    """What must hold for any input, live; and how far the layer itself is from the steps."""
    rows: list[tuple[Entry, str, Entry]] = []
    for item in checks.properties_of(page) if trace.training else ():
        judged = checks.verdict(
            item.found.value, item.allowed.value, f"{{found}}<={item.allowed.formula}"
        )
        rows.append(
            (judged, item.sentence, Entry(item.found.value, BODY_SMALL, item.found.formula))
        )
    for name, symbol in (("output", "y"), ("grad_input", "dx")):
        body = f"layer_{name}_difference"
        value = next(iter(page.page.values(page.placed[body].area)))
        text = f"{symbol} of {_short(story.layer)} ({story.dtype}) from {symbol} here; as shipped"
        gap = Entry(value, BODY_SMALL, page.sheet.refer(body))
        rows.append((Entry("—", BODY_CENTER), text, gap))
    return Listing(
        rows,
        ("verdict", "must be zero", "largest deviation"),
        (BODY_CENTER, BODY, BODY_CENTER),
        names=("verdict", "what", "found"),
        marks={"verdict": VERDICTS},
    )


def _short(text: str) -> str:
    """A text that fits into a heading."""
    return text if len(text) <= 60 else text[:57] + "..."
