"""The lines of training/README.md about several machines run as written, in one shell.

What torchrun trained there is resumed.
"""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.run.test_torchrun import free_port, start
from training.cli.commands import main

ROOT = Path(__file__).parents[3]
RUN = ("run", "bn", "--data", "sample", "--epochs", "1")
PROGRAMS = {"dask": "dask", "torchrun": "torch.distributed.run", "normviz-train": "training"}


def lines_about_machines() -> list[str]:
    """From the scheduler to torchrun, without what is only said of them."""
    text = (ROOT / "training" / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
    (block,) = (block for block in blocks if "torchrun" in block)
    lines = block.splitlines()
    (first,) = (at for at, line in enumerate(lines) if "dask scheduler" in line)
    (last,) = (at for at, line in enumerate(lines) if "torchrun" in line)
    return lines[first : last + 1]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder where the lines ran, and what they said."""
    pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("machines")
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, module in PROGRAMS.items():
        script = f'#!/bin/sh\nexec "{sys.executable}" -W ignore -m {module} "$@"\n'
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    shell, lines = shutil.which("sh"), lines_about_machines()
    assert shell
    assert len(lines) == 4
    said = folder / "said"
    with said.open("w") as file:
        process = subprocess.Popen(
            [shell, "-e", "-c", "\n".join(lines)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = process.wait(900)  # a machine may be busy
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # the scheduler and the worker stay otherwise
            process.wait()
    assert status == 0, said.read_text()
    return folder, said.read_text()


@pytest.mark.parametrize("run", ["cluster", "two"])
def test_dask_and_torchrun_run_as_the_readme_has_them(run: str, ran: tuple[Path, str]) -> None:
    folder, said = ran
    assert (folder / "runs" / run / "report.html").exists(), said


def test_one_process_of_two_speaks_and_writes(ran: tuple[Path, str]) -> None:
    folder, said = ran
    assert (folder / "runs/two/bn/seed-0/summary.json").exists()
    assert said.count("data:") == 2  # once for the cluster, once for torchrun


def test_torchrun_resumes_what_it_trained(ran: tuple[Path, str]) -> None:
    folder, _ = ran
    history = folder / "runs/two/bn/seed-0/history.csv"
    before = history.read_bytes()
    (folder / "ports").write_text(f"{free_port()} {free_port()}")
    start(resuming, (str(folder),), 2)
    for rank in (0, 1):
        again, refused = json.loads((folder / f"ended-{rank}.json").read_text())
        assert again == [0, ""]
        assert refused[0] == (2 if rank == 0 else 0)
        assert ("synchronize" in refused[1]) == (rank == 0)
    assert history.read_bytes() == before


def resuming(rank: int, folder: str) -> None:
    """Go on with the run that shared its statistics: likewise, then without sharing them."""
    ended = []
    for port, words in zip(
        (Path(folder) / "ports").read_text().split(), (["--sync-batch-norm"], []), strict=True
    ):
        os.environ |= {
            "RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
        }  # fmt: skip
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            status = main([*RUN, *words, "--resume", "--out", str(Path(folder) / "runs/two")])
        ended.append([status, errors.getvalue()])
    (Path(folder) / f"ended-{rank}.json").write_text(json.dumps(ended))
