"""Ctrl-C, sent to a process and typed in a terminal: what is done is kept, and said."""

import os
import pty
import re
import signal
import subprocess
import time

import pytest

from tests.training.conftest import (
    PAIR,
    QUICK,
    ROOT,
    command,
    environment,
    metrics,
    wait_for_epochs,
)

KEPT = "interrupted: what was finished is kept, --resume continues"


def test_ctrl_c_ends_with_130_and_keeps_what_was_done(start, tmp_path):
    process = start("run", *PAIR, *QUICK, "--jobs", 2, "--out", tmp_path / "run")
    wait_for_epochs(tmp_path / "run" / "bn" / "seed-0", 1, process)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=900)
    assert process.returncode == 130
    assert errors.splitlines() == [KEPT]
    assert (tmp_path / "run" / "bn" / "seed-0" / "checkpoint.pt").exists()


TERMINATED = KEPT.replace("interrupted", "terminated")


def test_sigterm_ends_with_143_and_keeps_what_was_done(start, tmp_path):
    process = start("run", *PAIR, *QUICK, "--jobs", 1, "--out", tmp_path / "run")
    wait_for_epochs(tmp_path / "run" / "bn" / "seed-0", 1, process)
    process.terminate()
    _, errors = process.communicate(timeout=900)
    assert (process.returncode, errors.splitlines()) == (143, [TERMINATED])
    assert (tmp_path / "run" / "bn" / "seed-0" / "checkpoint.pt").exists()


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.2, 0.5])
def test_sigterm_in_the_first_half_second(delay, start, tmp_path):
    """Before Python itself has come so far, the system's own way: ended by the signal."""
    process = start("run", "bn", *QUICK, "--out", tmp_path / "run")
    time.sleep(delay)
    process.terminate()
    _, errors = process.communicate(timeout=900)
    assert process.returncode in (143, -signal.SIGTERM)
    assert errors.splitlines() in ([], ["terminated"], [TERMINATED])
    assert not (tmp_path / "run" / "bn" / "seed-0" / "checkpoint.pt").exists()


class Terminal:
    """A command on a terminal of its own, where a person looks and types."""

    def __init__(self, *words):
        self.master, slave = pty.openpty()
        self.seen = ""
        self.process = subprocess.Popen(
            command(*words),
            cwd=ROOT,
            env={**environment(), "TERM": "xterm-256color", "COLUMNS": "140"},
            preexec_fn=lambda: os.login_tty(slave),
        )
        os.close(slave)

    def read(self):
        """Take what has been written since; False when the command has closed the terminal."""
        try:
            self.seen += os.read(self.master, 65536).decode(errors="replace")
        except OSError:  # how Linux says that nobody is there
            return False
        return True

    def type(self, keys):
        os.write(self.master, keys)


def test_a_terminal_shows_live_progress_and_takes_ctrl_c(tmp_path):
    terminal = Terminal("run", "bn", *QUICK, "--epochs", 50, "--jobs", 1, "--out", tmp_path / "run")
    try:
        # Not one epoch by name: the display may pass over it between two looks.
        while not re.search(r"epoch ([2-9]|\d\d) of 50", terminal.seen):
            assert terminal.read(), terminal.seen
        terminal.type(b"\x03")
        while terminal.read():
            pass
        assert terminal.process.wait(900) == 130
    finally:
        terminal.process.kill()
        os.close(terminal.master)
    seen = terminal.seen
    assert "bn/seed-0" in seen
    assert "loss 0." in seen
    assert "0 of 1 tasks, about" in seen
    assert " left, 1 at once" in seen
    assert "\x1b[2K" in seen  # lines are drawn again in their place
    assert KEPT in seen
    assert "Traceback" not in seen
    assert len(metrics(tmp_path / "run" / "bn" / "seed-0")) >= 1  # the second was under way
