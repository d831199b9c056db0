"""How a command ends: with a status, and where something was wrong or stopped, with one sentence.

Both commands, `normviz` and `normviz-train`, end this way. Nothing but the standard library is
imported here, so that Ctrl-C is met from the first moment on.
"""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, TextIO

from normviz.errors import printable

BAD_INPUT, INTERRUPTED, TERMINATED = 2, 130, 143


class Terminated(KeyboardInterrupt):
    """SIGTERM: whatever cleans up after Ctrl-C cleans up after it too."""


def run_process(load: Callable[[], Callable[[], int]], kept: str = "") -> int:
    """Import a command, run it as the whole of this process, and return its status.

    While ``load`` imports there is nothing to clean up, and libraries that are interrupted then
    say so in their own ways: Ctrl-C and SIGTERM end the process at once. So they do while Python
    goes, after the command.
    """
    _on_signals(lambda number, _: _end_at_once(number, kept))
    for stream in (sys.stdout, sys.stderr):
        _replace_what_cannot_be_written(stream)
    command = load()
    _on_signals(_raise)
    status = 0
    try:
        status = command()
        return status
    finally:
        # Who was told already that the command stopped hears nothing more of it.
        told = status in (INTERRUPTED, TERMINATED)
        _on_signals(lambda number, _: _end_at_once(number, kept, told=told))


def one_sentence(
    command: Callable[[], int], errors: tuple[type[Exception], ...], kept: str = ""
) -> int:
    """Run a command and return its status: its own, 2 for bad input, 130 for Ctrl-C, 143 SIGTERM.

    ``errors`` are those with a sentence for the user; what else is raised is a fault of this
    project and passes through. ``kept`` says what an interruption leaves.
    """
    try:
        status = command()
        if sys.stdout:
            sys.stdout.flush()  # where a full disk, and a reader that went away, is noticed
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001  told apart there
        stopped = _stop_behind(error)
        if stopped is None:
            return _told(error, errors)
        say(_stopped(stopped, kept))
        return stopped
    return status


def _stop_behind(error: BaseException | None) -> int | None:
    """The status of the interruption that an exception comes from, if it does.

    A signal may arrive where its exception is made another's: Python does so where a class is made
    (``__set_name__``, to 3.11), and libraries with what they call.
    """
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return TERMINATED if isinstance(error, Terminated) else INTERRUPTED
        error = error.__cause__ or error.__context__
    return None


def _told(error: BaseException, errors: tuple[type[Exception], ...]) -> int:
    """Say what was wrong, and return the status; what has no sentence passes through."""
    if isinstance(error, BrokenPipeError):
        # The reader went away (normviz verify | head): no more output, and no complaint either.
        _drop_output()
        return 0
    if isinstance(error, OSError):
        _drop_output()
        where = printable(str(error.filename or "standard output"))
        return refused(f"{where}: {error.strerror or error}")
    if isinstance(error, MemoryError):
        return refused("there is not enough memory for this")
    if isinstance(error, errors):
        return refused(str(error))
    raise error


def refused(sentence: str) -> int:
    """Say on standard error, in one line, what was wrong; the status of bad input."""
    say(f"error: {sentence}")
    return BAD_INPUT


def say(sentence: str) -> None:
    """One line on standard error, whatever stands in it."""
    print(printable(sentence), file=sys.stderr)


def _drop_output() -> None:
    """Where standard output takes no more, Python is not to try once more when it goes."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stopped(status: int, kept: str) -> str:
    word = "terminated" if status == TERMINATED else "interrupted"
    return f"{word}: {kept}" if kept else word


def _end_at_once(number: int, kept: str, told: bool = False) -> None:
    with suppress(OSError, ValueError):
        if not told:
            os.write(2, f"{_stopped(128 + number, kept)}\n".encode())
    os._exit(128 + number)


def _raise(number: int, _: FrameType | None) -> None:
    """Stop by an exception; a second signal does not wait for what the first one cleans up."""
    _on_signals(signal.SIG_DFL)
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def _on_signals(handler: Any) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        # One that a shell made this process deaf to (nohup, a background job) stays so.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _replace_what_cannot_be_written(stream: TextIO) -> None:
    """Let a terminal that has no γ, and a path that is no text, be no error."""
    with suppress(AttributeError, ValueError):
        stream.reconfigure(errors="replace")  # type: ignore[attr-defined]
