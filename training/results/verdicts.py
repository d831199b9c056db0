"""Holds the published claims to the seeds of a run.

A part of a claim compares two trials, or a trial with a limit, by the interval of the difference at
95 %, of last accuracies over seeds and test images, where it was kept which of these were wrong
(see :mod:`training.results.comparisons`), and else over the seeds. The p values of all comparisons
that a run can decide are corrected together (Holm), one that stands in two claims once, and a part
is

- supported when it holds, refuted when its opposite does;
- equivalent when the difference is within ``EQUIVALENT`` either way, by two one-sided tests, which
  are corrected for all that could be found equivalent (Holm);
- undecided otherwise, with the difference that would have been seen with 80 % power, were it the
  clearest of all that are corrected.

A claim is supported when each of its parts is, refuted when one is. One seed decides no comparison.
Only whole trials count: finished or diverged, for the epochs of their recipe, on a full data set. A
diverged seed counts with the accuracy of a constant answer; of steadiness and early falls it has no
measure. Where a seed never crosses a target, how late its trial crosses is not known.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain

import numpy as np
from scipy import special

from training.experiments.claims import (
    BEST,
    CLAIMS,
    LAST,
    MEASURES,
    AtMost,
    Claim,
    More,
    Part,
    Random,
)
from training.experiments.config import TrialConfig
from training.experiments.trials import TRIALS
from training.record.task_folder import Result
from training.results.comparisons import EQUIVALENT, compare, detectable, difference, holm
from training.results.intervals import CONFIDENCE, Estimate, estimate
from training.results.measures import value
from training.results.run_folder import Results

ALPHA = 1 - CONFIDENCE
SEEDS, AND_IMAGES = "seeds", "seeds and the test images"  # what an interval is over
# Of the test sets, for histories that come without a confusion matrix: MNIST has the most ones,
# the classes of the others are equally large.
TEST_IMAGES, LARGEST_CLASS = 10_000, {"mnist": 1135}


class Verdict(StrEnum):
    """What a run says about a claim, or a part of it."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Finding:
    """What a run says about one part of a claim."""

    part: Part
    verdict: Verdict
    words: str
    seeds: int = 0
    margin: Estimate | None = None  # positive: as claimed
    over: str = SEEDS  # what its interval is over, in words
    beside: Estimate | None = None  # the same for the best epoch, where the last one decides
    p: float | None = None  # two-sided; corrected once all parts are known
    p_equivalent: float | None = None  # likewise


@dataclass(frozen=True)
class Judgment:
    """What a run says about a claim."""

    claim: Claim
    verdict: Verdict
    findings: tuple[Finding, ...]

    @property
    def p(self) -> float | None:
        """The corrected p value that the verdict rests on; None for undecided."""
        found = [1.0 if f.p is None else f.p for f in self.findings if f.verdict is self.verdict]
        if self.verdict is Verdict.SUPPORTED:
            return max(found)
        return min(found) if self.verdict is Verdict.REFUTED else None

    @property
    def can_be_judged(self) -> bool:
        """Whether the run has all trials of a part."""
        return any(finding.seeds for finding in self.findings)

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
            against = min(refuting, key=lambda f: 1.0 if f.p is None else f.p)
            return f"this part fails: {against.part}. Measured: {against.words}"
        reasons = (f.words.split("; ") for f in self.findings if not f.seeds)
        lacking = dict.fromkeys(chain.from_iterable(reasons))
        decided = [self._undecided()] if self.can_be_judged else []
        return "; ".join([*decided, *lacking])

    def _undecided(self) -> str:
        leaning = sum(1 for f in self.findings if f.margin is not None and f.margin.mean > 0)
        of = f"{leaning} of {len(self.findings)} parts lean its way"
        if max(self.seeds) < 2:
            return f"one seed has no interval, so nothing is decided; {of}"
        said = [of]
        for verdict, words in ((Verdict.EQUIVALENT, "equivalent"), (Verdict.UNDECIDED, "open")):
            parts = [str(f.part) for f in self.findings if f.seeds and f.verdict is verdict]
            said += [f"{words}: {', '.join(parts)}"] if parts else []
        return "; ".join(said)


