"""What the rows of a study say to its questions, and what these come to as its claim.

A claim is supported when each of its primary questions is, on every data set, after Holm's
correction over the claims of all studies; it is refuted when the two-sided 95 % interval of one of
them is where the study says that refutes it, on every data set, which is not corrected. Where the
limits of a question overlap, so that both hold, what supports goes first, but with ``outside`` what
refutes: so it stood before the first study ran. Before a study is whole there is no verdict:
looking earlier would be another test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from training.experiments.study import (
    ERROR,
    LARGEST_RATE,
    Question,
    known_studies,
    read_study,
)
from training.results.comparisons import holm
from training.results.intervals import (
    Estimate,
    estimate,
    noncentrality,
    student_tail,
)
from training.results.study_table import StudyTable
from training.results.verdicts import ALPHA, Verdict

NOT_WHOLE, NOT_RUN = "not whole yet", "not run"


@dataclass(frozen=True)
class Answer:
    """What one data set says to a question, before any correction.

    ``p`` is that of its being supported, ``p_refuted`` that of its being refuted: at most 0.05
    where the 95 % interval is where that is so.
    """

    question: Question
    dataset: str
    estimate: Estimate | None  # of the weighted sum, over the seeds that all its arms have
    verdict: str
    p: float = 1.0
    p_refuted: float = 1.0
    # Distance from a limit seen with 80 % power at this spread; None of a sign test, whose power is
    # of how many seeds lie beyond the limit.
    detectable: float | None = None

    @property
    def shown_within(self) -> float | None:
        """How far from the middle of its two limits the truth may lie to be shown within them.

        With about 80 % power, as ``detectable``, which looks at one limit: of equality the margin
        less that. Below 0 not even the middle would be. None where there are no two limits to be
        within.
        """
        low, high, seen = self.question.low, self.question.high, self.detectable
        if self.question.outside or low is None or high is None or seen is None:
            return None
        return (high - low) / 2 - seen


@dataclass(frozen=True)
class Outcome:
    """What a study's claim comes to; ``p`` is the largest of its parts, ``adjusted`` by Holm."""

    verdict: str
    p: float
    adjusted: float
    claims: int  # how many were corrected for


def answer(question: Question, table: StudyTable, dataset: str, claims: int = 1) -> Answer:
    """Return what the rows of a data set say; the power is for so many ``claims``."""
    by_rate = question.measure == LARGEST_RATE
    sums = _largest_rates(question, table, dataset) if by_rate else _sums(question, table, dataset)
    if len(sums) < 2:
        return Answer(question, dataset, None, NOT_RUN if not sums else NOT_WHOLE)
    found = estimate(sums, 1e-6)
    p, p_refuted = _sign_tests(question, sums) if by_rate else _t_tests(question, found)
    sides = 2 if question.outside else 1
    detectable = None if by_rate else _detectable(found, ALPHA / claims / sides)
    if table.left(dataset):
        verdict = NOT_WHOLE
    elif question.outside and p_refuted <= ALPHA:
        # A difference smaller than the margin is seen, and does not matter.
        verdict = Verdict.REFUTED
    elif p <= ALPHA:
        verdict = Verdict.EQUIVALENT if question.is_equality else Verdict.SUPPORTED
    else:
        verdict = Verdict.REFUTED if p_refuted <= ALPHA else Verdict.UNDECIDED
    return Answer(question, dataset, found, verdict, p, p_refuted, detectable)


def _t_tests(question: Question, found: Estimate) -> tuple[float, float]:
    limits, refuted = (question.low, question.high), (question.refuted_low, question.refuted_high)
    if question.outside:
        return _p_beyond(found, *limits), min(1.0, 2 * _p_within(found, *refuted))
    return _p_within(found, *limits), _p_beyond(found, *refuted)


def _sign_tests(question: Question, sums: list[float]) -> tuple[float, float]:
    """Exact, because rates come in steps: how many seeds are at the limit or above, or at all."""
    above = sum(value >= (question.low or 0.0) for value in sums)
    higher = sum(value > (question.refuted_high or 0.0) for value in sums)
    n = len(sums)
    return float(special.bdtrc(above - 1, n, 0.5)), float(special.bdtr(higher, n, 0.5))


