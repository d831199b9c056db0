"""What each format gives, and what is asked instead of guessed."""

import gzip
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from openpyxl.workbook.defined_name import DefinedName

from normviz.tensors import read_tensor

X = np.random.default_rng(0).normal(2.0, 3.0, (4, 3))
ROWS = [[1.0, 2.5], [3.0, -4.0]]

TEXTS = {
    "a row of names": ("a.csv", "width,height\n1,2.5\n3,-4\n", ROWS, "without its row of names"),
    "names that are numbers beside an empty corner": (
        "a.csv",
        ",0,1\n0,1,2.5\n1,3,-4\n",
        ROWS,
        "without its row of names and its first column, the names of the rows",
    ),
    "names that are numbers": ("a.csv", "0,1\n1.0,2.5\n3.0,-4.0\n", ROWS,
        "without its row of names and as numbers that row would be 0.0, 1.0, ..."),
    "names that are numbers, decimal commas": ("a.csv", "0;1\n1;2,5\n3;-4\n", ROWS, "of names"),
    "whole numbers from 0 on": ("a.csv", "0,1\n2,-3\n", [[0, 1], [2, -3]],
        "with its first row 0, 1, ... as numbers: with # before it, it is names"),
    "a sample that counts": ("a.csv", "0.0,1.0\n2.5,3.0\n", [[0, 1], [2.5, 3]], ""),
    "a first column that counts": ("a.csv", "0,1.5\n1,2.5\n", [[0, 1.5], [1, 2.5]],
        "with its first column 0, 1, ... as numbers"),
    "a single sample that counts": ("a.csv", "0,1,2\n", [[0, 1, 2]], ""),
    "an index with a name": (
        "a.csv",
        "index,a,b\n10,1,2.5\n20,3,-4\n",
        ROWS,
        "its first column 'index'",
    ),
    "labels": ("a.csv", "cat,1,2.5\ndog,3,-4\n", ROWS, "its first column, the names of the rows"),
    "dates": ("a.csv", "2024-01-31;1;2,5\n2024-02-01;3;-4\n", ROWS, "its first column"),
    "comments": ("a.csv", "# by hand\n1,2.5\n  # and more\n3,-4\n\n", ROWS, ""),
    "tabs": ("a.tsv", "1\t2.5\n3\t-4\n", ROWS, ""),
    "tabs in a csv": ("a.csv", "1\t2.5\n3\t-4\n", ROWS, ""),
    "as NumPy's savetxt": ("a.csv", "1.0e+00 2.5e+00\n3.0e+00 -4.0e+00\n", ROWS, ""),
    "thousands": ("a.csv", "1.000.000,5;2\n3;4\n", [[1000000.5, 2], [3, 4]], ""),
    "thousands and points": ("a.tsv", "1,000,000.5\t2\n3\t4\n", [[1000000.5, 2], [3, 4]], ""),
    "thousands by spaces": ("a.csv", "1 000,5;2\n3;4\n", [[1000.5, 2], [3, 4]], ""),
    "thousands in quotes": ('a.csv', '"1,234.5",2\n3,4\n', [[1234.5, 2], [3, 4]], ""),
    "decimal commas in quotes": ('a.csv', '"1,5",2\n3,"4,5"\n', [[1.5, 2], [3, 4.5]], ""),
    "names in quotes": ('a.csv', '"a, 1","b"\n1.234,2.500\n3,4\n', [[1.234, 2.5], [3, 4]], "names"),
    "a named column of decimal commas": ("a.csv", "value\n1,5\n2,5\n", [[1.5], [2.5]], "names"),
    "one column": ("a.csv", "1.5\n2.5\n", [[1.5], [2.5]], ""),
    "two columns that only look so": ("a.csv", "1,5\n2,-5\n", [[1, 5], [2, -5]], ""),
    "line ends of other systems": ("a.csv", "1,2.5\r\n3,-4\r", ROWS, ""),
    "two rows of names": ("a.csv", "a,b\ncm,kg\n1,2.5\n3,-4\n", ROWS, "its 2 rows of names"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "wanted", "note"), TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("packed", [False, True], ids=["", "gz"])
def test_texts(
    tmp_path: Path, name: str, text: str, wanted: list[list[float]], note: str, packed: bool
) -> None:
    file = tmp_path / (name + ".gz" * packed)
    file.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    found = read_tensor(str(file))
    np.testing.assert_array_equal(found.array, wanted)
    assert note in found.note
    assert bool(note) == bool(found.note)


ASKED = {
    "decimal commas or two columns": ("1,5\n2,5\n", [[1, 5], [2, 5]], [[1.5], [2.5]]),
    "a thousand or a bit more than one": ("1,234;5\n2,000;6\n", [[1234, 5], [2000, 6]],
                                          [[1.234, 5], [2, 6]]),
    "a thousand in quotes": ('"1,234",5\n2,6\n', [[1234, 5], [2, 6]], [[1.234, 5], [2, 6]]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "point", "comma"), ASKED.values(), ids=ASKED)
def test_what_can_be_read_in_two_ways_is_asked(
    tmp_path: Path, text: str, point: list[list[float]], comma: list[list[float]]
) -> None:
    file = tmp_path / "asked.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"can be read as .* or as .*--decimal \. or --decimal ,"):
        read_tensor(str(file))
    np.testing.assert_array_equal(read_tensor(str(file), decimal=".").array, point)
    np.testing.assert_array_equal(read_tensor(str(file), decimal=",").array, comma)


def test_a_single_column_with_some_decimal_commas_is_read_as_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("1,5\n2\n")
    assert read_tensor(str(tmp_path / "t.csv"), decimal=",").array.tolist() == [[1.5], [2.0]]


REFUSED_TEXTS = {
    "a word among numbers": (
        "1,2\n3,four\n",
        "row 2, column 2 holds 'four', which is not",
    ),
    "missing numbers are no names": ("NA,NA\n1,2\n", "row 1, column 1 holds 'NA'"),
    "a hole": ("1,2\n3,\n", "row 2, column 2 is empty"),
    "both marks": ("1,5;2\n1.5;2\n", "is not a number"),
    "names alone": ("a,b\n", "which is not a number"),
    "a row too short, or decimal commas": ("1,2\n3\n", "1 column with a decimal comma (1.2 first)"),
    "a formula": ("=A1,2\n1,2\n", "row 1, column 1 holds '=A1'"),
    "comments alone": ("# nothing\n", "holds no numbers"),
}


@pytest.mark.parametrize(("text", "words"), REFUSED_TEXTS.values(), ids=REFUSED_TEXTS)
def test_texts_that_are_no_table(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValueError, match=r"t\.csv") as refused:
        read_tensor(str(tmp_path / "t.csv"))
    assert words in str(refused.value)


def test_numpy_s_files(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.asfortranarray(X))
    (tmp_path / "x.npy.gz").write_bytes(gzip.compress((tmp_path / "x.npy").read_bytes()))
    np.savez_compressed(tmp_path / "x.npz", **{"a.b": X, "c": X + 1})
    for place in ("x.npy", "x.npy.gz", "x.npz:a.b"):
        np.testing.assert_array_equal(read_tensor(str(tmp_path / place)).array, X)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16", "int64", "uint8"])
def test_safetensors(tmp_path: Path, dtype: str) -> None:
    pytest.importorskip("safetensors")
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    x = torch.arange(6).reshape(2, 3).to(getattr(torch, dtype))
    save_file({"norm.weight": x, "norm.bias": x + 1}, tmp_path / "w.safetensors")
    found = read_tensor(f"{tmp_path}/w.safetensors:norm.bias")
    np.testing.assert_array_equal(found.array, [[1, 2, 3], [4, 5, 6]])
    kept = {"float64": "float64", "float32": "float32", "float16": "float16"}
    converted = "float32" if dtype == "bfloat16" else "float64"
    assert found.array.dtype == kept.get(dtype, converted)
    with pytest.raises(ValueError, match=r"did you mean norm\.weight"):
        read_tensor(f"{tmp_path}/w.safetensors:norm.weihgt")


def test_torch_s_files(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    x = torch.arange(6.0).reshape(2, 3)
    torch.save(x, tmp_path / "one.pt")
    torch.save(
        {"model": {"norm.weight": x.bfloat16()}, "epoch": 3, "more": [x]}, tmp_path / "c.pth"
    )
    np.testing.assert_array_equal(read_tensor(str(tmp_path / "one.pt")).array, x.numpy())
    found = read_tensor(f"{tmp_path}/c.pth:model.norm.weight")
    np.testing.assert_array_equal(found.array, x.numpy())
    assert found.array.dtype == np.float32
    np.testing.assert_array_equal(read_tensor(f"{tmp_path}/c.pth:more.0").array, x.numpy())
    with pytest.raises(ValueError, match=r"holds 2 tensors \(model.norm.weight, more.0\)"):
        read_tensor(str(tmp_path / "c.pth"))


def test_whole_numbers_and_nan_do_not_tell_names_from_a_sample(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("0,1\n1,nan\n")
    with pytest.raises(ValueError, match=r"got nan at index \(1, 1\)"):
        read_tensor(str(file))


def test_names_that_are_numbers_on_a_sheet_are_asked(tmp_path: Path) -> None:
    """A cell does not tell 0 from 0.0; pandas writes such a heading with index=False."""
    file = tmp_path / "x.xlsx"
    book = openpyxl.Workbook()
    for line in ([0, 1], [2.5, 3.5], [4.5, 5.5]):
        book.active.append(line)
    book.save(file)
    with pytest.raises(ValueError, match=r"numbers or names of columns: say Sheet!A1:B3, or "):
        read_tensor(str(file))
    assert read_tensor(f"{file}:Sheet!A1:B3").array.tolist() == [[0, 1], [2.5, 3.5], [4.5, 5.5]]
    assert read_tensor(f"{file}:Sheet!A2:B3").array.tolist() == [[2.5, 3.5], [4.5, 5.5]]
    whole = openpyxl.Workbook()
    for line in ([0, 1], [1, 0]):
        whole.active.append(line)
    whole.save(file)
    assert read_tensor(str(file)).array.tolist() == [[0, 1], [1, 0]]


def test_defined_names(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "It's data"
    for row in ROWS:
        sheet.append(row)
    book.defined_names["Batch"] = DefinedName("Batch", attr_text="'It''s data'!$A$1:$B$2")
    book.defined_names["Rate"] = DefinedName("Rate", attr_text="0.1")
    sheet.defined_names["Second"] = DefinedName("Second", attr_text="'It''s data'!$B$1:$B$2")
    book.save(tmp_path / "s.xlsx")
    for name in ("Batch", "batch"):
        np.testing.assert_array_equal(read_tensor(f"{tmp_path}/s.xlsx:{name}").array, ROWS)
    np.testing.assert_array_equal(read_tensor(f"{tmp_path}/s.xlsx:Second").array, [[2.5], [-4.0]])
    with pytest.raises(ValueError, match=r"'Rate' stands for '0\.1', not for a range"):
        read_tensor(f"{tmp_path}/s.xlsx:Rate")
    with pytest.raises(ValueError, match="did you mean Batch"):
        read_tensor(f"{tmp_path}/s.xlsx:Btach")
