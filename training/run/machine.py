"""The machine: how this process computes on it, and what a result depends on besides its settings.

Threads, denormal numbers and freed memory are set; versions, processor and revision are recorded.
"""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from training.model import kernels

# mallopt's parameters, from malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEEP_BYTES = 1 << 30


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prepare(threads: int) -> None:
    """For the rest of this process: ``threads`` threads, denormal numbers flushed to zero.

    Freed memory is kept, too. None of it changes the meaning of a number; the threads decide its
    last bits. A GPU convolves float32 in float32: by default cuDNN rounds what it multiplies to
    the 10 bits of TF32, and a table would call that float32.
    """
    torch.backends.cudnn.allow_tf32 = False
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    keep_freed_memory()


@contextmanager
def prepared(threads: int) -> Iterator[None]:
    """Within it the process is prepared; after it, threads and denormal numbers are as before.

    >>> with prepared(1):
    ...     inside = flushes_denormal()
    >>> inside, flushes_denormal()
    (True, False)
    """
    before = torch.get_num_threads(), flushes_denormal(), torch.backends.cudnn.allow_tf32
    prepare(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.set_flush_denormal(before[1])
        torch.backends.cudnn.allow_tf32 = before[2]


def flushes_denormal() -> bool:
    """Return whether this thread takes numbers below the smallest normal one for 0."""
    return (torch.tensor(1e-310, dtype=torch.float64) * 1).item() == 0


def keep_freed_memory() -> None:
    """Tell glibc to reuse freed activations; nothing where the C library is another.

    By default it returns every freed block of some megabytes to the kernel, which hands it out
    again page by page, zeroed: measured 12 % of a training step.
    """
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, KEEP_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, KEEP_BYTES)
    except (OSError, AttributeError):
        return


PACKAGES = ("normviz", "torch", "torchvision", "numpy", "numba", "matplotlib", "scipy")


@lru_cache(maxsize=1)
def environment() -> dict[str, str | int | None]:
    """Return versions of Python and packages, the processor, and the git revision if any."""
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        **({} if kernels.COMPILES else {"numba": "switched off (NUMBA_DISABLE_JIT)"}),
        "git": _revision(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _revision(file: Path = Path(__file__)) -> str | None:
    """The revision of the repository that tracks this file; a folder may lie within another's."""
    if not _git(file.parent, "ls-files", file.name):
        return None
    return _git(file.parent, "describe", "--always", "--dirty", "--abbrev=12")


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() or None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
