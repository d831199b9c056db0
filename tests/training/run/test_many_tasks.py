"""Tasks at once, where no processes can be started and where the compiler is switched off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
import torch

from tests.training.conftest import ROOT
from training.model import kernels
from training.model.norms import make_norm
from training.run import many_tasks


def test_without_worker_processes_tasks_run_one_after_the_other(
    make_task, use_tiny, monkeypatch, capsys
):
    monkeypatch.setenv("JOBLIB_MULTIPROCESSING", "0")
    tasks = [make_task("bn", epochs=1), make_task("none", epochs=1)]
    outcomes = list(many_tasks.run_tasks(tasks, jobs=2))
    assert [(outcome.task, outcome.error) for outcome in outcomes] == [
        ("bn/seed-0", None),
        ("none/seed-0", None),
    ]
    assert "note: no worker processes can be started here" in capsys.readouterr().err


def test_semaphores_that_the_system_refuses(monkeypatch):
    assert many_tasks.processes_can_start()

    class Context:
        def Semaphore(self):  # noqa: N802
            raise OSError(30, "Read-only file system")

    monkeypatch.setattr(many_tasks.multiprocessing, "get_context", lambda _: Context())
    assert not many_tasks.processes_can_start()


def test_processes_started_meanwhile_never_see_ctrl_c():
    code = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('went on')"
    with many_tasks._deaf_to_interrupts():
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert child.stdout == b"went on\n"
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("name", ["batch", "layer", "group", "ghost"])
def test_without_the_compiler_torch_s_own_step_is_taken(name, monkeypatch):
    monkeypatch.setattr(kernels, "COMPILES", False)
    monkeypatch.setattr(kernels, "forward", None)
    layer = make_norm(name, 4, 2, 2, "torch")
    x = torch.randn(4, 4, 3, 3).to(memory_format=torch.channels_last)
    assert layer(x).shape == x.shape


PROCESS = (
    "import sys; from training.__main__ import main; sys.argv[1:] = ['list']; sys.exit(main())"
)
HIDDEN = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refuse())
"""


def process(code, **variables):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["NUMBA_NUM_THREADS", "JOBLIB_MULTIPROCESSING", "WORLD_SIZE"])
def test_a_variable_that_is_no_number(name):
    done = process(PROCESS, **{name: "two"})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {name} must be a whole number, got 'two'\n"


def test_without_torch():
    done = process(HIDDEN + PROCESS)
    sentence = "training needs torch, which is not installed: pip install 'normviz[training]'"
    assert (done.returncode, done.stderr) == (2, f"error: {sentence}\n")
