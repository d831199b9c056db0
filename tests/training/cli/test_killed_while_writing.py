"""Killed in the middle of any file, a run goes on to the same numbers: files appear whole.

One process imports the trainer and is forked for each kill, before anything has been computed.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.conftest import ROOT, environment, same_numbers
from training.cli.commands import main

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
KILLS = [
    ("checkpoint.pt", 1), ("checkpoint.pt", 2), ("history.csv", 1), ("summary.json", 1),
    ("config.json", 1), ("inside.csv", 2), ("report.html", 1),
]  # fmt: skip
TRIAL = ("bn",)
WORDS = ("run", *TRIAL, "--data", "sample", "--epochs", "2", "--threads", "1", "--jobs", "1")
KILLED_WHILE_WRITING = """
import json, os, signal, sys
import matplotlib.pyplot
from tests.training.conftest import few
from training.cli.commands import main
from training.data import load

tiny = few(load.load("sample"))
load.load = lambda *_: tiny
put_in_place = os.replace

def killed_at(name, count):
    def replace(part, target):
        nonlocal count
        count -= name == os.path.basename(target)
        if not count:
            os.kill(os.getpid(), signal.SIGKILL)
        put_in_place(part, target)
    return replace

ended = []
for name, count, words in json.loads(sys.argv[1]):
    child = os.fork()
    if not child:
        os.replace = killed_at(name, count)
        os._exit(main(words))
    ended.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
sys.stdout.write("\\n" + json.dumps(ended))
"""


def out(folder: Path, name: str, count: int) -> Path:
    return folder / f"{name}-{count}"


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run for each kill, all of them killed there."""
    folder = tmp_path_factory.mktemp("killed")
    cases = [(*kill, [*WORDS, "--out", str(out(folder, *kill))]) for kill in KILLS]
    done = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_WRITING, json.dumps(cases)],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [-signal.SIGKILL] * len(KILLS), done.stderr
    return folder


@pytest.fixture
def never_killed(use_tiny, killed: Path) -> Path:
    """The same run, to its end."""
    folder = killed / "never"
    if not folder.exists():
        assert main([*WORDS, "--out", str(folder)]) == 0
    return folder


@pytest.mark.parametrize(("name", "count"), KILLS)
def test_killed_while_a_file_is_written(name, count, killed, never_killed):
    folder = out(killed, name, count)
    assert not (folder / "report.html").exists()
    assert main([*WORDS, "--out", str(folder), "--resume"]) == 0
    assert same_numbers(folder, never_killed, TRIAL)
    inside = Path(*TRIAL, "seed-0", "inside.csv")
    assert (folder / inside).read_text() == (never_killed / inside).read_text()
    assert (folder / "report.html").exists()
