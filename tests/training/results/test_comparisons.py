"""Every two trials of a run beside each other."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from training.record.task_folder import Result
from training.report.differences import draw_differences, write_differences
from training.report.plots import draw_comparison
from training.results.comparisons import EQUIVALENT, compare_all, detectable, holm
from training.results.over_seeds import overviews

SEEDS = {"bn": [99.3, 99.4, 99.35], "gn": [99.1, 99.2, 99.3], "ln": [99.0, 98.9, 99.1]}


@pytest.fixture
def run(made_up_run):
    return made_up_run({name: [[value] for value in values] for name, values in SEEDS.items()})


def test_every_two_trials_the_largest_difference_first(run):
    found = compare_all(run)
    assert [str(one) for one in found] == ["bn − ln", "gn − ln", "bn − gn"]
    expected = [stats.ttest_ind(SEEDS[c.first], SEEDS[c.second], equal_var=False) for c in found]
    assert [c.margin.p for c in found] == pytest.approx([e.pvalue for e in expected])
    assert [c.p for c in found] == pytest.approx(holm([c.margin.p for c in found]))


def test_what_a_seed_shares_is_paired(run):
    drawn = [replace(r, config=replace(r.config, train_size=60)) for r in run.results]
    (one, *_) = compare_all(replace(run, results=drawn))
    assert one.margin.p == pytest.approx(stats.ttest_rel(SEEDS["bn"], SEEDS["ln"]).pvalue)
    assert one.compared == "seed by seed"


@pytest.mark.parametrize("place", [50, 95], ids=["in both test sets", "in the larger one"])
def test_trials_with_other_test_sets_have_no_image_in_common(run, monkeypatch, tmp_path, place):
    """An index is another image there, or none: 64,000 are left of 70,000, and 10,000 usually."""
    monkeypatch.setattr(Result, "mistakes", lambda _: {"index": np.array([3, place])})
    drawn = [
        replace(
            r,
            config=replace(r.config, train_size=60 * (r.config.name != "gn")),
            summary=r.summary | {"confusion": [[100 if r.config.name != "gn" else 90]]},
        )
        for r in run.results
    ]
    drawn = replace(run, results=drawn)
    found = compare_all(drawn)
    assert {one.with_images for one in found} == {None}
    ways = {str(one): one.compared for one in found}
    assert ways == {"bn − ln": "seed by seed", "gn − ln": "two means", "bn − gn": "two means"}
    write_differences(drawn, tmp_path)
    with (tmp_path / "differences.csv").open(encoding="utf-8") as stream:
        rows = {f"{r['first']} − {r['second']}": r["compared"] for r in csv.DictReader(stream)}
    assert rows == ways


def test_the_test_images_widen_an_interval_by_their_own_spread(run, monkeypatch):
    wrong = {"bn": [0, 1], "gn": [0, 1, 2, 3], "ln": [0, 7, 8, 9]}
    kept = lambda result: {"index": np.array(wrong[result.config.name])}  # noqa: E731
    monkeypatch.setattr(Result, "mistakes", kept)
    counted = [replace(r, summary=r.summary | {"confusion": [[100]]}) for r in run.results]
    compared = compare_all(replace(run, results=counted))
    one = next(c for c in compared if str(c) == "bn − gn")
    images = np.zeros(100)
    images[[2, 3]] = -1
    error = np.hypot(one.margin.error, 100 * stats.sem(images))
    assert one.with_images.error == pytest.approx(error)
    assert one.with_images.low < one.margin.low < one.margin.high < one.with_images.high
    assert (one.decisive, one.p) == (one.with_images, holm([c.decisive.p for c in compared])[2])


def test_what_single_networks_do_to_single_images_is_counted_once(run, monkeypatch):
    """Of random networks, the part of the images is on average what is in the images alone."""
    generator = np.random.default_rng(0)
    images, draws = 300, 150
    hard = {name: generator.beta(0.5, 2, images) for name in ("bn", "gn")}
    only = [r for r in run.results if r.config.name in hard]
    counted = [replace(r, summary=r.summary | {"confusion": [[images]]}) for r in only]
    drawn = lambda r: {"index": np.flatnonzero(generator.random(images) < hard[r.config.name])}  # noqa: E731
    monkeypatch.setattr(Result, "mistakes", drawn)
    found = [compare_all(replace(run, results=counted))[0] for _ in range(draws)]
    of_images = [one.with_images.error**2 - one.margin.error**2 for one in found]
    expected = 100**2 * np.var(hard["bn"] - hard["gn"], ddof=1) / images
    assert np.mean(of_images) == pytest.approx(expected, rel=0.05)


def test_a_seed_that_diverged_counts_as_a_constant_answer(run):
    first, *others = run.results
    lost = replace(run, results=[replace(first, summary=None, diverged=True), *others])
    one = next(c for c in compare_all(lost) if {c.first, c.second} == {"bn", "ln"})
    (overview,) = (t for t in overviews(lost) if t.name == "bn")
    ln = np.mean(SEEDS["ln"])
    sign = 1 if one.first == "bn" else -1
    assert sign * one.margin.mean == pytest.approx(overview.last.mean - ln)
    assert one.with_images is None
    assert "bn" not in [
        label.get_text() for label in draw_comparison(lost).axes[0].get_yticklabels()
    ]


def test_a_seed_that_diverged_has_its_dot(run):
    """Where its trial is not far below the others, which are no better."""
    lost = [replace(r, summary=None, diverged=True) if r.seed == 0 else r for r in run.results]
    axis = draw_comparison(replace(run, results=lost)).axes[0]
    dots = [v for line in axis.lines if line.get_marker() == "o" for v in line.get_xdata()]
    assert len(dots) == len(run.results)


def test_without_kept_mistakes_there_is_no_second_interval(run):
    assert {one.with_images for one in compare_all(run)} == {None}


def test_what_would_have_been_seen_has_eighty_percent_power(run):
    margin = compare_all(run)[0].margin
    for tests in (1, 12):
        shift = detectable(margin, tests) / margin.error
        limit = stats.t.ppf(1 - 0.025 / tests, margin.degrees)
        assert stats.nct.sf(limit, margin.degrees, shift) == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize("images", [False, True], ids=["over seeds", "and images"])
def test_being_equivalent_and_power_are_of_the_decisive_interval(run, monkeypatch, images):
    if images:
        wrong = {"bn": [0], "gn": [1, 2], "ln": [3, 4, 5]}
        kept = lambda result: {"index": np.array(wrong[result.config.name])}  # noqa: E731
        monkeypatch.setattr(Result, "mistakes", kept)
        counted = [replace(r, summary=r.summary | {"confusion": [[10000]]}) for r in run.results]
        run = replace(run, results=counted)
    found = compare_all(run)
    assert all((one.with_images is not None) == images for one in found)
    alone = [one.decisive.p_beyond(EQUIVALENT) for one in found]
    assert [one.p_equivalent for one in found] == pytest.approx(holm(alone))
    seen = [detectable(one.decisive, 3) for one in found]
    assert [one.detectable for one in found] == pytest.approx(seen)


def test_two_trials_that_end_alike_are_equivalent_and_two_seeds_are_nothing(made_up_run):
    ends = {"bn": [[99.30], [99.31], [99.32]], "gn": [[99.31], [99.30], [99.32]]}
    (one,) = compare_all(made_up_run(ends))
    assert one.p == pytest.approx(1)
    assert one.p_equivalent < 0.001
    assert 0.01 < one.detectable < EQUIVALENT
    (one,) = compare_all(made_up_run({name: seeds[:2] for name, seeds in ends.items()}))
    assert (one.p, one.p_equivalent, one.detectable) == (None, None, None)


def test_the_file_has_a_row_a_pair_and_the_figure_too(run, tmp_path):
    found = compare_all(run)
    write_differences(run, tmp_path)
    with (tmp_path / "differences.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["first"], row["second"]) for row in rows] == [(c.first, c.second) for c in found]
    assert float(rows[0]["difference"]) == pytest.approx(found[0].margin.mean, rel=1e-5)
    assert rows[0]["low_with_images"] == ""
    assert list(rows[0])[-2:] == ["p_equivalent_holm", "detectable"]
    for row, one in zip(rows, found, strict=True):
        assert float(row["p_equivalent_holm"]) == pytest.approx(one.p_equivalent, rel=1e-5)
        assert float(row["detectable"]) == pytest.approx(one.detectable, rel=1e-5)
    assert (tmp_path / "differences.png").read_bytes().startswith(b"\x89PNG")
    (axis,) = draw_differences(run, found).axes
    assert len(axis.get_yticks()) == 3


def test_one_trial_has_nothing_to_be_compared_with(made_up_run, tmp_path):
    write_differences(made_up_run({"bn": [[99.0]]}), tmp_path)
    assert list(tmp_path.iterdir()) == []
