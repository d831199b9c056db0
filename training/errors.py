"""The one exception of the trainer that a person is meant to read."""

from __future__ import annotations


class TrainingError(Exception):
    """Something asked for cannot be done; the message is one sentence that says what would work.

    The command line prints it as ``error: ...`` and ends with status 2, without a traceback.
    """
