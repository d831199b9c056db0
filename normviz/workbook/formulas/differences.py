"""How far two blocks of numbers are from each other, in a form that every engine computes alike.

The largest difference would be SUMPRODUCT(MAX(ABS(a-b))), which Gnumeric refuses: it calculates
with whole areas by operators only. The root of the sum of the squares is never smaller than the
largest difference, and 0 exactly where all are equal.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def distance(first: str, second: str) -> str:
    """The formula: √Σ (a − b)² over two areas of the same shape; empty cells count as 0.

    >>> distance("A1:B2", "D1:E2")
    'SQRT(SUMPRODUCT((A1:B2-D1:E2)^2))'
    """
    return f"SQRT(SUMPRODUCT(({first}-{second})^2))"


def distance_of(first: Any, second: Any) -> float:
    """Its value; no square of a large difference overflows. NaN where nothing can be said.

    >>> distance_of([3.0, 0.0], [0.0, 4.0]), distance_of([3e200], [0.0])
    (5.0, 3e+200)
    """
    with np.errstate(invalid="ignore"):  # of two infinities
        return math.hypot(*np.subtract(first, second).ravel().tolist())
