"""What must be zero on the norms' sheets for any input, and how far rounding may carry it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from normviz.workbook.formulas.differences import distance, distance_of
from normviz.workbook.sheets.norm.page import NormPage

TOLERANCE = 1e-9


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


def properties(sheets: Mapping[str, NormPage], identities: Mapping[str, str]) -> Iterator[Property]:
    """Everything that must be zero, whatever the inputs."""
    # Normalized values of two norms may differ by the rounding of the one that divides by less.
    rounding = [_rounding(page) for page in sheets.values()]
    formulas = [amount.formula for amount in rounding]
    widest = Amount(f"MAX({','.join(formulas)})", max(amount.value for amount in rounding))
    for sentence, cell in identities.items():
        found = Amount(cell, 0.0)
        yield Property("Identities", f"{sentence}, normalized values", found, _allowed(widest))
    for page in sheets.values():
        yield from properties_of(page)


def properties_of(page: NormPage) -> Iterator[Property]:
    """What must be zero on one norm's sheet."""
    title, rounding = page.page.title, _rounding(page)
    allowed = _allowed(rounding)
    upstream, divisor = _largest(page, "grad_normalized"), _smallest_spread(page)
    # dx is dx̂ / r less its mean and its part along x̂: rounded as they are.
    of_gradient = _allowed(
        Amount(
            f"{upstream.formula}/{divisor.formula}*MAX(1,{rounding.formula})",
            upstream.value / divisor.value * max(1.0, rounding.value),
        )
    )
    if "zero_mean" in page.placed:
        yield Property(title, "mean of x̂ over each set", _largest(page, "zero_mean"), allowed)
        what = "variance of x̂ less " + _of_hat(page, "σ²/(σ² + ε)")
        yield Property(title, what, _apart(page, "found", "expected"), allowed)
        yield Property(title, "sum of dx over each set", _largest(page, "zero_sum"), of_gradient)
    else:
        what = "mean square of x̂ less " + _of_hat(page, "v/(v + ε)")
        yield Property(title, what, _apart(page, "found", "expected"), allowed)
    if "closed" not in page.placed:
        return
    what = "dx by the chain less dx in closed form"
    yield Property(title, what, _apart(page, "closed", "grad_input"), of_gradient)


def _of_hat(page: NormPage, usual: str) -> str:
    return usual if page.trace.spread.is_usual else "what it must be"


def _allowed(scale: Amount) -> Amount:
    """How far rounding may carry numbers of this scale from zero."""
    return Amount(f"{TOLERANCE!r}*MAX(1,{scale.formula})", TOLERANCE * max(1.0, scale.value))


def _rounding(page: NormPage) -> Amount:
    """The scale of the rounding in x̂: that of the largest x over the smallest divisor."""
    largest, divisor = _largest(page, "x"), _smallest_spread(page)
    return Amount(f"{largest.formula}/{divisor.formula}", largest.value / divisor.value)


def _smallest_spread(page: NormPage) -> Amount:
    """The smallest r of all sets."""
    name = page.chain.spread
    return Amount(f"MIN({page.sheet.refer(name, '*')})", float(page.trace[name].min()))


def _largest(page: NormPage, name: str) -> Amount:
    """The largest absolute value of a step."""
    area, values = page.sheet.refer(name, "*"), page.page.numbers(page.placed[name].area)
    return Amount(f"MAX(MAX({area}),-MIN({area}))", float(np.abs(values).max()))


def _apart(page: NormPage, name: str, other: str) -> Amount:
    """How far two steps are from each other."""
    first, second = (page.page.numbers(page.placed[n].area) for n in (name, other))
    formula = distance(page.sheet.refer(name, "*"), page.sheet.refer(other, "*"))
    return Amount(formula, distance_of(first, second))
