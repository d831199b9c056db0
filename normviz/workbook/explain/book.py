"""The workbook of one explained layer: what it is about, its inputs, its steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from normviz.reference.trace import Trace
from normviz.workbook.book.address import address, fixed_area, on_sheet
from normviz.workbook.book.cells import Book, Page, Rule
from normviz.workbook.book.styles import (
    BAD,
    BAD_INK,
    BANNER,
    BODY,
    BODY_SMALL,
    GOOD,
    GOOD_INK,
    HEADER,
    HEADER_LEFT,
    LABEL,
    PLAIN,
    VERDICT,
)
from normviz.workbook.draw.page_head import (
    CONTENTS,
    TEXT_ROW,
    begin,
    explain,
)
from normviz.workbook.explain import inputs_sheet as explained_inputs
from normviz.workbook.explain.selection import Selection
from normviz.workbook.explain.sheet import ExplainedSheet
from normviz.workbook.explain.shown_part import ShownFrame
from normviz.workbook.sheets import contents
from normviz.workbook.sheets.checks import (
    FAIL,
    PASS,
    Property,
    properties_of,
)

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
    first = begin(book, CONTENTS, _short(book.title))
    frame = ShownFrame(trace.sets, selection)
    cells = explained_inputs.build(book, trace, frame)
    sheet = ExplainedSheet(book, trace, cells, frame)
    sheet.build_for(story.layer.partition(":")[0], story.output, story.grad_input)
    _fill(first, trace, selection, story, sheet)
    return book


def _fill(
    page: Page, trace: Trace, selection: Selection, story: Story, sheet: ExplainedSheet
) -> None:
    page.widths.update(contents.WIDTHS)
    explain(
        page,
        "Every step of this layer on your own numbers, forward and backward, as live formulas. "
        "Change a yellow cell on the sheet Inputs and watch the steps follow.",
        contents.LAST,
    )
    row = _facts(page, TEXT_ROW + 2, trace, selection, story)
    rows = [
        (
            "Inputs",
            "x, dy, the parameters and stored statistics"
            + (", and what is not shown as constants." if sheet.cut else "."),
            "Type over one x: only its set changes.",
        ),
        (
            sheet.page.title,
            "Every step of forward and backward, and the layer's own results beside them.",
            "Click a number to see its formula.",
        ),
    ]
    row = contents.table(page, row + 1, rows)
    row = _checks(page, row + 1, trace, story, sheet)
    contents.legend(page, row + 1)


def _facts(page: Page, row: int, trace: Trace, selection: Selection, story: Story) -> int:
    mode = "training: x's own statistics" if trace.training else "evaluation: stored statistics"
    settings = {
        name: value
        for name, value in trace.arguments.items()
        if name in ("num_groups", "num_splits", "normalized_shape")
    }
    shown = (
        "all of x"
        if selection.is_whole
        else f"{selection}. Every statistic is computed over the whole tensor; sums over what is "
        "not shown stand in the formulas as constants, so that each step is exact and live."
    )
    facts = (
        ("layer", story.layer),
        ("op", ", ".join([trace.op, *(f"{n} = {v}" for n, v in settings.items())])),
        ("mode", mode),
        ("x", f"{story.source}; shape {trace.sets.shape}, {story.dtype}"),
        ("dy", story.gradient),
        ("parameters", story.parameters),
        ("statistics sets", f"{trace.sets.count:,} of {trace.sets.size:,} elements each"),
        ("shown", shown),
        ("arithmetic", f"float64 on these sheets; {story.dtype} in the layer"),
    )
    for name, text in facts:
        page.put(row, 2, name, LABEL)
        area = (row, 3, row, contents.LAST)
        page.span(area, text, PLAIN.but(wrap=True))
        page.heights[row] = 14 * math.ceil(len(text) / 112) + 3
        row += 1
    return row


def _checks(page: Page, row: int, trace: Trace, story: Story, sheet: ExplainedSheet) -> int:
    """What must hold for any input, live; and how far the layer itself is from the steps."""
    page.span((row, 2, row, contents.LAST), "Checks, live", BANNER)
    page.heights[row] = 21
    row += 1
    for column, (name, look) in enumerate(
        (("verdict", HEADER_LEFT), ("must be zero", HEADER_LEFT), ("largest deviation", HEADER)), 2
    ):
        page.put(row, column, name, look)
    row += 1
    first = row
    for item in properties_of(sheet) if trace.training else ():
        _check(page, row, item)
        row += 1
    if row > first:
        cell = address(first, 2)
        area = (first, 2, row - 1, 2)
        page.rules.append(Rule(area, f'{cell}="{PASS}"', GOOD, GOOD_INK))
        page.rules.append(Rule(area, f'{cell}="{FAIL}"', BAD, BAD_INK))
    for name, symbol in (("output", "y"), ("grad_input", "dx")):
        body = sheet.steps.placed[f"layer_{name}_difference"]
        area = body.area
        value = next(iter(sheet.page.values(area)))
        page.put(row, 2, "—", VERDICT)
        text = f"{symbol} of {_short(story.layer)} ({story.dtype}) less {symbol} here; as shipped"
        page.put(row, 3, text, BODY)
        corner = (area[0], area[1], area[0], area[1])
        page.put(row, 4, value, BODY_SMALL, on_sheet(sheet.page.title, fixed_area(corner)))
        row += 1
    return row


def _check(page: Page, row: int, item: Property) -> None:
    """One row: the deviation, and whether it is as small as rounding allows."""
    cell = page.put(row, 4, item.found.value, BODY_SMALL, item.found.formula)
    page.put(row, 3, item.sentence, BODY)
    verdict = PASS if item.found.value <= item.allowed.value else FAIL
    formula = f'IFERROR(IF({cell}<={item.allowed.formula},"{PASS}","{FAIL}"),"{FAIL}")'
    page.put(row, 2, verdict, VERDICT, formula)


def _short(text: str) -> str:
    """A text that fits into a heading."""
    return text if len(text) <= 60 else text[:57] + "..."
