"""A book that shows itself: in a notebook as the page, in a terminal as one sentence."""

from __future__ import annotations

import html
import os
from pathlib import Path

from normviz.workbook.book.cells import Book
from normviz.workbook.page.write import page_bytes
from normviz.workbook.write import save

FRAME_HEIGHT = 720


class Explained:
    """What :func:`normviz.explain` returns without a path: a workbook that is nowhere on disk yet.

    Jupyter, Colab and VS Code show it as the page, in a frame that reaches nothing outside of it.
    """

    def __init__(self, book: Book) -> None:
        self.book = book

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a .xlsx or .html file, whole or not at all, and return the path.

        Raises:
            ValueError: another suffix.
            OSError: a path that cannot be written.
        """
        return save(self.book, path)

    def __repr__(self) -> str:
        sheets = ", ".join(page.title for page in self.book.pages if not page.hidden)
        return (
            f"{self.book.title}: a workbook of the sheets {sheets}; a notebook shows it, and "
            'save("mine.html") or save("mine.xlsx") writes it'
        )

    def _repr_html_(self) -> str:
        title, page = html.escape(self.book.title), html.escape(page_bytes(self.book).decode())
        return (
            f'<iframe title="{title}" sandbox="allow-scripts allow-modals" '
            f'style="width:100%;height:{FRAME_HEIGHT}px;border:1px solid #c9d2d8" '
            f'srcdoc="{page}"></iframe>'
        )
