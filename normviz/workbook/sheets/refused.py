"""The sheet of a normalization that cannot be done on this x, and why."""

from __future__ import annotations

from normviz.norms.norm import Norm
from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import LABEL, PLAIN
from normviz.workbook.draw.columns import texts
from normviz.workbook.draw.content import Words
from normviz.workbook.draw.sheet import Sheet


def build(book: Book, words: Norm, reason: str) -> None:
    """A sheet with the sentence with which normviz, like torch, refuses."""
    idea = f"{words.sentence} {words.use} ({words.paper})"
    sheet = Sheet(book, words.title, words.title, idea, texts(90, 20))
    sheet.draw(
        Words("torch and normviz refuse to normalize a tensor of this shape:", LABEL),
        Words(reason, PLAIN),
    )
