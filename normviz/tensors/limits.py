"""How much a file may ask for: small files that grow without end are refused before they do."""

import gzip
import zipfile
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np

MOST_ELEMENTS = 10_000_000
"""A trace keeps a dozen arrays of x's size in float64: a gigabyte for this many elements."""

MOST_WHOLE = 50_000_000
"""Elements of a tensor of which a part is traced: its layer runs on all of it, in 1.5 gigabytes."""

MOST_TEXT = 256 << 20
"""Bytes of a text, of 10 million numbers in 25 characters each."""

MOST_ROWS = 1 << 20
"""Rows of a text, as many as a sheet of Excel has; each is a string of its own."""

MOST_XML = 96 << 20
"""Bytes of a workbook's sheets, unpacked; they take some ten times their size in memory."""

MOST_NAMES = 100_000
"""Arrays in an archive."""

DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)
"""What the standard library raises for a damaged archive; NotImplementedError is of the last."""


class UnreadableError(Exception):
    """Why a file cannot be read, in words that follow its name."""


class TooLongError(UnreadableError):
    """More in a stream than was asked for."""


def check_size(shape: tuple[int, ...], name: str, most: int | None = None) -> None:
    """Refuse an empty tensor, and one too large to be worked on.

    Raises:
        ValueError: with the limit.
    """
    size = int(np.prod(shape, dtype=object))
    if size == 0:
        raise ValueError(f"{name} must have elements, got shape {shape}")
    what = "shown in part" if most is None else "traced"
    most = MOST_WHOLE if most is None else most
    if size > most:
        raise ValueError(
            f"{name} is too large: {size:,} elements of shape {shape}, at most {most:,} can be "
            f"{what}; take fewer samples"
        )


def opened(file: Path) -> IO[bytes]:
    """A file for reading, unpacked where it is called .gz."""
    packed = file.suffix.lower() == ".gz"
    return cast(IO[bytes], gzip.open(file)) if packed else file.open("rb")


def read_at_most(stream: IO[bytes], most: int) -> bytes:
    """All of a stream.

    Raises:
        TooLongError: where it has more.
        UnreadableError: where it is damaged.
    """
    try:
        content = stream.read(most + 1)
    except DAMAGE as error:
        raise UnreadableError(str(error) or "it is cut short") from None
    if len(content) > most:
        raise TooLongError(f"it holds more than {most >> 20:,} MiB")
    return content


def open_zip(file: Path) -> zipfile.ZipFile:
    """A zip archive that is one.

    Raises:
        UnreadableError: where it is none, or has too many entries.
    """
    try:
        archive = zipfile.ZipFile(file)
    except PermissionError:
        raise
    except DAMAGE as error:
        raise UnreadableError(f"it is no zip archive ({error})") from None
    if len(archive.namelist()) > MOST_NAMES:
        archive.close()
        raise UnreadableError(f"it has more than {MOST_NAMES:,} entries")
    return archive


def member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """An entry of an archive, for reading.

    Raises:
        UnreadableError: where it is encrypted, damaged, or packed in a way that is not known.
    """
    try:
        return archive.open(name)
    except DAMAGE as error:
        raise UnreadableError(f"its entry {name[:60]!r} cannot be unpacked: {error}") from None
