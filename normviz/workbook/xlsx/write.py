"""From a book to a file on disk: written, completed, checked, and put in place whole."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from normviz.workbook.book.cells import Book
from normviz.workbook.lint import lint
from normviz.workbook.xlsx.cached_values import with_cached_values
from normviz.workbook.xlsx.openpyxl_writer import openpyxl_bytes


class UnsafeWorkbookError(Exception):
    """A built file broke a rule of the lint: a fault of normviz, not of its user."""


def workbook_bytes(book: Book) -> bytes:
    """The finished .xlsx file of a book; the same book gives the same bytes.

    Raises:
        UnsafeWorkbookError: where the file would make a spreadsheet program offer a repair.
    """
    content = with_cached_values(openpyxl_bytes(book), book)
    problems = lint(content)
    if problems:
        shown = "; ".join(str(problem) for problem in problems[:3])
        raise UnsafeWorkbookError(f"{len(problems)} problems in {book.title!r}: {shown}")
    return content


def save(book: Book, path: str | os.PathLike[str]) -> Path:
    """Write a book to `path`, whole or not at all, and return the path."""
    return write_whole(Path(path), workbook_bytes(book))


def write_whole(path: Path, content: bytes) -> Path:
    """Put a file in place by rename, so that nobody ever sees half of it."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with temporary.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):  # where not even the folder is one
            temporary.unlink()
        raise
    return path