def judge_all(run: Results, claims: Sequence[Claim] = CLAIMS) -> list[Judgment]:
    """Return the verdict on every claim, corrected for all of their comparisons."""
    found = [[find(part, run) for part in claim.parts] for claim in claims]
    distinct = {compared(f.part): f for findings in found for f in findings}
    p_values = dict(zip(distinct, holm([f.p for f in distinct.values()]), strict=True))
    alike = dict(zip(distinct, holm([f.p_equivalent for f in distinct.values()]), strict=True))
    tests = sum(p is not None for p in p_values.values())

    def corrected(finding: Finding) -> Finding:
        of = compared(finding.part)
        return _decided(replace(finding, p=p_values[of], p_equivalent=alike[of]), tests)

    judged = [tuple(map(corrected, findings)) for findings in found]
    return [
        Judgment(claim, _together(findings), findings)
        for claim, findings in zip(claims, judged, strict=True)
    ]


def compared(part: Part) -> Hashable:
    """Return what a part compares: the same, whichever of two trials is said to have more."""
    return (frozenset(part.trials), part.measure) if isinstance(part, More) else part


def _together(findings: Sequence[Finding]) -> Verdict:
    verdicts = {finding.verdict for finding in findings}
    if Verdict.REFUTED in verdicts:
        return Verdict.REFUTED
    return Verdict.SUPPORTED if verdicts == {Verdict.SUPPORTED} else Verdict.UNDECIDED


def _decided(finding: Finding, tests: int) -> Finding:
    """Return the finding with what follows from its p values, which are corrected for so many."""
    margin, part, p = finding.margin, finding.part, finding.p
    if p is None:
        return finding
    if margin is None or isinstance(part, Random):
        verdict = finding.verdict if p <= ALPHA else Verdict.UNDECIDED
        return replace(finding, verdict=verdict)
    verdict = Verdict.UNDECIDED
    if p <= ALPHA:
        verdict = Verdict.SUPPORTED if margin.mean > 0 else Verdict.REFUTED
    elif finding.p_equivalent is not None and finding.p_equivalent <= ALPHA:
        verdict = Verdict.EQUIVALENT
    words = _words(margin, part, finding.over, tests)
    return replace(finding, verdict=verdict, words=words)


def whole(run: Results, trial: str) -> list[Result]:
    """Return the seeds of a trial that a claim may rest on."""
    return [
        r
        for r in run.by_trial().get(trial, [])
        if r.counts
        and _is_published(r.config)
        and (r.summary or {"epochs": r.config.epochs})["epochs"] == TRIALS[trial].epochs
        and not r.details["data"]["is_sample"]
    ]


def _is_published(config: TrialConfig) -> bool:
    """Whether it is the trial of its name, in all but the number of its epochs."""
    known = TRIALS[config.name]
    return replace(config, epochs=known.epochs) == known


def find(part: Part, run: Results) -> Finding:
    """Return what a run says about one part of a claim, not yet corrected for the others."""
    found = {trial: whole(run, trial) for trial in part.trials}
    lacking = [trial for trial, results in found.items() if not results]
    if lacking:
        words = "; ".join(_why_not(run, trial) for trial in lacking)
        return Finding(part, Verdict.UNDECIDED, words)
    if isinstance(part, Random):
        return _find_random(part, found[part.trial])
    never = _never(part, found)
    if never:
        # It counts among those that are corrected: how many these are must not hang on the data.
        return Finding(part, Verdict.UNDECIDED, never, min(map(len, found.values())), p=1.0)
    margin, over = _margin(part, found, part.measure)
    if margin is None:
        words = f"of {' and '.join(part.trials)} no history was kept"
        return Finding(part, Verdict.UNDECIDED, words)
    beside = _margin(part, found, BEST)[0] if part.measure == LAST else None
    can_be = part.measure in (LAST, BEST) and margin.p is not None
    alike = margin.p_beyond(EQUIVALENT) if can_be else None
    words = _words(margin, part, over, tests=1)
    finding = Finding(
        part, Verdict.UNDECIDED, words, margin.n, margin, over, beside, margin.p, alike
    )
    return _decided(finding, tests=1)


def _never(part: More | AtMost, found: dict[str, list[Result]]) -> str:
    """Return which seeds never come to what is measured, in words; "" where all do."""
    of_trial = {t: [value(part.measure, r) for r in results] for t, results in found.items()}
    lost = {trial: values.count(math.inf) for trial, values in of_trial.items()}
    words = [f"{n} of {len(of_trial[trial])} seeds of {trial}" for trial, n in lost.items() if n]
    name = MEASURES[part.measure].name
    return f"{' and '.join(words)} never had it, so no mean is known of: {name}" if words else ""


