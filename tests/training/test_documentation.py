"""training/README.md says what the committed tables come to, and its commands can be given."""

import csv
import re
import shlex
import statistics
from collections.abc import Sequence
from pathlib import Path

import pytest
from scipy import stats

from training.cli.parser import build_parser
from training.experiments.claims import OF_FIVE, TARGET
from training.experiments.trials import TRIALS
from training.record.task_folder import CONSTANT_ANSWER, DIVERGED
from training.report.claims import write_claims_csv
from training.report.differences import write_differences
from training.results.comparisons import compare_all, detectable
from training.results.intervals import Estimate, estimate
from training.results.kept import read_summary
from training.results.over_seeds import overviews
from training.results.verdicts import Verdict, compared, find, judge_all, p_words

ROOT = Path(__file__).parents[2]
NO_PENALTY = "bn-l2 weight_decay=0"
PENALTIES = ("bn-l1", "bn-l2", "bn-l1-l2")
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


def test_the_front_page_has_the_means_on_fashion_mnist() -> None:
    runs = committed_runs("../fashion-mnist/summary.csv")
    ln, bn, gn = (
        f"{statistics.mean(float(row['last_accuracy']) for row in runs[name]):.2f}"
        for name in ("ln", "bn", "gn")
    )
    assert f"({ln}; {bn} and {gn})" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_what_the_seeds_without_a_norm_came_to_is_said() -> None:
    rows = committed_runs()["none"]
    lost, *ends = sorted((row["last_accuracy"] for row in rows), key=float)
    assert (len(rows), {row["status"] for row in rows}) == (5, {"finished"})
    words = f"one of five seeds never leaves {lost}0 %; the other four end at"
    assert f"{words} {ends[0]} to {ends[-1]}." in SAID


def test_every_row_has_its_history_and_its_wrong_images() -> None:
    for folder in ("mnist", "fashion-mnist"):
        run = read_summary(ROOT / f"workbooks/{folder}/summary.csv")
        for result in run.results:
            epochs = (result.config.name, result.seed, len(result.record.epochs))
            assert epochs[-1] == result.config.epochs, epochs
            found = result.wrong()
            assert found, (result.config.name, result.seed)
            accuracy = 100 * (1 - len(found.indices) / found.images)
            assert accuracy == pytest.approx(result.last_accuracy)
    assert "Of every row the [history]" in SAID


def test_recipe_a_taken_apart_comes_to_what_is_said() -> None:
    apart = committed_runs("recipe-a-apart.csv")
    plain, ghost = (
        [float(row["last_accuracy"]) for row in apart[name]]
        for name in (NO_PENALTY, "gbn batch_size=128")
    )
    ours = [[float(row["last_accuracy"]) for row in committed_runs()[name]] for name in PENALTIES]
    tests = [stats.ttest_ind(values, plain, equal_var=False) for values in (ghost, *ours)]
    means = [f"{statistics.mean(v) - statistics.mean(plain):+.2f}" for v in (ghost, *ours)]
    first, *others = [one.confidence_interval(0.95) for one in tests]
    widest = min(one.low for one in others), max(one.high for one in others)
    words = [
        f"without a penalty ends at {spread([row['last_accuracy'] for row in apart[NO_PENALTY]])}",
        f"{means[0][1:]} points above it ({first.low:+.2f} to {first.high:+.2f})",
        "L1, L2 and both end {}, {} and {} from it".format(*means[1:]),
        "widest interval {:+.2f} to {:+.2f}".format(*widest),
    ]
    for one in words:
        assert one.replace("-", "−") in SAID
    assert all(one.pvalue > 0.05 for one in tests)


def test_our_own_recipe_is_the_same_on_the_front_page_and_here() -> None:
    front = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"ends at **{spread_of('best')}**; eight epochs" in front
    assert f"of the same recipe end at {spread_of('fast')}." in front
    best, fast = (
        estimate([float(row["last_accuracy"]) for row in committed_runs()[name]], 0.01)
        for name in ("best", "fast")
    )
    words = [f"{e.mean:.2f} ({e.low:.2f} to {e.high:.2f})" for e in (best, fast)]
    assert f"ends at {words[0]}, five seeds; eight epochs of it, `fast`, at {words[1]}." in SAID


