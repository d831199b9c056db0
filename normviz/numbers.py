"""How numbers are written for people: in a terminal and a notebook with the digits of a sheet.

There each number has an exponent or none for itself; on a sheet a whole step has.
"""

from __future__ import annotations

import math
from typing import Any

DECIMALS = 3
"""How many decimals every number of a step has."""

SMALLEST, LARGEST = 0.5 * 10.0**-DECIMALS, 100_000.0
"""Between these the decimals tell something of a number; others have an exponent."""


def in_words(value: Any) -> Any:
    """A number; as text, if no cell can hold it.

    >>> in_words(0.5), in_words(float("nan")), in_words(float("-inf"))
    (0.5, 'NaN', '−∞')
    """
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("∞" if value > 0 else "−∞")


def written(value: Any) -> str:
    """A number by itself, in the one of the sheets' two number formats that tells more of it.

    >>> written(-0.5), written(0.0), written(123456.789), written(1e-7), written(float("nan"))
    ('-0.500', '0', '1.23E+05', '1.00E-07', 'NaN')
    """
    number = float(value)
    if number == 0 or not math.isfinite(number):
        return str(in_words(number)) if number else "0"
    is_usual = SMALLEST <= abs(number) < LARGEST
    return f"{number:.{DECIMALS}f}" if is_usual else f"{number:.{DECIMALS - 1}E}"
