"""What a student typed, read as it was meant: numbers kept as texts, choices in another case."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from normviz.errors import printable
from normviz.workbook.book.cells import Value

_NUMBER = re.compile(r"[-+−]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+−]?\d+)?")
MOST_LETTERS, MOST_QUOTED = 30, 3


def number_of(value: Value) -> float | None:
    """A cell's number; one that its program took for a text is meant as one.

    >>> [number_of(text) for text in ("1,25", " −2.5E-01 ", "≈ 1", "1e999")]
    [1.25, -0.25, None, None]
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value.strip().replace(",", ".").replace("−", "-"))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def option_of(value: Value, options: Sequence[str]) -> str | None:
    """The option that is meant, whatever its case and blanks; None where it is none of them.

    >>> option_of("Every  Image ", ["every image"]), option_of("2,0", ["1", "2"])
    ('every image', '2')
    """
    words, number = _folded(value), number_of(value)
    exact = (option for option in options if option == value)
    alike = (option for option in options if _folded(option) == words)
    equal = (option for option in options if number is not None and number_of(option) == number)
    return next(exact, None) or next(alike, None) or next(equal, None)


def _folded(value: Value) -> str:
    return " ".join(str(value).split()).casefold()


def quotes(texts: Sequence[str]) -> str:
    """The first few texts as they were typed, long ones cut.

    >>> quotes(["'1.25", "≈ 1"])
    "“'1.25”, “≈ 1”"
    """
    lines = [printable(text) for text in texts[:MOST_QUOTED]]
    short = [f"{t[:MOST_LETTERS]}…" if len(t) > MOST_LETTERS else t for t in lines]
    more = [f"{len(texts) - MOST_QUOTED} more"] if len(texts) > MOST_QUOTED else []
    return ", ".join([*(f"“{text}”" for text in short), *more])
