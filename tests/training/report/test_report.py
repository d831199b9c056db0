"""``report.html``: whole, self-contained, and honest about what it is about."""

import html
import re
from dataclasses import replace

import numpy as np
import pytest

from training.cli.progress import final_table
from training.experiments.trials import TRIALS
from training.model.loss import accumulated_factors
from training.report.page import conditions, factors, render, write_report
from training.results.comparisons import compare_all
from training.results.intervals import Estimate
from training.results.l1_lesson import Strength
from training.results.over_seeds import (
    confusion,
    in_words,
    largest_differences,
    overviews,
)
from training.results.verdicts import p_words
from training.run.one_network import build_model


@pytest.fixture(scope="module")
def page(small_run):
    return render(small_run)


def test_every_trial_stands_with_measured_and_published(small_run, page):
    for trial in overviews(small_run):
        assert f'id="trial-{trial.name}"' in page
        assert trial.config.published is None or trial.config.published.text in page
        if trial.finished:
            assert str(trial.last).partition(" [")[0] in page
            assert str(trial.best).partition(" [")[0] in page


def test_nothing_is_fetched_from_anywhere(page):
    addresses = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?([^\"')\s>]+)", page)
    assert addresses
    assert all(a.startswith(("data:", "#")) for a in addresses)
    assert "<script" not in page


def test_command_versions_threads_and_precision_are_told(page):
    import torch

    assert "python -m training run &lt;all&gt; --seeds 2" in page
    assert torch.__version__.split("+")[0] in page
    assert "threads of each trial" in page
    assert "float32" in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"processes": 2}, "2 (torchrun), statistics of BatchNorm not shared"),
        ({"processes": 2, "synchronize": True}, "2 (torchrun), statistics of BatchNorm shared"),
        ({"processes": 1}, None),
        ({}, None),
    ],
)
def test_that_several_processes_trained_is_told(small_run, changes, words):
    first = small_run.results[0]
    details = {k: v for k, v in first.details.items() if k not in ("processes", "synchronize")}
    told = conditions([replace(first, details=details | changes)])
    assert told.get("processes of each trial") == ([words] if words else None)


def test_how_two_trials_are_compared_is_told(small_run, page):
    assert "Two means (Welch): " in page
    assert "Seed by seed: " not in page


def test_each_difference_has_its_p_of_being_equivalent_and_its_power(small_run, page):
    assert page.count('<td class="number">–</td>\n<td class="number">–</td><td>two means') == 6
    more = [replace(r, seed=r.seed + 2) for r in small_run.results]
    four = replace(small_run, results=[*small_run.results, *more])
    told = render(four)
    for one in compare_all(four):
        row = next(line for line in told.split("<tr>") if f'<td class="name">{one}</td>' in line)
        cells = [html.unescape(cell) for cell in re.findall(r">([^<>]+)</td>", row)]
        seen = "–" if one.detectable is None else f"{one.detectable:.2f}"
        assert cells[-4:] == [p_words(one.p), p_words(one.p_equivalent), seen, "two means"]


def test_data_that_is_not_mnist_is_said_in_big_letters(page):
    assert "<strong>SAMPLE RUN — NOT MNIST RESULTS</strong>" in page
    assert "tiny (320 training and 100 test digits)" in page


def test_what_is_missing_is_said_and_the_rest_reported(page):
    assert "gn, seed 1: unfinished, 3 of 3 epochs" in page
    assert "none, seed 1: diverged after 0 of 3 epochs: the training loss of none became" in page
    names = "bn, gn, bn-l1-accumulated, none"
    assert f"run for other than the epochs of their recipe: {names}" in page


def test_seeds_that_diverged_count_in_every_row(lost_run):
    page = render(lost_run)
    assert "Lines are means over the seeds that finished, bands" in page
    rows = {name: row_of(page, name) for name in ("bn", "none")}
    assert rows["none"][-6:] == ["2, of which 2 diverged", "10.00 ± 0.00", "10.00 ± 0.00", "",
                                 "never", ""]  # fmt: skip
    bn = next(trial for trial in overviews(lost_run) if trial.name == "bn")
    assert rows["bn"][-6:-4] == ["2, of which 1 diverged", str(bn.last)]
    assert bn.last.mean == pytest.approx((bn.finished[0].last_accuracy + 10) / 2)
    assert 'no normalization</span>\n<span class="soft">10.00 %</span>' in page
    assert "none, seed 0: diverged after" in page
    (cells,) = (row for row in rows_of(final_table(lost_run)) if row[0] == "none")
    assert cells[1:] == ("2, of which 2 diverged", "10.00 ± 0.00", "10.00 ± 0.00", "", "", "-")


