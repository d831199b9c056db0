"""training/README.md says what the committed tables of the studies come to."""

import itertools
import math
import re
import shutil
import statistics
import tomllib
from collections.abc import Iterable, Sequence

import pytest

from tests.training.conftest import ROOT
from tests.training.studies import committed as table_of
from training.experiments.study import ERROR, LARGEST_RATE, known_studies, parse_study, read_study
from training.report.study import write_study
from training.results.intervals import estimate, noncentrality
from training.results.study_table import StudyTable, mean_errors
from training.results.study_verdicts import Answer, Outcome, answers, verdict
from training.results.verdicts import Verdict

README = (ROOT / "training/README.md").read_text(encoding="utf-8")
SAID = " ".join(README.split())


def test_tables_of_studies_are_of_the_studies_as_they_are() -> None:
    for path in (ROOT / "workbooks/studies").glob("*.csv"):
        if path.stem in known_studies():
            table = StudyTable(path, read_study(path.stem))
            assert table.own == table.rows


def outcome(name: str) -> str:
    """What the committed rows of a study come to: how many there are, or its verdict."""
    table, study = table_of(name), read_study(name)
    tasks = len(study.arms) * len(study.seeds) * len(study.datasets)
    if not table.is_whole:
        return f"{len(table.own)} of {tasks} runs"
    figure = f"[figure](../workbooks/studies/{name}.png)"
    return f"**{verdict(table).verdict}**, {figure}" if study.tests else figure


@pytest.mark.parametrize("name", known_studies())
def test_the_row_of_a_study_says_what_it_came_to(name: str) -> None:
    study = read_study(name)
    (row,) = (line for line in README.splitlines() if line.startswith(f"| `{name}` | "))
    assert row.endswith(f" | {len(study.seeds)} | {outcome(name)} |")


WHOLE = [name for name in known_studies() if table_of(name).is_whole]
TESTED = [name for name in WHOLE if read_study(name).tests]


@pytest.mark.parametrize("name", WHOLE)
def test_verdicts_and_figure_of_a_whole_study_are_those_of_its_table(name: str, tmp_path) -> None:
    table = table_of(name)
    assert table.path.with_suffix(".png").exists()
    for beside in table.path.parent.glob("*.csv"):
        shutil.copy(beside, tmp_path)
    copy = StudyTable(tmp_path / f"{name}.csv", table.study)
    write_study(copy)
    kept = f"{name}-verdicts.csv"
    assert (tmp_path / kept).read_text() == table.path.with_name(kept).read_text()


def said(one: Answer, value: float, digits: int = 3) -> str:
    """A number of a question as the text has it: of a logarithm the ratio."""
    return f"{math.exp(value) if one.question.is_ratio else value:.{digits}f}"


def measured(one: Answer) -> str:
    found = one.estimate
    assert found
    mean, low, high = (said(one, v or 0.0) for v in (found.mean, found.low, found.high))
    return f"{mean} ({low} to {high})"


def seen(one: Answer) -> str:
    """The truth that would support a question with 80 % power."""
    question, beyond = one.question, one.detectable
    if question.measure == LARGEST_RATE:
        # The sign test is passed first, of eight claims, by all of eight seeds.
        assert one.estimate
        assert one.estimate.n == 8
        assert 0.5**8 < 0.05 / 8 < 9 * 0.5**8
        return f"{100 * 0.8 ** (1 / 8):.0f} % of seeds"
    assert beyond
    low, high = question.low, question.high
    if question.outside:
        # Not refuted first: the interval must reach beyond where that is so.
        assert one.estimate
        reach = noncentrality(0.975, one.estimate.degrees)
        most = (question.refuted_high or 0.0) + reach * one.estimate.error
        beyond = max(beyond, most)
        below, above = (said(one, v, 2) for v in ((low or 0.0) - beyond, (high or 0.0) + beyond))
        return f"below {below} or above {above}"
    if high is None:
        return f"from {said(one, (low or 0.0) + beyond, 2)}"
    if low is None:
        return f"to {said(one, high - beyond, 2)}"
    assert one.shown_within == pytest.approx((high - low) / 2 - beyond)
    shown = " to ".join(said(one, v, 2) for v in (low + beyond, high - beyond))
    return shown if one.shown_within > 0 else "none"


