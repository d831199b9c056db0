"""training/README.md says what the committed tables come to, and its commands can be given."""

import csv
import itertools
import math
import re
import shlex
import shutil
import statistics
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from scipy import stats

from training.cli.parser import build_parser
from training.experiments.claims import OF_FIVE
from training.experiments.study import ERROR, LARGEST_RATE, known_studies, parse_study, read_study
from training.experiments.trials import TRIALS
from training.record.task_folder import CONSTANT_ANSWER, DIVERGED
from training.report.claims import write_claims_csv
from training.report.differences import write_differences
from training.report.study import is_ratio, write_study
from training.results.comparisons import compare_all, detectable
from training.results.intervals import Estimate, estimate
from training.results.kept import read_summary
from training.results.over_seeds import overviews
from training.results.study_table import StudyTable, mean_errors
from training.results.study_verdicts import answers, verdict
from training.results.verdicts import Verdict, compared, find, judge_all, p_words

ROOT = Path(__file__).parents[2]
README = (ROOT / "training/README.md").read_text(encoding="utf-8")
SAID = " ".join(README.split())
HEADING = "| trial | recipe | published | last epoch | best epoch | seeds | revision |"


def committed_runs(table: str = "summary.csv") -> dict[str, list[dict[str, str]]]:
    runs: dict[str, list[dict[str, str]]] = {}
    with (ROOT / "workbooks/mnist" / table).open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            runs.setdefault(row["trial"], []).append(row)
    return runs


def spread(values: Sequence[str]) -> str:
    numbers = [float(v) for v in values]
    mean = f"{statistics.mean(numbers):.2f}"
    return mean if len(numbers) == 1 else f"{mean} ± {statistics.stdev(numbers):.2f}"


def spread_of(name: str) -> str:
    return spread([row["last_accuracy"] for row in committed_runs()[name]])


def expected_row(name: str, rows: Sequence[dict[str, str]], on_mnist: bool = True) -> str:
    config = TRIALS[name]
    published = config.published.text if config.published else "–"
    lost = sum(row["status"].startswith(DIVERGED) for row in rows)
    constant = f"{CONSTANT_ANSWER}"
    cells = (
        name,
        config.summary,
        *((published,) if on_mnist else ()),  # what was published is of MNIST
        spread([row["last_accuracy"] or constant for row in rows]),
        spread([row["best_accuracy"] or constant for row in rows]),
        f"{len(rows)}, of which {lost} diverged" if lost else str(len(rows)),
        ", ".join(sorted({row["revision"] for row in rows})),
    )
    return f"| {' | '.join(cells)} |"


def test_there_is_a_row_for_every_trial() -> None:
    assert HEADING in README
    assert set(committed_runs()) == set(TRIALS)


@pytest.mark.parametrize("name", TRIALS)
def test_the_row_says_what_was_measured(name: str) -> None:
    rows = committed_runs()[name]
    assert {row["status"].split()[0] for row in rows} <= {"finished", DIVERGED}
    assert expected_row(name, rows) in README.splitlines()


def test_the_rows_of_fashion_mnist_say_what_was_measured() -> None:
    runs = committed_runs("../fashion-mnist/summary.csv")
    rows = [expected_row(name, rows, on_mnist=False) for name, rows in runs.items()]
    heading = "| on Fashion-MNIST | recipe | last epoch | best epoch | seeds | revision |"
    start = README.splitlines().index(heading)
    assert README.splitlines()[start + 2 : start + 2 + len(rows)] == rows
    assert set(runs) == {"bn", "gn", "ln", "gbn", "bn-l2"}


def test_what_the_seeds_without_a_norm_came_to_is_said() -> None:
    rows = committed_runs()["none"]
    ends = sorted(row["last_accuracy"] for row in rows if row["status"] == "finished")
    assert (len(rows), len(ends)) == (5, 4)
    assert "one of five seeds diverged in its second epoch and counts as a constant" in SAID
    assert f"{CONSTANT_ANSWER:.0f} %; the other four end at {ends[0]} to {ends[-1]}." in SAID


