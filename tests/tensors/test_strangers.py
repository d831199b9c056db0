"""Files of strangers: damaged by chance, or made to do harm. One sentence, in bounded memory."""

import io
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from normviz.tensors import read_tensor

ROOT = Path(__file__).parents[2]
CASES = int(os.environ.get("FUZZ_CASES", "1000"))
X = np.random.default_rng(1).normal(size=(4, 3))


def _npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, X)
    return stream.getvalue()


def _npz() -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, x=X)
    return stream.getvalue()


def _xlsx() -> bytes:
    book = openpyxl.Workbook()
    for row in X.tolist():
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _csv() -> bytes:
    return "\n".join(",".join(map(repr, row)) for row in X.tolist()).encode()


def _torch() -> bytes:
    torch = pytest.importorskip("torch")
    stream = io.BytesIO()
    torch.save({"x": torch.from_numpy(X)}, stream)
    return stream.getvalue()


def _safetensors() -> bytes:
    pytest.importorskip("safetensors")
    from safetensors.numpy import save

    return save({"x": X})


WHOLE: dict[str, Callable[[], bytes]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".xlsx": _xlsx,
    ".csv": _csv,
    ".tsv": _csv,
    ".pt": _torch,
    ".safetensors": _safetensors,
}


def damaged(content: bytes, others: list[bytes], draw: np.random.Generator) -> bytes:
    """Content cut short, with bytes swapped or changed, of another format, or random."""
    kind = draw.integers(5)
    if kind == 0:
        return content[: draw.integers(len(content))]
    if kind == 1:
        return others[draw.integers(len(others))]
    if kind == 2:
        return draw.bytes(int(draw.integers(400)))
    changed = np.frombuffer(content, np.uint8).copy()
    places = draw.integers(len(changed), size=draw.integers(1, 9))
    changed[places] = changed[places[::-1]] if kind == 3 else draw.integers(256, size=len(places))
    return changed.tobytes()


@pytest.mark.parametrize("suffix", WHOLE)
@pytest.mark.filterwarnings("ignore::UserWarning")  # of openpyxl and torch on what they find odd
def test_a_damaged_file_is_one_sentence(suffix: str, tmp_path: Path) -> None:
    content = WHOLE[suffix]()
    others = [make() for name, make in WHOLE.items() if name not in (suffix, ".pt", ".safetensors")]
    draw = np.random.default_rng(2)
    file = tmp_path / f"x{suffix}"
    refused = []
    for _ in range(CASES):
        file.write_bytes(damaged(content, others, draw))
        try:
            read_tensor(str(file))
        except (ValueError, TypeError) as error:
            refused.append(str(error))
    assert len(refused) > CASES / 4
    assert max(map(len, refused)) < 600
    assert not [sentence for sentence in refused if "\n" in sentence]


class Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path(os.environ["TRAP"]),)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt", ".pth", ".csv", ".xlsx", ".safetensors"])
@pytest.mark.parametrize("kind", ["pickle", "array", "torch"])
def test_a_pickle_is_never_run(
    suffix: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAP", str(tmp_path / "trapped"))
    file = tmp_path / f"x{suffix}"
    with file.open("wb") as stream:
        if kind == "pickle":
            pickle.dump(Trap(), stream)
        elif kind == "torch":
            pytest.importorskip("torch").save({"x": Trap()}, stream)
        else:
            save = np.savez if suffix == ".npz" else np.save
            save(stream, np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises((ValueError, TypeError, ModuleNotFoundError)):
        read_tensor(str(file))
    assert not (tmp_path / "trapped").exists()


OPEN = ['"1,2\n3,4\n', '1,2\n"3,4\n5,6\n', '"3\n4\n', '"1,234', '1 2\n"3 4\n']


@pytest.mark.parametrize("text", OPEN)
def test_a_quotation_that_never_ends_is_no_number(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(text)
    row = 1 + text[: text.index('"')].count("\n")
    with pytest.raises(ValueError, match=f"row {row} has a quotation mark that never ends"):
        read_tensor(str(tmp_path / "x.csv"))


@pytest.mark.parametrize("suffix", [".pt", ".pth"])
def test_files_of_old_torch_and_packed_ones_are_refused(suffix: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    old, packed = tmp_path / f"old{suffix}", tmp_path / f"packed{suffix}"
    torch.save({"x": torch.ones(2, 3)}, old, _use_new_zipfile_serialization=False)
    with pytest.raises(ValueError, match=r"no zip archive, as torch.save has written since"):
        read_tensor(str(old))
    with zipfile.ZipFile(io.BytesIO(_torch())) as archive:
        _zip(packed, {name: archive.read(name) for name in archive.namelist()})
    with pytest.raises(ValueError, match=r"torch packs nothing, and its entry .* is packed"):
        read_tensor(str(packed))


def _zip(path: Path, entries: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def _npy_of(shape: tuple[int, ...], content: bytes, dtype: str = "<f8") -> bytes:
    stream = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + content


def npz_of_zeros(path: Path) -> None:
    _zip(path, {"x.npy": _npy_of((1 << 30,), bytes(300 << 20))})


def npz_that_says_little(path: Path) -> None:
    _zip(path, {"x.npy": _npy_of((4, 3), bytes(300 << 20))})


def npz_that_says_much(path: Path) -> None:
    _zip(path, {"x.npy": _npy_of((10_000_000,), b"short")})


def npy_of_negative_lengths(path: Path) -> None:
    path.write_bytes(_npy_of((-4, -3), bytes(96)))


def npy_of_long_words(path: Path) -> None:
    path.write_bytes(_npy_of((2,), bytes(8), "<U400000000"))


def gz_of_zeros(path: Path) -> None:
    import gzip

    path.write_bytes(gzip.compress(bytes(600 << 20), 1))


def gz_of_wide_rows(path: Path) -> None:
    import gzip

    path.write_bytes(gzip.compress(b"1," * (120 << 20), 1))


def gz_of_wide_rows_with_spaces(path: Path) -> None:
    import gzip

    path.write_bytes(gzip.compress(b"1 " * (120 << 20), 1))


def gz_of_form_feeds(path: Path) -> None:
    import gzip

    path.write_bytes(gzip.compress(b"1\f" * (120 << 20), 1))


def gz_of_unit_separators(path: Path) -> None:
    import gzip

    path.write_bytes(gzip.compress(b"1 2\n" + b"1\x1f" * (120 << 20), 1))


def csv_of_an_open_quotation(path: Path) -> None:
    path.write_bytes(b'1,2\n"' + b"3,4\n" * 500_000)


def gz_of_many_rows(path: Path) -> None:
    import gzip

    path.write_bytes(gzip.compress(b"1\n" * (120 << 20), 1))


def gz_of_an_open_quotation_of_one_line(path: Path) -> None:
    import gzip

    path.write_bytes(gzip.compress(b'"' + b"12345678" * (30 << 20), 1))


def _sheet(path: Path, change: Callable[[str], str]) -> None:
    source = io.BytesIO(_xlsx())
    with zipfile.ZipFile(source) as book, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in book.namelist():
            content = book.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content = change(content.decode()).encode()
            copy.writestr(name, content)


def xlsx_of_spaces(path: Path) -> None:
    _sheet(path, lambda xml: xml + " " * (300 << 20))


def xlsx_with_entities(path: Path) -> None:
    bomb = "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    doctype = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">{bomb}]>'
    _sheet(path, lambda xml: doctype + xml.replace("<v>", "<v>&i;", 1))


def xlsx_with_an_external_entity(path: Path) -> None:
    doctype = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    _sheet(path, lambda xml: doctype + xml.replace("<v>", "<v>&a;", 1))


def xlsx_of_wide_rows(path: Path) -> None:
    rows = "".join(f'<row r="{r}"><c r="XFD{r}"><v>1</v></c></row>' for r in range(9, 200_000))
    _sheet(
        path,
        lambda xml: f"{xml.partition('<sheetData>')[0]}<sheetData>{rows}</sheetData></worksheet>",
    )


def xlsx_with_a_far_cell(path: Path) -> None:
    far = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    _sheet(path, lambda xml: xml.replace("</sheetData>", far))


BOMBS = {
    npz_of_zeros: ("x.npz", "is too large: 1,073,741,824 elements"),
    npz_that_says_little: ("x.npz", "more bytes than its header says"),
    npz_that_says_much: ("x.npz", "cut short: 5 of 80,000,000 bytes"),
    npy_of_negative_lengths: ("x.npy", "its shape is (-4, -3)"),
    npy_of_long_words: ("x.npy", "must hold real numbers"),
    gz_of_zeros: ("x.csv.gz", "more than 256 MiB"),
    csv_of_an_open_quotation: ("x.csv", "row 2 has a quotation mark that never ends"),
    gz_of_wide_rows: ("x.csv.gz", "more than 10,000,000 cells"),
    gz_of_wide_rows_with_spaces: ("x.csv.gz", "more than 10,000,000 cells"),
    gz_of_form_feeds: ("x.csv.gz", "which is not a number"),
    gz_of_unit_separators: ("x.csv.gz", "row 2 has 1 columns"),
    gz_of_many_rows: ("x.csv.gz", "more than 1,048,576 rows"),
    gz_of_an_open_quotation_of_one_line: ("x.csv.gz", "row 1 has a quotation mark that never ends"),
    xlsx_of_spaces: ("x.xlsx", "unpacked it has more than 96 MiB"),
    xlsx_with_entities: ("x.xlsx", "declares a document type"),
    xlsx_with_an_external_entity: ("x.xlsx", "declares a document type"),
    xlsx_of_wide_rows: ("x.xlsx", "more than 10,000,000 cells"),
    xlsx_with_a_far_cell: ("x.xlsx", "cells"),
}
READ = """
import resource, sys
from normviz.tensors import read_tensor
import openpyxl
limit = int(sys.argv[2]) << 20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
try:
    read_tensor(sys.argv[1])
except (ValueError, TypeError) as error:
    print(error)
"""


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.__name__)
def test_a_small_file_that_grows_is_refused(bomb: Callable[[Path], None], tmp_path: Path) -> None:
    """In a gigabyte and a half of address space, and two minutes of a processor."""
    name, words = BOMBS[bomb]
    bomb(tmp_path / name)
    assert (tmp_path / name).stat().st_size < 12 << 20
    done = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path / name), "1500"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert words in done.stdout
    assert str(tmp_path / name) in done.stdout or name in done.stdout
