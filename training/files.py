"""The files of a run: written whole or not at all, JSON read back, a folder locked."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from normviz import files
from training.errors import TrainingError

PATIENCE_SECONDS = 60.0  # for another run that writes rows of the same table


def write_whole(path: Path, content: bytes | str) -> None:
    """As :func:`normviz.files.write_whole`, in a folder that is made where there is none.

    Raises:
        TrainingError: when the disk is full or the folder cannot be written; the old file stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_whole(path, content)
    except OSError as error:
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
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise TrainingError(f"{path} is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise TrainingError(f"{path} is damaged: {error}") from error


@contextmanager
def locked(
    folder: Path, patience: float = 0.0, file: str = "", option: str = "--out"
) -> Iterator[None]:
    """Hold ``folder`` for this process, waiting ``patience`` seconds for another to let go.

    Or one ``file`` of it, while others hold the folder. The operating system releases it, even
    after kill -9. ``option`` is the one that names it.

    Raises:
        TrainingError: when another process holds it, naming that process, or it cannot be used.
    """
    path = folder / (f".{file}.lock" if file else ".lock")
    held, owner = folder / file, "unknown"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):  # where a lock keeps readers out as well
            owner = path.read_text("utf-8", "replace").strip() or owner
        lock = FileLock(path, timeout=patience)
        lock.acquire()
    except Timeout:
        raise TrainingError(
            f"{held} is in use by another process ({owner}); wait for it or use another {option}"
        ) from None
    except OSError as error:
        raise TrainingError(f"cannot use {held}: {error.strerror or error}") from error
    try:
        # The number is a courtesy to whom is refused; on a full disk the lock holds without it.
        with suppress(OSError):
            path.write_text(f"{os.getpid()}\n", "utf-8")
        yield
    finally:
        lock.release()
