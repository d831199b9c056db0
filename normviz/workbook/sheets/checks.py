"""The checks: every live step against NumPy and torch, and what holds for any input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from normviz.workbook.book.address import (
    Area,
    address,
    fixed,
    fixed_area,
    on_sheet,
)
from normviz.workbook.book.cells import Book, Page, Rule
from normviz.workbook.book.styles import (
    BAD,
    BAD_INK,
    BANNER,
    BODY,
    BODY_CENTER,
    BODY_SMALL,
    GOOD,
    GOOD_INK,
    HEADER,
    HEADER_LEFT,
    LABEL,
    VERDICT,
    WARN,
    WARN_INK,
)
from normviz.workbook.draw.page_head import FIRST_ROW, begin, explain
from normviz.workbook.sheets.case import Case
from normviz.workbook.sheets.inputs import InputCells
from normviz.workbook.sheets.norm.sheet import NormSheet
from normviz.workbook.sheets.reference_values.sheet import ReferenceCells

TITLE = "Checks"
PASS, FAIL, CHANGED = "PASS", "FAIL", "inputs changed"
TOLERANCE = 1e-9
WIDTHS = {1: 1.5, 2: 22, 3: 40, 4: 10, 5: 18, 6: 15, 7: 18, 8: 15, 9: 12}
LAST = max(WIDTHS)


@dataclass(frozen=True)
class Amount:
    """A number as a live formula and as NumPy has it."""

    formula: str
    value: float


@dataclass(frozen=True)
class Property:
    """Something that must be zero for any input: how far it is from it, and how far it may be."""

    norm: str
    sentence: str
    found: Amount
    allowed: Amount


class ChecksSheet:
    """Draws the sheet; `status` is the cell that says whether all checks pass right now."""

    def __init__(self, book: Book, case: Case, inputs: InputCells) -> None:
        self.case, self.inputs = case, inputs
        self.page: Page = begin(
            book, TITLE, "Checks: is every number on these sheets right?", "1B6E3C"
        )
        self.page.widths.update(WIDTHS)
        explain(
            self.page,
            "Every live step is compared with what NumPy and torch gave for the inputs as shipped. "
            "When you change the inputs that comparison rests, and what must hold for any input is "
            "still checked.",
            LAST,
        )
        self.row = FIRST_ROW + 4
        self.changed = fixed(FIRST_ROW, 4)
        self.verdicts: list[Area] = []

    def build(
        self,
        sheets: Mapping[str, NormSheet],
        identities: Mapping[str, str],
        reference: ReferenceCells,
    ) -> tuple[str, str]:
        """Draw everything; the reference of the status cell and what it says."""
        self._properties(list(_properties(sheets, identities)))
        self._steps(sheets, reference)
        says = self._head(reference)
        for area in self.verdicts:
            self._color(area)
        return on_sheet(TITLE, fixed(FIRST_ROW + 1, 4)), says

    def _head(self, reference: ReferenceCells) -> str:
        page, row = self.page, FIRST_ROW
        page.span((row, 2, row, 3), "Inputs", LABEL)
        text = (
            f'IF({self._change(reference)}=0,"as shipped","changed: NumPy and torch columns rest")'
        )
        page.span((row, 4, row, LAST), "as shipped", LABEL, text)
        page.span((row + 1, 2, row + 1, 3), "Result", LABEL)
        failing = "+".join(f'COUNTIF({fixed_area(area)},"{FAIL}")' for area in self.verdicts)
        passing = "+".join(f'COUNTIF({fixed_area(area)},"{PASS}")' for area in self.verdicts)
        shipped = f'{self.changed}="as shipped"'
        formula = (
            f'IF({failing}>0,({failing})&" checks FAIL",IF({shipped},"All "&({passing})&" checks '
            f'pass","All "&({passing})&" checks that hold for any input pass"))'
        )
        value = f"All {self._count()} checks pass"
        page.span((row + 1, 4, row + 1, LAST), value, LABEL, formula)
        area = (row + 1, 4, row + 1, LAST)
        page.rules.append(Rule(area, f"({failing})=0", GOOD, GOOD_INK))
        page.rules.append(Rule(area, f"({failing})>0", BAD, BAD_INK))
        return value

    def _count(self) -> int:
        """How many verdicts say PASS as the workbook ships."""
        values = (v for area in self.verdicts for v in self.page.values(area))
        return sum(value == PASS for value in values)

    def _change(self, reference: ReferenceCells) -> str:
        """How far the inputs are from those that shipped, summed up."""
        settings = self.case.settings
        terms = [
            f"ABS({self.inputs.setting('eps')}-{settings.eps!r})",
            f"ABS({self.inputs.setting('momentum')}-{settings.momentum!r})",
        ]
        for (source, _, name), area in reference.areas.items():
            if source == "inputs":
                live = on_sheet(self.inputs.page.title, fixed_area(self.inputs.placed[name].area))
                terms.append(f"SUMPRODUCT(ABS({live}-{area}))")
        return "+".join(terms)

    def _properties(self, properties: list[Property]) -> None:
        self._banner("What must hold for any input")
        self._header(("Norm", "Must be zero", "", "largest deviation", "verdict", "allowed"))
        first = self.row
        for item in properties:
            found, allowed = item.found, item.allowed
            self.page.put(self.row, 2, item.norm, BODY)
            self.page.span((self.row, 3, self.row, 4), item.sentence, BODY)
            limit = self.page.put(self.row, 7, allowed.value, BODY_SMALL, allowed.formula)
            self._deviation(5, found.value, found.formula, (limit, allowed.value), always=True)
            self.row += 1
        self.verdicts.append((first, 6, self.row - 1, 6))
        self.row += 1

    def _steps(self, sheets: Mapping[str, NormSheet], reference: ReferenceCells) -> None:
        self._banner("Every live step against NumPy and torch, for the inputs as shipped")
        names = ("Norm", "Step", "values", "NumPy: largest difference", "verdict")
        self._header((*names, "torch: largest difference", "verdict", "allowed"))
        first = self.row
        for op, sheet in sheets.items():
            found = reference.torch.get(op, {})
            for step in sheet.trace.steps:
                if step.name != "grad_output":
                    self._step(op, sheet, step.name, reference, found.get(step.name))
        self.verdicts += [(first, 6, self.row - 1, 6), (first, 8, self.row - 1, 8)]

    def _step(
        self,
        op: str,
        sheet: NormSheet,
        step: str,
        reference: ReferenceCells,
        torch: np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None,
    ) -> None:
        value = sheet.trace[step]
        tolerance = TOLERANCE * max(1.0, float(f"{np.abs(value).max():.0e}"))
        live = on_sheet(sheet.page.title, fixed_area(sheet.steps.placed[step].area))
        self.page.put(self.row, 2, sheet.page.title, BODY)
        self.page.put(self.row, 3, f"{step}   {_symbol(sheet, step)}", BODY)
        self.page.put(self.row, 4, value.size, BODY_CENTER)
        limit = self.page.put(self.row, 9, tolerance, BODY_SMALL)
        for column, source, other in ((5, "NumPy", value), (7, "torch", torch)):
            if other is None:
                self.page.put(self.row, column, "no torch here", BODY_CENTER)
                self.page.put(self.row, column + 1, "—", BODY_CENTER)
                continue
            gap = float(np.abs(value - other.reshape(value.shape)).max())
            formula = f"SUMPRODUCT(MAX(ABS({live}-{reference.areas[source, op, step]})))"
            self._deviation(column, gap, formula, (limit, tolerance), always=False)
        self.row += 1

    def _deviation(
        self, column: int, value: float, formula: str, allowed: tuple[str, float], *, always: bool
    ) -> None:
        """A deviation and its verdict beside it; `allowed` is the limit's cell and its value."""
        page, row = self.page, self.row
        cell = page.put(row, column, value, BODY_SMALL, formula)
        judged = f'IFERROR(IF({cell}<={allowed[0]},"{PASS}","{FAIL}"),"{FAIL}")'
        if not always:
            judged = f'IF({self.changed}="as shipped",{judged},"{CHANGED}")'
        page.put(row, column + 1, PASS if value <= allowed[1] else FAIL, VERDICT, judged)

    def _banner(self, text: str) -> None:
        self.page.span((self.row, 2, self.row, LAST), text, BANNER)
        self.page.heights[self.row] = 21
        self.row += 1

    def _header(self, names: tuple[str, ...]) -> None:
        for at, name in enumerate(names):
            self.page.put(self.row, 2 + at, name, HEADER_LEFT if at < 2 else HEADER)
        self.page.heights[self.row] = 30
        self.row += 1

    def _color(self, area: Area) -> None:
        cell = address(area[0], area[1])
        looks = ((PASS, GOOD, GOOD_INK), (FAIL, BAD, BAD_INK), (CHANGED, WARN, WARN_INK))
        for text, fill, ink in looks:
            self.page.rules.append(Rule(area, f'{cell}="{text}"', fill, ink))


