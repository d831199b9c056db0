"""The command `normviz`: begin in `commands`."""

from normviz.cli.commands import main

__all__ = ["main"]