@pytest.mark.parametrize("name", ["bn", "gn", "ln", "gbn"])
def test_which_norm_when_says_what_was_measured(name: str) -> None:
    tables = (committed_runs(), committed_runs("../fashion-mnist/summary.csv"))
    values = [[float(row["last_accuracy"]) for row in table[name]] for table in tables]
    assert " / ".join(f"{statistics.mean(v):.2f} ({len(v)})" for v in values) in SAID


def test_tables_of_studies_are_of_the_studies_as_they_are() -> None:
    for path in (ROOT / "workbooks/studies").glob("*.csv"):
        if path.stem in known_studies():
            table = StudyTable(path, read_study(path.stem))
            assert table.own == table.rows


def table_of(name: str) -> StudyTable:
    return StudyTable(ROOT / f"workbooks/studies/{name}.csv", read_study(name))


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


@pytest.mark.parametrize("name", TESTED)
def test_the_numbers_of_a_study_are_those_of_its_table(name: str) -> None:
    for one in itertools.chain(*answers(table_of(name))):
        if not one.question.primary:
            continue
        found = one.estimate
        assert found
        values = (found.mean, found.low or 0.0, found.high or 0.0)
        mean, low, high = (math.exp(v) if is_ratio(one) else v for v in values)
        assert f"{mean:.3f} ({low:.3f} to {high:.3f})" in SAID
        if one.question.measure == LARGEST_RATE:
            # The sign test is passed first, of eight claims, by all of eight seeds.
            assert found.n == 8
            assert 0.5**8 < 0.05 / 8 < 9 * 0.5**8
            assert f"{100 * 0.8 ** (1 / 8):.0f} % of all seeds" in SAID
            continue
        assert one.detectable
        seen = f"{100 * math.expm1(one.detectable):.1f} %"
        assert (seen if is_ratio(one) else f"{one.detectable:.3f}") in SAID


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


@pytest.mark.parametrize("name", TESTED)
def test_an_undecided_study_says_its_p(name: str) -> None:
    found = verdict(table_of(name))
    if found.verdict == Verdict.UNDECIDED:
        assert f"p = {found.p:.2g}, after Holm {found.adjusted:.2g}" in SAID


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


def test_which_norm_when_says_what_batch_norm_loses_with_batches_of_four() -> None:
    table = table_of("batch-size")
    found = {}
    for data in ("mnist", "fashion-mnist"):
        bn, gn = (table.measured(ERROR, arm, data) for arm in ("BN 4", "GN 4"))
        found[data] = estimate([bn[seed] - gn[seed] for seed in gn])
    one = found["mnist"]
    mean, low, high = (100 * math.expm1(v) for v in (one.mean, one.low or 0.0, one.high or 0.0))
    assert f"{mean:.1f} % more on MNIST ({low:.1f} to {high:.1f})" in SAID
    assert (found["fashion-mnist"].p or 0.0) > 0.3


def test_which_norm_when_names_the_errors_by_learning_rate() -> None:
    for norm, rates in (("BN", ("x0.3", "x1", "x3")), ("NONE", ("x0.3", "x1", "x3"))):
        ranges = []
        for data in ("mnist", "fashion-mnist"):
            means = [mean_errors(table_of("rates"), data)[f"{norm} {x}"].mean for x in rates]
            ranges.append(f"{min(means):.2f} to {max(means):.2f}")
        assert f"{' / '.join(ranges)} (8)" in SAID


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


