"""`python -m training` and the command `normviz-train`, which a local training.py cannot hide."""

import os
import sys
from collections.abc import Callable

from normviz.cli.ending import refused, run_process
from training.errors import KEPT

NUMBERS = (
    *("JOBLIB_MULTIPROCESSING", "LOKY_MAX_CPU_COUNT", "NUMBA_NUM_THREADS", "NUMBA_DISABLE_JIT"),
    *("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_PORT"),
)
"""Variables that libraries take for numbers when they are imported, each with its own traceback."""


def main() -> int:
    """The command, as a process of its own: returns its exit status."""
    return run_process(_command, KEPT)


def _command() -> Callable[[], int]:
    for name in NUMBERS:
        value = os.environ.get(name, "0")
        if not (value.isascii() and value.isdigit()):
            return lambda: refused(f"{name} must be a whole number, got {value!r}")
    try:
        from training.cli.commands import main
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("training", "normviz"):
            raise
        missing = f"training needs {error.name}, which is not installed"
        return lambda: refused(f"{missing}: pip install 'normviz[training]'")
    return main


if __name__ == "__main__":
    sys.exit(main())
