"""``python -m training`` as a process: what it prints, how it ends, and what it survives."""

import csv
import errno
import os
import pty
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from tests.training.conftest import (
    PAIR,
    QUICK,
    ROOT,
    command,
    environment,
    metrics,
    same_numbers,
)
from training.cli.commands import main
from training.errors import TrainingError
from training.experiments.trials import TRIALS, find_trial
from training.files import locked, write_whole
from training.record.task_folder import read_task


def wait_for_epochs(folder, count, process):
    """Wait until ``count`` epochs are on disk, and a little into the next one."""
    deadline = time.monotonic() + 900  # a machine may be busy
    while time.monotonic() < deadline and process.poll() is None:
        if (folder / "history.csv").exists() and len(metrics(folder)) >= count:
            time.sleep(0.2)
            return
        time.sleep(0.02)
    raise AssertionError(f"{count} epochs never came: {process.communicate(timeout=5)}")


def test_the_run_folder_is_complete(undisturbed):
    names = {path.name for path in undisturbed.iterdir()}
    assert {"summary.csv", "claims.csv", "accuracy.png", "loss.png", *PAIR} <= names
    with (undisturbed / "summary.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["trial"] for row in rows] == list(PAIR)
    assert {row["data"] for row in rows} == {"sample of MNIST"}
    for row in rows:
        result = read_task(undisturbed / row["trial"] / f"seed-{row['seed']}")
        assert float(row["last_accuracy"]) == result.record.last.test_accuracy > 50


@pytest.mark.parametrize(("jobs", "trials"), [(1, PAIR[:1]), (2, PAIR)], ids=["1 job", "2 jobs"])
def test_kill_9_and_resume_continues_to_the_same_numbers(
    jobs, trials, undisturbed, start, tmp_path
):
    words = ("run", *trials, *QUICK, "--out", tmp_path / "run")
    process = start(*words, "--jobs", jobs)
    wait_for_epochs(tmp_path / "run" / "bn" / "seed-0", 1, process)
    os.kill(process.pid, signal.SIGKILL)  # the driver only: workers must notice by themselves
    _, errors = process.communicate(timeout=240)
    assert errors == ""  # nor do those say anything who remove what it left in shared memory
    assert len(metrics(tmp_path / "run" / "bn" / "seed-0")) == 1
    assert main([*map(str, words), "--jobs", "1", "--resume"]) == 0
    assert same_numbers(tmp_path / "run", undisturbed, trials)


def test_a_killed_worker_takes_nothing_with_it_and_jobs_change_no_number(
    undisturbed, start, tmp_path
):
    process = start("run", *PAIR, *QUICK, "--jobs", 2, "--out", tmp_path / "run")
    folder = tmp_path / "run" / "bn" / "seed-0"
    wait_for_epochs(folder, 1, process)
    os.kill(int((folder / ".lock").read_text()), signal.SIGKILL)
    output, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert "data: sample of MNIST (5,000 training and 1,000 test digits)" in output
    assert "bn/seed-0" in output
    assert same_numbers(tmp_path / "run", undisturbed)


KEPT = "interrupted: what was finished is kept, --resume continues"


def test_ctrl_c_ends_with_130_and_keeps_what_was_done(start, tmp_path):
    process = start("run", *PAIR, *QUICK, "--jobs", 2, "--out", tmp_path / "run")
    wait_for_epochs(tmp_path / "run" / "bn" / "seed-0", 1, process)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines() == [KEPT]
    assert (tmp_path / "run" / "bn" / "seed-0" / "checkpoint.pt").exists()


class Terminal:
    """A command on a terminal of its own, where a person looks and types."""

    def __init__(self, *words):
        self.master, slave = pty.openpty()
        self.seen = ""
        self.process = subprocess.Popen(
            command(*words),
            cwd=ROOT,
            env={**environment(), "TERM": "xterm-256color", "COLUMNS": "140"},
            preexec_fn=lambda: os.login_tty(slave),
        )
        os.close(slave)

    def read(self):
        """Take what has been written since; False when the command has closed the terminal."""
        try:
            self.seen += os.read(self.master, 65536).decode(errors="replace")
        except OSError:  # how Linux says that nobody is there
            return False
        return True

    def type(self, keys):
        os.write(self.master, keys)


def test_a_terminal_shows_live_progress_and_takes_ctrl_c(tmp_path):
    terminal = Terminal("run", "bn", *QUICK, "--epochs", 50, "--jobs", 1, "--out", tmp_path / "run")
    try:
        # Not one epoch by name: the display may pass over it between two looks.
        while not re.search(r"epoch ([2-9]|\d\d) of 50", terminal.seen):
            assert terminal.read(), terminal.seen
        terminal.type(b"\x03")
        while terminal.read():
            pass
        assert terminal.process.wait(60) == 130
    finally:
        terminal.process.kill()
        os.close(terminal.master)
    seen = terminal.seen
    assert "bn/seed-0" in seen
    assert "loss 0." in seen
    assert "0 of 1 tasks, about" in seen
    assert " left, 1 at once" in seen
    assert "\x1b[2K" in seen  # lines are drawn again in their place
    assert KEPT in seen
    assert "Traceback" not in seen
    assert len(metrics(tmp_path / "run" / "bn" / "seed-0")) >= 1  # the second was under way


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
        (["run", "bn", "--data", "sample", "--seeds", "0"], "from 1 to 100,000 seeds"),
        (["run", "bn", "--data", "sample", "--seeds", "-1"], "'-1' is not a seed"),
        (["run", "bn", "--data", "sample", "--epochs", "0"], "'0' is not a whole number"),
        (["run", "bn", "--data", "sample", "--epochs", "9" * 20], "from 1 to 100,000"),
        (["run", "bn", "--data", "sample", "--jobs", "two"], "'two' is not a whole number"),
        (["run", "bn", "--data", "sample", "--device", "meta"], "device 'meta' cannot be"),
        (
            ["run", "bn", "--backend", "reference", "--precision", "bfloat16"],
            "--backend reference cannot compute in bfloat16",
        ),
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


def test_what_failed_is_said_also_where_no_report_can_be_written(
    tmp_path, monkeypatch, capsys, use_tiny
):
    monkeypatch.setitem(TRIALS, "none", replace(find_trial("none"), learning_rate=1e30))
    monkeypatch.setattr("training.cli.commands.write_summary", full_disk)
    words = ["run", "bn", "none", "--epochs", "1", "--jobs", "1", "--out", str(tmp_path / "run")]
    assert main(words) == 2
    said = capsys.readouterr()
    assert "none/seed-0: the training loss of none became nan" in said.err
    assert "error: summary.csv: No space left on device" in said.err
    assert re.search(r"bn +. +1 ", said.out)  # its row of the table


def test_the_lock_holds_on_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("training.files.Path.write_text", full_disk)
    with locked(tmp_path), pytest.raises(TrainingError, match="in use by another process"):
        locked(tmp_path).__enter__()


def full_disk(*_):
    raise OSError(errno.ENOSPC, "No space left on device", "summary.csv")


def test_the_list_keeps_its_columns_apart(capsys):
    assert main(["list"]) == 0
    trials, studies = capsys.readouterr().out.split("\n\n")
    for line in trials.splitlines():
        assert re.fullmatch(r"\S+ +(A|B|own) +\S.*\S {2,}\S.*", line), line
    for line in studies.splitlines()[1:]:
        assert re.fullmatch(r"\S+ +\d+ arms, \d+ seeds: \S.*", line), line


def test_a_place_that_cannot_be_a_file_is_one_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=r"cannot write .*file/deeper"):
        write_whole(tmp_path / "file" / "deeper", "words")


