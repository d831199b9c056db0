"""The README's table of results is what the committed runs come to."""

import csv
import statistics
from collections.abc import Sequence
from pathlib import Path

import pytest
from scipy import stats

from training.experiments.trials import TRIALS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
HEADING = "| trial | recipe | published | last epoch | best epoch | seeds |"


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


def expected_row(name: str, rows: Sequence[dict[str, str]]) -> str:
    config = TRIALS[name]
    cells = (
        name,
        config.summary,
        config.published.text if config.published else "–",
        spread([row["last_accuracy"] for row in rows]),
        spread([row["best_accuracy"] for row in rows]),
        str(len(rows)),
    )
    return f"| {' | '.join(cells)} |"


def test_there_is_a_row_for_every_trial() -> None:
    assert HEADING in README
    assert set(committed_runs()) == set(TRIALS)


@pytest.mark.parametrize("name", TRIALS)
def test_the_row_says_what_was_measured(name: str) -> None:
    rows = committed_runs()[name]
    assert {row["status"] for row in rows} == {"finished"}
    assert expected_row(name, rows) in README.splitlines()


def interval(found: Sequence[str], usual: Sequence[str]) -> str:
    """The difference of the means, and Welch's interval of it at 95 % where it has one."""
    a, b = ([float(v) for v in values] for values in (found, usual))
    said = f"{statistics.mean(a) - statistics.mean(b):+.2f}"
    if min(len(a), len(b)) > 1 and len({*a, *b}) > 1:
        low, high = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
        said += f" ({low:+.2f} to {high:+.2f})"
    return said.replace("-", "−")


def expected_precision_row(name: str, rows: Sequence[dict[str, str]]) -> str:
    float32 = [row["last_accuracy"] for row in committed_runs()[name]]
    bfloat16 = [row["last_accuracy"] for row in rows]
    seeds = f"{len(float32)}, {len(bfloat16)}"
    spreads = f"{spread(float32)} | {spread(bfloat16)}"
    return f"| {name} | {spreads} | {interval(bfloat16, float32)} | {seeds} |"


def test_every_trial_was_run_in_both_precisions() -> None:
    assert set(committed_runs("bfloat16.csv")) == set(TRIALS)


@pytest.mark.parametrize("name", committed_runs("bfloat16.csv"))
def test_the_row_compares_the_precisions_as_they_were_measured(name: str) -> None:
    rows = committed_runs("bfloat16.csv")[name]
    assert {row["status"] for row in rows} == {"finished"}
    assert expected_precision_row(name, rows) in README.splitlines()


def test_gbn_is_compared_again_as_it_was_measured() -> None:
    float32, bfloat16 = (
        [row["last_accuracy"] for row in committed_runs(f"gbn-again-{precision}.csv")["gbn"]]
        for precision in ("float32", "bfloat16")
    )
    first = [row["last_accuracy"] for row in committed_runs("bfloat16.csv")["gbn"]]
    more = [row["last_accuracy"] for row in committed_runs("gbn-float32.csv")["gbn"]]
    said = " ".join(README.split())
    assert f"{spread(float32)} in float32, {spread(bfloat16)} in bfloat16" in said
    assert f"bfloat16, {interval(bfloat16, float32)}." in said
    assert f"it is {interval(bfloat16 + first, float32 + more)}: noise" in said


def test_what_was_not_reached_is_said_as_it_was_measured() -> None:
    said = " ".join(README.split())
    runs = committed_runs()

    def measured(name: str, column: str) -> str:
        return spread([row[column] for row in runs[name]])

    crossed = [row["first_epoch_at_target"] for row in runs["gbn"]]
    earliest, never = min(int(epoch) for epoch in crossed if epoch), crossed.count("")
    assert never == 2
    gbn = f"best {measured('gbn', 'best_accuracy')}, above 99.4 from epoch {earliest} at the"
    assert gbn in said
    assert f"bn-l2's best 99.49 ({measured('bn-l2', 'best_accuracy')})" in said
    assert f"bn-l1, which ends at {measured('bn-l1', 'last_accuracy')}" in said
    assert f"99.36 in the last epoch ({measured('ln', 'last_accuracy')})" in said
    for name, published in (("bn", 99.36), ("gn", 99.21)):
        assert f"{name.upper()}'s {published} ({measured(name, 'last_accuracy')})" in said


def test_the_verdicts_are_those_of_the_committed_table() -> None:
    with (ROOT / "workbooks/mnist/claims.csv").open(encoding="utf-8") as file:
        verdicts = {row["claim"]: row["verdict"] for row in csv.DictReader(file)}
    said = " ".join(README.split())
    for start, words in {
        "LayerNorm is the best": '"LayerNorm is the best of BN, GN and LN": ',
        "L1 makes the model random": '"L1 makes the model random": ',
        "With BatchNorm, L2 beats L1": '"L2 beats L1 in accuracy and steadiness": ',
        "Ghost BatchNorm is the best": '"Ghost BN is the best of its five": ',
        "L1 and L2 with Ghost": 'is the lowest of its five, and irregular early": ',
        "L1 and L2 together": '"L1 with L2 lies between the two, and crosses 99.4 later than L2": ',
    }.items():
        (verdict,) = (v for claim, v in verdicts.items() if claim.startswith(start))
        assert f"{words}{verdict}**" in said


def test_bn_l1_fixed_scatters_as_it_is_said_to() -> None:
    def ends(*tables: str) -> list[str]:
        rows = [row for table in tables for row in committed_runs(table)["bn-l1-fixed"]]
        return [row["last_accuracy"] for row in rows]

    float32 = ends("summary.csv", "bn-l1-fixed-float32.csv")
    bfloat16 = ends("bfloat16.csv", "bn-l1-fixed-bfloat16.csv")
    assert (len(float32), len(bfloat16)) == (10, 6)
    assert [sum(float(v) < 90 for v in values) for values in (float32, bfloat16)] == [2, 2]
    said = " ".join(README.split())
    difference = interval(bfloat16, float32)
    assert f"two of ten in float32 ({difference.replace(' (', ', ')[:-1]};" in said
    more = sorted(ends("bn-l1-fixed-float32.csv"), key=float)
    assert f"with nine more, {more[0]} to {more[-1]} %)" in said
