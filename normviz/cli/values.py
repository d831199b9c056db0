"""Values of the command line, checked."""

from __future__ import annotations


def shape_of(text: str) -> tuple[int, ...]:
    """A shape from its text.

    >>> shape_of("4,3,2,2")
    (4, 3, 2, 2)
    """
    try:
        shape = tuple(int(part) for part in text.split(","))
    except ValueError:
        shape = ()
    if len(shape) not in (2, 3, 4, 5) or min(shape) < 1:
        raise ValueError(
            "--shape must be four positive whole numbers N,C,H,W such as 4,4,2,2, or N,T,D such as "
            f"2,5,8 for tokens, N,D for rows, N,C,D,H,W for volumes, got {text!r}"
        )
    return shape


def at_least_one(name: str, number: int | None) -> int:
    """A number given on the command line, or 0 for the default."""
    if number is not None and number < 1:
        raise ValueError(f"--{name} must be at least 1, got {number}")
    return number or 0
