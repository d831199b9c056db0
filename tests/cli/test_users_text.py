"""Names of files that no terminal, sheet or page could show: replaced there, and nothing raised."""

import os
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from normviz.cli.commands import main

NAMES = {
    "a bell and an escape": b"x\x07\x1b[2J.npy",
    "no text": b"x\xff\xfe.npy",
    "written backwards": "x\u202egnp.npy".encode(),
    "a formula": b"=1+1.npy",
    "markup": b"<img src=x onerror=alert(1)>.npy",
    "two lines": b"a\nb.npy",
    "a comma and quotes": "a,'\"é.npy".encode(),
}
EVIL = {chr(code) for code in (*range(9), *range(11, 32), 127, 0x202E)}


@pytest.fixture(params=NAMES.values(), ids=NAMES)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(request.param)
    with open(name, "wb") as stream:
        np.save(stream, np.arange(12.0).reshape(4, 3))
    return name


def test_in_a_workbook(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", place, "--op", "layer_norm", "-o", "e.xlsx"]) == 0
    book = openpyxl.load_workbook("e.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    texts = [cell.value for cell in cells if cell.data_type == "s"]
    assert any(".npy" in text for text in texts)
    assert not EVIL & set("".join(texts))
    assert capsys.readouterr().err == ""


def test_in_a_page(place: str) -> None:
    assert main(["explain", place, "--op", "layer_norm", "-o", "e.html"]) == 0
    page = Path("e.html").read_text(encoding="utf-8")
    assert "<img" not in page
    assert not EVIL & set(page)


def test_in_a_sentence(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(place).write_bytes(b"no array")
    assert main(["explain", place, "--op", "layer_norm"]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert shown.count("\n") == 1
    assert not EVIL & set(shown)


def test_as_the_file_that_is_written(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    target = place.replace(".npy", ".xlsx")
    assert main(["explain", place, "--op", "layer_norm", "-o", target]) == 0
    assert Path(target).exists()
    assert not (EVIL | {"\udcff"}) & set(capsys.readouterr().out)


def test_array_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "x.npz", **{"a\x1b[2J": np.ones((2, 2)), "b": np.ones((2, 2))})
    assert main(["explain", f"{tmp_path}/x.npz", "--op", "layer_norm"]) == 2
    assert "a�[2J" in capsys.readouterr().err
