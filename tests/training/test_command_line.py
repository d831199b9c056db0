"""``python -m training`` as a process: what it prints, how it ends, and what it survives."""

import csv
import os
import signal
import time

import pytest

from training.cli import main
from training.lock import locked
from training.results import read_task

QUICK = ("--data", "sample", "--epochs", 2)
PAIR = ("bn", "ln")


def metrics(folder):
    with (folder / "history.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    return [{k: v for k, v in row.items() if "second" not in k} for row in rows]


def wait_for_epochs(folder, count, process):
    """Wait until ``count`` epochs are on disk, and a little into the next one."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if (folder / "history.csv").exists() and len(metrics(folder)) >= count:
            time.sleep(0.2)
            return
        time.sleep(0.02)
    raise AssertionError(f"{count} epochs never came: {process.communicate(timeout=5)}")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Two trials, one job, never killed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    words = ["run", *PAIR, *map(str, QUICK), "--jobs", "1"]
    assert main([*words, "--out", str(folder / "run")]) == 0
    return folder / "run"


TASKS = [f"{trial}/seed-0" for trial in PAIR]


def test_the_run_folder_is_complete(undisturbed):
    names = {path.name for path in undisturbed.iterdir()}
    assert {"summary.csv", "accuracy.png", "loss.png", *PAIR} <= names
    with (undisturbed / "summary.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [f"{row['trial']}/seed-{row['seed']}" for row in rows] == TASKS
    assert {row["data"] for row in rows} == {"sample of MNIST"}
    for row in rows:
        result = read_task(undisturbed / row["trial"] / f"seed-{row['seed']}")
        assert float(row["last_accuracy"]) == result.record.last.test_accuracy > 50


def test_numbers_do_not_depend_on_jobs(undisturbed, run_training, tmp_path):
    done = run_training("run", *PAIR, *QUICK, "--jobs", 2, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "sample of MNIST (5,000 training and 1,000 test digits)" in done.stdout
    for task in TASKS:
        assert metrics(tmp_path / "run" / task) == metrics(undisturbed / task)


@pytest.mark.parametrize("jobs", [1, 2])
def test_kill_9_and_resume_continues_to_the_same_numbers(
    jobs, undisturbed, start, run_training, tmp_path
):
    words = ("run", *PAIR, *QUICK, "--jobs", jobs, "--out", tmp_path / "run")
    process = start(*words)
    wait_for_epochs(tmp_path / "run" / "bn" / "seed-0", 1, process)
    os.kill(process.pid, signal.SIGKILL)  # the driver only: workers must notice by themselves
    process.wait()
    before = metrics(tmp_path / "run" / "bn" / "seed-0")
    assert len(before) == 1
    done = run_training(*words, "--resume")
    assert done.returncode == 0, done.stderr
    for task in TASKS:
        assert metrics(tmp_path / "run" / task) == metrics(undisturbed / task)


def test_a_killed_worker_takes_nothing_with_it(undisturbed, start, tmp_path):
    process = start("run", *PAIR, *QUICK, "--jobs", 2, "--out", tmp_path / "run")
    folder = tmp_path / "run" / "bn" / "seed-0"
    wait_for_epochs(folder, 1, process)
    os.kill(int((folder / ".lock").read_text()), signal.SIGKILL)
    output, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert "bn/seed-0" in output
    for task in TASKS:
        assert metrics(tmp_path / "run" / task) == metrics(undisturbed / task)


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_ends_with_130_and_keeps_what_was_done(jobs, start, tmp_path):
    process = start("run", *PAIR, *QUICK, "--jobs", jobs, "--out", tmp_path / "run")
    wait_for_epochs(tmp_path / "run" / "bn" / "seed-0", 1, process)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines() == ["interrupted: what was finished is kept, --resume continues"]
    assert (tmp_path / "run" / "bn" / "seed-0" / "checkpoint.pt").exists()


def refusal(capsys, *words):
    """Run a command that must fail; return its one line on standard error."""
    assert main([str(word) for word in words]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "bm", "--data", "sample"], "unknown trial 'bm'; there are bn-l1"),
        (
            ["run", "bn", "--data", "nowhere"],
            "train-images-idx3-ubyte is missing",
        ),
        (["run", "bn", "--data", "sample", "--seeds", "many"], "'many' is not a seed"),
        (["run", "bn", "--data", "sample", "--seeds", "3,3"], "a seed is given twice"),
        (["run", "bn", "--data", "sample", "--seeds", "0"], "at least one seed"),
        (["run", "bn", "--data", "sample", "--seeds", "-1"], "'-1' is not a seed"),
        (["run", "bn", "--data", "sample", "--epochs", "0"], "'0' is not a whole number"),
        (["run", "bn", "--data", "sample", "--jobs", "two"], "'two' is not a whole number"),
        (["run", "bn", "--data", "sample", "--device", "toaster"], "device 'toaster' cannot be"),
        (["run", "bn", "--data", "sample", "--precision", "int8"], "invalid choice: 'int8'"),
        (["report", "nowhere"], "nowhere is not a folder"),
        (["report", "."], "holds no readable trial"),
        (["dance"], "invalid choice: 'dance'"),
        ([], "COMMAND"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_status_2(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refusal(capsys, *words)
    assert list(tmp_path.iterdir()) == []


def test_a_run_folder_in_use_is_refused(capsys, tmp_path):
    with locked(tmp_path / "run"):
        line = refusal(capsys, "run", "bn", "--data", "sample", "--out", tmp_path / "run")
    assert "is in use by another process" in line


def test_an_existing_run_needs_resume(undisturbed, capsys):
    line = refusal(capsys, "run", "bn", *QUICK, "--out", undisturbed)
    assert "--resume continues it" in line


def test_a_file_where_the_folder_should_be(capsys, tmp_path):
    (tmp_path / "run").write_text("here first")
    line = refusal(capsys, "run", "bn", "--data", "sample", "--out", tmp_path / "run")
    assert str(tmp_path / "run") in line
    assert (tmp_path / "run").read_text() == "here first"


def test_list_names_every_trial_with_its_published_result(capsys):
    assert main(["list"]) == 0
    output = capsys.readouterr().out
    assert "gbn-l1-l2" in output
    assert "99.36 last, 99.38 best" in output
