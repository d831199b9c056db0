"""Books that many tests read: each made once in a process, and changed by none of them."""

from functools import lru_cache

from normviz.workbook.book.cells import Book
from normviz.workbook.build import build
from normviz.workbook.sheets.subject.case import Settings
from normviz.workbook.xlsx.write import workbook_bytes

KEPT = 8


@lru_cache(KEPT)
def book_of(settings: Settings) -> Book:
    return build(settings)


@lru_cache(KEPT)
def bytes_of(settings: Settings) -> bytes:
    """The book as an .xlsx file."""
    return workbook_bytes(book_of(settings))


def default_book() -> Book:
    """The one that ships."""
    return book_of(Settings())
