"""The command `normviz`: what may be said stands in `commands`, how it ends in `ending`.

`tensor_arguments` turns an op and a tensor on the command line into a call, `show` prints a trace.
Nothing is imported here before it is needed, so that even a first half second can be interrupted.
"""

from collections.abc import Callable

from normviz.cli.ending import run_process


def main() -> int:
    """The command, as a process of its own: returns its exit status."""
    return run_process(_command)


def _command() -> Callable[[], int]:
    from normviz.cli.commands import main

    return main
