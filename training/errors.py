"""The one exception of the trainer that a person is meant to read, and others in one line."""

from __future__ import annotations


class TrainingError(Exception):
    """Something asked for cannot be done; the message is one sentence that says what would work.

    The command line prints it as ``error: ...`` and ends with status 2, without a traceback.
    """


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type where it has none.

    >>> first_line(TimeoutError()), first_line(OSError("no route"))
    ('TimeoutError', 'no route')
    """
    return next(iter(str(error).splitlines()), "") or type(error).__name__
