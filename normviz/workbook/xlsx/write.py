"""From a book to the bytes of a .xlsx file: written, completed, checked."""

from __future__ import annotations

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
