"""The table of a study: kept over sessions, and the verdicts it comes to."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.training.studies import ORDER, around, fill
from training.errors import TrainingError
from training.experiments.study import Question, parse_study, read_study
from training.files import locked
from training.report.study import study_table, write_study
from training.report.study_figure import draw_study
from training.results.study_table import StudyTable, mean_errors
from training.results.study_verdicts import answer, verdict
from training.run.task import DECISIVE, Settings, Task

LIMIT = math.log(1.1)
MATTERS = ORDER.tests[0]
EQUAL = replace(MATTERS, outside=False, low=-0.0953, high=0.0953)


@pytest.fixture
def table(tmp_path):
    return StudyTable(tmp_path / "order.csv", ORDER)


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [(1.01, "equivalent"), (1.4, "refuted"), (1.1, "undecided")],
    ids=["equal", "unlike", "at the margin"],
)
def test_equal_within_ten_percent(table, ratio, verdict):
    fill(table, {"after ReLU": around(1.5), "before ReLU": around(1.5, ratio)})
    found = answer(EQUAL, table, "mnist")
    assert found.verdict == verdict
    assert found.estimate.n == 8
    assert math.exp(found.estimate.mean) == pytest.approx(ratio, abs=0.06)


def test_seeds_are_paired_and_the_p_value_is_that_of_two_one_sided_tests(table):
    first, second = around(1.5), around(1.5, 1.01)
    fill(table, {"after ReLU": first, "before ReLU": second})
    logs = np.log(second) - np.log(first)
    p = max(
        stats.ttest_1samp(logs, -0.0953, alternative="greater").pvalue,
        stats.ttest_1samp(logs, 0.0953, alternative="less").pvalue,
    )
    assert answer(EQUAL, table, "mnist").p == pytest.approx(p, rel=1e-3)


def test_a_seed_that_diverged_counts_as_a_constant_answer(table):
    fill(table, {"after ReLU": [1.0, 1.0, None], "before ReLU": [1.0, 1.0, 1.0]})
    found = answer(EQUAL, table, "mnist").estimate
    assert found.mean == pytest.approx(-math.log(90) / 3)


@pytest.mark.parametrize(
    ("ratio", "own_sd", "word"),
    [
        (1.4, 0.03, "supported"),
        (1.01, 0.03, "refuted"),
        (1.05, 0.03, "refuted"),
        (1.1, 0.03, "supported"),
        (1.1, 0.3, "undecided"),
    ],
    ids=["matters", "is equal", "is seen and does not matter", "is seen at the margin", "scatters"],
)
def test_a_claim_of_a_difference_is_refuted_by_equality_within_the_margin(
    table, ratio, own_sd, word
):
    first, second = around(1.5), around(1.5, ratio, own_sd=own_sd)
    fill(table, {"after ReLU": first, "before ReLU": second})
    found = answer(MATTERS, table, "mnist")
    logs = np.log(second) - np.log(first)
    assert found.p == pytest.approx(stats.ttest_1samp(logs, 0).pvalue, rel=1e-3)
    assert found.verdict == word


def test_a_verdict_takes_every_data_set_and_every_seed(table):
    fill(table, {"after ReLU": around(1.5), "before ReLU": around(1.5, 1.4)})
    alone = [answer(MATTERS, table, name) for name in ("mnist", "fashion-mnist")]
    assert [one.verdict for one in alone] == ["supported", "not run"]
    assert verdict(table).verdict == "not whole yet"
    fill(table, {"after ReLU": around(9), "before ReLU": around(9, 1.4)[:7]}, "fashion-mnist")
    assert answer(MATTERS, table, "fashion-mnist").verdict == "not whole yet"
    assert verdict(table).p == 1
    fill(table, {"before ReLU": around(9, 1.4)}, "fashion-mnist")
    assert verdict(table).verdict == "supported"
    assert verdict(table).p == max(answer(MATTERS, table, name).p for name in table.datasets)


def whole_order(folder: Path) -> StudyTable:
    """A table of the study of the package, in which the order matters."""
    table = StudyTable(folder / "order.csv", read_study("order"))
    first, second = around(1.5, seeds=12), around(1.5, 1.4, seeds=12)
    for dataset in table.study.datasets:
        fill(table, {"after ReLU": first, "before ReLU": second}, dataset)
    return table


def whole_rms(folder: Path) -> StudyTable:
    """A table of the study of the package, in which all norms do alike."""
    rms = StudyTable(folder / "rms.csv", read_study("rms"))
    for dataset in rms.study.datasets:
        fill(rms, dict.fromkeys(rms.study.arms, around(2, seeds=12)), dataset)
    return rms


def test_the_claims_of_all_studies_are_corrected_for_together(tmp_path):
    """The only one that ran is held to p / 8; with a smaller one beside it, to p / 7."""
    table = whole_order(tmp_path)
    alone = verdict(table)
    assert (alone.claims, alone.adjusted) == (8, pytest.approx(8 * alone.p))
    rms = whole_rms(tmp_path)
    assert verdict(rms).p < alone.p
    assert verdict(rms).verdict == "equivalent"
    assert verdict(table).adjusted == pytest.approx(7 * alone.p)


def test_what_a_claim_is_tested_along_with_its_digest_says_not_its_name(tmp_path, table):
    """A file called as one of the package may ask something else, a copy of one the same."""
    assert table.study.name == "order"
    fill(table, {"after ReLU": around(1.5), "before ReLU": around(1.5, 1.4)}, "mnist")
    fill(table, {"after ReLU": around(1.5), "before ReLU": around(1.5, 1.4)}, "fashion-mnist")
    found = verdict(table)
    assert (found.claims, found.adjusted) == (1, found.p)
    (tmp_path / "copy").mkdir()
    order = whole_order(tmp_path / "copy")
    mine = StudyTable(order.path.rename(tmp_path / "mine.csv"), replace(order.study, name="mine"))
    assert (verdict(mine).claims, verdict(mine).adjusted) == (8, pytest.approx(8 * verdict(mine).p))


def test_the_verdicts_beside_a_table_follow_its_p(tmp_path):
    order = whole_order(tmp_path)
    kept = write_study(order)[1]
    before = kept.read_text()
    write_study(whole_rms(tmp_path))
    after = kept.read_text()
    assert f",{8 * verdict(order).p:.6g},,," in before
    assert f",{7 * verdict(order).p:.6g},,," in after
    write_study(order)
    assert kept.read_text() == after
    made = {path.name for path in tmp_path.glob("*-verdicts.csv")}
    assert made == {"order-verdicts.csv", "rms-verdicts.csv"}


def test_a_claim_of_several_parts_needs_them_all(tmp_path):
    study = replace(read_study("batch-size"), datasets=("mnist",))
    table = StudyTable(tmp_path / "batch-size.csv", study)
    seeds = [1 + seed / 10 for seed in range(6)]
    worse = {"BN 2": 3.0, "GN 2": 1.5}
    fill(table, {arm: [worse.get(arm, 1) * s for s in seeds] for arm in study.arms})
    first, second, *_ = (answer(question, table, "mnist") for question in study.tests)
    assert (first.verdict, second.verdict) == ("supported", "refuted")
    assert verdict(table).verdict == "refuted"


def test_the_power_is_that_of_the_corrected_test(table):
    fill(table, {"after ReLU": around(1.5), "before ReLU": around(1.5, 1.06)})
    alone, corrected = (answer(EQUAL, table, "mnist", claims) for claims in (1, 8))
    assert corrected.detectable > alone.detectable
    both_sides = answer(MATTERS, table, "mnist", 4)
    assert both_sides.detectable == pytest.approx(corrected.detectable)


def test_what_refutes_is_the_interval_with_both_its_sides(table):
    """With one limit, too: that is below the 95 % interval, or it is not."""
    fill(table, {"after ReLU": around(1.5), "before ReLU": around(1.5, 1.06)})
    found = answer(EQUAL, table, "mnist").estimate
    for limit in (found.low - 1e-4, found.low + 1e-4):
        question = replace(EQUAL, low=None, high=-1.0, refuted_low=None, refuted_high=limit)
        word = answer(question, table, "mnist").verdict
        assert word == ("refuted" if limit < found.low else "undecided")


def test_seeds_beyond_those_of_the_study_are_no_second_look(table):
    first, second = around(1.5), around(1.5, 1.06)
    fill(table, {"after ReLU": first, "before ReLU": second})
    before = answer(MATTERS, table, "mnist")
    errors = mean_errors(table, "mnist")
    fill(table, {"after ReLU": [*first, 1.0, 1.0], "before ReLU": [*second, 9.0, 9.0]})
    assert answer(MATTERS, table, "mnist") == before
    assert mean_errors(table, "mnist") == errors
    dots = draw_study(table).axes[0].lines[0].get_xdata()
    assert dots == pytest.approx(first)
    described = StudyTable(table.path.with_name("norms.csv"), read_study("norms"))
    fill(described, {"none 8": [3.0, 3.2, 3.4]})
    assert mean_errors(described, "mnist")["none 8"].n == 3


def test_a_study_that_names_no_data_set_has_a_verdict_on_those_of_its_rows(table):
    """And is another one than that of the usual two, of which one alone is no verdict."""
    free = StudyTable(table.path, replace(ORDER, datasets=()))
    errors = {"after ReLU": around(1.5), "before ReLU": around(1.5, 1.4)}
    fill(table, errors, "fashion-mnist")
    assert free.study.digest != ORDER.digest
    assert (verdict(table).verdict, verdict(free).verdict) == ("not whole yet", "not run")
    fill(free, errors, "fashion-mnist")
    assert verdict(free).verdict == "supported"
    lines = write_study(free)[1].read_text().splitlines()
    assert lines[-1].startswith("The order of BatchNorm and ReLU matters,1,fashion-mnist,supported")
    fill(free, {"after ReLU": around(1.5)}, "mnist")
    assert verdict(free).verdict == "not whole yet"


def test_what_is_in_the_table_is_not_run_again(table, tmp_path):
    fill(table, {"after ReLU": [1.5, 1.6]})
    again = StudyTable(table.path, ORDER)
    settings = Settings(data="data", dataset="mnist", study="order")
    have = [again.has(Task(ORDER.arms["after ReLU"], seed, settings, tmp_path)) for seed in (1, 2)]
    assert have == [True, False]
    assert again.rows == table.rows
    other = parse_study("order", {"trials": ["bn"], "set": {"epochs": 2}})
    changed = StudyTable(table.path, other)
    assert changed.own == []
    assert len(changed.rows) == 2


def tasks_of(data: str = "data", **settings: object) -> Task:
    """The first task of the study under these settings."""
    return Task(ORDER.arms["after ReLU"], 0, Settings(data, **settings), Path("run"))


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (tasks_of("sample"), "data=sample"),
        (tasks_of(precision="bfloat16"), "precision=bfloat16"),
        (tasks_of(device="cuda"), "device=cuda"),
        (tasks_of(backend="reference"), "backend=reference"),
        (tasks_of(processes=2, synchronize=True), "processes=2 synchronize=True"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_table_is_of_one_data_set_precision_device_and_backend(table, task, words):
    fill(table, {"after ReLU": [1.5, 1.6]})
    before = table.path.read_bytes()
    with pytest.raises(TrainingError, match=f"full data in float32, this run is with {words}; use"):
        table.add(task, {"last_accuracy": 99.0}, "abc")
    assert table.path.read_bytes() == before
    other = StudyTable(table.path.with_name("other.csv"), ORDER)
    other.add(task, {"last_accuracy": 99.0}, "abc")
    again = StudyTable(other.path, ORDER)
    assert (again.conditions, again.rows) == (words, other.rows)
    assert words.replace(" ", ", ") in draw_study(again).get_suptitle()
    with pytest.raises(TrainingError, match=f"holds tasks with {words}, this run is with full"):
        again.refuse_others({""})


def test_what_decides_a_task_is_what_tells_tables_apart():
    """And its threads; of one process how many share statistics says nothing."""
    alone, together = (set(tasks_of(processes=n).decisive("digest")) for n in (1, 2))
    assert together - alone == {"processes", "synchronize"}
    assert {"device", "precision", "backend", "threads", "train_size", "data", "seed"} <= alone
    assert set(DECISIVE) == {"device", "precision", "backend", "processes", "synchronize"}


def test_a_table_as_by_default_has_the_columns_it_always_had(table):
    fill(table, {"after ReLU": [1.5]})
    assert table.path.read_text().splitlines()[0].endswith(",error_recounted,revision,study")


def test_two_runs_that_share_a_table_lose_no_row(table):
    beside = StudyTable(table.path, ORDER)  # both read it while it was empty
    fill(table, {"after ReLU": [1.5, 1.6]})
    fill(beside, {"before ReLU": [1.7]})
    fill(table, {"before ReLU": [1.7, 1.8]})
    assert len(StudyTable(table.path, ORDER).rows) == 4
    with locked(table.path.parent):  # as a run does whose folder holds the table
        fill(table, {"after ReLU": [1.4]})


def test_a_measure_that_a_seed_lacks_is_left_out_and_counted(tmp_path):
    study = parse_study("mine", {
        "trials": ["bn"], "seeds": 4,
        "arm": [{"name": "a", "weight_decay": 0.1}, {"name": "b"}],
        "test": [
            {"text": "?", "weights": {"a": 1, "b": -1}, "measure": measure, "high": 0}
            for measure in ("log effective rate", "log stale error")
        ],
    })  # fmt: skip
    table = StudyTable(tmp_path / "mine.csv", study)
    fill(table, {"a": [1.5, None, 1.6, 1.7], "b": [1.5, 1.6, 1.7, 1.8]})
    perfect = {"last_accuracy": 100.0, "measures": {"weight_norm": 9.0, "error_recounted": 0.0}}
    table.add(Task(study.arms["b"], 0, Settings("data"), tmp_path), perfect, "abc")
    for question in study.tests:
        assert answer(question, table, "mnist").estimate.n == 3
    cells = list(study_table(table).columns[2].cells)
    assert cells == ["3 of 4", "3 of 4", ""]
    assert table.measured("log error", "a", "mnist")[1] == pytest.approx(math.log(90))


def test_two_seeds_have_an_answer_without_an_interval(table):
    two = StudyTable(table.path, replace(ORDER, seeds=(0, 1)))
    fill(two, {"after ReLU": [1.5, 1.6], "before ReLU": [1.5, 1.7]})
    assert next(iter(study_table(two).columns[3].cells)) == "1.031, no interval"
    assert write_study(two)[2].exists()


def test_a_file_that_is_no_table_is_refused(tmp_path):
    path = tmp_path / "order.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(TrainingError, match="is not the table of a study"):
        StudyTable(path, ORDER)


RATES = read_study("rates")


@pytest.mark.parametrize(
    ("bn_ruined_above", "verdict"), [(3.0, "supported"), (0.1, "refuted")], ids=["larger", "not"]
)
def test_the_largest_usable_rate_is_held_to_a_sign_test(tmp_path, bn_ruined_above, verdict):
    table = StudyTable(tmp_path / "rates.csv", RATES)

    def error(arm: str) -> float:
        rate = RATES.arms[arm].learning_rate / 0.1
        limit = bn_ruined_above if arm.startswith("BN") else 0.3
        return 1.5 if rate <= limit + 1e-9 else 90.0

    fill(table, {arm: [error(arm)] * 8 for arm in RATES.arms})
    found = answer(RATES.tests[0], table, "mnist")
    assert found.verdict == verdict
    assert min(found.p, found.p_refuted) == pytest.approx(0.5**8)


def test_verdicts_and_figure_lie_beside_the_table(table):
    fill(table, {"after ReLU": around(1.5), "before ReLU": around(1.5, 1.01)})
    paths = write_study(table)
    assert [path.name for path in paths] == ["order.csv", "order-verdicts.csv", "order.png"]
    assert paths[2].read_bytes().startswith(b"\x89PNG")
    lines = paths[1].read_text().splitlines()
    assert len(lines) == 4  # heading, two data sets, all
    assert lines[-1].startswith("The order of BatchNorm and ReLU matters,1,all,not whole yet,")
    assert study_table(table).row_count == 3
    assert "not whole yet: 16 tasks are left" in study_table(table).caption


def test_what_equality_could_have_been_shown_is_the_margin_less_what_is_seen_beyond_a_limit(table):
    fill(table, {"after ReLU": around(1.5), "before ReLU": around(1.5, 1.01)})
    alone, corrected = (answer(EQUAL, table, "mnist", claims) for claims in (1, 8))
    assert corrected.shown_within == pytest.approx(0.0953 - corrected.detectable)
    assert 0 < corrected.shown_within < alone.shown_within
    assert answer(MATTERS, table, "mnist").shown_within is None
    slope = answer(replace(EQUAL, low=0.4, high=0.6), table, "mnist", 8)
    assert slope.shown_within == pytest.approx(0.1 - corrected.detectable)
    first, second = around(1.5), around(1.5, own_sd=0.3)
    fill(table, {"after ReLU": first, "before ReLU": second})
    assert answer(EQUAL, table, "mnist", 8).shown_within < 0


def test_a_question_may_have_one_limit(table):
    fill(table, {"after ReLU": around(1.5), "before ReLU": around(1.5, 1.3)})
    weights = {"before ReLU": 1.0, "after ReLU": -1.0}
    above = Question("above 1.1", weights, low=LIMIT, refuted_low=LIMIT)
    assert answer(above, table, "mnist").verdict == "supported"
    below = Question("below 1", weights, high=0.0, refuted_high=-LIMIT)
    assert answer(below, table, "mnist").verdict == "refuted"


def test_where_limits_overlap_what_supports_goes_first(table):
    """As ghost's do: a gain below the margin is one, and lies where the file says that refutes."""
    fill(table, {"after ReLU": around(1.5), "before ReLU": around(1.5, 0.96, own_sd=0.01)})
    weights = {"before ReLU": 1.0, "after ReLU": -1.0}
    found = answer(Question("below 1", weights, high=0.0, refuted_high=-LIMIT), table, "mnist")
    assert max(found.p, found.p_refuted) < 0.05
    assert found.verdict == "supported"
