"""Long-run proof: a training that is killed again and again ends with the same bits.

    python -m tests.soak [KILLS] [FOLDER]      or: make soak

Two trials on the bundled digits are trained once undisturbed, and once stopped at random moments:
kill -9, SIGTERM, Ctrl-C, and, where a small file system may be mounted, a full disk. Histories,
summaries and weights must then be the same, bit for bit.
"""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

TASKS = ("bn/seed-0", "ln/seed-0")
WORDS = ("run", "bn", "ln", "--data", "sample", "--epochs", "4", "--jobs", "2", "--resume")
STOPS = {"kill -9": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "Ctrl-C": signal.SIGINT}
PATIENCE = 300  # seconds for what was stopped to end
STATUS = {"kill -9": -9, "SIGTERM": 143, "Ctrl-C": 130, "full disk": 2}
SMALL, LARGE = "1m", "256m"  # a checkpoint of the two has 2 MiB


def start(folder: Path) -> subprocess.Popen[str]:
    """A training into the folder, in a session of its own."""
    command = [sys.executable, "-m", "training", *WORDS, "--out", str(folder)]
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def stop(folder: Path, how: str, after: float) -> tuple[int, str]:
    """Train, be stopped, and return the status and what was said."""
    if how == "full disk":
        remount(folder.parent, SMALL)
    process = start(folder)
    try:
        _, said = process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        if how != "full disk":
            process.send_signal(STOPS[how])
        _, said = ended(process)
    if how == "full disk":
        remount(folder.parent, LARGE)
    return process.returncode, said


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What it said; one that does not end takes nothing of the soak's own with it."""
    try:
        return process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise


def mount(folder: Path) -> bool:
    """A file system of its own for the folder, if that is allowed here."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={LARGE}", "tmpfs", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def remount(folder: Path, size: str) -> None:
    """Make the file system larger, or so small that nothing more fits in."""
    command = ["mount", "-o", f"remount,size={size}", str(folder)]
    subprocess.run(command, capture_output=True, check=False)


def result(folder: Path) -> list[object]:
    """What must be the same: everything but what a clock decides."""
    found: list[object] = []
    for task in TASKS:
        with (folder / task / "history.csv").open() as stream:
            rows = list(csv.DictReader(stream))
        found.append([{k: v for k, v in row.items() if "second" not in k} for row in rows])
        summary = json.loads((folder / task / "summary.json").read_text())
        found.append({k: v for k, v in summary.items() if "second" not in k})
        state = torch.load(folder / task / "checkpoint.pt", weights_only=True)
        found.append({k: v.numpy().tobytes() for k, v in state["model"].items()})
    return found


def main(kills: int, place: str | None) -> int:
    """Stop the training so many times, and say whether the bits are the same."""
    # A shell starts its background jobs deaf to Ctrl-C, and the trainings would be deaf too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    draw = random.Random(0)
    with tempfile.TemporaryDirectory(dir=place) as scratch:
        undisturbed, disturbed = Path(scratch, "undisturbed"), Path(scratch, "disk")
        disturbed.mkdir()
        began = time.monotonic()
        assert start(undisturbed).wait() == 0
        seconds = time.monotonic() - began
        mounted = mount(disturbed)
        ways = [*STOPS, "full disk"] if mounted else list(STOPS)
        try:
            number, same = 1, True
            while number <= kills:
                how = ways[number % len(ways)]
                after = draw.uniform(0, 0.6 * seconds)
                status, said = stop(disturbed / "run", how, after)
                words = " / ".join(said.strip().splitlines()[-2:])
                print(
                    f"{number:3} {how:10} after {after:5.1f} s: status {status:4}  {words}",
                    flush=True,
                )
                if status not in (0, STATUS[how], -STATUS[how] + 128) or "Traceback" in said:
                    print(said)
                    return 1
                if status != 0:
                    number += 1
                    continue
                # The stop came after the end, and is none: compare, and begin a new training.
                same &= result(undisturbed) == result(disturbed / "run")
                shutil.rmtree(disturbed / "run")
            assert start(disturbed / "run").wait() == 0
            same &= result(undisturbed) == result(disturbed / "run")
            left = [p.name for p in (disturbed / "run").rglob("*.part")]
        finally:
            if mounted:
                subprocess.run(["umount", str(disturbed)], check=False)
    print(
        f"{'the same bits' if same else 'OTHER BITS'} after {kills} stops; parts left: {len(left)}"
    )
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(int((sys.argv[1:] or ["20"])[0]), next(iter(sys.argv[2:]), None)))
