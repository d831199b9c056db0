"""A picture of few colors as a small PNG, with nothing but NumPy and zlib.

A rendered sheet is text and flat fills: 256 colors hold it, at a quarter of the size of full color.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
COLORS = 256


def read_ppm(content: bytes) -> Pixels:
    """The pixels of a binary PPM or PGM picture: (height, width, 3) or (height, width)."""
    kind, size, _, pixels = content.split(b"\n", 3)
    width, height = map(int, size.split())
    shape = (height, width, 3) if kind == b"P6" else (height, width)
    return np.frombuffer(pixels, dtype=np.uint8).reshape(shape)


def png_bytes(pixels: Pixels) -> bytes:
    """An RGB picture as a PNG of at most 256 colors, the rare ones moved to their nearest."""
    palette, indices = _reduced(pixels)
    height, width = indices.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), indices], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    body = zlib.compress(rows.tobytes(), 9)
    chunks = ((b"IHDR", header), (b"PLTE", palette.tobytes()), (b"IDAT", body), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _reduced(pixels: Pixels) -> tuple[Pixels, Pixels]:
    """A palette, and for every pixel its place in it."""
    wide = pixels.astype(np.uint32)
    if len(np.unique(_codes(wide))) > COLORS:
        wide = (wide + 4) // 8 * 8
        wide[wide > 255] = 255
    codes = _codes(wide)
    found, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    colors = np.stack([found >> 16, (found >> 8) & 255, found & 255], axis=1).astype(np.int32)
    # The stable sort makes the palette, and with it the file, the same on every machine.
    kept = colors[np.argsort(-counts, kind="stable")[:COLORS]]
    nearest = [int(np.abs(kept - color).sum(axis=1).argmin()) for color in colors]
    indices = np.array(nearest, dtype=np.uint8)[inverse.reshape(codes.shape)]
    return kept.astype(np.uint8), indices


def _codes(wide: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """One number for each pixel's color."""
    weights = np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)
    return np.asarray(wide @ weights, dtype=np.uint32)


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
