"""NumPy's own files: .npy and .npz. The header is looked at before memory is asked for."""

import math
import warnings
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from normviz.tensors.choice import chosen
from normviz.tensors.limits import (
    TooLongError,
    UnreadableError,
    check_size,
    member,
    open_zip,
    opened,
    read_at_most,
)

Array = npt.NDArray[Any]


def read_npy(file: Path) -> Array:
    """The array of a .npy file, or of one packed by gzip.

    Raises:
        UnreadableError: for a file that is none.
        TypeError: for Python objects. ValueError: empty or too large.
    """
    with opened(file) as stream:
        return _array(stream, file.name)


def read_npz(file: Path, inside: str) -> Array:
    """One array of a .npz file.

    Raises:
        UnreadableError, TypeError, ValueError: as :func:`read_npy`; for a name that is not there.
    """
    with open_zip(file) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        name = chosen(file, inside, names, "arrays")
        entry = name if name in archive.namelist() else f"{name}.npy"
        with member(archive, entry) as stream:
            return _array(stream, f"{file.name}:{name}")


def _array(stream: IO[bytes], name: str) -> Array:
    try:
        shape, fortran, dtype = _header(stream)
    except UnreadableError:
        raise
    except Exception as error:  # noqa: BLE001 - NumPy parses the header by ast: many may come
        raise UnreadableError(
            f"it is no array of NumPy ({str(error) or type(error).__name__})"
        ) from None
    if dtype.hasobject:
        raise TypeError(
            f"{name} holds Python objects, which are refused since reading them runs code: save a "
            "plain array of numbers"
        )
    if dtype.kind not in "fiubc":
        raise TypeError(f"{name} must hold real numbers, got dtype {dtype}")
    if any(length < 0 for length in shape) or len(shape) > 32:
        raise UnreadableError(f"its shape is {shape}")
    check_size(shape, name)
    size = math.prod(shape) * dtype.itemsize
    content = _exactly(stream, size)
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C").copy()


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    version = np.lib.format.read_magic(stream)
    if version not in read:
        raise UnreadableError(f"its format has version {version}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a header from Python 2
        shape, fortran, dtype = read[version](stream)
    return tuple(int(length) for length in shape), bool(fortran), np.dtype(dtype)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    try:
        content = read_at_most(stream, size)
    except TooLongError:
        raise UnreadableError("it holds more bytes than its header says") from None
    if len(content) < size:
        raise UnreadableError(f"it is cut short: {len(content):,} of {size:,} bytes")
    return content
