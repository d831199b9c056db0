"""Mean, standard deviation and interval over seeds: never one number where there are several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over n seeds; sd, low and high (of the 95 % t interval) are None for n = 1."""

    mean: float
    n: int
    sd: float | None = None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.sd is None:
            return f"{self.mean:.2f}"
        return f"{self.mean:.2f} ± {self.sd:.2f} [{self.low:.2f}, {self.high:.2f}]"


def estimate(values: Sequence[float]) -> Estimate:
    """Return mean, sample standard deviation and the 95 % interval by Student's t.

    >>> str(estimate([99.3, 99.4, 99.5]))
    '99.40 ± 0.10 [99.15, 99.65]'
    >>> str(estimate([99.3]))
    '99.30'
    """
    array = np.asarray(values, dtype=np.float64)
    mean, n = float(array.mean()), len(array)
    if n < 2:
        return Estimate(mean, n)
    sd = float(array.std(ddof=1))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * sd / np.sqrt(n)
    return Estimate(mean, n, sd, mean - half, mean + half)


def paired(first: dict[int, float], second: dict[int, float]) -> Estimate | None:
    """Return the difference first - second over the seeds both have, or None without any.

    >>> paired({0: 99.4, 1: 99.5}, {0: 99.3, 1: 99.4, 2: 99.0}).n
    2
    """
    common = sorted(set(first) & set(second))
    if not common:
        return None
    return estimate([first[seed] - second[seed] for seed in common])
