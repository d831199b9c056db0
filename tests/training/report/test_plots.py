"""The figures: what is drawn, and at which scale."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.figures import clipped, overlapping
from training.experiments.trials import TRIALS
from training.record.history import Record
from training.report.claims import draw_claims
from training.report.differences import draw_differences
from training.report.plots import (
    curves,
    draw,
    draw_comparison,
    far_below,
    outliers,
)
from training.results.comparisons import compare_all
from training.results.verdicts import judge_all

GOOD = [[98.9, 99.2, 99.3, 99.35], [98.8, 99.1, 99.3, 99.41]]
COLLAPSED = [[20.0, 9.8, 9.8, 9.8], [11.0, 9.8, 9.8, 9.8]]


@pytest.fixture
def run(made_up_run):
    trials = dict.fromkeys(("bn", "gn", "ln"), GOOD)
    return made_up_run({**trials, "bn-l1-accumulated": COLLAPSED})


def test_a_collapsed_trial_does_not_flatten_the_others(run):
    whole, near = draw(run, "accuracy").axes
    assert whole.get_ylim()[0] < 15
    low, high = near.get_ylim()
    assert 98.5 < low < 99.1
    assert 99.41 < high < 99.6
    assert len(whole.lines) == 4
    assert len(near.lines) == 3
    assert "without bn-l1-accumulated" in near.get_title()


@pytest.mark.parametrize("measure", ["accuracy", "loss"])
def test_lines_are_means_and_bands_the_range_over_the_seeds(run, measure):
    axis = draw(run, measure).axes[0]
    drawn = axis.lines[0].get_ydata()
    expected = [sum(v) / 2 for v in zip(*GOOD, strict=True)]
    expected = expected if measure == "accuracy" else [1 - v / 100 for v in expected]
    assert drawn == pytest.approx(expected)
    assert len(axis.collections) == 4


def test_a_trial_that_diverged_with_a_seed_is_far_below_and_its_curve_is_of_the_others(run):
    lost = [
        replace(r, summary=None, diverged=True) if (r.config.name, r.seed) == ("ln", 1) else r
        for r in run.results
    ]
    broken = replace(run, results=lost)
    assert far_below(broken) == {"ln", "bn-l1-accumulated"}
    axis = draw_comparison(broken).axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["bn", "gn"]
    assert axis.get_xlim()[0] > 98
    _, near = draw(broken, "accuracy").axes
    assert len(near.lines) == 3


def test_the_comparison_shows_the_published_value_and_leaves_the_outlier_out(run):
    axis = draw_comparison(run).axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["bn", "gn", "ln"]
    published = [line for line in axis.lines if line.get_label() == "published, last"]
    assert [line.get_xdata()[0] for line in published] == [99.36, 99.21, 99.36]
    assert axis.get_xlim()[0] > 98


def test_of_two_trials_one_that_collapsed_is_an_outlier():
    assert outliers({}) == set()
    assert outliers({"a": 99.0, "b": 97.0}) == set()
    assert outliers({"a": 99.0, "b": 9.8}) == {"b"}
    assert outliers({"a": 99.0, "b": 9.8, "c": 9.8, "d": 9.8}) == {"b", "c", "d"}
    assert outliers({"a": 99.0, "b": 98.9, "c": 98.8, "d": 92.7}) == {"d"}


def test_many_trials_are_shown_again_recipe_by_recipe(made_up_run):
    names = ("bn-l1", "bn-l2", "gbn", "bn", "gn", "ln", "rms", "best", "bn-l1-accumulated")
    trials = {name: COLLAPSED if "accumulated" in name else GOOD for name in names}
    whole, near, *recipes = draw(made_up_run(trials), "accuracy").axes
    assert len(whole.lines) == 9
    assert len(near.lines) == 8
    assert [len(axis.lines) for axis in recipes] == [3, 4, 1]
    assert [axis.get_title().partition(",")[0] for axis in recipes] == [
        "recipe A", "recipe B", "our own recipes",
    ]  # fmt: skip
    colors = {line.get_color() for axis in recipes for line in axis.lines}
    assert colors <= {line.get_color() for line in whole.lines}


def test_a_seed_on_its_way_does_not_cut_the_finished_ones(run):
    (results,) = (found for name, found in run.by_trial().items() if name == "bn")
    whole = curves(results, "test_accuracy")
    begun = replace(results[0], seed=9, summary=None, record=Record(results[0].record.epochs[:1]))
    np.testing.assert_array_equal(curves([*results, begun], "test_accuracy"), whole)
    assert curves([begun], "test_accuracy").shape == (1, 1)


FIGURES = {
    "accuracy": lambda run: draw(run, "accuracy"),
    "loss": lambda run: draw(run, "loss"),
    "comparison": draw_comparison,
    "differences": lambda run: draw_differences(run, compare_all(run)),
    "claims": lambda run: draw_claims(judge_all(run)),
}


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("trials", [tuple(TRIALS), ("bn", "gn", "ln")], ids=["all", "three"])
def test_no_words_of_a_figure_are_cut_off_or_lie_on_others(made_up_run, figure, trials):
    far = ("none", *(name for name in TRIALS if name.startswith("bn-l1-")))
    whole = [[99.0 - 1 / epoch for epoch in range(1, 31)]] * 3
    ends = {
        name: [
            [value - 20 * (name in far) + 0.01 * seed for value in values[: TRIALS[name].epochs]]
            for seed, values in enumerate(whole)
        ]
        for name in trials
    }
    made = FIGURES[figure](made_up_run(ends))
    assert clipped(made) == overlapping(made) == []


def test_differences_are_drawn_without_trials_far_below_the_others(run):
    found = compare_all(run)
    (axis,) = draw_differences(run, found).axes
    assert [label.get_text() for label in axis.get_yticklabels()] == [
        "bn − gn",
        "bn − ln",
        "gn − ln",
    ]
    assert axis.get_xlabel().endswith("without bn-l1-accumulated")
    only = [r for r in run.results if r.config.name in ("bn", "bn-l1-accumulated")]
    two = replace(run, results=only)
    (axis,) = draw_differences(two, compare_all(two)).axes
    assert len(axis.get_yticks()) == 1


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_the_figure_of_differences_speaks_of_intervals_where_it_has_them(made_up_run, seeds):
    ends = {name: [[99.0], [99.1], [99.3]][:seeds] for name in ("bn", "gn")}
    made = made_up_run(ends)
    axis = draw_differences(made, compare_all(made)).axes[0]
    title, drawn = axis.get_title(loc="left"), [line for line in axis.lines if line.get_lw() == 3]
    expected = "95 % intervals: over seeds\nfilled" if drawn else "no intervals: fewer than three"
    assert title.startswith(expected)
    assert bool(drawn) == (seeds == 3)


def test_the_closer_panel_of_three_epochs_is_closer(made_up_run):
    whole, near = draw(made_up_run({"bn": [[80.0, 95.0, 96.0]]}), "accuracy").axes
    assert whole.get_ylim()[0] < 80
    assert 94 < near.get_ylim()[0] < 95
    draw(made_up_run({"bn": [[80.0]]}), "accuracy")