def _symbol(sheet: NormSheet, name: str) -> str:
    return next(step.symbol for step in sheet.trace.steps if step.name == name)


def _properties(
    sheets: Mapping[str, NormSheet], identities: Mapping[str, str]
) -> Iterator[Property]:
    """Everything that must be zero, whatever the inputs."""
    # Normalized values of two norms may differ by the rounding of the one that divides by less.
    rounding = [_rounding(sheet) for sheet in sheets.values()]
    formulas = [amount.formula for amount in rounding]
    widest = Amount(f"MAX({','.join(formulas)})", max(amount.value for amount in rounding))
    for sentence, cell in identities.items():
        page = cell.rpartition("!")[0]
        found = Amount(cell, 0.0)
        yield Property(page, f"{sentence}, normalized values", found, _allowed(widest))
    for sheet in sheets.values():
        yield from properties_of(sheet)


def properties_of(sheet: NormSheet) -> Iterator[Property]:
    """What must be zero on one norm's sheet."""
    title, rounding = sheet.page.title, _rounding(sheet)
    allowed = _allowed(rounding)
    upstream, divisor = _largest(sheet, "grad_normalized"), _smallest_divisor(sheet)
    # dx is dx̂ / σ less its mean and its part along x̂: rounded as they are.
    of_gradient = _allowed(
        Amount(
            f"{upstream.formula}/{divisor.formula}*MAX(1,{rounding.formula})",
            upstream.value / divisor.value * max(1.0, rounding.value),
        )
    )
    if "zero_mean" in sheet.steps.placed:
        yield Property(title, "mean of x̂ over each set", _largest(sheet, "zero_mean"), allowed)
        what = "variance of x̂ less σ²/(σ² + ε)"
        yield Property(title, what, _largest(sheet, "found", "expected"), allowed)
        yield Property(title, "sum of dx over each set", _largest(sheet, "zero_sum"), of_gradient)
    else:
        what = "mean square of x̂ less m²/(m² + ε)"
        yield Property(title, what, _largest(sheet, "found", "expected"), allowed)
    what = "dx by the chain less dx in closed form"
    yield Property(title, what, _largest(sheet, "closed", "grad_input"), of_gradient)


