"""The lines of training/README.md about several machines run as written, in one shell."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
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


def test_dask_and_torchrun_run_as_the_readme_has_them(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, module in PROGRAMS.items():
        script = f'#!/bin/sh\nexec "{sys.executable}" -W ignore -m {module} "$@"\n'
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    shell, lines = shutil.which("sh"), lines_about_machines()
    assert shell
    assert len(lines) == 4
    said = tmp_path / "said"
    with said.open("w") as file:
        process = subprocess.Popen(
            [shell, "-e", "-c", "\n".join(lines)],
            cwd=tmp_path,
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
    for run in ("cluster", "two"):
        assert (tmp_path / "runs" / run / "report.html").exists(), said.read_text()