@pytest.mark.parametrize("data", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize("table", ["claims.csv", "differences.csv"])
def test_the_committed_tables_are_those_of_the_committed_summary(data, table, tmp_path) -> None:
    folder = ROOT / "workbooks" / data
    run = read_summary(folder / "summary.csv")
    write_claims_csv(judge_all(run), tmp_path)
    write_differences(run, tmp_path)
    with (folder / table).open() as kept, (tmp_path / table).open() as made:
        for old, new in zip(csv.reader(kept), csv.reader(made), strict=True):
            assert len(old) == len(new)
            for a, b in zip(old, new, strict=True):
                try:
                    assert float(a) == pytest.approx(float(b), rel=1e-3)
                except ValueError:
                    assert a == b


@pytest.mark.parametrize(
    ("name", "words"),
    {
        "layer-best": '"LayerNorm is the best of BN, GN and LN": ',
        "l1-random": '"L1 makes the model random": ',
        "l2-beats-l1": '"L2 beats L1 in accuracy and steadiness": ',
        "ghost-best": '"Ghost BN is the best of its five": ',
        "ghost-both-worst": 'is the lowest of its five, and irregular early": ',
        "both-between": '"L1 with L2 lies between the two, and crosses 99.4 later than L2": ',
    }.items(),
)
def test_the_verdicts_are_those_of_the_committed_table(name: str, words: str) -> None:
    run = read_summary(ROOT / "workbooks/mnist/summary.csv")
    (judgment,) = (j for j in judge_all(run) if j.claim.name == name)
    assert f"{words}{judgment.verdict}**" in SAID


def test_layer_norm_below_batch_norm_is_said_as_it_was_measured() -> None:
    run = read_summary(ROOT / "workbooks/mnist/summary.csv")
    (one,) = (c for c in compare_all(run) if {c.first, c.second} == {"bn", "ln"})
    margin = one.decisive
    interval = f"(−{margin.high:.2f} to −{margin.low:.2f})"
    assert f"LN ends {margin.mean:.2f} points below BN {interval}" in SAID
    assert f"would refute it (p = {p_words(margin.p)})" in SAID
    (judgment,) = (j for j in judge_all(run) if j.claim.name == "layer-best")
    assert f"does not (p = {p_words(judgment.findings[0].p)})" in SAID


def test_layer_norm_on_fashion_mnist_is_said_as_it_was_measured() -> None:
    judged = judge_all(read_summary(ROOT / "workbooks/fashion-mnist/summary.csv"))
    (judgment,) = (j for j in judged if j.claim.name == "layer-best")
    margins = [f.margin for f in judgment.findings[:2]]
    of_bn, of_gn = (
        f"{-m.mean:.2f} {{}} ({m.low:.2f} to {m.high:.2f})".replace("-", "−") for m in margins
    )
    said = f"{of_gn.format('points below GN')}, {of_bn.format('below BN')};"
    assert f"**On Fashion-MNIST refuted**, p = {p_words(judgment.p)}, five seeds: {said}" in SAID
    assert judgment.verdict is Verdict.REFUTED


def test_what_ghost_batch_norm_is_equivalent_to_is_said_as_it_was_measured() -> None:
    run = read_summary(ROOT / "workbooks/mnist/summary.csv")
    judged = judge_all(run)
    (judgment,) = (j for j in judged if j.claim.name == "ghost-best")
    alone = sorted(find(f.part, run).p_equivalent or 0.0 for f in judgment.findings)
    tested = {compared(f.part) for j in judged for f in j.findings if f.p_equivalent is not None}
    assert f"(p = {p_words(alone[0])} to {p_words(alone[-1])})" in SAID
    least = min(f.p_equivalent or 0.0 for f in judgment.findings)
    assert f"over the {len(tested)} such comparisons none does (p = {least:.2f} at least)" in SAID
    equal = [
        f"{f.part} (p = {f.p_equivalent:.3f})"
        for j in judged
        for f in j.findings
        if f.verdict is Verdict.EQUIVALENT
    ]
    assert equal == ["ln ends above gn (p = 0.021)"]
    assert "it ends within 0.1 points of GN (p = 0.021), and is steady" in SAID
    ends = {t.name: t.last.mean for t in overviews(run) if t.name in OF_FIVE and t.last}
    assert sorted(ends, key=ends.__getitem__)[-3] == "gbn"
    assert "Its mean is the third of the five." in SAID
    front = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"Ghost BatchNorm {spread_of('gbn')}: that it is the best of its five" in front


def test_how_many_seeds_never_cross_is_said() -> None:
    judged = judge_all(read_summary(ROOT / "workbooks/mnist/summary.csv"))
    (judgment,) = (j for j in judged if j.claim.name == "both-between")
    late = judgment.findings[-1]
    assert late.words.startswith("2 of 5 seeds of bn-l1-l2 and 1 of 5 seeds of bn-l2 never")
    assert "as two seeds of bn-l1-l2 and one of bn-l2 never cross" in SAID


def test_how_far_l2_ends_above_l1_is_said_as_it_was_measured() -> None:
    judged = judge_all(read_summary(ROOT / "workbooks/mnist/summary.csv"))
    (judgment,) = (j for j in judged if j.claim.name == "l2-beats-l1")
    one = judgment.findings[0]
    margin = f"by {one.margin.mean:.2f} points ({one.margin.low:+.2f} to {one.margin.high:+.2f}"
    assert f"{margin}, p = {one.p:.2f})" in SAID


def test_how_many_margins_lack_their_history_is_said() -> None:
    judged = judge_all(read_summary(ROOT / "workbooks/mnist/summary.csv"))
    lacking = [f for j in judged for f in j.findings if "no history was kept" in f.words]
    assert len(lacking) == 5
    assert "Five margins, those of steadiness and of early falls, rest on histories" in SAID


def test_what_five_seeds_can_tell_is_said() -> None:
    judged = judge_all(read_summary(ROOT / "workbooks/mnist/summary.csv"))
    tested = {compared(f.part) for j in judged for f in j.findings if f.p is not None}
    tests = len(tested)
    seen = [detectable(Estimate(0.0, 5, error=0.05 * 0.4**0.5, degrees=8), n) for n in (1, tests)]
    assert f"a difference of {seen[0]:.2f} is seen four times in five" in SAID
    assert f"the first of the {tests} that are corrected together one of {seen[1]:.2f}" in SAID


@pytest.mark.parametrize(
    ("name", "column", "published", "words"),
    [
        ("bn-l2", "best_accuracy", 99.49, "bn-l2's best 99.49 (p = {};"),
        ("gbn", "best_accuracy", 99.51, "gbn's best 99.51 (p = {})"),
        ("bn", "last_accuracy", 99.36, "BN's last 99.36 (p = {})"),
        ("gn", "last_accuracy", 99.21, "GN's last 99.21 (p = {})"),
        ("ln", "last_accuracy", 99.36, "LN's last 99.36 is high for us (p = {})"),
    ],
)
def test_a_published_number_is_held_to_the_interval_of_one_more_seed(
    name: str, column: str, published: float, words: str
) -> None:
    ours = [float(row[column]) for row in committed_runs()[name]]
    error = statistics.stdev(ours) * (1 + 1 / len(ours)) ** 0.5
    t = abs(published - statistics.mean(ours)) / error
    p = 2 * stats.t.sf(t, len(ours) - 1)
    assert words.format(f"{p:.2f}") in SAID
    assert name != "bn-l2" or max(ours) == 99.51


def test_gbn_is_compared_again_as_it_was_measured() -> None:
    float32, bfloat16 = (
        [row["last_accuracy"] for row in committed_runs(f"gbn-again-{precision}.csv")["gbn"]]
        for precision in ("float32", "bfloat16")
    )
    assert f"{spread(float32)} in float32, {spread(bfloat16)} in bfloat16" in SAID
    a, b = ([float(v) for v in values] for values in (bfloat16, float32))
    low, high = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    difference = f"{statistics.mean(a) - statistics.mean(b):+.2f} ({low:+.2f} to {high:+.2f})"
    assert f"bfloat16, {difference.replace('-', '−')}." in SAID


def test_bn_l1_fixed_scatters_as_it_is_said_to() -> None:
    def ends(*tables: str) -> list[float]:
        rows = [row for table in tables for row in committed_runs(table)["bn-l1-fixed"]]
        return [float(row["last_accuracy"]) for row in rows]

    float32 = ends("summary.csv", "bn-l1-fixed-float32.csv")
    bfloat16 = ends("bfloat16.csv", "bn-l1-fixed-bfloat16.csv")
    assert (len(float32), len(bfloat16)) == (14, 6)
    assert [sum(v < 90 for v in values) for values in (float32, bfloat16)] == [3, 2]
    assert "two of six runs in bfloat16 end below 90 %, and three of fourteen in float32" in SAID
    more = sorted(ends("bn-l1-fixed-float32.csv"))
    assert f"nine at an earlier revision, {more[0]:.2f} to {more[-1]:.2f} %)" in SAID


def test_every_command_of_ours_can_be_given() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    for command in ("normviz-train ", "-m training "):
        for line in lines:
            if command in line:
                build_parser().parse_args(shlex.split(line.partition(command)[2], comments=True))


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
