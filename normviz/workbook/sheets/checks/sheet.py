"""The checks: every live step against NumPy and torch, and what holds for any input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from normviz.workbook.book.cells import Book, Value
from normviz.workbook.book.styles import (
    BODY,
    BODY_CENTER,
    BODY_SMALL,
    GOOD_INK,
    INPUT_WORD,
    LABEL,
    VERDICT,
)
from normviz.workbook.draw.columns import texts
from normviz.workbook.draw.content import (
    FAIL,
    PASS,
    RESTS,
    VERDICTS,
    Banner,
    Entry,
    Line,
    Listing,
    Words,
    judged,
)
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.formulas.differences import distance, distance_of
from normviz.workbook.sheets.checks import shipped
from normviz.workbook.sheets.checks.must_be_zero import TOLERANCE, Property, properties
from normviz.workbook.sheets.norm.page import NormPage
from normviz.workbook.sheets.reference_values.sheet import ReferenceCells
from normviz.workbook.sheets.subject.case import Case

TITLE = "Checks"
AS_SHIPPED = "as shipped"
COLUMNS = texts(20, 36, 9, 15, 13, 15, 13, 11)
UNCHECKED = (
    "Not in a check: the limits in the columns 'allowed', the cells that say whether inputs are as "
    f"shipped, the verdict at the top of this sheet, the sheet Contents, {INPUT_WORD} cells that "
    "hold a formula until you type over it, and on Numerics what E[x²] − E[x]² gives: rounding, in "
    "which programs differ."
)


class Verdict(NamedTuple):
    """The cell of the verdict, what it says as shipped, and by sheet when anything changed."""

    cell: str
    says: str
    changed: Mapping[str, str]


def build(
    book: Book,
    case: Case,
    inputs: Sheet,
    sheets: Mapping[str, NormPage],
    identities: Mapping[str, str],
    reference: ReferenceCells,
) -> Verdict:
    """The sheet; returns what Contents says of it."""
    laws = _laws(properties(sheets, identities))
    steps = _steps(sheets, reference)
    pages = _pages(book)
    columns = ("law_verdict", "numpy_verdict", "torch_verdict", "page_verdict")
    verdicts = [
        entry.value
        for listing in (laws, steps, pages)
        for line in listing.rows
        for entry in line
        if isinstance(entry, Entry) and entry.look is VERDICT
    ]
    sheet = Sheet(
        book,
        TITLE,
        "Checks: is every number on these sheets right?",
        "Every live step is compared with what NumPy and torch gave for the inputs as shipped. "
        "When you change the inputs that comparison rests, and what must hold for any input is "
        "still checked.",
        COLUMNS,
        tab=GOOD_INK,
    )
    sheet.draw(
        *_head(_change(case, inputs, reference), columns, len(verdicts), verdicts.count(PASS)),
        Banner("What must hold for any input"),
        laws,
        Banner("Every live step against NumPy and torch, for the inputs as shipped"),
        steps,
        Banner("Every other number of every sheet, for the inputs as shipped"),
        Words(
            "Each number must be what NumPy has for it, each text must be the same; the deviation "
            f"of a block is the root of the sum of its squared differences. {UNCHECKED}"
        ),
        pages,
    )
    says = f"All {verdicts.count(PASS)} checks pass"
    return Verdict(sheet.refer("verdict"), says, _changed_sheets(sheet, pages))


def _changed_sheets(sheet: Sheet, pages: Listing) -> Mapping[str, str]:
    """By the title of a sheet, a formula that is true where one of its numbers is another."""
    found: dict[str, list[str]] = {}
    for at, (title, *_) in enumerate(pages.rows):
        gap, same = (sheet.refer(name, f"row={at}") for name in ("page_gap", "page_inputs"))
        allowed = sheet.refer("page_allowed", f"row={at}")
        found.setdefault(str(title), []).append(f'{gap}>{allowed},{same}<>"{AS_SHIPPED}"')
    return {title: f"IFERROR(OR({','.join(parts)}),TRUE)" for title, parts in found.items()}


def _head(change: str, columns: Sequence[str], count: int, passing: int) -> tuple[Line, Line]:
    """Whether the inputs are as shipped, and the verdict of all checks."""

    def counted(verdict: str) -> str:
        return "+".join(f'COUNTIF({{{name}[*]}},"{verdict}")' for name in columns)

    passed, resting = counted(PASS), counted(RESTS)
    bad = f"({count}-({passed}+{resting}))"
    rest = '" checks that hold for any input pass"'
    says = f'IF({resting}=0,"All "&({passed})&" checks pass","All "&({passed})&{rest})'
    changed = f'IF({change}=0,"{AS_SHIPPED}","changed: NumPy and torch columns rest")'
    return (
        Line("changed", "Inputs", AS_SHIPPED, changed, LABEL, wide=True),
        Line(
            "verdict",
            "Result",
            f"All {passing} checks pass",
            f'IF({bad}>0,{bad}&" checks FAIL",{says})',
            LABEL,
            wide=True,
            marks=judged(f"{bad}>0"),
        ),
    )


def _change(case: Case, inputs: Sheet, reference: ReferenceCells) -> str:
    """How far the inputs are from those that shipped, summed up."""
    terms = [
        f"ABS({inputs.refer('eps')}-{case.settings.eps!r})",
        f"ABS({inputs.refer('momentum')}-{case.settings.momentum!r})",
    ]
    terms += [
        distance(inputs.refer(name, "*"), reference.area("inputs", "", name))
        for name in reference.inputs
    ]
    return "+".join(terms)


def verdict(found: float, allowed: float, formula: str) -> Entry:
    """PASS where a deviation is as small as rounding allows; the formula says when."""
    live = f'IFERROR(IF({formula},"{PASS}","{FAIL}"),"{FAIL}")'
    return Entry(PASS if found <= allowed else FAIL, VERDICT, live)


def _laws(properties: Iterator[Property]) -> Listing:
    rows = [
        (
            item.norm,
            item.sentence,
            Entry(item.found.value, BODY_SMALL, item.found.formula),
            verdict(item.found.value, item.allowed.value, "{law}<={law_allowed}"),
            Entry(item.allowed.value, BODY_SMALL, item.allowed.formula),
        )
        for item in properties
    ]
    return Listing(
        rows,
        ("Norm", "Must be zero", "how far it is", "verdict", "allowed"),
        (BODY, BODY, *(BODY_CENTER,) * 3),
        (20, 45, 15, 13, 39),
        names=("law_norm", "law_words", "law", "law_verdict", "law_allowed"),
        marks={"law_verdict": VERDICTS},
    )


def _resting(entry: Entry) -> Entry:
    """A verdict that rests while the inputs are others."""
    live = f'IF({{changed}}="{AS_SHIPPED}",{entry.formula},"{RESTS}")'
    return Entry(entry.value, entry.look, live)


def _steps(sheets: Mapping[str, NormPage], reference: ReferenceCells) -> Listing:
    rows: list[Sequence[Value | Entry]] = []
    for op, page in sheets.items():
        torch = reference.torch.get(op, {})
        for step in page.trace.steps:
            if step.is_given:
                continue
            tolerance = TOLERANCE * max(1.0, float(f"{np.abs(step.value).max():.0e}"))
            cells: list[Entry] = []
            for source, value in (("NumPy", step.value), ("torch", torch.get(step.name))):
                if value is None:
                    cells += [Entry("no torch here", BODY_CENTER), Entry("—", BODY_CENTER)]
                    continue
                gap = distance_of(step.value.ravel(), value.ravel())
                there = reference.area(source, op, step.name)
                live = distance(page.sheet.refer(step.name, "*"), there)
                judged_by = f"{{{source.lower()}}}<={{step_allowed}}"
                cells += [
                    Entry(gap, BODY_SMALL, live),
                    _resting(verdict(gap, tolerance, judged_by)),
                ]
            words = f"{step.title}   {step.symbol}"
            size = Entry(step.value.size, BODY_CENTER)
            rows.append((page.page.title, words, size, *cells, Entry(tolerance, BODY_SMALL)))
    return Listing(
        rows,
        (
            *("Norm", "Step", "values", "distance from NumPy", "verdict"),
            *("distance from torch", "verdict", "allowed"),
        ),
        (BODY, BODY, *(BODY_CENTER,) * 6),
        names=(
            *("step_norm", "step", "step_size", "numpy", "numpy_verdict"),
            *("torch", "torch_verdict", "step_allowed"),
        ),
        marks={"numpy_verdict": VERDICTS, "torch_verdict": VERDICTS},
    )


def _pages(book: Book) -> Listing:
    """A row or more a sheet: its input cells, and all its formulas against values as shipped."""
    known = shipped.summaries(book)
    rows = []
    for found in known:
        gap = Entry(0.0, BODY_SMALL, found.deviation)
        judged_by = verdict(0.0, TOLERANCE, "{page_gap}<={page_allowed}")
        others = "".join(f',{{page_inputs[row={at}]}}="{AS_SHIPPED}"' for at in found.reads)
        unchanged = f'AND({{page_inputs}}="{AS_SHIPPED}"{others})'
        live = f'IF({unchanged},{judged_by.formula},"{RESTS}")'
        rows.append(
            (
                found.title,
                f"{found.cells} numbers in {found.blocks} blocks"
                + (f", {found.rows}" if found.rows else ""),
                Entry(found.inputs, BODY_CENTER),
                gap,
                Entry(judged_by.value, VERDICT, live),
                Entry(AS_SHIPPED, BODY_CENTER, f'IF({found.same},"{AS_SHIPPED}","{RESTS}")'),
                Entry(TOLERANCE, BODY_SMALL),
            )
        )
    return Listing(
        rows,
        (
            *("Sheet", "What is compared", f"{INPUT_WORD} cells", "largest deviation", "verdict"),
            *(f"its {INPUT_WORD} cells", "allowed"),
        ),
        (BODY, BODY, *(BODY_CENTER,) * 5),
        (20, 36, 9, 15, 13, 28, 11),
        names=(
            *("page_title", "page_words", "page_typed", "page_gap", "page_verdict"),
            *("page_inputs", "page_allowed"),
        ),
        marks={"page_verdict": VERDICTS},
    )
