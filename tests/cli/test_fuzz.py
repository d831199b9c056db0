"""Command lines and tensors that nobody thought of: a status, a sentence, never half a file.

200 cases here, as many as FUZZ_CASES says otherwise (`make fuzz`: 10,000).
"""

import os
import tempfile
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from normviz.cli.commands import main
from normviz.norms.declared import NORMS
from normviz.tensors import read_tensor

CASES = int(os.environ.get("FUZZ_CASES", "200"))
FUZZ = settings(
    max_examples=CASES,
    deadline=None,
    derandomize="FUZZ_CASES" not in os.environ,
    database=None,
    suppress_health_check=list(HealthCheck),
)

NUMBERS = st.one_of(
    st.integers(-3, 9).map(str),
    st.floats(width=32).map(repr),
    st.sampled_from(["", "0", "1e-5", "1e400", "nan", "-inf", "two", "٣", "1_0", "0x2", " 2 "]),
)
LISTS = st.one_of(
    st.lists(st.integers(-1, 6).map(str), max_size=5).map(",".join),
    st.sampled_from(["", ",", "(2,3)", "2,3,", "1e3,2", "2;3", "4,4,2,2", "9" * 30]),
)
SLICES = st.sampled_from(["0", "0:2", ":", "1,0", "-1", "5:2", "::", "a", "", "0:99", "0:1 0:1"])
PATTERNS = st.one_of(
    st.sampled_from(["[n] c [...]", "... [d]", "n (g [k]) [...]", "n [c] ...", "[n t] d"]),
    st.text("nctdg[]() .", max_size=12),
)
OPTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["--groups", "--splits", "--eps", "--momentum"]), NUMBERS),
        st.tuples(st.sampled_from(["--shape", "--normalized-shape"]), LISTS),
        st.tuples(st.sampled_from(["--samples", "--channels", "--pixels"]), SLICES),
        st.tuples(st.sampled_from(["-s", "--size"]), st.sampled_from(["g=2", "h=0", "=", "g"])),
        st.tuples(st.just("--weight"), st.sampled_from(["x.npy", "no.npy", "x.csv", "."])),
        st.tuples(st.just("--decimal"), st.sampled_from([".", ",", ";"])),
        st.sampled_from([("--eval",), ("--help",), ("--version",), ("--unknown",), ("",)]),
    ),
    max_size=2,
)
FINITE = arrays.arrays(
    st.sampled_from(["f8", "f4", "f2"]),
    arrays.array_shapes(min_dims=2, max_dims=5, min_side=2, max_side=4),
    elements=st.floats(-100, 100, width=16),
)
DTYPES = st.sampled_from(["f8", "f4", "f2", ">f8", "i8", "u1", "?", "c16"])
ANYTHING = DTYPES.flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=6, max_side=4))
)
TENSORS = st.one_of(FINITE, FINITE, FINITE, ANYTHING)
OPS = st.one_of(
    st.sampled_from(list(NORMS)).map(lambda op: ["--op", op]),
    st.sampled_from([["--op", "group_norm", "--groups", "2"], ["--op", "batchnorm"], ["--op", ""]]),
    PATTERNS.map(lambda sets: ["--sets", sets]),
)


@FUZZ
@example("explain", "x.npy", [], ["--sets", "[n] c [...]"], [], np.full((1, 4), 5e148))
@given(
    command=st.sampled_from(["show", "show", "explain"]),
    place=st.sampled_from(["x.npy", "x.npy", "x.npz", "x.npz:x", "x.csv", "x.csv.gz", "y.npy"]),
    output=st.sampled_from([[], [], ["-o", "e.html"], ["-o", "no/e.xlsx"]]),
    op=OPS,
    options=OPTIONS,
    x=TENSORS,
)
@pytest.mark.filterwarnings("error")
def test_any_command_line_ends_in_its_way(
    command: str,
    place: str,
    output: list[str],
    op: list[str],
    options: list[tuple[str, ...]],
    x: np.ndarray,
) -> None:
    words = [command, place, *op, *(word for option in options for word in option)]
    words += output if command == "explain" else []
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        np.save("x.npy", x)
        np.savez("x.npz", x=x)
        if x.dtype.kind != "c":
            np.savetxt("x.csv", x.reshape(len(x) if x.ndim else 1, -1), delimiter=",")
        before = {file.name: file.read_bytes() for file in Path().iterdir()}
        status, shown, said = run(words)
        after = {file.name: file.read_bytes() for file in Path().iterdir()}
    event(f"{command}: status {status}")
    assert status in (0, 2), (words, said)
    assert "Traceback" not in said
    if status:
        assert said.splitlines()[-1].startswith("error: "), (words, said)
        assert after == before, words
    elif command == "explain" and not {"--help", "--version"} & set(words):
        (written,) = set(after) - set(before)
        assert shown == f"{written}\n"


def run(words: list[str], main: Callable[[list[str]], int] = main) -> tuple[int, str, str]:
    """How the command ends, what it shows and what it says."""
    shown, said = StringIO(), StringIO()
    with redirect_stdout(shown), redirect_stderr(said):
        try:
            status = main(words)
        except SystemExit as end:
            status = int(end.code or 0)
    return status, shown.getvalue(), said.getvalue()


@FUZZ
@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode)))
def test_any_bytes_are_numbers_or_a_sentence(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("x.csv", "x.tsv", "x.npy", "x.npz", "x.csv.gz"):
            file = Path(folder) / name
            file.write_bytes(content)
            try:
                found = read_tensor(str(file)).array
            except (ValueError, TypeError) as error:
                assert "\n" not in str(error)  # noqa: PT017 - it may also be read
            else:
                assert np.isfinite(found).all()


@FUZZ
@given(
    x=arrays.arrays("f8", (3, 2), elements=st.floats(-1e9, 1e9)),
    separator=st.sampled_from([",", ";", "\t", " "]),
    names=st.booleans(),
    labels=st.booleans(),
)
def test_a_table_comes_back_as_it_was_written(
    x: np.ndarray, separator: str, names: bool, labels: bool
) -> None:
    """With a decimal point, whatever stands around the numbers."""
    rows = [["α", "β"]] if names else []
    rows += [[repr(float(value)) for value in row] for row in x]
    if labels:
        rows = [[f"r{at}", *row] for at, row in enumerate(rows)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "t.csv"
        file.write_text("\n".join(separator.join(row) for row in rows))
        np.testing.assert_array_equal(read_tensor(str(file)).array, x)