def test_a_reader_that_goes_away_is_no_error(start):
    process = start("list")
    process.stdout.close()
    process.stdout = None
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")


def test_a_seed_that_is_no_number_of_64_bits(capsys):
    assert main(["run", "bn", "--seeds", "9" * 5000]) == 2
    assert "is not a seed; give how many (5)" in capsys.readouterr().err
    assert main(["run", "bn", "--seeds", "9999999"]) == 2
    assert "from 1 to 100,000 seeds" in capsys.readouterr().err
    assert main(["run", "bn", "--out", ""]) == 2
    assert "--out must name a folder" in capsys.readouterr().err


KILLED_WHILE_WRITING = """
import os, signal, sys
from training.cli.commands import main

name, count = sys.argv[1], int(sys.argv[2])
put_in_place = os.replace
times = 0

def replace(part, target):
    global times
    times += name == os.path.basename(target)
    if times == count:
        os.kill(os.getpid(), signal.SIGKILL)
    put_in_place(part, target)

os.replace = replace
sys.exit(main(sys.argv[3:]))
"""


@pytest.mark.parametrize(
    ("name", "count"),
    [("checkpoint.pt", 1), ("checkpoint.pt", 2), ("history.csv", 1), ("summary.json", 1),
     ("config.json", 1), ("report.html", 1)],
)  # fmt: skip
def test_killed_while_a_file_is_written(name, count, undisturbed, tmp_path):
    words = [*map(str, (*PAIR, *QUICK, "--jobs", 1, "--out", tmp_path / "run"))]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_WRITING, name, str(count), "run", *words],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert main(["run", *words, "--resume"]) == 0
    assert same_numbers(tmp_path / "run", undisturbed)
    assert (tmp_path / "run" / "report.html").exists()
