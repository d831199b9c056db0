"""The arguments that size axes of a norm (num_groups, num_splits, normalized_shape), checked."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from normviz.norms.notation import REST, Pattern, Shape, divisors, positive_integer


@dataclass(frozen=True)
class SizeArgument:
    """An argument that tells the size of an axis of the pattern.

    ``example`` is a value as one would write it, ``divides`` what it has to divide ("channel"),
    ``hint`` what the error says at its end, and ``empty`` whether there may be none of these.
    Without ``divides`` the argument is a tuple: the lengths of the axes that the name stands for.
    """

    axis: str
    argument: str
    example: str = "2"
    divides: str = ""
    hint: str = ""
    empty: bool = True

    @property
    def parts(self) -> str:
        """What the parts are called that it cuts an axis into: "groups", "splits", or ""."""
        return PARTS.get(self.divides, "")


PARTS = {"channel": "groups", "sample": "splits"}
"""What the parts of an axis are called, by what the axis holds."""


def checked_shape(shape: Any) -> Shape:
    """``shape`` as a tuple of ints.

    Raises:
        TypeError, ValueError: for anything else, or a negative length.
    """
    try:
        checked = tuple(operator.index(n) for n in shape)
    except TypeError:
        raise TypeError(
            f"shape must be a tuple of ints, got {shape!r}: for example (4, 6, 2, 2)"
        ) from None
    if min(checked, default=0) < 0:
        raise ValueError(f"shape must not have negative dimensions, got {checked}")
    return checked


def check_lengths(shape: Sequence[int], wanted: Sequence[int | None]) -> None:
    """Refuse an x of another shape than a layer is for; None is a length that may vary.

    Raises:
        ValueError: with both shapes.
    """
    if len(shape) != len(wanted) or any(
        own not in (None, n) for n, own in zip(shape, wanted, strict=True)
    ):
        told = ", ".join("any" if n is None else str(n) for n in wanted)
        raise ValueError(f"x must have shape ({told}), got {tuple(shape)}")


def trailing(argument: str, value: Any, shape: Shape) -> Shape:
    """The lengths of the last dimensions of x, as ``argument`` gives them."""
    if not shape:
        raise ValueError(f"x must have at least one dimension for {argument}, got shape ()")
    example = f"for example {shape[1:] or shape}"
    try:
        found = tuple(operator.index(n) for n in value)
    except TypeError:
        raise TypeError(f"{argument} must be a tuple of ints, got {value!r}: {example}") from None
    if not found or shape[-len(found) :] != found:
        raise ValueError(
            f"{argument} must be the last dimensions of x, got {found} for x of shape {shape}: "
            f"{example}"
        )
    return found


def divisor(pattern: Pattern, size: SizeArgument, value: Any, shape: Shape) -> int:
    """The size of a factor of a composed dimension, which it has to divide."""
    number = positive_integer(size.argument, value)
    length = shape[place_of(pattern, size)]
    if length % number or not (length or size.empty):
        choices = f"use one of {divisors(length)}"
        if not length:
            choices = f"x needs at least one {size.divides}"
        raise ValueError(
            f"{size.argument} must divide the {length} {size.divides}s of x, got "
            f"{size.argument}={number}: {choices}{size.hint}"
        )
    return number


def place_of(pattern: Pattern, size: SizeArgument) -> int:
    """The dimension of x that an axis is a factor of; counted from the end after "..."."""
    names = [[axis.name for axis in dimension] for dimension in pattern.dimensions]
    place = next(i for i, of in enumerate(names) if size.axis in of)
    return place - len(names) if [REST] in names[:place] else place


def smallest_factor(length: int) -> int:
    """The smallest divisor above 1: a cut that shows what a cut does."""
    return next((d for d in range(2, length + 1) if length % d == 0), 1)