def test_what_the_l1_counted_once_comes_to_is_said_here_and_on_the_front_page() -> None:
    rows = {row["seed"]: row for row in committed_runs()["bn-l1-fixed"]}
    lost, low, *_, high = sorted((row["last_accuracy"] for row in rows.values()), key=float)
    assert f"learns with four of five ({low} to {high} %)" in SAID
    (first,) = (row["best_accuracy"] for row in rows.values() if row["last_accuracy"] == lost)
    assert f"falls from {first} % to {lost}0 with the fifth" in SAID
    front = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"counted once, with one of five, and four end at {low} to {high}." in front


@pytest.mark.parametrize("name", ["bn", "gn", "ln"])
def test_which_norm_when_says_what_was_measured(name: str) -> None:
    tables = (committed_runs(), committed_runs("../fashion-mnist/summary.csv"))
    values = [[float(row["last_accuracy"]) for row in table[name]] for table in tables]
    assert " / ".join(f"{statistics.mean(v):.2f} ({len(v)})" for v in values) in SAID


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
        f"{-m.mean:.2f} {{}} ({m.low:+.2f} to {m.high:+.2f})".replace("-", "−") for m in margins
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
    least = min(f.p_equivalent or 0.0 for f in judgment.findings)
    by_itself = f"(p = {p_words(alone[0])} to {p_words(alone[-1])} each by itself"
    corrected = f"over the {len(tested)} such comparisons {least:.2f} at least)"
    assert f"{by_itself}, after correction {corrected}" in SAID
    assert least > 0.05
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
    assert late.words.startswith("1 of 5 seeds of bn-l1-l2 never")
    assert "as one seed of bn-l1-l2 never crosses" in SAID


def test_how_far_l2_ends_above_l1_is_said_as_it_was_measured() -> None:
    judged = judge_all(read_summary(ROOT / "workbooks/mnist/summary.csv"))
    (judgment,) = (j for j in judged if j.claim.name == "l2-beats-l1")
    for one, unit in zip(judgment.findings, (" points", ""), strict=True):
        margin = one.margin
        interval = f"({margin.low:+.2f} to {margin.high:+.2f}, p = {one.p:.2f})"
        assert f"by {margin.mean:.2f}{unit} {interval}".replace("-", "−") in SAID


def test_no_margin_lacks_its_history() -> None:
    judged = judge_all(read_summary(ROOT / "workbooks/mnist/summary.csv"))
    assert [f for j in judged for f in j.findings if "no history was kept" in f.words] == []


def test_from_when_on_ghost_batch_norm_stays_above_the_target_is_said() -> None:
    curves: dict[str, list[float]] = {}
    for row in committed_runs("histories.csv")["gbn"]:
        curves.setdefault(row["seed"], []).append(float(row["test_accuracy"]))
    below = [[at for at, v in enumerate(curve, 1) if v <= TARGET] for curve in curves.values()]
    stays = sorted(each[-1] + 1 for each in below if each[-1] < TRIALS["gbn"].epochs)
    assert len(curves) == 5
    assert "of five seeds one stays there from epoch {} and one from {} on.".format(*stays) in SAID


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
        ("bn-l2", "best_accuracy", 99.49, "bn-l2's best 99.49 (p = {})"),
        ("gbn", "best_accuracy", 99.51, "gbn's best 99.51 (p = {})"),
        ("bn", "last_accuracy", 99.36, "BN's last 99.36 (p = {})"),
        ("bn", "best_accuracy", 99.38, "and best 99.38 (p = {})"),
        ("gn", "last_accuracy", 99.21, "GN's last 99.21 (p = {})"),
        ("gn", "best_accuracy", 99.22, "and best 99.22 (p = {})"),
        ("ln", "last_accuracy", 99.36, "LN's last and best 99.36 are high for us (p = {} and"),
        ("ln", "best_accuracy", 99.36, "are high for us (p = 0.01 and {})"),
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
    words = f"nine at an earlier revision learned ({more[0]:.2f} to {more[-1]:.2f} %)"
    assert words in SAID


def test_every_command_of_ours_can_be_given() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    for command in ("normviz-train ", "-m training "):
        for line in lines:
            if command in line:
                build_parser().parse_args(shlex.split(line.partition(command)[2], comments=True))
