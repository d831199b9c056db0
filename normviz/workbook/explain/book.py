"""The workbook of one explained layer: what it is about, its inputs, its steps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.partition import StatisticsSets
from normviz.reference.trace import Trace
from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import (
    BODY,
    BODY_CENTER,
    BODY_SMALL,
    INPUT_WORD,
    LABEL,
    PLAIN,
    VERDICT,
)
from normviz.workbook.draw.content import (
    FAIL,
    PASS,
    RESTS,
    VERDICTS,
    Banner,
    Entry,
    Line,
    Listing,
    judged,
)
from normviz.workbook.draw.page_head import CONTENTS
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.draw.tensor import axes_of
from normviz.workbook.explain import inputs_sheet, sheet
from normviz.workbook.explain.not_finite import bursts, first_not_finite
from normviz.workbook.explain.selection import Selection
from normviz.workbook.explain.shown_part import ShownFrame
from normviz.workbook.explain.story import OwnResult, Story
from normviz.workbook.formulas.differences import distance_of
from normviz.workbook.sheets.checks import must_be_zero
from normviz.workbook.sheets.checks import sheet as checks
from normviz.workbook.sheets.contents import sheet as contents
from normviz.workbook.sheets.subject.kinds import kind_of

Array = npt.NDArray[Any]
LONGEST_HEADING = 60


def explain_book(trace: Trace, selection: Selection, story: Story) -> Book:
    """The workbook of a trace with its backward pass, for the slice selected."""
    book = Book(f"{story.layer}, step by step")
    burst = bursts(trace)
    first = Sheet(
        book,
        CONTENTS,
        _short(book.title),
        "Every step of this layer on your own numbers, forward and backward, "
        + (
            "as they came: one is not finite, so that no formula could go on from it."
            if burst
            else f"as live formulas. Change a {INPUT_WORD} cell on the sheet Inputs and watch the "
            "steps follow."
        ),
        contents.COLUMNS,
    )
    frame = ShownFrame(trace.sets, selection)
    inputs = inputs_sheet.build(book, trace, frame, story.added_to_weight)
    own = list(story.own_results(trace))
    page = sheet.build(book, trace, inputs, frame, story.layer.partition(":")[0], own)
    brought = inputs_sheet.of_the_layer(trace)
    rows = [
        (
            "Inputs",
            (f"x, dy, the {brought}" if brought else "x and dy")
            + (", and what is not shown as constants." if page.cut and not burst else "."),
            "Look for what made a step burst."
            if burst
            else "Type over one x: only its set changes.",
        ),
        (
            page.page.title,
            "Every step of forward and backward, and the layer's own results beside them.",
            "Read down from x to the first NaN or ∞."
            if burst
            else "Click a number to see its formula.",
        ),
    ]
    first.draw(
        _facts(trace, selection, story, burst),
        contents.table(rows),
        Banner("Checks" if burst else "Checks, live"),
        (listed := _checks(trace, story, page, own, inputs_sheet.as_shipped(inputs))),
        _result(listed),
        *contents.legend(_laid_out(trace.sets), arithmetic=_arithmetic(trace), live=not burst),
    )
    book.opening = page.page.title
    return book


def _laid_out(sets: StatisticsSets) -> str:
    """Where an element stands on the sheets, in the words of the tensor."""
    if len(axes_of(sets)) == 3:
        return "Sequences n go down, tokens t across, each with its features d side by side."
    return kind_of(sets).laid_out


def _arithmetic(trace: Trace) -> str:
    """What is a convention in the steps, as far as this layer has it."""
    said = ["the mean is taken as zero, and the mean square normalizes"]
    if not trace.training:
        said = ["the stored statistics normalize"]
    elif trace.sets.centered:
        divisor = {"m": "m, the size of a set"}.get(
            trace.spread.divisor, "m − 1, m the size of a set"
        )
        said = [f"the variance that normalizes is divided by {divisor}"]
    if trace.training and trace.running_buffers():
        said += ["the unbiased one (m − 1) goes into running_var", "momentum weighs the new value"]
    return f"The arithmetic is the layer's own: {', '.join([*said, inputs_sheet.of_eps(trace)])}."


def _facts(trace: Trace, selection: Selection, story: Story, burst: str) -> Listing:
    mode = "training: x's own statistics" if trace.training else "evaluation: stored statistics"
    if not trace.norm.flag:
        mode = "x's own statistics, in training and in evaluation"
    settings = {
        name: value for name, value in trace.arguments.items() if name in trace.norm.size_arguments
    }
    # What is traced has whole sets.
    sets = math.prod(selection.tensor) // trace.sets.size
    shown = (
        "all of x"
        if selection.is_whole
        else f"{selection}. Every statistic is computed over the whole tensor; sums over what is "
        "not shown stand in the formulas as constants, so that each step is exact and live."
    )
    facts = (
        ("layer", story.layer),
        *([("it is", story.identity)] if story.identity else []),
        ("op", ", ".join([str(trace.norm), *(f"{n} = {v}" for n, v in settings.items())])),
        *([("not finite", f"first {burst}")] if burst else []),
        ("mode", mode),
        ("x", f"{story.source}; shape {selection.tensor}, {story.dtype}"),
        ("dy", story.gradient),
        ("parameters", story.parameters),
        ("statistics sets", f"{sets:,} of {trace.sets.size:,} elements each"),
        ("shown", shown),
        ("arithmetic", f"float64 on these sheets; {story.dtype} in the layer"),
    )
    return Listing(facts, looks=(LABEL, PLAIN.but(wrap=True)), shares=(20, 112))


def _checks(
    trace: Trace,
    story: Story,
    page: sheet.ExplainedPage,
    own: list[OwnResult],
    as_shipped: str,
) -> Listing:
    """What must hold for any input, live; and how far the layer itself is from the steps."""
    rows: list[tuple[Entry, str, Entry]] = []
    for item in must_be_zero.properties_of(page) if page.follows and trace.training else ():
        judged = checks.verdict(
            item.found.value, item.allowed.value, f"{{found}}<={item.allowed.formula}"
        )
        rows.append(
            (judged, item.sentence, Entry(item.found.value, BODY_SMALL, item.found.formula))
        )
    rows += [_own_check(trace, story, page, result, as_shipped) for result in own]
    return Listing(
        rows,
        ("verdict", "must be zero", "distance"),
        (BODY_CENTER, BODY, BODY_CENTER),
        shares=(7, 115, 13),
        names=("verdict", "what", "found"),
        marks={"verdict": VERDICTS},
    )


def _own_check(
    trace: Trace, story: Story, page: sheet.ExplainedPage, own: OwnResult, as_shipped: str
) -> tuple[Entry, str, Entry]:
    """The layer's own result beside the steps: it rests while inputs are others than it saw."""
    shown = np.asarray(page.pick("element", own.allowed))
    allowed = float(f"{distance_of(shown, 0.0):.2g}")
    body = f"layer_{own.name}_difference"
    gap = next(iter(page.page.values(page.placed[body].area)))
    departs = own.departs(trace[own.name])
    text = f"{own.symbol} of {_short(story.layer)} ({own.dtype}) is {own.symbol} here"
    if not np.isfinite(own.value).all():
        text += f"; it is not finite{first_not_finite(trace, own.dtype)}"
    elif departs.any():
        text += f"; red where it departs, by up to {np.abs(own.value - trace[own.name]).max():.3g}"
    # The distance of all of them would hide one that departs among larger ones.
    departing = any(page.pick("element", departs))
    passed = isinstance(gap, float) and gap <= allowed and not departing
    if not page.follows:
        passed = not departing
        return Entry(PASS if passed else FAIL, VERDICT), text, Entry(gap, BODY_SMALL)
    whole = f"COUNT({page.sheet.refer(f'layer_{own.name}', '*')})={shown.size}"
    near = "FALSE" if departing else f"IFERROR({page.sheet.refer(body)}<={allowed!r},FALSE)"
    live = f'IF(AND({whole},{near}),"{PASS}",IF({as_shipped},"{FAIL}","{RESTS}"))'
    return (
        Entry(PASS if passed else FAIL, VERDICT, live),
        text,
        Entry(gap, BODY_SMALL, page.sheet.refer(body)),
    )