def _why_not(run: Results, trial: str) -> str:
    results = run.by_trial().get(trial, [])
    if not results:
        return f"{trial} is not in this run"
    if results[0].details["data"]["is_sample"]:
        return "a run on the sample says nothing about MNIST"
    if not _is_published(results[0].config):
        return f"{trial} of this run is another trial of that name"
    if any(r.summary is not None for r in results):
        return f"{trial} ran for other than the {TRIALS[trial].epochs} epochs of its recipe"
    return f"{trial} is {results[0].status}"


def _margin(
    part: More | AtMost, found: dict[str, list[Result]], measure: str
) -> tuple[Estimate | None, str]:
    """Return the difference, or what is left to the limit, and what its interval is over.

    None where a history is lacking.
    """
    if measure == LAST and isinstance(part, More):
        both = compare(found[part.first], found[part.second])
        if both is None:
            return None, SEEDS
        return both.decisive, AND_IMAGES if both.with_images else SEEDS
    of_trial = [{r.seed: value(measure, r) for r in found[trial]} for trial in part.trials]
    kept = [{k: v for k, v in values.items() if v is not None} for values in of_trial]
    if not all(kept):
        return None, SEEDS
    resolution = MEASURES[measure].resolution
    if isinstance(part, AtMost):
        return estimate([part.limit - v for v in kept[0].values()], resolution), SEEDS
    return difference(kept[0], kept[1], shared=False, least_sd=resolution), SEEDS


def _words(margin: Estimate, part: More | AtMost, over: str, tests: int) -> str:
    """Write a margin with its interval, or say that so few seeds have none.

    The difference that would have been seen is that of the first of so many ``tests``.
    """
    unit = MEASURES[part.measure].unit
    digits = 2 if unit == "points" else 1
    left = ", as what is left to the limit" if isinstance(part, AtMost) else ""
    mean = f"{margin.mean:+.{digits}f} {unit}"
    if margin.low is None or margin.high is None:
        return f"{mean} with {margin.n} seed{'s' * (margin.n > 1)}, which have no interval{left}"
    power = detectable(margin, tests)
    return (
        f"{mean} [{margin.low:+.{digits}f}, {margin.high:+.{digits}f}] over {margin.n} {over}"
        + ((f"; {power:.{digits}f} would have been seen" if power else "") + left)
    )


def p_words(p: float | None) -> str:
    """Write a p value, never rounded down to nothing.

    >>> p_words(0.0269), p_words(0.00001), p_words(None)
    ('0.027', '< 0.001', '–')
    """
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _find_random(part: Random, results: list[Result]) -> Finding:
    accuracies = ", ".join(f"{r.last_accuracy:.2f}" for r in results)
    p_values = [_p_random(r) for r in results]
    learned = sum(p < ALPHA for p in p_values)
    n = len(results)
    words = f"ends at {accuracies} %; a constant answer reaches {100 * chance(results[0]):.2f} %"
    if learned == n:
        words += ": it learns" if n == 1 else f": it learns with each of {n} seeds"
        return Finding(part, Verdict.REFUTED, words, n, p=max(p_values))
    if learned:
        words += f": random with {n - learned} of {n} seeds"
        return Finding(part, Verdict.UNDECIDED, words, n)
    if all(_answers_the_same(r) for r in results):
        words += "; every digit gets the same answer"
    # That all of n seeds are random bounds the share of seeds that are, from below.
    share = ALPHA ** (1 / n)
    few = f" ({n} seed{'s' if n > 1 else ''}, too few to say that most are)"
    words += few if share <= 0.5 else f"; so with at least {100 * share:.0f} % of all seeds"
    # Were half of all seeds random, this many of this many would be with:
    return _decided(Finding(part, Verdict.SUPPORTED, words, n, p=0.5**n), tests=1)


def chance(result: Result) -> float:
    """Return the share of the most frequent class in the test set: what a constant answer gets."""
    right, total = _class_sizes(result)
    return right / total


def _class_sizes(result: Result) -> tuple[int, int]:
    counts = (result.summary or {}).get("confusion")
    if counts is None:
        name = result.details["data"]["dataset"]
        return LARGEST_CLASS.get(name, TEST_IMAGES // 10), TEST_IMAGES
    sizes = np.array(counts).sum(1)
    return int(sizes.max()), int(sizes.sum())


def _p_random(result: Result) -> float:
    """Return the exact binomial p value of the last accuracy under a constant answer."""
    largest, total = _class_sizes(result)
    right = round(result.last_accuracy / 100 * total)
    return float(special.bdtrc(right - 1, total, largest / total))


def _answers_the_same(result: Result) -> bool:
    counts = (result.summary or {}).get("confusion")
    return counts is not None and int((np.array(counts).sum(0) > 0).sum()) == 1
