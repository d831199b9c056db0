"""What all tests share, the examples in docstrings and READMEs too."""

import os
import signal
import sys
from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture(scope="session", autouse=True)
def interrupts_arrive() -> Iterator[None]:
    """A shell starts its background jobs deaf to Ctrl-C, and what they start would be deaf too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def process_state() -> dict[str, object]:
    """What one piece of code can change under the feet of all others in its process.

    What a library does when a test is the first in its process to import it is not among it:
    warning filters, which pytest puts back after each test, and the variables of torch's compiler.
    """
    tiny = np.array([1e-310])
    state: dict[str, object] = {
        "working directory": os.getcwd(),
        "environment": {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST_CURRENT_TEST", "TORCH"))
        },
        "module search path": list(sys.path),
        "SIGINT and SIGTERM": [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)],
        "recursion limit": sys.getrecursionlimit(),
        "numpy print options": np.get_printoptions(),
        "numpy error handling": np.geterr(),
        "denormal numbers": bool((tiny * 1)[0]),
    }
    if torch := sys.modules.get("torch"):
        state |= {
            "torch threads": torch.get_num_threads(),
            "torch default dtype": torch.get_default_dtype(),
            "torch gradients": torch.is_grad_enabled(),
            "torch determinism": torch.are_deterministic_algorithms_enabled(),
        }
    return state


@pytest.fixture(autouse=True)
def leaves_the_process_as_found() -> Iterator[None]:
    """Which tests follow in this process is chance; none of them may depend on this one."""
    before = process_state()
    yield
    after = process_state()
    changed = {k: (v, after[k]) for k, v in before.items() if after[k] != v}
    assert not changed, f"this test changed for all that follow: {changed}"
