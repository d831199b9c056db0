"""What the trainer says where something cannot be done, or was interrupted: in one line each."""

from __future__ import annotations

KEPT = "what was finished is kept, --resume continues"  # where a command is interrupted


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
