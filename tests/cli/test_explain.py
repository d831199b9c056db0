"""`normviz explain`: what it reads, and how it ends when the input is bad."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from openpyxl.chart import BarChart
from openpyxl.styles import PatternFill

from normviz.cli.commands import main
from normviz.tensors import limits
from normviz.tensors.files import read_tensor
from tests.cli.test_cli import run

DRAW = np.random.default_rng(0)
X = DRAW.normal(2.0, 3.0, (4, 6, 3, 3))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of tensors, good and bad, that is also the working folder."""
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", X.astype(np.float32))
    np.save("whole.npy", np.arange(12).reshape(4, 3))
    np.save("truth.npy", np.ones((3, 2), dtype=bool))
    np.save("complex.npy", np.ones((3, 2), dtype=complex))
    np.save("line.npy", np.ones(5))
    np.save("six.npy", np.ones((2,) * 6))
    np.save("empty.npy", np.ones((0, 3)))
    np.save("big-endian.npy", X.astype(">f4"))
    np.save("objects.npy", np.array([[{}], [1]], dtype=object), allow_pickle=True)
    bad = X.copy()
    bad[1, 2, 0, 1] = np.nan
    np.save("nan.npy", bad)
    bad[1, 2, 0, 1] = -np.inf
    np.save("inf.npy", bad)
    np.savez("one.npz", tensor=X)
    np.savez("two.npz", x=X, other=np.ones((2, 3)))
    np.savez("objects.npz", x=np.array([{}], dtype=object))
    content = Path("x.npy").read_bytes()
    Path("cut.npy").write_bytes(content[:-7])
    Path("garbage.npy").write_bytes(b"no array at all")
    Path("garbage.npz").write_bytes(b"no zip at all")
    Path("garbage.xlsx").write_bytes(b"no zip at all")
    Path("t.csv").write_text("1,2,4\n3,5,9\n6,1,1.5\n", encoding="utf-8")
    Path("semicolons.csv").write_text("\ufeff1;2\n3;4\n6;8\n", encoding="utf-8")
    Path("decimal-commas.csv").write_text("1,5;2,25\n-0,5;4\n", encoding="utf-8")
    Path("underscore.csv").write_text("1_0,2\n", encoding="utf-8")
    Path("text.csv").write_text("1,2\n3,=1+1\n", encoding="utf-8")
    Path("hole.csv").write_text("1,2\n3,\n", encoding="utf-8")
    Path("ragged.csv").write_text("1,2\n3,4,5\n", encoding="utf-8")
    Path("nan.csv").write_text("1,2\n3,nan\n", encoding="utf-8")
    Path("nothing.csv").write_text("\n", encoding="utf-8")
    Path("latin.csv").write_bytes(b"1,2\n3,\xe9\n")
    Path("x.txt").write_text("1,2\n", encoding="utf-8")
    Path("folder.npy").mkdir()
    np.save("turned.npy", np.ones((18, 12)))
    np.save("folded.npy", np.ones((9, 6)))
    _spreadsheet(Path("s.xlsx"))
    _damaged(Path("s.xlsx"), Path("damaged.xlsx"))
    return tmp_path


