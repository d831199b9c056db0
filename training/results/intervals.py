"""Mean, standard deviation and interval over seeds: never one number where there are several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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

    def within(self, least: float, most: float) -> Estimate:
        """Return it with an interval that ends where the quantity itself does.

        >>> str(estimate([99.0, 99.8]).within(0, 100))
        '99.40 ± 0.57 [94.32, 100.00]'
        """
        if self.low is None or self.high is None:
            return self
        return replace(self, low=max(self.low, least), high=min(self.high, most))

    def __str__(self) -> str:
        if self.sd is None:
            return f"{self.mean:.2f}"
        return f"{self.mean:.2f} ± {self.sd:.2f} [{self.low:.2f}, {self.high:.2f}]"


def estimate(values: Sequence[float], least_sd: float = 0.0) -> Estimate:
    """Return mean, sample standard deviation and the 95 % interval by Student's t.

    ``least_sd`` is what the measure can resolve: a smaller spread, as of two seeds that end at the
    very same hundredth, is not taken for certainty.

    >>> str(estimate([99.3, 99.4, 99.5]))
    '99.40 ± 0.10 [99.15, 99.65]'
    >>> str(estimate([99.3]))
    '99.30'
    >>> str(estimate([99.3, 99.3], least_sd=0.01))
    '99.30 ± 0.01 [99.21, 99.39]'
    """
    array = np.asarray(values, dtype=np.float64)
    mean, n = float(array.mean()), len(array)
    if n < 2:
        return Estimate(mean, n)
    sd = max(float(array.std(ddof=1)), least_sd)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * sd / np.sqrt(n)
    return Estimate(mean, n, sd, mean - half, mean + half)


def paired(
    first: dict[int, float], second: dict[int, float], least_sd: float = 0.0
) -> Estimate | None:
    """Return the difference first - second over the seeds both have, or None without any.

    >>> paired({0: 99.4, 1: 99.5}, {0: 99.3, 1: 99.4, 2: 99.0}).n
    2
    """
    common = sorted(set(first) & set(second))
    if not common:
        return None
    return estimate([first[seed] - second[seed] for seed in common], least_sd)


def sign_confidence(mean: Estimate) -> float | None:
    """Return the highest confidence at which the t interval of ``mean`` leaves 0 out.

    One minus the two-sided p value of Student's t test; None for one seed, which has no interval.

    >>> round(sign_confidence(estimate([0.1, 0.2, 0.3])), 3)
    0.926
    """
    if mean.sd is None:
        return None
    if mean.sd == 0:
        return 0.0 if mean.mean == 0 else 1.0
    t = abs(mean.mean) / (mean.sd / np.sqrt(mean.n))
    return float(1 - 2 * stats.t.sf(t, mean.n - 1))
