"""The sheets that teach: each complete in itself, with yellow cells of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from normviz.workbook.cells import Book
from normviz.workbook.sheets import evaluation


@dataclass(frozen=True)
class Lesson:
    """A teaching sheet: its title, how it is drawn, what it shows and what to try on it."""

    title: str
    draw: Callable[[Book], None]
    shows: str
    tries: str

    @property
    def row(self) -> tuple[str, str, str]:
        """Its row in the table of contents."""
        return self.title, self.shows, self.tries


LESSONS: tuple[Lesson, ...] = (
    Lesson(
        evaluation.TITLE,
        evaluation.build,
        "Four mini-batches move the running statistics step by step; then one batch is normalized "
        "in training and in evaluation. torch's momentum beside Keras', and Ghost BN.",
        "Type momentum 0.5 and watch the lines; then evaluate after step 24.",
    ),
)


def build(book: Book) -> None:
    """Every teaching sheet, in order."""
    for lesson in LESSONS:
        lesson.draw(book)