def _spreadsheet(path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "First"
    for row in ([1, 2, 3], [4, 5.5, 7], [1, 0, 9]):
        sheet.append(row)
    other = book.create_sheet("My data")
    for row in (["a", "b"], [1, 2], [3, 5], [True, None]):
        other.append(row)
    other["D2"] = "=A2+1"
    sheet["E1"].fill = PatternFill("solid", fgColor="FFFF00")  # formatted, but empty
    sheet["E9"].fill = PatternFill("solid", fgColor="FFFF00")
    book.create_chartsheet("A chart", 0).add_chart(BarChart())
    book.save(path)


def _damaged(path: Path, target: Path) -> None:
    """The same file with half of its sheets."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            content = source.read(name)
            half = name.startswith("xl/worksheets/sheet")
            copy.writestr(name, content[: len(content) // 2] if half else content)


PLACES = {
    "x.npy": (X.astype(np.float32), ""),
    "big-endian.npy": (X.astype(np.float32), ""),
    "whole.npy": (np.arange(12.0).reshape(4, 3), "int64 converted to float64"),
    "one.npz": (X, ""),
    "two.npz:x": (X, ""),
    "t.csv": (np.array([[1, 2, 4], [3, 5, 9], [6, 1, 1.5]]), ""),
    "semicolons.csv": (np.array([[1.0, 2], [3, 4], [6, 8]]), ""),
    "decimal-commas.csv": (np.array([[1.5, 2.25], [-0.5, 4.0]]), ""),
    "s.xlsx": (np.array([[1, 2, 3], [4, 5.5, 7], [1, 0, 9]]), ""),
    "s.xlsx:C2:B1": (np.array([[2.0, 3], [5.5, 7]]), ""),
    "s.xlsx:B2:C1": (np.array([[2.0, 3], [5.5, 7]]), ""),
    "s.xlsx:B1:C2": (np.array([[2.0, 3], [5.5, 7]]), ""),
    "s.xlsx:First!A1:C1": (np.array([[1.0, 2, 3]]), ""),
    "s.xlsx:My data!$A$2:$B$3": (np.array([[1.0, 2], [3, 5]]), ""),
    "s.xlsx:'My data'!A2:B3": (np.array([[1.0, 2], [3, 5]]), ""),
}


@pytest.mark.parametrize("place", PLACES)
def test_tensors_are_read_as_they_are(place: str, folder: Path) -> None:
    wanted, note = PLACES[place]
    found = read_tensor(place)
    np.testing.assert_array_equal(found.array, wanted)
    assert found.array.dtype == wanted.dtype
    assert found.array.dtype.isnative
    assert found.note == note


GOOD = {
    "npy": ["x.npy", "--op", "batch_norm"],
    "npz": ["two.npz:x", "--op", "group_norm", "--groups", "3"],
    "csv": ["t.csv", "--op", "layer_norm", "--eps", "0.5"],
    "range": ["s.xlsx:My data!A2:B3", "--op", "rms_norm"],
    "shape": ["t.csv", "--op", "instance_norm", "--shape", "1,3,3"],
    "evaluation": ["x.npy", "--op", "batch_norm", "--eval"],
    "ghost": ["x.npy", "--op", "ghost_batch_norm", "--splits", "2", "--momentum", "0.3"],
    "ghost in evaluation": ["x.npy", "--op", "ghost_batch_norm", "--eval"],
    "normalized shape": ["x.npy", "--op", "layer_norm", "--normalized-shape", "3,3"],
    "slice": [
        "x.npy",
        "--op",
        "batch_norm",
        "--samples",
        "1:3",
        "--channels",
        "-1",
        "--pixels",
        "0:2 1",
    ],
    "gradient": ["x.npy", "--op", "instance_norm", "--grad-output", "one.npz"],
}


@pytest.mark.parametrize("arguments", GOOD.values(), ids=GOOD.keys())
def test_explain_writes_the_file(
    arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(folder.iterdir())
    assert main(["explain", *arguments, "-o", "out.xlsx"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "out.xlsx\n"
    assert all(line.startswith("note: ") for line in shown.err.splitlines())
    assert bool(shown.err) == ("--eval" in arguments)
    assert {p.name for p in set(folder.iterdir()) - before} == {"out.xlsx"}
    texts = _texts(folder / "out.xlsx")
    assert any(arguments[0] in text for text in texts)
    assert not any("FAIL" in str(text) for text in texts)


def _texts(path: Path) -> list[str]:
    book = openpyxl.load_workbook(path, data_only=True)
    return [str(c.value) for sheet in book for row in sheet.iter_rows() for c in row]


def test_parameters_from_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = {name: DRAW.uniform(1, 2, 3) for name in ("weight", "bias", "running_var")}
    options = []
    for name, value in values.items():
        np.save(f"{name}.npy", value)
        options += [f"--{name.replace('_', '-')}", f"{name}.npy"]
    assert main(["explain", "t.csv", "--op", "batch_norm", "--eval", *options, "-o", "p.xlsx"]) == 0
    assert capsys.readouterr().err == (
        "note: running_mean 0, those of a fresh layer: none were given\n"
    )
    cells = [
        c.value
        for row in openpyxl.load_workbook("p.xlsx")["Inputs"].iter_rows()
        for c in row
        if isinstance(c.value, float)
    ]
    for value in np.concatenate(list(values.values())):
        assert min(abs(cell - value) for cell in cells) < 1e-15


BAD = {
    "no op": (["t.csv"], "one of the arguments --op --sets is required"),
    "unknown op": (["t.csv", "--op", "batchnorm"], "did you mean batch_norm"),
    "missing file": (["no.npy", "--op", "batch_norm"], "no.npy: No such file"),
    "a folder": (["folder.npy", "--op", "batch_norm"], "'folder.npy' is a folder"),
    "format": (["x.txt", "--op", "batch_norm"], "must be a file of .npy, .csv, .tsv, .npz"),
    "nan": (["nan.npy", "--op", "batch_norm"], "got nan at index (1, 2, 0, 1)"),
    "infinity": (["inf.npy", "--op", "batch_norm"], "got -inf at index (1, 2, 0, 1)"),
    "nan in csv": (["nan.csv", "--op", "batch_norm"], "got nan at index (1, 1)"),
    "objects": (["objects.npy", "--op", "batch_norm"], "holds Python objects, which are refused"),
    "objects in npz": (["objects.npz", "--op", "batch_norm"], "holds Python objects"),
    "bool": (["truth.npy", "--op", "batch_norm"], "must hold real numbers, got dtype bool"),
    "complex": (["complex.npy", "--op", "batch_norm"], "got dtype complex128"),
    "rank 1": (["line.npy", "--op", "batch_norm"], "at least 2 dimensions"),
    "rank 6": (["six.npy", "--op", "batch_norm"], "2 to 5 dimensions"),
    "empty": (["empty.npy", "--op", "batch_norm"], "must have elements, got shape (0, 3)"),
    "cut short": (
        ["cut.npy", "--op", "batch_norm"],
        "cut.npy cannot be read as .npy: it is cut",
    ),
    "garbage": (["garbage.npy", "--op", "batch_norm"], "garbage.npy"),
    "garbage npz": (
        ["garbage.npz", "--op", "batch_norm"],
        "garbage.npz cannot be read as .npz",
    ),
    "underscore": (["underscore.csv", "--op", "layer_norm"], "row 1, column 1 holds '1_0'"),
    "row 0": (["s.xlsx:A0:B2", "--op", "layer_norm"], "must be one of First, My data"),
    "damaged xlsx": (["damaged.xlsx", "--op", "batch_norm"], "cannot be read as .xlsx"),
    "a chart": (["s.xlsx:A chart", "--op", "batch_norm"], "must be one of First, My data"),
    "turned gradient": (
        ["x.npy", "--op", "batch_norm", "--shape", "12,18", "--grad-output", "turned.npy"],
        "--grad-output must have shape (12, 18), got (18, 12)",
    ),
    "folded weight": (
        ["x.npy", "--op", "layer_norm", "--weight", "folded.npy"],
        "--weight must have shape (6, 3, 3), got (9, 6)",
    ),
    "garbage xlsx": (["garbage.xlsx", "--op", "batch_norm"], "cannot be read as .xlsx"),
    "which array": (["two.npz", "--op", "batch_norm"], "2 arrays (x, other): say which one"),
    "no such array": (["two.npz:xx", "--op", "batch_norm"], "did you mean x?"),
    "part of npy": (["x.npy:x", "--op", "batch_norm"], "must be a file of"),
    "text": (["text.csv", "--op", "layer_norm"], "row 2, column 2 holds '=1+1'"),
    "hole": (["hole.csv", "--op", "layer_norm"], "row 2, column 2 is empty"),
    "ragged": (["ragged.csv", "--op", "layer_norm"], "row 2 has 3 columns, row 1 has 2"),
    "no numbers": (["nothing.csv", "--op", "layer_norm"], "holds no numbers"),
    "encoding": (["latin.csv", "--op", "layer_norm"], "it is no text in UTF-8"),
    "text in a sheet": (
        ["s.xlsx:My data!A1:B2", "--op", "layer_norm"],
        "cell My data!A1 holds 'a'",
    ),
    "truth in a sheet": (
        ["s.xlsx:My data!A4", "--op", "layer_norm"],
        "cell My data!A4 holds 'True'",
    ),
    "formula": (
        ["s.xlsx:My data!D2", "--op", "layer_norm"],
        "cell My data!D2 is empty, or holds a",
    ),
    "empty cell": (["s.xlsx:My data!A2:B4", "--op", "layer_norm"], "cell My data!A4 holds"),
    "no such sheet": (["s.xlsx:Frist!A1:B2", "--op", "layer_norm"], "did you mean First?"),
    "range": (["s.xlsx:First!A1:", "--op", "layer_norm"], "must look like A1:D8"),
    "no groups": (["x.npy", "--op", "group_norm"], "--groups must be given"),
    "groups": (["x.npy", "--op", "group_norm", "--groups", "4"], "use one of 1, 2, 3, 6"),
    "no splits": (["x.npy", "--op", "ghost_batch_norm"], "--splits must be given"),
    "splits": (["x.npy", "--op", "ghost_batch_norm", "--splits", "3"], "use one of 1, 2, 4"),
    "foreign option": (["x.npy", "--op", "batch_norm", "--groups", "2"], "is for group_norm"),
    "decimal of no text": (["x.npy", "--op", "batch_norm", "--decimal", ","], "for .csv and .tsv"),
    "groups twice": (
        ["x.npy", "--op", "group_norm", "--groups", "2", "-s", "g=3"],
        "--groups and -s g= tell the same: give one of them, got 2 and 3",
    ),
    "normalized shape twice": (
        ["x.npy", "--op", "layer_norm", "--normalized-shape", "3,3", "-s", "d=3"],
        "--normalized-shape and -s d= tell the same",
    ),
    "an axis twice": (
        ["x.npy", "--op", "group_norm", "-s", "g=3", "-s", "g=2"],
        "-s must tell g once, got 3 and 2",
    ),
    "a pattern's axis twice": (
        ["x.npy", "--sets", "n (g [k]) [...]", "-s", "g=3", "-s", "g=2"],
        "-s must tell g once, got 3 and 2",
    ),
    "foreign momentum": (["x.npy", "--op", "layer_norm", "--momentum", "0.1"], "--momentum is for"),
    "momentum": (["x.npy", "--op", "batch_norm", "--momentum", "2"], "must be from 0 to 1"),
    "eps": (["x.npy", "--op", "batch_norm", "--eps", "0"], "eps must be positive"),
    "shape": (["x.npy", "--op", "batch_norm", "--shape", "4,5"], "x must have shape (4, 5)"),
    "shape of words": (["x.npy", "--op", "batch_norm", "--shape", "a"], "positive whole numbers"),
    "normalized shape": (["x.npy", "--op", "layer_norm", "--normalized-shape", "6"], "last dim"),
    "one value": (["t.csv", "--op", "instance_norm"], "more than 1 value per statistics set"),
    "weight": (["t.csv", "--op", "batch_norm", "--weight", "x.npy"], "must have shape (3,)"),
    "gradient": (["t.csv", "--op", "batch_norm", "--grad-output", "x.npy"], "--grad-output must"),
    "samples": (["x.npy", "--op", "batch_norm", "--samples", "4"], "indices from 0 to 3, got '4'"),
    "samples of words": (["x.npy", "--op", "batch_norm", "--samples", "a"], "must look like 0:4"),
    "pixels": (["t.csv", "--op", "batch_norm", "--pixels", "0"], "without spatial axes"),
    "no such folder": (["t.csv", "--op", "batch_norm", "-o", "no/o.xlsx"], "does not exist"),
    "not an xlsx": (
        ["t.csv", "--op", "batch_norm", "-o", "o.csv"],
        "must name a file that ends in .xlsx or .html",
    ),
}


@pytest.mark.parametrize(("arguments", "words"), BAD.values(), ids=BAD.keys())
def test_bad_input_ends_with_one_line(
    arguments: list[str], words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(folder.iterdir())
    assert run(["explain", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    last = shown.err.splitlines()[-1]
    assert last.startswith("error: ")
    assert words in last
    assert all(line.startswith("note: ") for line in shown.err.splitlines()[:-1])
    assert set(folder.iterdir()) == before


def test_too_much_to_show_or_to_trace(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save("wide.npy", np.ones((64, 64, 2, 2)))
    words = ["explain", "wide.npy", "--op", "batch_norm"]
    assert main([*words, "--samples", ":", "--channels", ":"]) == 2
    assert "at most 1,024 elements to show, got 16,384" in capsys.readouterr().err
    monkeypatch.setattr(limits, "MOST_WHOLE", 1000)
    assert main(words) == 2
    assert "wide.npy is too large: 16,384 elements" in capsys.readouterr().err
    assert not (folder / "explained.xlsx").exists()


def test_a_failure_while_writing_leaves_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    before = set(folder.iterdir())
    assert main(["explain", "t.csv", "--op", "batch_norm"]) == 2
    assert capsys.readouterr().err == "error: explained.xlsx: No space left on device\n"
    assert set(folder.iterdir()) == before


def test_the_tensor_s_own_file_is_not_overwritten(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Path("s.xlsx").read_bytes()
    assert main(["explain", "s.xlsx:A1:C3", "--op", "layer_norm", "-o", "s.xlsx"]) == 2
    assert "is the tensor's own file" in capsys.readouterr().err
    assert Path("s.xlsx").read_bytes() == before


def test_an_exercise_is_not_written_where_its_answers_cannot_be(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("e-answers.xlsx").mkdir()
    assert main(["workbook", "--exercise", "-o", "e.xlsx"]) == 2
    assert capsys.readouterr().err == "error: e-answers.xlsx: is a folder\n"
    assert not Path("e.xlsx").exists()
