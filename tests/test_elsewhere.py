"""Machines of another kind: names that POSIX alone has are not there, and there is no network.

One process takes the names away, forbids every connection, imports all modules and uses the
commands. What other packages do at their own import is theirs: they are imported before.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

ROOT = Path(__file__).parents[1]

ELSEWHERE = """
import importlib, json, os, pkgutil, signal, socket, sys

import filelock, joblib, matplotlib.pyplot, numba, openpyxl, rich.progress, scipy.stats, torch
import torch.distributed, torch._dynamo, torchvision

POSIX = ("sched_getaffinity", "fork", "forkpty", "killpg", "setsid", "getpgid", "getuid", "geteuid",
         "chown", "uname", "getloadavg", "openpty", "mkfifo", "nice", "sysconf", "register_at_fork")
for name in POSIX:
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGKILL", "SIGHUP", "SIGUSR1", "SIGQUIT", "SIGTSTP", "SIGPIPE", "SIGALRM"):
    delattr(signal, name)
for name in ("fcntl", "pwd", "grp", "resource", "termios", "tty", "pty", "readline"):
    sys.modules[name] = None

connections = []

def no_connection(self, address, *rest):
    if self.family != getattr(socket, "AF_UNIX", None):
        connections.append(repr(address))
        raise OSError("no network here")

def no_name(host, *rest, **options):
    connections.append(repr(host))
    raise socket.gaierror("no network here")

socket.socket.connect = no_connection
socket.socket.connect_ex = no_connection
socket.getaddrinfo = no_name

import normviz, training
imported = []
for package in (normviz, training):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
            imported.append(found.name)

import numpy
from normviz.cli.commands import main as normviz_command
from training.cli.commands import main as training_command

numpy.save("x.npy", numpy.arange(24.0).reshape(2, 3, 4) ** 2)
open("names.csv", "w", encoding="utf-8").write("name\\nAda\\nEmmy\\n")
statuses = {}
for words in json.loads(sys.argv[1]):
    command = training_command if words[0] == "train" else normviz_command
    statuses[" ".join(words)] = command(words[1:])
print("\\n" + json.dumps({"imported": imported, "statuses": statuses, "connections": connections}))
"""

COMMANDS = (
    ("normviz", "workbook", "--shape", "2,2,1,2", "-o", "book.xlsx"),
    ("normviz", "workbook", "--shape", "2,2,1,2", "-o", "book.html"),
    (
        "normviz",
        "explain",
        "x.npy",
        "--op",
        "layer_norm",
        "--normalized-shape",
        "4",
        "-o",
        "my.html",
    ),
    ("normviz", "show", "x.npy", "--sets", "n [c] ..."),
    ("normviz", "exercise", "--one", "-o", "one.xlsx"),
    ("normviz", "exercise", "--class", "names.csv", "--norms", "batch_norm", "-o", "sheets"),
    ("normviz", "grade", "sheets", "-o", "marks.csv"),
    ("train", "list"),
    ("train", "run", "bn", "--data", "sample", "--epochs", "1", "--jobs", "1", "--out", "run"),
    ("train", "report", "run"),
)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What was imported, how each command ended, and where something tried to connect to."""
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, json.dumps(COMMANDS)],
        cwd=tmp_path_factory.mktemp("elsewhere"),
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_every_module_can_be_imported(elsewhere: dict[str, Any]) -> None:
    folders = (ROOT / "normviz", ROOT / "training")
    names = {path.stem for folder in folders for path in folder.rglob("[!_]*.py")}
    assert {name.rpartition(".")[2] for name in elsewhere["imported"]} >= names


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_does_its_work(elsewhere: dict[str, Any], words: tuple[str, ...]) -> None:
    assert elsewhere["statuses"][" ".join(words)] == 0


def test_no_command_opens_a_connection(elsewhere: dict[str, Any]) -> None:
    assert elsewhere["connections"] == []