def _result(listed: Listing) -> Line:
    """How many of the checks pass right now."""
    verdicts = [row[0].value for row in listed.rows if isinstance(row[0], Entry)]
    count, passing = len(verdicts), verdicts.count(PASS)
    live = 'COUNTIF({verdict[*]},"' + PASS + '")'
    rests = 'COUNTIF({verdict[*]},"' + RESTS + '")'
    bad = f"({count}-({live}+{rests}))"
    said = f"All {count} checks pass" if passing == count else f"{count - passing} checks FAIL"
    formula = (
        f'IF({bad}>0,{bad}&" checks FAIL",IF({rests}=0,"All "&({live})&" checks pass",'
        f'"All "&({live})&" checks that hold for any input pass"))'
    )
    return Line("result", "Result", said, formula, LABEL, wide=True, marks=judged(f"{bad}>0"))


def _short(text: str) -> str:
    """A text that fits into a heading: of a layer far inside a model, the end of its name.

    >>> _short("encoder.layer.0.attention.output.LayerNorm: LayerNorm, step by step")
    '…0.attention.output.LayerNorm: LayerNorm, step by step'
    """
    if len(text) <= LONGEST_HEADING:
        return text
    end = text[1 - LONGEST_HEADING :]
    return f"…{end[end.find('.') + 1 :]}"
