"""Two trials beside each other: the difference, what it may come from, and how sure it is.

Where a seed draws the training images too (``train_size``), it is noise that two trials share, and
they are compared seed by seed. Elsewhere a seed only starts a network, two trials with the same one
are no more alike than any two (measured: r = 0.03 over 45 pairs of trials), and the difference is
that of two independent means (Welch).

The test images are a sample too. Where a run kept which ones each network got wrong, a second
interval counts runs and images both as drawn anew (crossed, after Owen, 2007, eq. 6: the variances
of the means over either are added, which is on the safe side).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.record.task_folder import Result
from training.results.intervals import (
    CONFIDENCE,
    Estimate,
    estimate,
    from_spread,
    student_quantile,
)
from training.results.run_folder import Results

Values = dict[int, float]  # by seed


@dataclass(frozen=True)
class Comparison:
    """How much higher the last accuracy of ``first`` is than that of ``second``, in points."""

    first: str
    second: str
    margin: Estimate
    with_images: Estimate | None  # its interval counts the test images as a sample, too
    p: float | None  # two-sided, corrected after Holm for all comparisons of the run

    def __str__(self) -> str:
        return f"{self.first} − {self.second}"


def difference(
    first: Values, second: Values, shared: bool, least_sd: float = 0.0
) -> Estimate | None:
    """Return the difference of two trials' means, or None where there is nothing to compare.

    ``shared``: whether a seed stands for the same noise in both.

    >>> str(difference({0: 3.0, 1: 5.0}, {0: 1.0, 1: 3.2}, shared=True))
    '1.90 ± 0.14'
    >>> difference({0: 3.0}, {1: 1.0}, shared=True) is None
    True
    """
    if shared:
        common = sorted(set(first) & set(second))
        if not common:
            return None
        return estimate([first[seed] - second[seed] for seed in common], least_sd)
    a, b = (np.array(list(values.values())) for values in (first, second))
    if not len(a) or not len(b):
        return None
    mean, n = float(a.mean() - b.mean()), min(len(a), len(b))
    if n < 2:
        return Estimate(mean, n)
    of_mean = [max(float(v.std(ddof=1)), least_sd) ** 2 / len(v) for v in (a, b)]
    error = math.sqrt(sum(of_mean))
    parts = [v**2 / (len(x) - 1) for v, x in zip(of_mean, (a, b), strict=True)]
    degrees = error**4 / sum(parts) if error else n - 1
    return from_spread(mean, n, error, degrees)


def compare_all(run: Results) -> list[Comparison]:
    """Return every two trials of a run, the largest difference first.

    A seed that diverged counts with the accuracy of a constant answer.
    """
    trials = {name: [r for r in results if r.counts] for name, results in run.by_trial().items()}
    pairs = [
        (first, second)
        for first, second in itertools.combinations(trials, 2)
        if trials[first] and trials[second]
    ]
    found = []
    for first, second in pairs:
        margin = _last_difference(trials[first], trials[second])
        if margin is None:
            continue
        images = _of_images(trials[first], trials[second])
        crossed = None
        if images is not None and margin.error is not None:
            error = math.hypot(margin.error, images)
            crossed = from_spread(margin.mean, margin.n, error, margin.degrees)
        found.append((first, second, margin, crossed))
    p_values = holm([margin.p for _, _, margin, _ in found])
    comparisons = [Comparison(*one, p) for one, p in zip(found, p_values, strict=True)]
    return sorted(comparisons, key=lambda c: -abs(c.margin.mean))


def shares_noise(results: Sequence[Result]) -> bool:
    """Whether a seed draws the data, too, in all of these."""
    return all(r.config.train_size for r in results)


def _last_difference(first: list[Result], second: list[Result]) -> Estimate | None:
    a, b = ({r.seed: r.last_accuracy for r in results} for results in (first, second))
    return difference(a, b, shares_noise([*first, *second]), least_sd=0.01)


def _of_images(first: list[Result], second: list[Result]) -> float | None:
    """The standard error, in points, that the difference has from the test images."""
    if shares_noise([*first, *second]):
        return None  # every seed has test images of its own, so its spread holds theirs
    if not all(r.summary for r in (*first, *second)):
        return None  # of one that diverged nobody knows which images it got wrong
    count = sum(map(sum, (first[0].summary or {}).get("confusion", [])))
    if not count:
        return None  # a kept summary has no confusion matrix
    wrong = np.zeros(count)
    for results, sign in ((first, 1), (second, -1)):
        for result in results:
            mistakes = result.mistakes()
            if mistakes is None:
                return None
            wrong[mistakes["index"]] += sign / len(results)
    return 100 * float(wrong.std(ddof=1)) / math.sqrt(count)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p values corrected for their number (Holm, 1979); None stays, and does not count.

    >>> holm([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]
    """
    order = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    found: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(order):
        largest = max(largest, min(1.0, p * (len(order) - rank)))
        found[place] = largest
    return found


def detectable(margin: Estimate, tests: int = 1) -> float | None:
    """Return the difference that would be seen with 80 % power at this spread and these seeds.

    Seen: two-sided at 5 %, for the first of so many ``tests`` that are corrected together (Holm).
    """
    if margin.error is None:
        return None
    alpha = (1 - CONFIDENCE) / tests
    quantiles = (student_quantile(p, margin.degrees) for p in (1 - alpha / 2, 0.8))
    return sum(quantiles) * margin.error
