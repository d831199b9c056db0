"""Files that appear whole or not at all: written beside their place, flushed, then renamed."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ABANDONED_SECONDS = 3600
"""After so long a part is nobody's: its writer was killed."""


def write_whole(path: str | os.PathLike[str], content: bytes | str) -> Path:
    """Write a file so that a reader, or a crash, sees the old file or the new one; return its path.

    Text is written as UTF-8 with the line ends it has. A link is followed, and what it leads to
    keeps its mode. What is no regular file (a pipe, /dev/stdout) is written to as it is.

    Raises:
        OSError: named after ``path`` as it was given: a read-only file (PermissionError), no such
            folder, no space left, a name that the system refuses. The old file stays.
    """
    data = content.encode() if isinstance(content, str) else memoryview(content)
    with _named(path):
        _write(Path(os.path.realpath(path)), data)
    return Path(path)


def check_place(path: str | os.PathLike[str]) -> Path:
    """Refuse, before any work is done, a place that :func:`write_whole` would refuse; return it.

    Raises:
        OSError: as :func:`write_whole`, as far as it can be told beforehand.
    """
    with _named(path):
        target = Path(os.path.realpath(path))
        if _before(target) is None:
            if not target.parent.exists():
                raise FileNotFoundError(errno.ENOENT, "its folder does not exist")
            if not target.parent.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, "its folder is a file")
        if not os.access(target.parent, os.W_OK):
            raise PermissionError(errno.EACCES, "its folder cannot be written to")
    return Path(path)


@contextmanager
def _named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let errors name what the user gave, not the part or what a link leads to."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), os.fspath(path)) from error
    except ValueError as error:  # a name with a zero byte in it
        raise OSError(errno.EINVAL, str(error), os.fspath(path)) from error


def _write(target: Path, data: bytes | memoryview) -> None:
    before = _before(target)
    if before and not stat.S_ISREG(before.st_mode):
        target.write_bytes(data)
        return
    # Not the target's own name with something more: a name may be as long as a name can be.
    family = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:12]
    part = target.with_name(f".{family}-{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if before:
            with suppress(OSError, AttributeError):  # who may not give files away keeps them
                os.chown(part, before.st_uid, before.st_gid)
            part.chmod(stat.S_IMODE(before.st_mode))
        os.replace(part, target)
    except BaseException:
        with suppress(OSError):  # where not even the folder is one
            part.unlink()
        raise
    _remove_abandoned(target.parent, family)


def _before(target: Path) -> os.stat_result | None:
    """What is there already, refused where it must stay as it is."""
    try:
        found = target.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder")
    # A superuser may write to it all the same, but whoever took the right away meant something.
    if not found.st_mode & 0o222 or not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "is read-only")
    return found


def _remove_abandoned(folder: Path, family: str) -> None:
    for part in folder.glob(f".{family}-*.part"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > ABANDONED_SECONDS:
                part.unlink()
