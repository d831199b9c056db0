"""The figure of a study: nothing cut off, and what its colors and its gray mean."""

from dataclasses import replace

import pytest

from tests.training.figures import clipped, overlapping
from tests.training.studies import ORDER, around, committed, fill
from training.experiments.study import known_studies, read_study
from training.report.study_figure import draw_study, norm_by_batch
from training.results.study_table import StudyTable


def test_norms_and_batch_sizes_are_a_heat_map(tmp_path):
    table = StudyTable(tmp_path / "norms.csv", read_study("norms"))
    fill(table, {arm: [3.0, 3.2] for arm in table.study.arms if arm != "none 8"})
    figure = draw_study(table)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count("3.10\n3.00, 3.20") == 20
    assert texts.count("–") == 1
    assert "(not whole yet)" in figure.get_suptitle()
    assert norm_by_batch(StudyTable(tmp_path / "order.csv", ORDER)) is None


def test_an_arm_that_hardly_learned_leaves_the_others_their_shades(tmp_path):
    table = StudyTable(tmp_path / "norms.csv", read_study("norms"))
    others = {"none 64": [31.0, 33.0], "RMSNorm 8": [4.0, 4.0]}
    fill(table, {arm: [2.0, 2.0] for arm in table.study.arms} | others)
    figure = draw_study(table)
    axis = figure.axes[0]
    (shades,) = axis.images
    assert (shades.norm.vmin, shades.norm.vmax) == (2.0, 6.0)
    title = "mnist: test error (%), mean and both seeds; from 6.0 on drawn alike"
    assert axis.get_title(loc="left").split() == title.split()
    assert clipped(figure) == overlapping(figure) == []


@pytest.mark.parametrize("name", known_studies())
def test_no_words_of_a_figure_lie_on_others(name):
    """And every axis of errors, which has a logarithmic scale, has three labels or more."""
    figure = draw_study(committed(name))
    assert clipped(figure) == overlapping(figure) == []
    for axis in (axis for axis in figure.axes if axis.get_xscale() == "log"):
        low, high = axis.get_xlim()
        assert sum(low <= tick <= high for tick in axis.get_xticks()) >= 3


@pytest.mark.parametrize("names", [("decay x0", "decay x1"), ("a x1", "b x2"), ("a", "b x2")])
def test_arms_that_are_no_rates_are_called_none(tmp_path, names):
    arms = dict(zip(names, ORDER.arms.values(), strict=True))
    table = StudyTable(tmp_path / "mine.csv", replace(ORDER, arms=arms, tests=()))
    fill(table, {arm: [2.0, 2.1] for arm in arms})
    assert "learning rate" not in draw_study(table).get_suptitle()


def test_a_figure_says_what_its_claim_came_to_and_what_its_colors_are():
    figure = draw_study(committed("rates"))
    assert figure.get_suptitle().splitlines() == [
        "E3: larger learning rates with BatchNorm; x1 is a learning rate of 0.1",
        "BatchNorm allows larger learning rates: undecided (p = 0.035, after Holm 0.18)",
    ]
    (legend,) = figure.legends
    assert "by a sign test over the seeds, not by the interval" in legend.get_title().get_text()
    words = [text.get_text() for text in legend.get_texts()]
    assert words == ["supported", "refuted", "equivalent", "undecided", "asked about"]


def test_the_gray_of_a_difference_is_where_it_is_refuted(tmp_path):
    """And is seen whole: its limits lie within the axis."""
    figure = draw_study(committed("order"))
    (legend,) = figure.legends
    assert legend.get_texts()[-1].get_text() == "equal enough to refute"
    for axis in figure.axes[2:]:
        low, high = axis.get_xlim()
        assert low < -0.0953 < 0.0953 < high
    table = StudyTable(tmp_path / "order.csv", ORDER)
    fill(table, {"after ReLU": around(1.5)[:7], "before ReLU": around(1.5)[:7]})
    half = draw_study(table)
    assert half.get_suptitle() == "E7: normalization before or after ReLU (not whole yet)"
    assert "not whole yet" in [text.get_text() for text in half.legends[0].get_texts()]
    assert clipped(half) == overlapping(half) == []


def test_a_label_is_folded_at_its_colon_and_leaves_a_number_with_its_word():
    labels = [t.get_text() for t in draw_study(committed("rates")).axes[2].get_yticklabels()]
    assert labels == ["largest usable rate, BN / none:\nat least\N{NO-BREAK SPACE}3"]
