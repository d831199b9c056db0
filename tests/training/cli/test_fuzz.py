"""Command lines of the training that nobody thought of: a status and a sentence, never half a file.

Everything of a command but the training and the workbook themselves: a task has an end that is
drawn (finished, failed, diverged, interrupted), the few steps that are timed for a forecast take a
millisecond an image, and a workbook is a short text. 200 cases here, as many as FUZZ_CASES says
otherwise (`make fuzz`: 10,000).
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import chdir
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import normviz
from tests.cli.test_fuzz import CASES, FUZZ, LISTS, NUMBERS, SLICES, run
from training.cli import plan
from training.cli.commands import main
from training.experiments.study import known_studies
from training.experiments.trials import TRIALS
from training.run import forecast
from training.run.task import Outcome, Task

STATUSES = (0, 2, 130)
STUDY = """
title = "t"
trials = ["bn"]
seeds = 2
arm = [{ name = "a", norm = "batch" }, { name = "b", norm = "group" }]
"""
CHANGES = st.one_of(
    st.sampled_from(
        [
            *("batch_size=2,8", "batch_size=0", "learning_rate=nan", "norm=group", "norm=no"),
            *("layers=conv8", "layers=conv 8,pool", "average=3", "average=20", "block=conv"),
            *("group_norm_groups=3", "nesterov=true", "warmup=2", "train_size=6000", "gamma=-1"),
            *("epochs=1e9", "seed=1", "=", "batch_size", "dropout_value=2", "l1=-1", "name=x"),
        ]
    ),
    st.tuples(st.sampled_from(["batch_size", "weight_decay", "epochs"]), NUMBERS).map("=".join),
    st.text("abn=,.1 ", max_size=8),
)
FOLDERS = st.sampled_from(["o", "o/p", "", ".", "x.txt", "x.txt/o", "n" * 300, "ä\N{BELL}"])
OPTIONS = st.one_of(
    st.tuples(st.just("--set"), CHANGES),
    st.tuples(st.sampled_from(["--epochs", "--jobs", "--threads"]), NUMBERS),
    st.tuples(st.just("--seeds"), LISTS),
    st.tuples(st.just("--data"), st.sampled_from(["sample", "no", "", "x.txt", "."])),
    st.tuples(st.just("--dataset"), st.sampled_from(["mnist", "fashion-mnist", "mnst", ""])),
    st.tuples(st.just("--out"), FOLDERS),
    st.tuples(
        st.just("--experiment"),
        st.sampled_from([*known_studies(), "x.toml", "x.txt", "no.toml", ".", "no", ""]),
    ),
    st.tuples(st.just("--table"), st.sampled_from(["t.csv", "x.txt", "no/t.csv", "."])),
    st.tuples(st.just("--scale-lr"), st.sampled_from(["linear", "sqrt", "no"])),
    st.tuples(st.just("--device"), st.sampled_from(["cpu", "cpu:7", "cuda", "meta", "no", ""])),
    st.tuples(st.just("--precision"), st.sampled_from(["float32", "bfloat16", "float16"])),
    st.tuples(st.just("--backend"), st.sampled_from(["torch", "reference", "no"])),
    # Never both of them: that would knock at a cluster's door.
    st.sampled_from([("--engine", "joblib"), ("--engine", "dask"), ("--engine", "no")]),
    st.sampled_from(
        [
            *(("--resume",), ("--yes",), ("--no-record",), ("--sync-batch-norm",)),
            *(("--tensorboard",), ("--help",), ("--version",), ("--unknown",), ("",)),
        ]
    ),
)
TRIAL_NAMES = st.lists(st.sampled_from([*TRIALS, "no", "", "bn,ln"]), max_size=2)
FIRST = st.sampled_from([["run", "--data", "sample"], ["run", "--data", "sample"], ["run"]])
RUNS = st.tuples(FIRST, TRIAL_NAMES, st.lists(OPTIONS, max_size=2)).map(
    lambda drawn: [*drawn[0], *drawn[1], *(word for option in drawn[2] for word in option)]
)
SHOWN = st.one_of(
    st.tuples(st.sampled_from(["--samples", "--channels", "--pixels"]), SLICES),
    st.tuples(st.sampled_from(["--batch", "--seed"]), NUMBERS),
    st.tuples(st.just("--data"), st.sampled_from(["sample", "no", ""])),
    st.tuples(st.just("-o"), st.sampled_from(["e.html", "no/e.xlsx", "e.txt", "."])),
    st.sampled_from([("--eval",), ("--help",), ("--unknown",)]),
)
EXPLAINED = st.tuples(
    st.sampled_from(["RUN", "RUN", "no", ".", ""]),
    st.sampled_from(["bn", "bn", "gn", ""]),
    st.sampled_from(["block1.norm", "block3.norm", "block9", ""]),
    st.lists(SHOWN, max_size=2),
).map(lambda drawn: ["explain", *drawn[:2], "--layer", drawn[2], *(w for o in drawn[3] for w in o)])
OTHERS = st.sampled_from(
    [
        *(["report", "no"], ["report", "."], ["report", "x.txt"], ["report", "x.csv"], ["report"]),
        *(["list"], ["list", "x"], ["data", "--dataset", "no"], ["data", "--help"], [], ["no"]),
    ]
)
ENDS = st.sampled_from(["finished", "failed", "diverged", "interrupted"])


@settings(FUZZ, max_examples=CASES)
@given(
    words=st.one_of(RUNS, RUNS, RUNS, OTHERS, EXPLAINED),
    content=st.one_of(st.just(STUDY.encode()), st.binary(max_size=60), st.text().map(str.encode)),
    end=ENDS,
)
@pytest.mark.filterwarnings("error")
def test_any_command_line_of_the_training_ends_in_its_way(
    words: list[str], content: bytes, end: str, finished_bn: Path
) -> None:
    def trained(tasks: Sequence[Task], _: int) -> Iterator[Outcome]:
        for task in tasks:
            if end == "interrupted":
                raise KeyboardInterrupt
            error = None if end == "finished" else end
            yield Outcome(task.name, error=error, diverged=end == "diverged")

    def explained(_model: object, _x: object, path: Path, *_: object, **__: object) -> None:
        path.write_text("a workbook", encoding="utf-8")

    words = [str(finished_bn) if word == "RUN" else word for word in words]
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        for name in ("x.txt", "x.csv", "x.toml"):
            Path(name).write_bytes(content)
        before = files()
        with (
            patch.object(plan, "run_tasks", trained),
            patch.object(forecast, "_seconds_per_image", lambda *_: 1e-3),
            patch.object(normviz, "explain", explained),
        ):
            status, _, said = run(words, main)
        after = files()
    event(f"{words[0] if words else 'nothing'}: status {status}")
    assert status in STATUSES, (words, said)
    assert "Traceback" not in said
    assert not [name for name in after if ".part" in name]
    if status == 2:
        assert said.splitlines()[-1].startswith("error: "), (words, said)
    if status == 2 and words[:1] != ["run"]:
        assert after == before, words


def files() -> dict[str, bytes]:
    """What lies in the folder, by name."""
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}
