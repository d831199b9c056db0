"""Two trials beside each other: the difference, what it may come from, and how sure it is.

Where a seed draws the training images too (``train_size``), it is noise that two trials share, and
they are compared seed by seed. Elsewhere a seed only starts a network, two trials with the same one
are no more alike than any two (measured: r = 0.03 over 45 pairs of trials), and the difference is
that of two independent means (Welch).

The test images are a sample too. Where two trials share them and it was kept which ones their
networks got wrong, a second interval counts runs and images both as drawn anew, and p values and
verdicts rest on it. It is that of two crossed random effects (Cornfield & Tukey, 1956, Annals of
Mathematical Statistics 27): to the variance that a difference of means has over the seeds comes
what it has from the images alone, without the part of a single network on a single image, which
the seeds have already. Degrees of freedom stay those of the seeds, which is on the safe side.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.experiments.claims import LAST, MEASURES
from training.record.task_folder import Result, Wrong
from training.results.intervals import (
    CONFIDENCE,
    Estimate,
    estimate,
    from_spread,
    noncentrality,
)
from training.results.run_folder import Results

Values = dict[int, float]  # by seed
EQUIVALENT = 0.10  # points: of the errors that trials at 99.35 % make 15 %, at 99 % a tenth
SEED_BY_SEED, TWO_MEANS = "seed by seed", "two means"  # how two trials are compared


@dataclass(frozen=True)
class Comparison:
    """How much higher the last accuracy of ``first`` is than that of ``second``, in points."""

    first: str
    second: str
    margin: Estimate
    with_images: Estimate | None  # its interval counts the test images as a sample, too
    compared: str  # SEED_BY_SEED or TWO_MEANS
    p: float | None = None  # two-sided, corrected after Holm for all comparisons of the run
    p_equivalent: float | None = None  # likewise, that it is within EQUIVALENT either way
    detectable: float | None = None  # what 80 % power would have seen, as the first of all of them

    @property
    def decisive(self) -> Estimate:
        """What p rests on: seeds and images, where it is known which of these were wrong."""
        return self.with_images or self.margin

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
    found = [compare(trials[first], trials[second]) for first, second in pairs]
    compared = [one for one in found if one is not None]
    return sorted(_corrected(compared), key=lambda c: -abs(c.margin.mean))


def _corrected(compared: Sequence[Comparison]) -> list[Comparison]:
    """Return comparisons with what is corrected for their number; two seeds have none of it."""
    p_values = holm([one.decisive.p for one in compared])
    can_be = [one.decisive if one.decisive.p is not None else None for one in compared]
    alike = holm([e.p_beyond(EQUIVALENT) if e else None for e in can_be])
    tests = sum(p is not None for p in p_values)
    seen = [detectable(e, tests) if e else None for e in can_be]
    return [
        replace(one, p=p, p_equivalent=equal, detectable=points)
        for one, p, equal, points in zip(compared, p_values, alike, seen, strict=True)
    ]


def compare(first: Sequence[Result], second: Sequence[Result]) -> Comparison | None:
    """Return two trials' comparison, its p not corrected yet; None without a seed in common.

    Args:
        first: the seeds of one trial that count, at least one.
        second: likewise of the other.
    """
    shared = all(r.config.train_size for r in (*first, *second))
    a, b = ({r.seed: r.last_accuracy for r in results} for results in (first, second))
    margin = difference(a, b, shared, MEASURES[LAST].resolution)
    if margin is None:
        return None
    images, crossed = _of_images(first, second), None
    if images is not None and margin.error is not None:
        error = math.hypot(margin.error, images)
        crossed = from_spread(margin.mean, margin.n, error, margin.degrees)
    names = first[0].config.name, second[0].config.name
    return Comparison(*names, margin, crossed, SEED_BY_SEED if shared else TWO_MEANS)


def _of_images(first: Sequence[Result], second: Sequence[Result]) -> float | None:
    """The standard error, in points, that the difference has from the test images."""
    if any(r.config.train_size for r in (*first, *second)):
        return None  # a seed that draws them has test images of its own: no image is in both
    if not all(r.summary for r in (*first, *second)):
        return None  # of one that diverged nobody knows which images it got wrong
    # Of some seeds it is known of enough: to leave the images out would make the interval narrower.
    known = [[w for w in (r.wrong() for r in results) if w] for results in (first, second)]
    counts = {one.images for of_trial in known for one in of_trial}
    if not all(known) or len(counts) != 1:
        return None
    (count,) = counts
    tables = [_table(of_trial, count) for of_trial in known]
    of_images = tables[0].mean(0) - tables[1].mean(0)
    shared = float(of_images.var(ddof=1)) - sum(map(_single, tables))
    return 100 * math.sqrt(max(0.0, shared) / count)


def _table(known: Sequence[Wrong], count: int) -> np.ndarray:
    """Return (seeds, images) of 1.0 where a network got an image wrong, else 0.0."""
    table = np.zeros((len(known), count))
    for row, one in zip(table, known, strict=True):
        row[list(one.indices)] = 1
    return table


def _single(table: np.ndarray) -> float:
    """The variance that an image's mean over seeds has from single networks on single images.

    Of one seed it cannot be told from that of the images: none of it, which is on the safe side.
    """
    seeds, images = table.shape
    if seeds == 1:
        return 0.0
    alone = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
    return float(np.square(alone).sum() / ((seeds - 1) * (images - 1)) / seeds)


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
    return noncentrality((1 - CONFIDENCE) / tests / 2, margin.degrees) * margin.error
