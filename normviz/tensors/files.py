"""Tensors from files of every format: which reader a file's name asks for, and what a tensor is.

What is not a plain tensor of finite numbers is refused with one sentence that names the place: an
index, a row and column of a text, a cell of a sheet.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.tensors.arrays import read_npy, read_npz
from normviz.tensors.limits import UnreadableError, check_size
from normviz.tensors.spreadsheet import read_xlsx
from normviz.tensors.text import read_text
from normviz.tensors.weights import read_safetensors, read_torch

Array = npt.NDArray[Any]

TEXTS = (".csv", ".tsv")
WHOLE = (".npy", *TEXTS)
"""One tensor a file; these are also read packed: .npy.gz, .csv.gz, .tsv.gz."""

WITH_PARTS = {
    ".npz": read_npz,
    ".safetensors": read_safetensors,
    ".pt": read_torch,
    ".pth": read_torch,
    ".xlsx": read_xlsx,
}
"""FILE:NAME says which tensor of the file is meant."""

MOST_WORDS = 160
_INSIDE = re.compile(
    rf"(?P<file>.+?(?:{'|'.join(map(re.escape, WITH_PARTS))})):(?P<inside>.+)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Source:
    """A tensor that was read: where it stood, and what was done to it ("" for nothing)."""

    array: Array
    place: str
    note: str = ""


def read_tensor(place: str, name: str = "x", decimal: str | None = None) -> Source:
    """The tensor at ``place``: a file, or FILE:NAME where a file has several.

    .npy, .csv and .tsv (also with .gz) are one tensor; .npz, .safetensors, .pt and .pth need a name
    where they hold several; an .xlsx takes [SHEET!]A1:D8, a defined name, or all cells of its first
    sheet. Floats keep their dtype (float16, float32, float64; bfloat16 becomes float32);
    whole numbers become float64, and the note says so for arrays. A text or a range is a table:
    rank 2, rows are samples; ``decimal`` is a text's decimal mark, "." or ",", where it is not
    clear.

    Raises:
        FileNotFoundError: no such file.
        ValueError, TypeError: for a file that holds no plain finite tensor of at most
            ``limits.MOST_ELEMENTS`` elements; ``name`` is what the sentence calls it.
        ModuleNotFoundError: for a format whose library is not installed.
    """
    file, inside = split_place(place)
    suffix = _format(file)
    if suffix not in (*WHOLE, *WITH_PARTS):
        known = ", ".join((*WHOLE, *WITH_PARTS))
        raise ValueError(f"{name} must be a file of {known}, got {place!r}")
    if decimal not in (None, ".", ","):
        raise ValueError(f"the decimal mark must be . or , and is {decimal!r}")
    if not file.exists():
        raise FileNotFoundError(2, "No such file", str(file))
    if not file.is_file():
        raise ValueError(f"{name} must be a file, and {str(file)!r} is a folder or a device")
    note = ""
    try:
        if suffix in WITH_PARTS:
            found = WITH_PARTS[suffix](file, inside)
        elif suffix == ".npy":
            found = read_npy(file)
        else:
            found, note = read_text(file, decimal)
    except UnreadableError as error:
        why = " ".join(str(error).split())  # what libraries say may be pages long
        why = why if len(why) <= MOST_WORDS else f"{why[:MOST_WORDS]}..."
        raise ValueError(f"{file} cannot be read as {suffix}: {why}") from None
    array, converted = checked(found, name)
    return Source(array, place, " and ".join(filter(None, (note, converted))))


def is_text(place: str) -> bool:
    """Whether ``place`` is a text, whose decimal mark may have to be told.

    >>> is_text("x.csv.gz"), is_text("x.xlsx:A1:B2")
    (True, False)
    """
    return _format(split_place(place)[0]) in TEXTS


def _format(file: Path) -> str:
    """What a file's name says it is: its suffix, packed or not."""
    formats = [suffix.lower() for suffix in file.suffixes[-2:]]
    packed = formats[-1:] == [".gz"] and formats[0] in WHOLE
    return formats[0] if packed else file.suffix.lower()


def checked(array: Array, name: str, finite: bool = True) -> tuple[Array, str]:
    """An array as a floating-point tensor, and a note on how its numbers were converted.

    Raises:
        TypeError: for a dtype that is no number.
        ValueError: too large, empty; NaN or infinity (named by index), if it must be ``finite``.

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
    if finite and bad.any():
        index = np.unravel_index(int(bad.argmax()), array.shape)
        where = "(" + ", ".join(str(int(i)) for i in index) + ")"
        raise ValueError(f"{name} must be finite, got {array[index]} at index {where}")
    return array, note


def split_place(place: str) -> tuple[Path, str]:
    """A file and what is meant inside of it ("" for all)."""
    match = _INSIDE.fullmatch(place)
    if match is None or _exists(place):
        return Path(place), ""
    return Path(match["file"]), match["inside"]


def _exists(place: str) -> bool:
    try:
        return Path(place).exists()
    except (OSError, ValueError):  # longer than a name can be; a zero byte
        return False
