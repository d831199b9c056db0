"""README.md: short, and each of its commands runs as written, in a folder of its own."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
MOST_LINES, MOST_BYTES = 150, 9_000

ELSEWHERE = {
    "pip install .": "tests/test_packaging.py installs the wheel and the source archive",
    "make demo": "sets up an environment of gigabytes; CI does that before it runs this test",
    "make test": "is what runs this test",
}
"""What is not run here, and why."""


def commands() -> list[str]:
    """Every line of the README's shell blocks, without its comment."""
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.M | re.S)
    lines = [re.sub(r"\s+#\s.*", "", line) for block in blocks for line in block.splitlines()]
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def test_a_newcomer_reads_it_to_its_end() -> None:
    assert len(README.splitlines()) <= MOST_LINES
    assert len(README.encode()) <= MOST_BYTES


def test_what_it_links_to_is_there() -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", README)
    local = [target for target in targets if "://" not in target]
    assert len(local) > 8
    assert [target for target in local if not (ROOT / target).exists()] == []


def test_what_security_names_is_there() -> None:
    """Each file, and each test in the file that its row or one above it names."""
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    named = re.findall(r"`(?:(tests/[\w/]+(?:\.py)?))?(?:::)?(test_\w+)?`", text)
    assert len([1 for path, test in named if path or test]) > 12
    file = ROOT
    for path, test in named:
        file = ROOT / path if path else file
        assert file.exists(), path
        assert not test or f"def {test}(" in file.read_text("utf-8"), test


def test_no_two_commands_write_one_file_in_turn() -> None:
    written = [word for line in commands() for word in re.findall(r"(?:-o|--out|>)\s+(\S+)", line)]
    assert len(written) == len(set(written))


def test_what_is_not_run_here_stands_in_the_readme() -> None:
    assert ELSEWHERE.keys() <= set(commands())


def test_its_commands_run_as_written(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, module in (
        ("python", ""),
        ("normviz", "-m normviz"),
        ("normviz-train", "-m training"),
    ):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        (programs / name).chmod(0o755)
    path = os.pathsep.join((str(programs), os.environ["PATH"]))
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    shell = shutil.which("sh")
    assert shell
    for line in commands():
        if line in ELSEWHERE:
            continue
        done = subprocess.run(
            [shell, "-ec", line], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
