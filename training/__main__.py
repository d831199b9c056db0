"""`python -m training` and the command `normviz-train`, which a local training.py cannot hide."""

import sys
from collections.abc import Callable

from normviz.cli.ending import run_process

KEPT = "what was finished is kept, --resume continues"


def main() -> int:
    """The command, as a process of its own: returns its exit status."""
    return run_process(_command, KEPT)


def _command() -> Callable[[], int]:
    from training.cli.commands import main

    return main


if __name__ == "__main__":
    sys.exit(main())
