"""The sheet of a normalization that cannot be done on this x, and why."""

from __future__ import annotations

from normviz.norms.declared import NORMS
from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import LABEL, PLAIN
from normviz.workbook.draw.page_head import FIRST_ROW, begin, explain

WIDTH = 110


def build(book: Book, op: str, reason: str) -> None:
    """A sheet with the sentence with which normviz, like torch, refuses."""
    words = NORMS[op]
    page = begin(book, words.title, words.title)
    page.widths[2] = WIDTH
    explain(page, f"{words.sentence} {words.use} ({words.paper})", 2)
    page.put(FIRST_ROW, 2, "torch and normviz refuse to normalize a tensor of this shape:", LABEL)
    page.put(FIRST_ROW + 1, 2, reason, PLAIN.but(wrap=True, vertical="top"))
    page.heights[FIRST_ROW + 1] = 45
