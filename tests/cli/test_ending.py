"""How a command ends: one sentence and a status, from its first moment to its last."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from normviz.cli import ending

ROOT = Path(__file__).parents[2]
STATUS = {signal.SIGINT: (130, "interrupted\n"), signal.SIGTERM: (143, "terminated\n")}


def python(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


# The command is imported while the signal comes, at each place where a library is first met.
WHILE_IMPORTING = """
import importlib.abc, os, sys
from normviz.cli import main

class Interrupt(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), int(number))

_, module, number = sys.argv
sys.meta_path.insert(0, Interrupt())
sys.argv[1:] = ["show", "--op", "layer_norm"]
sys.exit(main())
"""


@pytest.mark.parametrize("number", STATUS, ids=lambda number: number.name)
@pytest.mark.parametrize("module", ["normviz.cli.commands", "numpy", "argparse", "numpy.linalg"])
def test_interrupted_while_it_imports(module: str, number: signal.Signals) -> None:
    done = python(WHILE_IMPORTING, module, str(int(number)))
    assert (done.returncode, done.stderr) == STATUS[number]


AT_WORK = """
import os, sys, time
from normviz.cli.ending import Terminated, one_sentence, run_process

def work():
    try:
        os.kill(os.getpid(), int(sys.argv[1]))
        time.sleep(60)
    finally:
        print("cleaned up")

sys.exit(run_process(lambda: lambda: one_sentence(work, (ValueError,), sys.argv[2])))
"""


@pytest.mark.parametrize("number", STATUS, ids=lambda number: number.name)
def test_stopped_at_work_it_cleans_up(number: signal.Signals) -> None:
    status, sentence = STATUS[number]
    done = python(AT_WORK, str(int(number)), "all is kept")
    kept = sentence.replace("\n", ": all is kept\n")
    assert (done.returncode, done.stdout, done.stderr) == (status, "cleaned up\n", kept)


def test_stopped_while_python_goes() -> None:
    code = (
        "import atexit, os, signal, sys; from normviz.cli.ending import run_process; "
        "atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT)); "
        "sys.exit(run_process(lambda: lambda: 0))"
    )
    done = python(code)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_stopped_once_more_while_python_goes_it_says_no_more() -> None:
    code = (
        "import atexit, os, signal, sys; from normviz.cli.ending import one_sentence, run_process; "
        "stop = lambda: os.kill(os.getpid(), signal.SIGINT); atexit.register(stop); "
        "sys.exit(run_process(lambda: lambda: one_sentence(stop, ())))"
    )
    done = python(code)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


@pytest.mark.parametrize("error", [RuntimeError, ValueError, OSError])
@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize(("stop", "status"), [(KeyboardInterrupt, 130), (ending.Terminated, 143)])
def test_an_interruption_that_was_made_another_error_is_one(
    error: type[Exception],
    hidden: bool,
    stop: type[BaseException],
    status: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As Python 3.11 does with what is raised while a class is made, as on import."""

    def command() -> int:
        try:
            raise stop
        except KeyboardInterrupt as caught:
            raise error("Error calling __set_name__") from (None if hidden else caught)

    assert ending.one_sentence(command, (ValueError,), "it goes on") == status
    word = "terminated" if status == 143 else "interrupted"
    assert capsys.readouterr().err == f"{word}: it goes on\n"


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.2, 0.4, 0.8])
def test_interrupted_at_any_moment(tmp_path: Path, delay: float) -> None:
    """Before Python itself has come so far, the system's own way: ended by the signal."""
    command = [sys.executable, "-m", "normviz", "workbook", "-o", str(tmp_path / "w.xlsx")]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(delay)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=300)
    assert process.returncode in (143, -signal.SIGTERM, 0)
    assert errors in ("", "terminated\n")
    assert [path.name for path in tmp_path.iterdir()] in ([], ["w.xlsx"])


def test_a_job_that_a_shell_made_deaf_stays_deaf() -> None:
    code = (
        "import os, signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "from normviz.cli.ending import run_process; "
        "run_process(lambda: lambda: os.kill(os.getpid(), signal.SIGINT)); print('fine')"
    )
    assert python(code).stdout == "fine\n"


def test_a_full_disk_behind_standard_output() -> None:
    done = subprocess.run(
        f"{sys.executable} -m normviz --help > /dev/full",
        shell=True, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr


def test_not_enough_memory_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    def greedy() -> int:
        raise MemoryError

    assert ending.one_sentence(greedy, (ValueError,)) == 2
    assert capsys.readouterr().err == "error: there is not enough memory for this\n"


def test_a_fault_of_ours_is_not_hidden() -> None:
    def faulty() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ending.one_sentence(faulty, (ValueError,))


def test_a_sentence_with_what_a_terminal_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    ending.refused("no \x1b[2Jfile \udcff\u202e.npy\nhere")
    assert capsys.readouterr().err == "error: no �[2Jfile ��.npy here\n"
