"""What all tests share, the examples in docstrings and READMEs too."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

LONGEST = (
    "tests/workbook/sheets/test_recalculation.py",
    "tests/training/cli/test_killed.py",
    "tests/workbook/sheets/playground/test_switches.py",
    "tests/workbook/page/test_values.py",
    "tests/workbook/page/test_script.py",
    "tests/training/cli/test_killed_while_writing.py",
    "tests/training/run/test_torchrun.py",
    "tests/training/run/test_readme_block.py",
    "tests/test_packaging.py",
    "tests/workbook/page/test_colors.py",
    "tests/test_readme.py",
    "tests/training/run/test_dask_cluster.py",
    "tests/tensors/test_strangers.py",
    "tests/training/cli/test_interrupted.py",
    "tests/workbook/sheets/test_overwritten.py",
    "tests/workbook/sheets/test_contents.py",
    "tests/training/cli/test_explain.py",
    "tests/test_elsewhere.py",
)
"""Files of most of a minute or more. A process takes whole files, so these come first: begun last,
one of them would keep a single process at work after all others are done."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if gone := [name for name in LONGEST if not Path(config.rootpath, name).is_file()]:
        raise pytest.UsageError(f"conftest.py has files as LONGEST that are not there: {gone}")
    rank = {Path(config.rootpath, name): at for at, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


@pytest.fixture(scope="session", autouse=True)
def interrupts_arrive() -> Iterator[None]:
    """A shell starts its background jobs deaf to Ctrl-C, and what they start would be deaf too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def numbers_state() -> dict[str, object]:
    """What decides how numbers are computed and written in this process."""
    tiny = np.array([1e-310])
    state: dict[str, object] = {
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
            "torch TF32": torch.backends.cudnn.allow_tf32,
        }
    return state


def surroundings_state() -> dict[str, object]:
    """What else one piece of code can change under the feet of all others in its process."""
    variables = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
    return {
        "working directory": os.getcwd(),
        "environment": variables,
        "module search path": list(sys.path),
        "SIGINT and SIGTERM": [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)],
        "recursion limit": sys.getrecursionlimit(),
    }


@pytest.fixture(autouse=True)
def leaves_the_process_as_found() -> Iterator[None]:
    """Which tests follow in this process is chance; none of them may depend on this one.

    The first test to import a library is not blamed for what that library does to its
    surroundings, such as the variables of torch's compiler; which test that is, is chance, too.
    """
    numbers, surroundings, modules = numbers_state(), surroundings_state(), set(sys.modules)
    yield
    before, after = numbers, numbers_state()
    if set(sys.modules) <= modules:
        before, after = before | surroundings, after | surroundings_state()
    changed = {k: (v, after[k]) for k, v in before.items() if after[k] != v}
    assert not changed, f"this test changed for all that follow: {changed}"
