"""`make cluster-demo`: a cluster on this machine, a sweep, a worker killed on the way, a report."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

WAIT_SECONDS = 120.0


def main() -> int:
    """Run the demo and return the exit status of the sweep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="runs/cluster-demo", help="the run folder")
    parser.add_argument("--epochs", default="6")
    parser.add_argument("--seeds", default="2")
    parser.add_argument("trials", nargs="*", default=["bn", "gn"])
    options = parser.parse_args()
    out = Path(options.out)
    with ExitStack() as stack:
        scheduler = f"tcp://127.0.0.1:{_free_port()}"
        _start(stack, "dask", "scheduler", "--port", scheduler.rpartition(":")[2], "--no-dashboard")
        workers = [_worker(stack, scheduler, number) for number in (1, 2)]
        sweep = _start(
            stack, "training", "run", *options.trials, "--data", "sample", "--resume",
            "--epochs", options.epochs, "--seeds", options.seeds, "--out", str(out),
            "--engine", "dask", "--scheduler", scheduler,
        )  # fmt: skip
        _wait_for_a_checkpoint(out, sweep)
        print(f"killing worker 1 (process {workers[0].pid}) on the way", flush=True)
        workers[0].send_signal(signal.SIGKILL)
        status = sweep.wait()
    print(f"the sweep ended with status {status}; the report is {out / 'report.html'}")
    return status


def _start(stack: ExitStack, module: str, *words: str) -> subprocess.Popen[bytes]:
    quiet = None if module == "training" else subprocess.DEVNULL
    process = subprocess.Popen(
        [sys.executable, "-m", module, *words], stderr=quiet, stdout=quiet, env=_environment()
    )
    stack.callback(_end, process)
    return process


def _worker(stack: ExitStack, scheduler: str, number: int) -> subprocess.Popen[bytes]:
    # Without a nanny, which would start a killed worker again: it is to stay lost.
    words = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", f"worker-{number}")
    return _start(stack, "dask", "worker", scheduler, *words)


def _environment() -> dict[str, str]:
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _wait_for_a_checkpoint(out: Path, sweep: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline and sweep.poll() is None:
        if any(out.glob("*/seed-*/checkpoint.pt")):
            return
        time.sleep(0.2)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