def rows_of(table):
    return zip(*([*column.cells] for column in table.columns), strict=True)


def row_of(page, name):
    """The cells of a trial in the table of results, as a reader sees them."""
    row = page.partition(f'<a href="#trial-{name}">')[2].partition("</tr>")[0]
    return [re.sub("<[^>]*>", "", cell).strip() for cell in re.split("<td[^>]*>", row)[1:]]


def test_how_many_seeds_reached_the_target_is_of_all_with_a_result(made_up_run):
    run = made_up_run({"bn": [[99.0, 99.5]] * 3, "gn": [[99.0, 99.1]] * 2})
    results = [replace(r, summary=None, diverged=True) if r.seed == 1 else r for r in run.results]
    bn, gn = overviews(replace(run, results=results))
    assert (bn.target_epochs, gn.target_epochs) == ("2 (2 of 3)", "never")
    (lost,) = overviews(replace(run, results=[r for r in results if r.diverged][:1]))
    assert (lost.target_epochs, str(lost.last), lost.best.mean) == ("never", "10.00", 10.0)


def test_galleries_are_the_most_confident_mistakes(small_run, page):
    mistakes = small_run.by_trial()["bn"][0].mistakes()
    first = f"<b>{mistakes['true'][0]}</b> as <b>{mistakes['predicted'][0]}</b>"
    assert first in page
    assert f"{100 * mistakes['confidence'][0]:.1f} %" in page
    assert page.count("data:image/png;base64,") >= 3 * 24


def test_confusion_is_added_over_the_finished_seeds(small_run):
    results = small_run.by_trial()["bn"]
    counts = confusion(results)
    assert counts.shape == (10, 10)
    assert counts.sum() == 200
    assert np.array_equal(counts, sum(confusion([r]) for r in results))


def test_the_factor_of_each_parameter_tensor_is_shown(page):
    expected = accumulated_factors(build_model(TRIALS["bn-l1-accumulated"], 0))
    assert {row["tensor"]: row["factor"] for row in factors()} == expected
    for row in factors():
        assert f"<code>{row['tensor']}</code>" in page
        assert f"{row['factor']} ×" in page
    assert max(expected.values()) == 17


@pytest.mark.parametrize(
    ("strongest", "words"),
    [(9.8, "<strong>0.001</strong>"), (97.0, "<strong>0.01</strong>")],
    ids=["the strongest does not", "the strongest does"],
)
def test_what_an_l1_counted_once_comes_to_is_said_as_it_is(
    small_run, monkeypatch, strongest, words
):
    rows = [
        Strength(0.01, "B", 9.8, None, Estimate(strongest, 2), strongest > 11.35),
        Strength(0.001, "B", 92.7, None, Estimate(98.5, 2), True),
        Strength(5e-5, "A", None, None, None, False),
    ]
    monkeypatch.setattr("training.report.page.strengths", lambda _: rows)
    page = " ".join(render(small_run).split())
    assert f"ends above a constant answer with every seed is {words}" in page
    assert ("Stronger ones were not tried." in page) == (strongest > 11.35)
    assert "the same recipe without a penalty. Accumulated" in page


def test_the_page_appears_in_the_run_folder(small_run):
    write_report(small_run)
    assert (small_run.folder / "report.html").read_text() == render(small_run)


def test_recipes_in_words():
    assert in_words(TRIALS["bn-l1-l2"]) == (
        "25 epochs, batch 128, Adam 0.03, times 0.85 every epoch, rotations ±7°, dropout 0.01, "
        "L1 5e-05 (correct), weight decay 1e-05"
    )


def test_the_largest_difference_is_of_every_layout_and_bfloat16_by_itself():
    def found(*values):
        return {"differences": [{"relative": value} for value in values]}

    kinds = {"report": found(1e-7), "as_laid_out": found(0.0, 3e-7), "after_relu": found(2e-7)}
    layers = {"block1.norm": kinds, "block2.norm": {"report": found(2e-7)}}
    assert largest_differences({"verification": layers}) == (2, 3e-7, None)
    layers["block2.norm"]["in_bfloat16"] = found(2e-3)
    assert largest_differences({"verification": layers}) == (2, 3e-7, 2e-3)
    assert largest_differences({"verification": {}}) == (0, 0.0, None)
