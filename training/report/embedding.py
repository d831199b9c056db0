"""Pictures as text inside a page, so that a report is one file."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Picture:
    """One misclassified digit."""

    source: str  # a data URI
    true: int
    predicted: int
    confidence: float  # percent


def data_uri(content: bytes, kind: str) -> str:
    """Return ``content`` as an address that holds it.

    >>> data_uri(b"abc", "image/png")
    'data:image/png;base64,YWJj'
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def digit_png(image: np.ndarray) -> bytes:
    """Return a (28, 28) uint8 digit as a PNG, dark on white.

    >>> digit_png(np.zeros((28, 28), dtype=np.uint8))[:4]
    b'\\x89PNG'
    """
    stream = io.BytesIO()
    Image.fromarray(255 - image).save(stream, format="png", optimize=True)
    return stream.getvalue()


def pictures(mistakes: dict[str, np.ndarray], most: int) -> list[Picture]:
    """Return the first ``most`` digits of ``misclassified.npz``: the most confident mistakes."""
    return [
        Picture(
            data_uri(digit_png(image), "image/png"),
            int(mistakes["true"][place]),
            int(mistakes["predicted"][place]),
            100 * float(mistakes["confidence"][place]),
        )
        for place, image in enumerate(mistakes["images"][:most])
    ]