def _sums(question: Question, table: StudyTable, dataset: str) -> list[float]:
    """The weighted sum of each seed that all arms have."""
    arms = {arm: table.measured(question.measure, arm, dataset) for arm in question.weights}
    seeds = _seeds(arms)
    return [sum(w * arms[arm][seed] for arm, w in question.weights.items()) for seed in seeds]


def _seeds(arms: dict[str, dict[int, float]]) -> list[int]:
    """Those that all arms have."""
    return sorted(set.intersection(*map(set, arms.values())))


def _largest_rates(question: Question, table: StudyTable, dataset: str) -> list[float]:
    """Of each seed, how far apart the largest usable rates of the two groups are, as a logarithm.

    Usable: an error of at most twice the smallest of the group.
    """
    errors = {arm: table.measured(ERROR, arm, dataset) for arm in question.weights}
    seeds = _seeds(errors)

    def largest(sign: int, seed: int) -> float:
        arms = [arm for arm, weight in question.weights.items() if weight * sign > 0]
        limit = min(errors[arm][seed] for arm in arms) + math.log(2)
        usable = [arm for arm in arms if errors[arm][seed] <= limit]
        return math.log(max(table.study.arms[arm].learning_rate for arm in usable))

    return [largest(1, seed) - largest(-1, seed) for seed in seeds]


def _p_within(found: Estimate, low: float | None, high: float | None) -> float:
    """The larger of two one-sided p values: that the mean is below ``low``, or above ``high``."""
    sides = [_p(found, low, 1)] if low is not None else []
    sides += [_p(found, high, -1)] if high is not None else []
    return max(sides, default=1.0)


def _p_beyond(found: Estimate, low: float | None, high: float | None) -> float:
    """Twice the smaller of two one-sided p values: that the mean is not outside of the limits.

    Twice also where there is one limit, as the interval has two sides.
    """
    sides = [_p(found, low, -1)] if low is not None else []
    sides += [_p(found, high, 1)] if high is not None else []
    return min(1.0, 2 * min(sides, default=1.0))


def _p(found: Estimate, limit: float, sign: int) -> float:
    """One-sided p value of "the mean is above the limit" (sign 1), or below it (-1)."""
    assert found.sd is not None
    t = sign * (found.mean - limit) / (found.sd / math.sqrt(found.n))
    return student_tail(t, found.n - 1)


def _detectable(found: Estimate, alpha: float) -> float:
    assert found.sd is not None
    return noncentrality(alpha, found.n - 1) * found.sd / math.sqrt(found.n)


def answers(table: StudyTable) -> list[list[Answer]]:
    """Return, for each question of the study, what each data set says."""
    claims = len(tested_along(table))
    return [
        [answer(test, table, name, claims) for name in table.judged] for test in table.study.tests
    ]


def verdict(table: StudyTable) -> Outcome:
    """Return what the study's claim comes to, corrected for the claims of the studies beside it.

    One that has not run to its end counts as p = 1.
    """
    claims = {each.study.digest: _p_of_claim(each) for each in tested_along(table)}
    p = claims[table.study.digest]
    adjusted = dict(zip(claims, holm(list(claims.values())), strict=True))[table.study.digest] or p
    asked = [each for each in answers(table) if each and each[0].question.primary]
    if not table.own:
        word = NOT_RUN
    elif not table.is_whole:
        word = NOT_WHOLE
    elif any(all(one.verdict == Verdict.REFUTED for one in each) for each in asked):
        word = Verdict.REFUTED
    elif adjusted <= ALPHA:
        equal = all(each[0].question.is_equality for each in asked)
        word = Verdict.EQUIVALENT if equal else Verdict.SUPPORTED
    else:
        word = Verdict.UNDECIDED
    return Outcome(word, p, adjusted, len(claims))


def tested_along(table: StudyTable) -> list[StudyTable]:
    """Return the tables of all claims that are tested together: of a user's own study it alone.

    Of one of the package all of the package, from the folder where this one lies. Which study it is
    its digest says: a file may be called as one of the package, and ask something else.
    """
    claims = [study for study in map(read_study, known_studies()) if study.primary]
    if table.study.digest not in {study.digest for study in claims}:
        return [table]
    return [
        table
        if study.digest == table.study.digest
        else StudyTable(table.path.with_name(f"{study.name}.csv"), study)
        for study in claims
    ]


def _p_of_claim(table: StudyTable) -> float:
    if not table.is_whole:
        return 1.0
    parts = [answer(test, table, name).p for test in table.study.primary for name in table.judged]
    return max(parts, default=1.0)
