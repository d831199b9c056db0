"""The command line: what it makes, and how it ends when the input is bad."""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from normviz.cli.commands import main

ROOT = Path(__file__).parents[2]


def test_workbook_writes_a_file_of_the_shape_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "mine.xlsx"
    options = [
        "--shape",
        "2,6,1,3",
        "--groups",
        "3",
        "--splits",
        "2",
        "--eps",
        "0.01",
        "--seed",
        "5",
    ]
    assert main(["workbook", *options, "-o", str(target)]) == 0
    assert capsys.readouterr().out.strip() == str(target)
    sheets = openpyxl.load_workbook(target, data_only=True)
    texts = [cell.value for row in sheets["Sets"].iter_rows() for cell in row]
    assert "6 sets of 6 elements, groups = 3" in texts
    assert 0.01 in [cell.value for cell in sheets["GroupNorm"][2]]


def test_seeds_give_other_numbers_and_the_same_seed_the_same_file(tmp_path: Path) -> None:
    files = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        target = tmp_path / f"{name}.xlsx"
        assert main(["workbook", "--shape", "2,2,1,2", "--seed", seed, "-o", str(target)]) == 0
        files.append(target.read_bytes())
    assert files[0] == files[1] != files[2]


BAD = {
    "no command": ([], "required"),
    "unknown command": (["workbok"], "invalid choice"),
    "unknown option": (["workbook", "--shpae", "1"], "unrecognized"),
    "shape of words": (["workbook", "--shape", "a,b,c,d"], "four positive whole numbers"),
    "shape of one": (["workbook", "--shape", "4"], "four positive whole numbers"),
    "shape with zero": (["workbook", "--shape", "4,0,2,2"], "four positive whole numbers"),
    "negative shape": (["workbook", "--shape=-4,4,2,2"], "four positive whole numbers"),
    "too large": (["workbook", "--shape", "64,64,8,8"], "at most 4096 elements and 200 images"),
    "too many images": (["workbook", "--shape", "300,1,1,2"], "at most 4096 elements"),
    "groups do not divide": (["workbook", "--groups", "3"], "use one of 1, 2, 4"),
    "groups zero": (["workbook", "--groups", "0"], "--groups must be at least 1, got 0"),
    "groups of words": (["workbook", "--groups", "two"], "invalid int"),
    "splits do not divide": (["workbook", "--splits", "3"], "use one of 1, 2, 4"),
    "splits negative": (["workbook", "--splits", "-2"], "--splits must be at least 1"),
    "splits of tokens": (["workbook", "--shape", "2,5,8", "--splits", "2"], "splits must be left"),
    "groups of rows": (["workbook", "--shape", "4,6", "--groups", "3"], "groups must be left out"),
    "eps zero": (["workbook", "--eps", "0"], "eps must be positive, got 0"),
    "eps negative": (["workbook", "--eps=-1e-5"], "eps must be positive"),
    "eps nan": (["workbook", "--eps", "nan"], "eps must be positive"),
    "eps infinite": (["workbook", "--eps", "inf"], "eps must be positive"),
    "seed negative": (["workbook", "--seed", "-1"], "seed must be 0 or more"),
    "not an xlsx": (["workbook", "-o", "file.pdf"], "must name a file that ends in .xlsx or .html"),
    "no such folder": (["workbook", "-o", "nowhere/file.xlsx"], "does not exist"),
}


@pytest.mark.parametrize(("arguments", "words"), BAD.values(), ids=BAD.keys())
def test_bad_input_ends_with_one_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    status = run(arguments)
    shown = capsys.readouterr()
    assert status == 2
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert words in shown.err
    assert shown.out == ""
    assert list(tmp_path.iterdir()) == []


def run(arguments: list[str]) -> int:
    """The status with which the command would end."""
    try:
        return main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def test_a_folder_in_place_of_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "book.xlsx").mkdir()
    assert main(["workbook", "-o", str(tmp_path / "book.xlsx")]) == 2
    assert "is a folder" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may write everywhere, so the system's answer is played."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert main(["workbook", "-o", str(tmp_path / "book.xlsx")]) == 2
    assert "cannot be written to" in capsys.readouterr().err


def test_a_full_disk_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    target = tmp_path / "book.xlsx"
    assert main(["workbook", "--shape", "2,2,1,2", "-o", str(target)]) == 2
    assert capsys.readouterr().err == f"error: {target}: No space left on device\n"
    assert list(tmp_path.iterdir()) == []


INTERRUPTS_ITSELF = """
import os, signal, sys
from normviz.cli import commands
from normviz.workbook.xlsx import write

finished = write.workbook_bytes

def interrupted(book):
    os.kill(os.getpid(), signal.SIGINT)
    return finished(book)

write.workbook_bytes = interrupted
sys.exit(commands.main(sys.argv[1:]))
"""


def test_interrupted_by_the_keyboard(tmp_path: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTS_ITSELF, "workbook", "-o", str(tmp_path / "a.xlsx")]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (130, "interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_verify_prints_a_line_for_every_layer(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    assert main(["verify"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["verdict", "layer", "dtype", "mode"]
    assert all(line.startswith("PASS") for line in lines[1:-1])
    names = {line.split()[1] for line in lines[1:-1]}
    assert {"BatchNorm2d", "GroupNorm", "LayerNorm", "InstanceNorm2d", "RMSNorm"} <= names
    assert {line.split()[2] for line in lines[1:-1]} == {"float32", "float64"}
    assert {line.split()[3] for line in lines[1:-1]} == {"training", "evaluation"}


def test_verify_without_torch_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["verify"]) == 2
    assert "needs torch" in capsys.readouterr().err


def test_verify_fails_where_a_layer_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = importlib.import_module("normviz.torch_models.verify.standard_layers")
    from normviz.torch_models.verify import Difference, Report

    wrong = Difference("output", 1.0, 1.0, 1e-10)
    report = Report("Wrong", "float64", True, (1,), (wrong,))
    monkeypatch.setattr(module, "verify_all", lambda: [report])
    assert main(["verify"]) == 1
    assert "FAIL     Wrong" in capsys.readouterr().out


def test_a_book_is_the_same_on_every_processor(tmp_path: Path) -> None:
    """NumPy's loops for wider vectors, switched off: their powers have other last digits."""
    code = (
        "from numpy._core._multiarray_umath import __cpu_dispatch__ as all, __cpu_features__ as has"
    )
    tell = [sys.executable, "-c", f"{code}; print(' '.join(name for name in all if has[name]))"]
    features = subprocess.run(tell, capture_output=True, text=True, check=True).stdout.strip()
    if not features:
        pytest.skip("this processor has no wider vectors than NumPy's baseline")
    code = "from normviz.cli.commands import main; main(['workbook', '-o', 'w.xlsx'])"
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "NPY_DISABLE_CPU_FEATURES": features, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    committed = ROOT / "workbooks" / "normalization.xlsx"
    assert (tmp_path / "w.xlsx").read_bytes() == committed.read_bytes()


def test_the_light_core_makes_a_workbook_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from normviz.cli.commands import main; "
        f"sys.exit(main(['workbook', '-o', {str(tmp_path / 'w.xlsx')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    committed = ROOT / "workbooks" / "normalization.xlsx"
    assert (tmp_path / "w.xlsx").read_bytes() == committed.read_bytes()
