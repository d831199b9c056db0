"""The one place where a book becomes a file: the suffix says which medium."""

from __future__ import annotations

import os
from pathlib import Path

from normviz.files import write_whole
from normviz.workbook.book.cells import Book

SUFFIXES = (".xlsx", ".html")


def medium(path: str | os.PathLike[str]) -> str:
    """The suffix of the medium that a path asks for.

    Raises:
        ValueError: a suffix that no medium has.

    >>> medium("mine.HTML")
    '.html'
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        known = " or ".join(SUFFIXES)
        raise ValueError(f"a workbook is a file that ends in {known}, got {os.fspath(path)!r}")
    return suffix


def save(book: Book, path: str | os.PathLike[str]) -> Path:
    """Write a book to a .xlsx or .html file, whole or not at all, and return the path.

    A page offers the .xlsx file of the same name where that stands beside it and is this book's.

    Raises:
        ValueError: another suffix, or a book that cannot become a page, with the cell.
        OSError: as :func:`normviz.files.write_whole`.
    """
    path = Path(path)
    return write_whole(path, _page(book, path) if medium(path) == ".html" else _xlsx(book))


def _xlsx(book: Book) -> bytes:
    from normviz.workbook.xlsx.write import workbook_bytes

    return workbook_bytes(book)


def _page(book: Book, path: Path) -> bytes:
    from normviz.workbook.page.write import page_bytes

    beside = path.with_suffix(".xlsx")
    is_the_same = beside.is_file() and beside.read_bytes() == _xlsx(book)
    return page_bytes(book, beside.name if is_the_same else "")
