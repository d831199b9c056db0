"""Holds the published claims to the seeds of a run: supported, refuted or undecided.

A comparison is decided by the t interval of the paired difference over the seeds that both trials
have finished, at 95 %. A claim of k parts is

- supported when each part is, at 95 % (then all of them together are, at no less);
- refuted when one part is at 1 - 5 %/k (Bonferroni: the refuting part was picked out of k);
- undecided otherwise, and always where seeds would have to decide and there is only one.

Only whole trials count: finished, for the epochs of their recipe, on a full data set.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

import numpy as np
from scipy import stats

from training.experiments.trials import TRIALS
from training.results.claims import (
    CLAIMS,
    AtMost,
    Claim,
    More,
    Part,
    Random,
)
from training.results.intervals import (
    CONFIDENCE,
    Estimate,
    estimate,
    paired,
    sign_confidence,
)
from training.results.measures import BEST, LAST, Measure
from training.results.run_folder import Result, Results

SAMPLE = "sample"
# Of MNIST's test set, for histories that come without a confusion matrix: the ones.
TEST_DIGITS, LARGEST_CLASS = 10_000, 1135


class Verdict(StrEnum):
    """What a run says about a claim."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Finding:
    """What a run says about one part of a claim."""

    part: Part
    verdict: Verdict
    words: str
    seeds: int = 0
    margin: Estimate | None = None  # positive: as claimed
    beside: Estimate | None = None  # the same for the best epoch, where the last one decides
    confidence: float | None = None  # of the sign of the margin


@dataclass(frozen=True)
class Judgment:
    """What a run says about a claim."""

    claim: Claim
    verdict: Verdict
    findings: tuple[Finding, ...]

    @property
    def confidence(self) -> float | None:
        """At which the verdict holds; None for undecided."""
        found = [f.confidence or 0.0 for f in self.findings if f.verdict is self.verdict]
        if self.verdict is Verdict.SUPPORTED:
            return min(found)
        if self.verdict is Verdict.REFUTED:
            return 1 - len(self.findings) * (1 - max(found))
        return None

    @property
    def seeds(self) -> list[int]:
        """The numbers of seeds that its parts rest on, smallest and largest."""
        counts = [finding.seeds for finding in self.findings]
        return sorted({min(counts), max(counts)})

    @property
    def reason(self) -> str:
        """The verdict in one sentence."""
        if self.verdict is Verdict.SUPPORTED:
            return f"all {len(self.findings)} parts hold"
        if self.verdict is Verdict.REFUTED:
            refuting = [f for f in self.findings if f.verdict is Verdict.REFUTED]
            against = max(refuting, key=lambda f: f.confidence or 0.0)
            return f"this part fails: {against.part}. Measured: {against.words}"
        reasons = (f.words.split("; ") for f in self.findings if not f.seeds)
        lacking = dict.fromkeys(chain.from_iterable(reasons))
        if lacking:
            return "; ".join(lacking)
        return self._undecided()

    def _undecided(self) -> str:
        leaning = sum(1 for f in self.findings if f.margin is not None and f.margin.mean > 0)
        of = f"{leaning} of {len(self.findings)} parts lean its way"
        if max(self.seeds) == 1:
            return f"one seed has no interval, so nothing is decided; {of}"
        still = [str(f.part) for f in self.findings if f.verdict is Verdict.UNDECIDED]
        return f"{of}; not decided: {', '.join(still)}"


def judge_all(run: Results) -> list[Judgment]:
    """Return the verdict on every published claim."""
    return [judge(claim, run) for claim in CLAIMS]


def judge(claim: Claim, run: Results) -> Judgment:
    """Return the verdict on one claim."""
    findings = tuple(find(part, run, len(claim.parts)) for part in claim.parts)
    verdicts = {finding.verdict for finding in findings}
    if Verdict.REFUTED in verdicts:
        verdict = Verdict.REFUTED
    elif verdicts == {Verdict.SUPPORTED}:
        verdict = Verdict.SUPPORTED
    else:
        verdict = Verdict.UNDECIDED
    return Judgment(claim, verdict, findings)


def whole(run: Results, trial: str) -> list[Result]:
    """Return the seeds of a trial that a claim may rest on."""
    return [
        r
        for r in run.by_trial().get(trial, [])
        if r.summary is not None
        and len(r.record.epochs) == TRIALS[trial].epochs
        and not r.details["data"]["name"].startswith(SAMPLE)
    ]


def find(part: Part, run: Results, parts: int = 1) -> Finding:
    """Return what a run says about one of ``parts`` parts of a claim."""
    found = {trial: whole(run, trial) for trial in part.trials}
    lacking = [trial for trial, results in found.items() if not results]
    if lacking:
        words = "; ".join(_why_not(run, trial) for trial in lacking)
        return Finding(part, Verdict.UNDECIDED, words)
    if isinstance(part, Random):
        return _find_random(part, found[part.trial])
    if isinstance(part, AtMost):
        # One value a seed, held to the limit: the margin is what is left of it.
        values = _values(found[part.trial], part.measure)
        room = estimate([part.limit - value for value in values.values()], part.measure.resolution)
        return _by_margin(part, part.measure, room, parts)
    margin = _difference(part, found, part.measure)
    if margin is None:
        words = f"{part.first} and {part.second} have no seed in common"
        return Finding(part, Verdict.UNDECIDED, words)
    beside = _difference(part, found, BEST) if part.measure is LAST else None
    return _by_margin(part, part.measure, margin, parts, beside)


