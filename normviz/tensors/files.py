"""Tensors from files: .npy, .npz, .csv and .xlsx, read without ever running code from them.

What is not a plain tensor of finite numbers is refused with one sentence that names the place: an
index, a row and column of a .csv, a cell of a sheet.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.errors import unknown_name

Array = npt.NDArray[Any]

MOST_ELEMENTS = 10_000_000
"""A trace keeps a dozen arrays of x's size in float64: a gigabyte for this many elements."""

FORMATS = (".npy", ".npz", ".csv", ".xlsx")
_INSIDE = re.compile(r"(?P<file>.+?\.(?:npz|xlsx)):(?P<inside>.+)", re.IGNORECASE | re.DOTALL)
_RANGE = re.compile(r"\$?[A-Za-z]{1,3}\$?[1-9]\d{0,6}(:\$?[A-Za-z]{1,3}\$?[1-9]\d{0,6})?")


@dataclass(frozen=True)
class Source:
    """A tensor that was read: where it stood, and what was done to it ("" for nothing)."""

    array: Array
    place: str
    note: str = ""


def read_tensor(place: str, name: str = "x") -> Source:
    """The tensor at ``place``: FILE.npy, FILE.npz[:ARRAY], FILE.csv, FILE.xlsx[:[SHEET!]A1:D8].

    A .npz with several arrays needs the array's name; an .xlsx without a range gives all cells of
    its first sheet. Floats keep their dtype (float16, float32, float64); whole numbers, also those
    of .csv and .xlsx, become float64, and the note says so for arrays. A .csv or a range is a
    table: rank 2, rows are samples.

    Raises:
        FileNotFoundError: no such file.
        ValueError, TypeError: for a file that holds no plain finite tensor of at most
            ``MOST_ELEMENTS`` elements; ``name`` is what the sentence calls it.
    """
    file, inside = _split(place)
    suffix = file.suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(f"{name} must be a file of {', '.join(FORMATS)}, got {place!r}")
    if not file.exists():
        raise FileNotFoundError(2, "No such file", str(file))
    if file.is_dir():
        raise ValueError(f"{name} must be a file, and {str(file)!r} is a folder")
    if inside and suffix not in (".npz", ".xlsx"):
        raise ValueError(f"only .npz and .xlsx files have parts, got {place!r}")
    readers = {".npy": _npy, ".npz": _npz, ".csv": _csv, ".xlsx": _xlsx}
    array, note = checked(readers[suffix](file, inside), name)
    return Source(array, place, note)


def checked(array: Array, name: str) -> tuple[Array, str]:
    """An array as a finite floating-point tensor, and a note on how its numbers were converted.

    Raises:
        TypeError: for a dtype that is no number.
        ValueError: too large, empty, NaN or infinity (named by index).

    >>> checked(np.array([[1, 2]]), "x")
    (array([[1., 2.]]), 'int64 converted to float64')
    """
    check_size(array.shape, name)
    note = ""
    if array.dtype.kind in "iu" or (array.dtype.kind == "f" and array.dtype.itemsize > 8):
        note = f"{array.dtype} converted to float64"
        array = array.astype(np.float64)
    elif array.dtype.kind != "f":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    elif not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    bad = ~np.isfinite(array)
    if bad.any():
        index = np.unravel_index(int(bad.argmax()), array.shape)
        where = "(" + ", ".join(str(int(i)) for i in index) + ")"
        raise ValueError(f"{name} must be finite, got {array[index]} at index {where}")
    return array, note


def check_size(shape: tuple[int, ...], name: str) -> None:
    """Refuse an empty tensor, and one too large to be traced.

    Raises:
        ValueError: with the limit.
    """
    size = int(np.prod(shape, dtype=object))
    if size == 0:
        raise ValueError(f"{name} must have elements, got shape {shape}")
    if size > MOST_ELEMENTS:
        raise ValueError(
            f"{name} is too large: {size:,} elements of shape {shape}, at most {MOST_ELEMENTS:,} "
            "can be traced; take fewer samples"
        )


def _split(place: str) -> tuple[Path, str]:
    """A file and what is meant inside of it."""
    match = _INSIDE.fullmatch(place)
    if match is None or Path(place).exists():
        return Path(place), ""
    return Path(match["file"]), match["inside"]


def _npy(file: Path, _: str) -> Array:
    try:
        mapped = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise _unreadable(file, error) from None
    if not isinstance(mapped, np.ndarray):
        raise ValueError(f"{file} is a .npz file under another name: call it .npz")
    check_size(mapped.shape, file.name)
    return np.array(mapped)


def _npz(file: Path, inside: str) -> Array:
    import zipfile
    import zlib

    if not zipfile.is_zipfile(file):
        # NumPy would take it for a pickle, and say so.
        raise ValueError(f"{file} cannot be read as a .npz file: it is no zip archive")
    try:
        with np.load(file, allow_pickle=False) as arrays:
            if not hasattr(arrays, "files"):
                raise ValueError("it is no .npz file")
            chosen = _chosen(file, inside, list(arrays.files))
            return np.asarray(arrays[chosen])
    except _ChoiceError as error:
        raise ValueError(str(error)) from None
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error, AttributeError) as error:
        raise _unreadable(file, error) from None


class _ChoiceError(Exception):
    """Which array of a .npz is meant is not clear."""


def _chosen(file: Path, inside: str, names: list[str]) -> str:
    if inside:
        if inside not in names:
            raise _ChoiceError(unknown_name(f"the array of {file}", inside, names))
        return inside
    if len(names) != 1:
        shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        example = f"{file}:{names[0]}" if names else "another file"
        raise _ChoiceError(
            f"{file} holds {len(names)} arrays ({shown}): say which one, for example {example}"
        )
    return names[0]


