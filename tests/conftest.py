"""What all tests share."""

import signal
from collections.abc import Iterator

import pytest

COSTLY = {"undisturbed", "small_run", "default_page"}
"""Fixtures that take many seconds to make and serve the tests of several files."""

COSTLY_IN_A_FILE = {
    "together", "finished", "handed_in", "folder", "files", "built", "model", "shipped", "archives",
    "pages", "elsewhere",
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run in several processes, those that share a costly fixture share a process."""
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        if shared := sorted(names & COSTLY):
            item.add_marker(pytest.mark.xdist_group(shared[0]))
        elif shared := sorted(names & COSTLY_IN_A_FILE):
            indices = getattr(getattr(item, "callspec", None), "indices", {})
            turn = indices.get(shared[0], 0)
            item.add_marker(pytest.mark.xdist_group(f"{item.path.name} {shared[0]} {turn}"))


@pytest.fixture(scope="session", autouse=True)
def interrupts_arrive() -> Iterator[None]:
    """A shell starts its background jobs deaf to Ctrl-C, and what they start would be deaf too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