def _why_not(run: Results, trial: str) -> str:
    results = run.by_trial().get(trial, [])
    if not results:
        return f"{trial} is not in this run"
    if results[0].details["data"]["name"].startswith(SAMPLE):
        return "a run on the sample says nothing about MNIST"
    if any(r.summary is not None for r in results):
        return f"{trial} ran for other than the {TRIALS[trial].epochs} epochs of its recipe"
    return f"{trial} is {results[0].status}"


def _values(results: list[Result], measure: Measure) -> dict[int, float]:
    return {r.seed: measure.of(r.record) for r in results}


def _difference(part: More, found: dict[str, list[Result]], measure: Measure) -> Estimate | None:
    first, second = (_values(found[trial], measure) for trial in part.trials)
    return paired(first, second, measure.resolution)


def _by_margin(
    part: Part, measure: Measure, margin: Estimate, parts: int, beside: Estimate | None = None
) -> Finding:
    confidence = sign_confidence(margin)
    verdict = Verdict.UNDECIDED
    if confidence is not None:
        if margin.mean > 0 and confidence >= CONFIDENCE:
            verdict = Verdict.SUPPORTED
        elif margin.mean < 0 and confidence >= 1 - (1 - CONFIDENCE) / parts:
            verdict = Verdict.REFUTED
    words = margin_words(margin, measure)
    if isinstance(part, AtMost):
        words += ", as what is left to the limit"
    return Finding(part, verdict, words, margin.n, margin, beside, confidence)


def margin_words(margin: Estimate, measure: Measure) -> str:
    """Write a margin with its interval, or say that one seed has none."""
    digits = 2 if measure.unit == "points" else 1
    mean = f"{margin.mean:+.{digits}f} {measure.unit}"
    if margin.low is None or margin.high is None:
        return f"{mean} with one seed, which has no interval"
    return f"{mean} [{margin.low:+.{digits}f}, {margin.high:+.{digits}f}] over {margin.n} seeds"


def confidence_words(confidence: float | None) -> str:
    """Write a confidence in percent, never rounded up to certainty.

    >>> confidence_words(0.9731), confidence_words(0.99999), confidence_words(None)
    ('97.3 %', '> 99.9 %', '–')
    """
    if confidence is None:
        return "–"
    return "> 99.9 %" if confidence > 0.999 else f"{math.floor(1000 * confidence) / 10:.1f} %"


def _find_random(part: Random, results: list[Result]) -> Finding:
    accuracies = ", ".join(f"{r.record.last.test_accuracy:.2f}" for r in results)
    p_values = [_p_random(r) for r in results]
    learned = sum(p < 1 - CONFIDENCE for p in p_values)
    n = len(results)
    words = f"ends at {accuracies} %; a constant answer reaches {100 * chance(results[0]):.2f} %"
    if learned == n:
        words += ": it learns" if n == 1 else f": it learns with each of {n} seeds"
        return Finding(part, Verdict.REFUTED, words, n, confidence=1 - max(p_values))
    if learned:
        words += f": random with {n - learned} of {n} seeds"
        return Finding(part, Verdict.UNDECIDED, words, n)
    if all(_answers_the_same(r) for r in results):
        words += "; every digit gets the same answer"
    # That all of n seeds are random bounds the share of seeds that are, from below.
    share = (1 - CONFIDENCE) ** (1 / n)
    if share <= 0.5:
        words += f" ({n} seed{'s' if n > 1 else ''}, too few to say that most are)"
        return Finding(part, Verdict.UNDECIDED, words, n)
    words += f"; so with at least {100 * share:.0f} % of all seeds"
    return Finding(part, Verdict.SUPPORTED, words, n, confidence=CONFIDENCE)


def chance(result: Result) -> float:
    """Return the share of the most frequent class in the test set: what a constant answer gets."""
    right, total = _class_sizes(result)
    return right / total


def _class_sizes(result: Result) -> tuple[int, int]:
    counts = (result.summary or {}).get("confusion")
    if counts is None:
        return LARGEST_CLASS, TEST_DIGITS
    sizes = np.array(counts).sum(1)
    return int(sizes.max()), int(sizes.sum())


def _p_random(result: Result) -> float:
    """Return the exact binomial p value of the last accuracy under a constant answer."""
    largest, total = _class_sizes(result)
    right = round(result.record.last.test_accuracy / 100 * total)
    return float(stats.binomtest(right, total, largest / total, alternative="greater").pvalue)


def _answers_the_same(result: Result) -> bool:
    counts = (result.summary or {}).get("confusion")
    return counts is not None and int((np.array(counts).sum(0) > 0).sum()) == 1