def _unreadable(file: Path, error: Exception) -> Exception:
    """One sentence for a file that NumPy does not read."""
    text = str(error)
    if any(word in text for word in ("pickle", "Object arrays", "Python objects")):
        return TypeError(
            f"{file} holds Python objects, which are refused since reading them runs code: "
            "save a plain array of numbers"
        )
    return ValueError(f"{file} cannot be read as a {file.suffix} file: {text or 'it is cut short'}")


def _csv(file: Path, _: str) -> Array:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            first = stream.readline()
            stream.seek(0)
            # Where a comma is the decimal point, a semicolon parts the numbers.
            separator = next((s for s in (";", "\t", ",") if s in first), ",")
            lines = [
                (at, line) for at, line in enumerate(csv.reader(stream, delimiter=separator), 1)
            ]
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not a text file in UTF-8") from None
    except csv.Error as error:
        raise ValueError(f"{file} cannot be read as a .csv file: {error}") from None
    rows = [(at, line) for at, line in lines if any(cell.strip() for cell in line)]
    return _table(
        file,
        [
            [
                _number(file, f"row {at}, column {column}", cell, separator)
                for column, cell in enumerate(line, 1)
            ]
            for at, line in rows
        ],
        [f"row {at}" for at, _ in rows],
    )


def _number(file: Path, place: str, text: str, separator: str) -> float:
    digits = text.strip().replace(",", ".") if separator == ";" else text.strip()
    try:
        if "_" in digits:  # which Python, and nobody else, reads over
            raise ValueError
        return float(digits)
    except ValueError:
        shown = text if len(text) <= 40 else text[:37] + "..."
        what = "is empty" if not text.strip() else f"holds {shown!r}, which is not a number"
        raise ValueError(f"{file}: {place} {what}") from None


def _table(file: Path, rows: list[list[float]], names: list[str]) -> Array:
    if not rows:
        raise ValueError(f"{file} holds no numbers")
    for row, name in zip(rows, names, strict=True):
        if len(row) != len(rows[0]):
            raise ValueError(
                f"{file}: {name} has {len(row)} columns, {names[0]} has {len(rows[0])}: "
                "every row must have the same number"
            )
    return np.array(rows, dtype=np.float64)


def _xlsx(file: Path, inside: str) -> Array:
    import zipfile
    from xml.etree.ElementTree import ParseError

    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    damage = (InvalidFileException, zipfile.BadZipFile, ParseError, KeyError, ValueError, OSError)
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    except damage as error:
        raise ValueError(f"{file} cannot be read as an .xlsx file: {error}") from None
    try:
        title, area = _sheet_and_area(file, inside, [sheet.title for sheet in book.worksheets])
        try:
            rows = _cells(book[title], area)
        except damage as error:
            raise ValueError(f"{file} cannot be read as an .xlsx file: {error}") from None
        values = [
            [
                _cell_number(file, title, at, column, cell.value)
                for column, cell in enumerate(line, _first_column(line))
            ]
            for at, line in enumerate(rows, _first_row(rows))
        ]
        return _table(file, values, [f"row {at}" for at in range(1, len(values) + 1)])
    finally:
        book.close()


def _cells(sheet: Any, area: str) -> list[list[Any]]:
    """The rows of an area, or of the whole sheet without empty rows and columns at its end."""
    if area:
        return [list(line) for line in (sheet[area] if ":" in area else ((sheet[area],),))]
    rows = [list(line) for line in sheet.iter_rows()]
    last = max(
        (at for line in rows for at, cell in enumerate(line, 1) if cell.value is not None),
        default=0,
    )
    rows = [line[:last] for line in rows]
    while rows and all(cell.value is None for cell in rows[-1]):
        rows.pop()
    return rows


def _first_row(rows: list[list[Any]]) -> int:
    return next((c.row for line in rows for c in line if hasattr(c, "row")), 1)


def _first_column(line: list[Any]) -> int:
    return next((c.column - at for at, c in enumerate(line) if hasattr(c, "column")), 1)


def _sheet_and_area(file: Path, inside: str, titles: list[str]) -> tuple[str, str]:
    title, mark, area = inside.rpartition("!")
    if not mark and inside in titles:
        return inside, ""
    if not mark and inside and not _RANGE.fullmatch(inside):
        raise ValueError(unknown_name(f"the sheet of {file}", inside, titles))
    title = title.strip("'").replace("''", "'") if mark else titles[0]
    if title not in titles:
        raise ValueError(unknown_name(f"the sheet of {file}", title, titles))
    if area and not _RANGE.fullmatch(area):
        raise ValueError(f"the range of {file} must look like A1:D8, got {area!r}")
    return title, _from_corner(area.replace("$", "").upper())


def _from_corner(area: str) -> str:
    """A range from its upper left corner to its lower right, whichever two were given.

    >>> _from_corner("C1:A5")
    'A1:C5'
    """
    corners = [re.fullmatch(r"([A-Z]+)(\d+)", corner) for corner in area.split(":")]
    if len(corners) < 2:
        return area
    columns = sorted((c[1] for c in corners if c), key=lambda name: (len(name), name))
    rows = sorted(int(c[2]) for c in corners if c)
    return f"{columns[0]}{rows[0]}:{columns[1]}{rows[1]}"


def _cell_number(file: Path, title: str, row: int, column: int, value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    from openpyxl.utils import get_column_letter

    what = f"holds {str(value)[:40]!r}, which is not a number"
    if value is None:
        what = "is empty, or holds a formula that was never calculated"
    raise ValueError(f"{file}: cell {title}!{get_column_letter(column)}{row} {what}")