def _allowed(scale: Amount) -> Amount:
    """How far rounding may carry numbers of this scale from zero."""
    return Amount(f"{TOLERANCE!r}*MAX(1,{scale.formula})", TOLERANCE * max(1.0, scale.value))


def _rounding(sheet: NormSheet) -> Amount:
    """The scale of the rounding in x̂: that of the largest x over the smallest divisor."""
    largest, divisor = _largest(sheet, "x"), _smallest_divisor(sheet)
    return Amount(f"{largest.formula}/{divisor.formula}", largest.value / divisor.value)


def _smallest_divisor(sheet: NormSheet) -> Amount:
    """The smallest σ (or root mean square) of all sets."""
    values = sheet.trace[sheet.chain.spread]
    return Amount(f"MIN({_area(sheet, sheet.chain.spread)})", float(values.min()))


def _largest(sheet: NormSheet, name: str, other: str | None = None) -> Amount:
    """The largest absolute value of a step, or of its difference to another."""
    areas = [_area(sheet, n) for n in (name, other) if n]
    numbers = [sheet.page.numbers(sheet.steps.placed[n].area) for n in (name, other) if n]
    gap = numbers[0] - numbers[1] if other else numbers[0]
    formula = f"SUMPRODUCT(MAX(ABS({'-'.join(areas)})))"
    if other is None:
        formula = f"MAX(MAX({areas[0]}),-MIN({areas[0]}))"
    return Amount(formula, float(np.abs(gap).max()))


def _area(sheet: NormSheet, name: str) -> str:
    """Where a step stands, as other sheets write it."""
    return on_sheet(sheet.page.title, fixed_area(sheet.steps.placed[name].area))