def p_of(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


def both(words: Iterable[str]) -> str:
    return " / ".join(dict.fromkeys(words))


def row_of(name: str, each: Sequence[Answer], together: Outcome) -> str:
    """What the data sets say to a question; the p that is the claim's is the corrected one, too."""
    p = max(one.p for one in each)
    corrected = f", after Holm {p_of(together.adjusted)}" if p == together.p else ""
    seeds = {one.estimate.n for one in each if one.estimate}
    return " | ".join((
        f"| `{name}`: {each[0].question.text}", *map(measured, each), *map(str, seeds),
        both(map(seen, each)), f"{p_of(p)}{corrected}", f"{both(one.verdict for one in each)} |",
    ))  # fmt: skip


@pytest.mark.parametrize("name", TESTED)
def test_the_numbers_of_a_study_are_those_of_its_table(name: str) -> None:
    """And the verdicts, p values and what would have been seen: a row a primary question."""
    table = table_of(name)
    wanted = [row_of(name, e, verdict(table)) for e in answers(table) if e[0].question.primary]
    assert [line for line in README.splitlines() if line.startswith(f"| `{name}`: ")] == wanted
    assert sum("after Holm" in row for row in wanted) == 1


def test_what_could_not_have_been_shown_equal_is_said() -> None:
    """On MNIST that GroupNorm does not mind, and of l2 whatever is about errors."""
    found = {
        (name, one.dataset, one.question.measure)
        for name in TESTED
        for one in itertools.chain(*answers(table_of(name)))
        if one.shown_within is not None and one.shown_within < 0
    }
    assert found == {("batch-size", "mnist", ERROR)} | {
        ("l2", data, ERROR) for data in ("mnist", "fashion-mnist")
    }
    assert "no true ratio, not even 1, would have been shown equal four times in five" in SAID
    assert "no truth would have been shown equal four times in five, on either" in SAID
    margins = [100 * math.expm1(one.shown_within or 0.0) for one in answers(table_of("decay"))[0]]
    words = "up to a true difference of {:.0f} % on MNIST and of {:.0f} % on Fashion-MNIST"
    assert words.format(*margins) in SAID


def test_what_of_batches_of_four_is_said() -> None:
    *_, at_four = answers(table_of("batch-size"))
    means = [said(one, one.estimate.mean) for one in at_four if one.estimate]
    assert f"with batches of 4 it is {' and '.join(means)}." in SAID


def test_how_much_of_the_gap_the_ghosts_close_is_said() -> None:
    closed = []
    for data, words in (("mnist", "on MNIST"), ("fashion-mnist", "on Fashion-MNIST")):
        found = mean_errors(table_of("ghost"), data)
        small, large, ghosts = (found[arm].mean for arm in ("BN 64", "BN 1024", "16 ghosts of 64"))
        assert f"{small:.2f}, {large:.2f} and {ghosts:.2f} % {words}" in SAID
        closed.append(f"{100 * (large - ghosts) / (large - small):.0f}")
    assert f"the ghosts close {' and '.join(closed)} % of the gap" in SAID


def test_what_of_rms_norm_is_the_missing_beta_is_said() -> None:
    without, with_beta = answers(table_of("rms"))
    logs = []
    for one in with_beta:
        assert one.estimate
        values = (one.estimate.mean, one.estimate.low or 0.0, one.estimate.high or 0.0)
        mean, low, high = map(math.exp, values)
        assert f"{mean:.3f} ({low:.3f} to {high:.3f})" in SAID
        logs.append(one.estimate.mean)
    assert [one.verdict for one in with_beta] == [Verdict.REFUTED, Verdict.UNDECIDED]
    whole = [one.estimate.mean for one in without if one.estimate]
    parts = [1 - part / total for part, total in zip(logs, whole, strict=True)]
    assert parts == pytest.approx([0.5, 0.5], abs=0.05)
    (row,) = (line for line in README.splitlines() if "| RMSNorm only where" in line)
    said = [" and ".join(f"{math.exp(v):.2f}" for v in values) for values in (whole, logs)]
    assert f"RMSNorm has {said[0]} times LayerNorm's error, with a β {said[1]} (12)" in row


def test_what_would_refute_ghost_holds_too_and_is_said() -> None:
    (found,) = answers(table_of("ghost"))
    assert all(max(one.p, one.p_refuted) < 0.05 for one in found)
    assert "any gain supports, one of less than 10 % refutes, and both intervals lie wholly" in SAID


@pytest.mark.parametrize(
    ("name", "arm"),
    [("batch-size", arm) for arm in ("BN 2", "GN 2", "BN 4", "GN 4", "BN 32", "GN 32")]
    + [("ghost", arm) for arm in ("16 ghosts of 64", "BN 1024", "BN 64")]
    + [("dropout", arm) for arm in ("0.5 after the last", "0.5 before", "none")]
    + [("l2", arm) for arm in ("decay 0", "decay 0.001", "decay 0.016")],
)
def test_which_norm_when_names_the_errors_of_a_study(name: str, arm: str) -> None:
    found = [mean_errors(table_of(name), data)[arm] for data in ("mnist", "fashion-mnist")]
    words = " / ".join(f"{one.mean:.2f}" for one in found) + f" ({found[0].n})"
    assert any(f"`{name}`" in line and words in line for line in README.splitlines())


@pytest.mark.parametrize(
    ("study", "first", "second", "data", "words"),
    [
        ("batch-size", "BN 4", "GN 4", "mnist", "{} % more on MNIST ({})"),
        ("batch-size", "GN 32", "BN 32", "fashion-mnist", "{} % more on Fashion-MNIST ({})"),
        ("dropout", "0.5 after the last", "none", "fashion-mnist",
         "{} % more than none on Fashion-MNIST ({})"),
    ],
)  # fmt: skip
def test_which_norm_when_says_by_how_much(study, first, second, data, words) -> None:
    found = {}
    for name in ("mnist", "fashion-mnist"):
        a, b = (table_of(study).measured(ERROR, arm, name) for arm in (first, second))
        found[name] = estimate([a[seed] - b[seed] for seed in b])
    one = found.pop(data)
    mean, low, high = (100 * math.expm1(v) for v in (one.mean, one.low or 0.0, one.high or 0.0))
    assert words.format(f"{mean:.1f}", f"{low:.1f} to {high:.1f}") in SAID
    (other,) = found.values()  # "not told apart"
    assert (other.p or 0.0) > 0.05


def test_which_norm_when_names_the_errors_by_learning_rate() -> None:
    table, ranges, lowest, medians = table_of("rates"), [], [], []
    for data in ("mnist", "fashion-mnist"):
        found = mean_errors(table, data)
        means = [found[f"BN {x}"].mean for x in ("x0.3", "x1", "x3")]
        ranges.append(f"{min(means):.2f} to {max(means):.2f}")
        lowest.append(f"{found['BN x0.03'].mean:.2f}")
        errors = [table.measured(ERROR, f"NONE {x}", data) for x in ("x0.3", "x1", "x3")]
        middle = [f"{statistics.median(map(math.exp, of.values())):.2f}" for of in errors]
        medians.append("{}, {} and {}".format(*middle))
    assert f"{' / '.join(ranges)} (8), at 0.003 {' / '.join(lowest)};" in SAID
    assert f"the median is {' / '.join(medians)} (8) at 0.03, 0.1 and 0.3" in SAID
    worst = math.exp(max(table.measured(ERROR, "NONE x0.3", "mnist").values()))
    assert f"one seed of eight is lost at 0.03 ({worst:.2f}) and one at 0.1" in SAID


def test_why_five_claims_are_undecided_is_said() -> None:
    held = []
    for name in ("ghost", "rates", "dropout", "batch-size", "l2"):
        asked = [one for each in answers(table_of(name)) for one in each if one.question.primary]
        held += [name] if max(one.p for one in asked) <= 0.05 else []
    words = "Of these five `{}`, `{}` and `{}` hold on both data sets and are undecided by the"
    assert words.format(*held) in SAID


@pytest.mark.parametrize("case", ["BatchNorm", "GroupNorm", "LayerNorm", "none"])
@pytest.mark.parametrize("batch", [2, 8, 64])
def test_which_norm_when_names_the_errors_by_batch(case: str, batch: int) -> None:
    found = mean_errors(table_of("norms"), "mnist")[f"{case} {batch}"]
    (row,) = (
        line
        for line in README.splitlines()
        if line.startswith(f"| batches of {batch}") and "`norms`" in line
    )
    assert f"{found.mean:.2f} ({found.n})" in row


@pytest.mark.parametrize("case", ["InstanceNorm", "PixelNorm", "RMSNorm"])
def test_which_norm_when_names_the_errors_of_a_norm(case: str) -> None:
    errors = mean_errors(table_of("norms"), "mnist")
    found = [errors[f"{case} {batch}"] for batch in (2, 8, 64)]
    words = ", ".join(f"{one.mean:.2f} ({one.n})" for one in found)
    (row,) = (line for line in README.splitlines() if f" | {case}" in line and "`norms`" in line)
    assert f"error {words} with batches of 2, 8, 64" in row


def test_every_study_is_told_with_its_claim_and_seeds() -> None:
    for name in known_studies():
        study = read_study(name)
        (row,) = (line for line in README.splitlines() if line.startswith(f"| `{name}` |"))
        assert f"| {study.claim} |" in row or not study.tests
        assert f"| {len(study.seeds)} |" in row


def test_the_study_in_the_text_is_one() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert len(parse_study("mine", tomllib.loads(text)).arms) == 6


def test_the_front_page_counts_the_verdicts() -> None:
    found = [verdict(table_of(n)).verdict for n in known_studies() if read_study(n).tests]
    assert len(found) == 8
    words = {0: "none", 1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}
    counts = [words[found.count(v)] for v in ("refuted", "equivalent", "undecided")]
    sentence = (
        "Of eight claims of the literature {} are refuted here, {} is equivalent, {} are undecided"
    )
    front = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert sentence.format(*counts) in front
