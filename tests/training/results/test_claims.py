"""The published claims, held to runs that nobody trained: each verdict, and what cannot be said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tests.training.made_up import FIVE, NOISE, all_at, ending_at
from training.experiments.claims import (
    BEST,
    CLAIMS,
    CROSSING,
    EARLY_FALL,
    LAST,
    AtMost,
    Claim,
    More,
    Random,
)
from training.experiments.trials import TRIALS
from training.record.history import Epoch, Record
from training.record.task_folder import Result
from training.results.comparisons import EQUIVALENT
from training.results.intervals import estimate
from training.results.l1_lesson import largest_that_learns, strengths
from training.results.measures import (
    early_fall,
    late_deviation,
    value,
)
from training.results.run_folder import Results
from training.results.verdicts import (
    Judgment,
    Verdict,
    chance,
    find,
    judge_all,
)

SUPPORTED, REFUTED, UNDECIDED = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.UNDECIDED
BY_NAME = {claim.name: claim for claim in CLAIMS}


def judge(claim: Claim, run: Results) -> Judgment:
    """The verdict on one claim, corrected for its parts alone."""
    (judgment,) = judge_all(run, (claim,))
    return judgment


@pytest.mark.parametrize(
    ("seeds", "changed", "verdict"),
    [
        (5, {}, SUPPORTED),
        (3, {"gbn": 99.95}, SUPPORTED),
        (5, {"bn-l2": 99.60}, REFUTED),
        (5, {"bn-l2": 99.50}, UNDECIDED),
        (1, {}, UNDECIDED),
    ],
    ids=["best", "best by far, three seeds", "beaten by one", "level with one", "one seed"],
)
def test_best_of_five(made_up_run, seeds, changed, verdict):
    judgment = judge(BY_NAME["ghost-best"], made_up_run(all_at(FIVE | changed, seeds)))
    assert judgment.verdict is verdict
    assert judgment.seeds == [seeds]
    assert (judgment.p is None) == (verdict is UNDECIDED)


def shaken(values: list[float], by: tuple[float, ...]) -> list[list[float]]:
    """One seed for each of ``by``, the same history but for a last epoch that much higher."""
    return [[*values[:-1], values[-1] + shake] for shake in by]


def test_a_difference_of_trials_that_share_no_noise_is_that_of_two_means(made_up_run):
    first, second = (0.02, 0.10, 0.05), (0.0, 0.03, -0.04)
    base = ending_at("gn", 99.0, 1)[0]
    run = made_up_run({"ln": shaken(base, first), "gn": shaken(base, second)})
    finding = find(More("ln", "gn"), run)
    welch = stats.ttest_ind(first, second, equal_var=False)
    assert finding.p == pytest.approx(welch.pvalue)
    low, high = welch.confidence_interval(0.95)
    assert (finding.margin.low, finding.margin.high) == pytest.approx((low, high))
    assert finding.words.startswith(f"+0.06 points [{low:+.2f}, {high:+.2f}] over 3 seeds; ")
    assert finding.words.endswith(" would have been seen")


def test_an_accuracy_is_compared_over_seeds_and_images(made_up_run, monkeypatch):
    """What three seeds alone would refute, a hundred images that differ are too few for."""
    ends = ending_at("gn", 99.0, 1)[0]
    run = made_up_run({"ln": shaken(ends, (-0.30, -0.32, -0.31)), "gn": shaken(ends, NOISE[:3])})
    part = More("ln", "gn")
    seeds = find(part, run)
    assert seeds.verdict is REFUTED
    assert "over 3 seeds; " in seeds.words
    wrong = {"ln": [0, 1, 2], "gn": [3, 4, 5]}
    kept = lambda result: {"index": np.array(wrong[result.config.name])}  # noqa: E731
    monkeypatch.setattr(Result, "mistakes", kept)
    counted = [replace(r, summary=r.summary | {"confusion": [[100]]}) for r in run.results]
    both = find(part, replace(run, results=counted))
    assert both.verdict is UNDECIDED
    assert both.margin.mean == seeds.margin.mean
    assert "over 3 seeds and the test images; " in both.words


def test_every_comparison_of_every_claim_is_corrected_for_all_others(made_up_run):
    """Holm: at p between 5 %/4 and 5 % one comparison alone is refuted, among four it is not."""
    first, second = (-0.06, -0.01, -0.10, -0.05), (0.0, 0.02, -0.01, 0.03)
    p = stats.ttest_ind(first, second, equal_var=False).pvalue
    assert 0.05 / 4 < p < 0.05
    base = ending_at("gn", 99.0, 1)[0]
    run = made_up_run({"ln": shaken(base, first), "gn": shaken(base, second), "bn": [base] * 4})
    one = Claim("one", "ln above gn", (More("ln", "gn"),))
    assert judge(one, run).verdict is REFUTED
    assert judge(one, run).p == pytest.approx(p)
    parts = (More("bn", "gn"), More("ln", "bn"), More("ln", "bn", BEST))
    others = [Claim(f"{n}", "", (part,)) for n, part in enumerate(parts)]
    assert judge_all(run, (one, *others))[0].verdict is not REFUTED
    turned = Claim("turned", "gn above ln", (More("gn", "ln"),))
    assert [j.p for j in judge_all(run, (one, one, turned))] == pytest.approx([p] * 3)


def test_a_difference_that_cannot_be_large_is_equivalent(made_up_run):
    base = ending_at("gn", 99.0, 1)[0]
    near = made_up_run({"ln": shaken(base, NOISE), "gn": shaken(base, NOISE[::-1])})
    assert find(More("ln", "gn"), near).verdict is Verdict.EQUIVALENT
    wide = [20 * noise for noise in NOISE]
    far = made_up_run({"ln": shaken(base, wide), "gn": shaken(base, wide[::-1])})
    assert find(More("ln", "gn"), far).verdict is UNDECIDED


def test_that_trials_are_equivalent_is_corrected_for_all_comparisons(made_up_run):
    """By itself a difference is within the limit with p = 0.03, as one of two it is not."""
    spread = [4.5 * noise for noise in NOISE]
    base = ending_at("gn", 99.0, 1)[0]
    run = made_up_run(
        {
            "ln": shaken(base, tuple(spread)),
            "gn": shaken(base, tuple(spread[::-1])),
            "bn": shaken(base, tuple(spread[1:])),
        }
    )
    alone = find(More("ln", "gn"), run)
    assert 0.05 / 2 < alone.p_equivalent < 0.05
    assert alone.p_equivalent == pytest.approx(alone.margin.p_beyond(EQUIVALENT))
    assert alone.verdict is Verdict.EQUIVALENT
    parts = (More("ln", "gn"), More("ln", "bn"))
    first, _ = judge(Claim("two", "", parts), run).findings
    assert first.p_equivalent >= 2 * alone.p_equivalent * 0.999
    assert first.verdict is UNDECIDED


def test_a_seed_that_diverged_counts_as_a_constant_answer(made_up_run):
    run = made_up_run(all_at({"gn": 99.2, "ln": 99.4}))
    lost = [
        replace(r, summary=None, diverged=True) if (r.config.name, r.seed) == ("ln", 2) else r
        for r in run.results
    ]
    for measure in (LAST, BEST):
        margin = find(More("ln", "gn", measure), replace(run, results=lost)).margin
        assert margin.mean == pytest.approx((4 * 99.4 + 10) / 5 - 99.2, abs=0.02)
    (one,) = (r for r in lost if r.diverged)
    assert value(CROSSING, one) == np.inf
    assert value(EARLY_FALL, one) is None


def test_equal_differences_are_not_certainty():
    """Seeds that differ by the very same hundredth: the spread is unknown, not nought."""
    assert estimate([0.01] * 3).p == 0.0
    assert estimate([0.01] * 3, least_sd=0.01).p > 0.05
    assert estimate([0.01] * 2).p is None


@pytest.mark.parametrize(("seeds", "has_one"), [(1, False), (2, False), (3, True)])
def test_an_interval_takes_three_seeds(seeds, has_one):
    assert (estimate([99.1, 99.2, 99.4][:seeds]).low is not None) == has_one


@pytest.mark.parametrize(
    ("l1_jitter", "l2_last", "verdict"),
    [(0.1, 99.45, SUPPORTED), (0.0, 99.45, UNDECIDED), (0.1, 99.1, REFUTED)],
    ids=["higher and steadier", "as steady", "lower"],
)
def test_l2_beats_l1_in_accuracy_and_steadiness(made_up_run, l1_jitter, l2_last, verdict):
    rough = [
        [value + l1_jitter * (-1) ** epoch for epoch, value in enumerate(values)]
        for values in ending_at("bn-l1", 99.3)
    ]
    run = made_up_run({"bn-l1": rough, "bn-l2": ending_at("bn-l2", l2_last)})
    assert judge(BY_NAME["l2-beats-l1"], run).verdict is verdict


def test_between_and_later_to_cross(made_up_run):
    trials = all_at({"bn-l1": 99.425, "bn-l1-l2": 99.465, "bn-l2": 99.505})
    judgment = judge(BY_NAME["both-between"], made_up_run(trials))
    assert judgment.verdict is SUPPORTED
    late = judgment.findings[-1]
    assert late.part.measure is CROSSING
    assert late.margin.mean == pytest.approx(4)
    assert "epochs [" in late.words


def test_lowest_of_five_and_irregular_early(made_up_run):
    trials = all_at(FIVE)
    calm = judge(BY_NAME["ghost-both-worst"], made_up_run(trials))
    assert calm.verdict is UNDECIDED  # lowest, but no more irregular than the others
    for values in trials["gbn-l1-l2"]:
        values[4] -= 2.0
    assert judge(BY_NAME["ghost-both-worst"], made_up_run(trials)).verdict is SUPPORTED


@pytest.mark.parametrize(
    ("late_jitter", "verdict"), [(0.0, SUPPORTED), (0.3, REFUTED)], ids=["steady", "unsteady"]
)
def test_layer_norm_best_of_three_and_steady(made_up_run, late_jitter, verdict):
    trials = all_at({"bn": 99.3, "gn": 99.2, "ln": 99.4})
    for values in trials["ln"]:
        for epoch in range(10, 19):
            values[epoch] += late_jitter * (-1) ** epoch
    assert judge(BY_NAME["layer-best"], made_up_run(trials)).verdict is verdict


L1 = {"bn-l1-accumulated": 9.8, "bn-l1-fixed": 94.0, "bn-l1-fixed-low": 98.6, "bn-l1": 99.3}


def test_one_network_that_learns_refutes_that_l1_makes_it_random(made_up_run):
    judgment = judge(BY_NAME["l1-random"], made_up_run(all_at(L1, seeds=1)))
    assert judgment.verdict is REFUTED
    assert judgment.p < 0.001
    assert judgment.findings[0].verdict is UNDECIDED  # one collapse is not every collapse
    assert "bn-l1-fixed is random (λ = 0.01, counted once)" in judgment.reason


@pytest.mark.parametrize(("seeds", "verdict"), [(7, SUPPORTED), (6, UNDECIDED)])
def test_random_with_every_seed_needs_enough_of_them(made_up_run, seeds, verdict):
    """Half to the power of the seeds, corrected for the four parts of the claim."""
    run = made_up_run(all_at(dict.fromkeys(L1, 9.8), seeds))
    judgment = judge(BY_NAME["l1-random"], run)
    assert judgment.verdict is verdict
    assert [f.p for f in judgment.findings] == pytest.approx([4 * 0.5**seeds] * 4)


def test_that_a_seed_learns_is_corrected_for_all_parts(made_up_run):
    """At 11.90 % one seed is above a constant answer by p = 0.04, and four parts were asked."""
    run = made_up_run(all_at(L1 | dict.fromkeys(L1, 11.9), seeds=1))
    judgment = judge(BY_NAME["l1-random"], run)
    assert find(Random("bn-l1"), run).verdict is REFUTED
    assert judgment.verdict is UNDECIDED
    assert min(f.p for f in judgment.findings) > 0.05


def test_another_trial_of_a_published_name_is_not_judged_as_that(made_up_run):
    run = made_up_run(all_at({"gn": 99.2, "ln": 99.4}))
    named = [
        replace(r, config=replace(r.config, norm="rms")) if r.config.name == "ln" else r
        for r in run.results
    ]
    found = find(More("ln", "gn"), replace(run, results=named))
    assert (found.seeds, found.words) == (0, "ln of this run is another trial of that name")


def test_random_with_some_seeds_is_undecided(made_up_run):
    values = [ending_at("bn-l1", last, 1)[0] for last in (9.8, 99.3)]
    finding = find(Random("bn-l1"), made_up_run({"bn-l1": values}))
    assert finding.verdict is UNDECIDED
    assert finding.words.endswith("random with 1 of 2 seeds")


def test_chance_is_the_share_of_the_largest_class(made_up_run):
    result = made_up_run(all_at({"bn": 12.0}, 1)).results[0]
    assert chance(result) == 0.1135
    other = result.details | {"data": result.details["data"] | {"dataset": "fashion-mnist"}}
    assert chance(replace(result, details=other)) == 0.1
    confusion = [[0] * 10 for _ in range(10)]
    for digit in range(10):
        confusion[digit][3] = 100 + 50 * (digit == 3)
    counted = replace(result, summary={**result.summary, "confusion": confusion})
    assert chance(counted) == 150 / 1050
    run = replace(made_up_run(all_at({"bn": 12.0}, 1)), results=[counted])
    assert "every digit gets the same answer" in find(Random("bn"), run).words


def test_missing_trials_are_named_and_the_rest_still_counts(made_up_run):
    run = made_up_run(all_at({"gbn": 99.5, "bn-l1": 99.3}))
    undecided = judge(BY_NAME["ghost-best"], run)
    assert undecided.verdict is UNDECIDED
    assert undecided.findings[0].verdict is SUPPORTED
    assert undecided.reason.count("bn-l2 is not in this run") == 1
    run = made_up_run(all_at({"gbn": 99.3, "bn-l2": 99.5}))
    assert judge(BY_NAME["ghost-best"], run).verdict is REFUTED


def test_what_needs_a_history_is_open_where_none_was_kept(made_up_run):
    run = made_up_run(all_at({"bn-l1": 99.2, "bn-l2": 99.4}))
    bare = replace(run, results=[replace(r, record=Record([])) for r in run.results])
    accuracy, steadiness = judge(BY_NAME["l2-beats-l1"], bare).findings
    assert accuracy.verdict is SUPPORTED
    assert steadiness.words == "of bn-l1 and bn-l2 no history was kept"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"summary": None}, "gn is unfinished, 20 of 20 epochs"),
        ({"summary": {"epochs": 3}}, "gn ran for other than the 20 epochs of its recipe"),
        ({"details": {"data": {"is_sample": True}}}, "a run on the sample says nothing"),
    ],
    ids=["unfinished", "shortened", "sample"],
)
def test_what_is_not_whole_does_not_count(made_up_run, change, words):
    run = made_up_run(all_at({"gn": 99.2, "ln": 99.4}))
    partly = [replace(r, **change) if r.config.name == "gn" else r for r in run.results]
    finding = find(More("ln", "gn"), replace(run, results=partly))
    assert finding.verdict is UNDECIDED
    assert finding.words.startswith(words)


def record_of(*accuracies: float) -> Record:
    return Record([Epoch(n, 0.1, 0.5, 90.0, 0.1, a, 1.0, 1.0) for n, a in enumerate(accuracies, 1)])


def test_measures_of_a_history():
    ten = [99.0, 98.0, 99.2, 98.9, 99.4, 99.4, 99.5, 99.4, 99.5, 99.4]
    assert early_fall(record_of(*ten, 90.0)) == pytest.approx(1.0)  # not the fall of epoch 11
    assert early_fall(record_of(98.0, 99.0)) == 0.0
    assert late_deviation(record_of(10.0, *[99.0, 99.2] * 5)) == pytest.approx(0.1100964)


def test_a_rising_accuracy_is_not_an_unsteady_one():
    assert late_deviation(record_of(*np.linspace(98, 99, 10))) < 1e-9


def test_the_first_epoch_at_the_target_or_none(made_up_run):
    run = made_up_run({"bn": [[99.0, 99.39, 99.4, 99.5], [99.0, 99.1, 99.2, 99.3]]})
    assert [value(CROSSING, result) for result in run.results] == [3, np.inf]


@pytest.mark.parametrize("never", ["bn-l2", "bn-l1-l2"])
def test_how_much_later_is_open_where_a_seed_never_crosses(made_up_run, never):
    """Whichever trial it is: as the epoch after its last it would decide by how long it ran."""
    trials = all_at({"bn-l1-l2": 99.45, "bn-l2": 99.505})
    trials[never][2] = ending_at(never, 99.3, 1)[0]
    late = find(More("bn-l1-l2", "bn-l2", CROSSING), made_up_run(trials))
    assert (late.verdict, late.p, late.margin, late.seeds) == (UNDECIDED, 1.0, None, 5)
    assert late.words.startswith(f"1 of 5 seeds of {never} never ")


def test_claims_are_about_trials_that_exist():
    for claim in CLAIMS:
        assert set(claim.trials) <= set(TRIALS)
        assert len({str(part) for part in claim.parts}) == len(claim.parts)
    assert str(AtMost("ln", CROSSING, 6)) == "ln: first epoch at 99.4 % at most 6 epochs"


def test_the_largest_strength_that_learns(made_up_run):
    rows = strengths(made_up_run(all_at(L1, seeds=2)))
    assert [row.strength for row in rows] == [0.01, 0.001, 5e-5]
    assert rows[0].accumulated.mean == pytest.approx(9.81)
    assert rows[0].published == 9.8
    assert rows[1].accumulated is None
    assert largest_that_learns(rows) is rows[0]
    weaker = strengths(made_up_run(all_at(L1 | {"bn-l1-fixed": 9.8}, seeds=2)))
    assert largest_that_learns(weaker).strength == 0.001
    assert largest_that_learns(strengths(made_up_run(all_at({"bn": 99.3})))) is None
