"""Files that appear whole or not at all: written beside their place, flushed, then renamed."""

from __future__ import annotations

import json
import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from training.errors import TrainingError


def write_whole(path: Path, content: bytes | str) -> None:
    """Write ``content`` to ``path`` so that a reader, or a crash, sees the old file or the new one.

    Raises:
        TrainingError: when the disk is full or the folder cannot be written; the old file stays.
    """
    data = content.encode() if isinstance(content, str) else content
    # One fixed name a file: what a killed process left behind is overwritten by the next one.
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):  # where not even the folder is one
            partial.unlink()
        raise TrainingError(f"cannot write {path}: {error.strerror or error}") from error


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON; a NaN is refused, because JSON has no word for it."""
    write_whole(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def without_non_finite(value: Any) -> Any:
    """Return plain data with None for every NaN and infinity, which JSON has no word for.

    >>> without_non_finite({"a": [1.0, float("nan")]})
    {'a': [1.0, None]}
    """
    if isinstance(value, dict):
        return {key: without_non_finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_non_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_json(path: Path) -> Any:
    """Read a JSON file of a run folder.

    Raises:
        TrainingError: when the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise TrainingError(f"{path} is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise TrainingError(f"{path} is damaged: {error}") from error
