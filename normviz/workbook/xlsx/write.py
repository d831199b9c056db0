"""From a book to the bytes of a .xlsx file: written, completed, checked."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from functools import lru_cache

from normviz.workbook.book.cells import Book
from normviz.workbook.lint import lint
from normviz.workbook.xlsx.cells import CellWriter
from normviz.workbook.xlsx.frame import BookFrame, FileBook, FilePage
from normviz.workbook.xlsx.normal_form import STRINGS, Part, normal_form
from normviz.workbook.xlsx.openpyxl_writer import openpyxl_bytes

ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_SHEET_PART = re.compile(r"xl/worksheets/sheet(\d+)\.xml")
_CHUNK = 1 << 18


class UnsafeWorkbookError(Exception):
    """A built file broke a rule of the lint: a fault of normviz, not of its user."""


def workbook_bytes(book: Book) -> bytes:
    """The finished .xlsx file of a book; the same book gives the same bytes.

    Raises:
        UnsafeWorkbookError: where the file would make a spreadsheet program offer a repair.
    """
    content = file_bytes(book)
    problems = lint(content)
    if problems:
        shown = "; ".join(str(problem) for problem in problems[:3])
        raise UnsafeWorkbookError(f"{len(problems)} problems in {book.title!r}: {shown}")
    return content


def file_bytes(book: Book, *, values: bool = True) -> bytes:
    """The file of a book before it is checked; without `values` its formulas have none."""
    file_book = FileBook(book)
    parts, style_ids = _around(file_book.frame)
    writer, out = CellWriter(file_book, style_ids, values=values), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as target:
        for name, pieces in parts.items():
            match = _SHEET_PART.fullmatch(name)
            with target.open(_entry(name), "w") as part:
                if match is None:
                    part.writelines(pieces)
                else:
                    part.writelines(_filled(pieces, file_book.pages[int(match[1]) - 1], writer))
        target.writestr(_entry(STRINGS), writer.texts.part())
    return out.getvalue()


@lru_cache(maxsize=4)
def _around(frame: BookFrame) -> tuple[dict[str, Part], list[int]]:
    """The parts of a file without cells, and what it calls its looks.

    What was made last is kept: the files of a class are alike in this.
    """
    saved, style_ids = openpyxl_bytes(frame)
    return normal_form(saved), style_ids


def _filled(pieces: Part, page: FilePage, writer: CellWriter) -> Iterator[bytes]:
    """A sheet with its cells, a chunk at a time: a large one is never held whole."""
    chunk: Part = []
    size = written = 0
    for row, line in page.lines():
        cells = writer.row(row, line).encode()
        chunk += [*pieces[written:row], cells]
        written, size = row, size + len(cells)
        if size > _CHUNK:
            yield b"".join(chunk)
            chunk, size = [], 0
    yield b"".join([*chunk, *pieces[written:]])


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, ZIP_DATE)
    entry.create_system = 0
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
