"""A run whose driver or worker is killed goes on to the same numbers."""

import os
import re
import signal
from pathlib import Path

from tests.training.conftest import PAIR, QUICK, metrics, same_numbers, wait_for_epochs
from training.cli.commands import main


def test_kill_9_and_resume_continues_to_the_same_numbers(undisturbed, start, tmp_path):
    """With workers; of one job, and at any file, see test_killed_while_writing."""
    words = ("run", *PAIR, *QUICK, "--out", tmp_path / "run")
    process = start(*words, "--jobs", 2)
    wait_for_epochs(tmp_path / "run" / "bn" / "seed-0", 1, process)
    os.kill(process.pid, signal.SIGKILL)  # the driver only: workers must notice by themselves
    _, errors = process.communicate(timeout=900)
    assert errors == ""  # nor do those say anything who remove what it left in shared memory
    assert len(metrics(tmp_path / "run" / "bn" / "seed-0")) == 1
    assert main([*map(str, words), "--jobs", "1", "--resume"]) == 0
    assert same_numbers(tmp_path / "run", undisturbed)


def own_megabytes(process):
    """The memory that a process shares with no other, where the system says; 0 elsewhere."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return 0
    return int(re.search(r"RssAnon:\s+(\d+) kB", status.read_text("utf-8"))[1]) / 1024


def test_a_killed_worker_takes_nothing_with_it_and_jobs_change_no_number(
    undisturbed, start, tmp_path
):
    process = start("run", *PAIR, *QUICK, "--jobs", 2, "--out", tmp_path / "run")
    folder = tmp_path / "run" / "bn" / "seed-0"
    wait_for_epochs(folder, 1, process)
    worker = int((folder / ".lock").read_text())
    assert own_megabytes(worker) < 600
    os.kill(worker, signal.SIGKILL)
    output, errors = process.communicate(timeout=900)
    assert process.returncode == 0, errors
    assert "data: sample of MNIST (5,000 training and 1,000 test digits)" in output
    assert "bn/seed-0" in output
    assert same_numbers(tmp_path / "run", undisturbed)
