"""What :func:`normviz.verify` found: how far every tensor is from what it should be."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.reference.rounding import Rounding

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Difference:
    """How far one tensor of the torch layer is from the reference's.

    ``absolute`` is the largest difference of an element. ``relative`` is the largest one relative
    to the size of that element's own terms: those of its statistics set with its own γ and β,
    though at most the largest absolute value of the reference's tensor; and to what rounding does
    to the terms, where it shows. ``cause`` says so in words, where it does.
    """

    tensor: str
    absolute: float
    relative: float
    tolerance: float
    cause: str = ""

    @property
    def passed(self) -> bool:
        """Whether the relative difference is within the tolerance (NaN is not)."""
        return self.relative <= self.tolerance


@dataclass(frozen=True)
class Report:
    """What :func:`verify` found; its truth value is the verdict."""

    layer: str
    dtype: str
    training: bool
    shape: tuple[int, ...]
    differences: tuple[Difference, ...]
    failure: str | None = None  # what kept the layer from running to the end
    note: str = ""  # what was not held: gradients without a formula, compiled code that did not run
    held_to: str = ""  # the formula recognized in it, where not the twin of its class

    def __bool__(self) -> bool:
        return self.failure is None and all(d.passed for d in self.differences)

    @property
    def worst(self) -> Difference:
        """The tensor with the largest relative difference."""
        return max(
            self.differences, key=lambda d: math.inf if d.relative != d.relative else d.relative
        )

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data, for a JSON file."""
        return {**asdict(self), "passed": bool(self)}

    def __str__(self) -> str:
        mode = "training" if self.training else "evaluation"
        lines = [
            f"{'PASS' if self else 'FAIL'}  {self.layer}  {self.dtype}  {mode}  {self.shape}",
            f"  {'tensor':<24} {'absolute':>10} {'relative':>10} {'allowed':>10}",
        ]
        lines += [
            f"  {d.tensor:<24} {d.absolute:>10.2e} {d.relative:>10.2e} {d.tolerance:>10.0e}"
            f"{'' if d.passed else '  FAIL'}{f'  {d.cause}' if d.cause else ''}"
            for d in self.differences
        ]
        held = f"held to {self.held_to}" if self.held_to else ""
        lines[1:1] = [f"  {said}" for said in (held, self.note, self.failure) if said]
        return "\n".join(lines)


def difference(
    name: str,
    found: Array | None,
    expected: Array,
    tolerance: float,
    roundings: tuple[Rounding, ...] = (),
) -> Difference:
    if found is None or (found.shape, found.dtype) != (expected.shape, expected.dtype):
        return Difference(name, math.inf, math.inf, tolerance)
    if found.size == 0:
        return Difference(name, 0.0, 0.0, tolerance)
    wide = [np.asarray(a, np.float64) for a in (found, expected)]
    gap, size = _gap(wide[0], wide[1], expected.dtype), np.abs(wide[1])
    if roundings and name in roundings[0].terms:
        size = roundings[0].size(name, wide[1])
    if expected.dtype.kind == "f":
        about = np.finfo(expected.dtype)
        size = size + float(about.tiny) * float(about.eps) / tolerance  # nothing lies closer
    absolute, relative = float(gap.max()), _relative(gap, size)
    for rounding in roundings:
        if relative <= tolerance or name not in rounding.allowed:
            break
        relative = _relative(gap, size + rounding.allowed[name].reshape(gap.shape) / tolerance)
        if relative <= tolerance:
            return Difference(name, absolute, relative, tolerance, rounding.in_words)
    return Difference(name, absolute, relative, tolerance)


def _gap(found: Array, expected: Array, dtype: Any) -> Array:
    """The distances, in float64; 0 between NaN and NaN and between equal infinities."""
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    most = float(np.finfo(dtype).max) if dtype.kind == "f" else 0.0
    # One rounds to infinity what to the other is just below.
    near = [np.where(np.isinf(a), np.copysign(most, a), a) for a in (found, expected)]
    with np.errstate(invalid="ignore"):
        return np.where(same, 0.0, np.abs(near[0] - near[1]))


def _relative(gap: Array, size: Array) -> float:
    """The largest distance, relative to the size of its element."""
    with np.errstate(all="ignore"):
        return float(np.max(np.where(gap == 0.0, 0.0, gap / size)))
