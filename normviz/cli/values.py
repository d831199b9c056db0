"""Values of the command line, checked."""

from __future__ import annotations

import re


def shape_of(text: str) -> tuple[int, ...]:
    """A shape from its text.

    >>> shape_of("4,3,2,2")
    (4, 3, 2, 2)
    """
    return named_shape(text)[0]


def named_shape(text: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """A shape from its text, and the names of its axes where the text has them.

    >>> named_shape("n=2,c=4,l=6")
    ((2, 4, 6), ('n', 'c', 'l'))
    """
    parts = [re.fullmatch(r"\s*(?:([a-z])\s*=)?\s*(\d+)\s*", part) for part in text.split(",")]
    found = [(part[1], int(part[2])) for part in parts if part]
    shape, names = tuple(n for _, n in found), tuple(name for name, _ in found if name)
    whole = len(found) == len(parts) and len(names) in (0, len(parts))
    if not whole or len(shape) not in (2, 3, 4, 5) or min(shape) < 1:
        raise ValueError(
            "--shape must be four positive whole numbers N,C,H,W such as 4,4,2,2, or N,T,D such as "
            "2,5,8 for tokens, N,D for rows, N,C,D,H,W for volumes, or name its axes as "
            f"n=2,c=4,l=6 does, got {text!r}"
        )
    return shape, names


def at_least_one(name: str, number: int | None) -> int:
    """A number given on the command line, or 0 for the default."""
    if number is not None and number < 1:
        raise ValueError(f"--{name} must be at least 1, got {number}")
    return number or 0
