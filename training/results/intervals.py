"""Mean, standard deviation and interval over seeds: never one number where there are several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

CONFIDENCE = 0.95
LEAST_SEEDS = 3  # of an interval: two differ by chance so much that theirs spans everything


def student_tail(t: float, degrees: float) -> float:
    """Return the probability of a value above ``t`` by Student's t.

    >>> student_tail(0.0, 4)
    0.5
    """
    return float(special.stdtr(degrees, -t))


def student_quantile(probability: float, degrees: float) -> float:
    """Return the value below which Student's t lies with this probability.

    >>> round(student_quantile(0.975, 4), 3)
    2.776
    """
    return float(special.stdtrit(degrees, probability))


def noncentrality(alpha: float, degrees: float, power: float = 0.8) -> float:
    """Return how many standard errors beyond a limit the truth must lie to be seen there.

    Seen with this power, by a one-sided t test at ``alpha``. The standard error is itself an
    estimate: the sum of two quantiles, as of the normal distribution, promises too much at few
    degrees of freedom.

    >>> round(noncentrality(0.025, 8), 2)
    3.2
    """
    return float(special.nctdtrinc(degrees, 1 - power, student_quantile(1 - alpha, degrees)))


@dataclass(frozen=True)
class Estimate:
    """A mean over n seeds; what a single seed cannot tell is None.

    ``error`` is the standard error of the mean, with so many degrees of freedom; low and high are
    the 95 % interval by Student's t, of three or more seeds.
    """

    mean: float
    n: int
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    error: float | None = None
    degrees: float = 0.0

    @property
    def p(self) -> float | None:
        """Two-sided p value of "the mean is 0" (Student's t); None where there is no interval."""
        if self.error is None or self.n < LEAST_SEEDS:
            return None
        if self.error == 0:
            return 1.0 if self.mean == 0 else 0.0
        return 2 * student_tail(abs(self.mean) / self.error, self.degrees)

    def p_beyond(self, limit: float) -> float:
        """The p value of "the mean is not within -limit and limit": of two one-sided tests."""
        if not self.error or self.n < LEAST_SEEDS:
            return 1.0
        return student_tail((limit - abs(self.mean)) / self.error, self.degrees)

    def __str__(self) -> str:
        if self.sd is None:
            return f"{self.mean:.2f}"
        interval = "" if self.low is None else f" [{self.low:.2f}, {self.high:.2f}]"
        return f"{self.mean:.2f} ± {self.sd:.2f}{interval}"


def estimate(values: Sequence[float], least_sd: float = 0.0) -> Estimate:
    """Return mean, sample standard deviation and the 95 % interval by Student's t.

    ``least_sd`` is what the measure can resolve: a smaller spread, as of two seeds that end at the
    very same hundredth, is not taken for certainty.

    >>> str(estimate([99.3, 99.4, 99.5]))
    '99.40 ± 0.10 [99.15, 99.65]'
    >>> str(estimate([99.3])), str(estimate([99.3, 99.4]))
    ('99.30', '99.35 ± 0.07')
    >>> str(estimate([99.3, 99.3, 99.3], least_sd=0.01))
    '99.30 ± 0.01 [99.28, 99.32]'
    """
    array = np.asarray(values, dtype=np.float64)
    mean, n = float(array.mean()), len(array)
    if n < 2:
        return Estimate(mean, n)
    sd = max(float(array.std(ddof=1)), least_sd)
    return from_spread(mean, n, sd / math.sqrt(n), n - 1, sd)


def from_spread(
    mean: float, n: int, error: float, degrees: float, sd: float | None = None
) -> Estimate:
    """Return the estimate whose mean has a standard error with so many degrees of freedom."""
    low = high = None
    if n >= LEAST_SEEDS:
        half = student_quantile((1 + CONFIDENCE) / 2, degrees) * error
        low, high = mean - half, mean + half
    return Estimate(mean, n, sd, low, high, error, degrees)
