"""Killed in the middle of any file, a run goes on to the same numbers: files appear whole."""

import signal
import subprocess
import sys

import pytest

from tests.training.conftest import PAIR, QUICK, ROOT, environment, same_numbers
from training.cli.commands import main

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
    trials = PAIR[:1]
    words = [*map(str, (*trials, *QUICK, "--jobs", 1, "--out", tmp_path / "run"))]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_WRITING, name, str(count), "run", *words],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert main(["run", *words, "--resume"]) == 0
    assert same_numbers(tmp_path / "run", undisturbed, trials)
    assert (tmp_path / "run" / "report.html").exists()
