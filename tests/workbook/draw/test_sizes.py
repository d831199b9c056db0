"""Every sheet fits a screen of 1366 pixels: its width, and the rows that stay in sight."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from normviz.workbook.book.cells import Book, Cell, Page
from normviz.workbook.book.sizes import WIDEST, pixels
from normviz.workbook.book.styles import CHANGED_INK, SET_COLORS
from normviz.workbook.exercise.classroom.assignment import Assignment
from normviz.workbook.exercise.classroom.student_book import student_book
from normviz.workbook.exercise.exercise import exercise
from normviz.workbook.explain.book import explain_book
from normviz.workbook.explain.explain import fresh_call
from normviz.workbook.explain.selection import select
from normviz.workbook.explain.story import Story
from tests.workbook.books import default_book

FROZEN, POINT = 90, 96 / 72
ROW = 15.0
LEAST_TEXT, LEAST_NUMBER, CONTRAST = 9.5, 9.0, 4.5


def explained(
    op: str = "batch_norm",
    shape: tuple[int, ...] = (8, 16, 6, 6),
    off: float = 0.0,
    **settings: Any,
) -> Book:
    """The book of an op on random numbers; its layer's own results may be off the steps."""
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    call = fresh_call(op, x, **settings)
    story = Story("L", "x", "float32", "dy", "p", call.output + off, call.grad_input)
    return explain_book(call.trace, select(call.trace.sets), story)


def explained_images() -> Book:
    return explained(training=True)


def explained_tokens() -> Book:
    return explained("rms_norm", (2, 6, 32), normalized_shape=(32,))


def explained_heads() -> Book:
    return explained("n t h [d]", (2, 6, 4, 8))


def departing() -> Book:
    return explained("group_norm", (4, 4, 3, 3), off=1.0, num_groups=2)


def answered() -> Book:
    return exercise(answers=True)


def of_a_student() -> Book:
    asked = Assignment(norms=("batch_norm", "n [c] h w"), shape=(2, 4, 2, 2))
    return student_book(asked, "Ada", 7, "record").book


BOOKS = (
    *(default_book, exercise, answered, of_a_student),
    *(explained_images, explained_tokens, explained_heads, departing),
)


@pytest.fixture(scope="module", params=BOOKS, ids=lambda f: f.__name__)
def pages(request: Any) -> list[Page]:
    return [page for page in request.param().pages if not page.hidden]


def test_no_sheet_is_wider_than_a_screen(pages: list[Page]) -> None:
    widths = {page.title: sum(map(pixels, page.widths.values())) for page in pages}
    assert {title: width for title, width in widths.items() if width > WIDEST} == {}


def test_no_title_of_a_hint_is_cut(pages: list[Page]) -> None:
    cut = [choice.title for page in pages for choice in page.choices if "…" in choice.title]
    assert cut == []


def test_the_rows_that_stay_in_sight_are_low(pages: list[Page]) -> None:
    for page in pages:
        assert page.freeze is not None
        frozen = sum(page.heights.get(row, ROW) for row in range(1, page.freeze[0]))
        assert frozen * POINT <= FROZEN, page.title


def test_texts_are_large_enough_to_be_read(pages: list[Page]) -> None:
    small = {
        (page.title, cell.style.size, str(cell.value)[:20])
        for page, cell in written(pages)
        if cell.style.size < (LEAST_TEXT if isinstance(cell.value, str) else LEAST_NUMBER)
    }
    assert small == set()


def test_ink_and_paper_are_told_apart(pages: list[Page]) -> None:
    """Every look of a cell, and every color that a rule gives it, as WCAG 2 measures contrast."""
    looks = {(cell.style.color, cell.style.fill or "FFFFFF") for _, cell in written(pages)}
    for page in pages:
        for rule in page.rules:
            top, left, bottom, right = rule.area
            looks |= {
                (rule.color or cell.style.color, rule.fill or cell.style.fill or "FFFFFF")
                for row, line in page.rows.items()
                for column, cell in line.items()
                if top <= row <= bottom and left <= column <= right
            }
            looks.add((CHANGED_INK, rule.fill or "FFFFFF"))
    looks |= {(CHANGED_INK, color) for color in SET_COLORS}
    assert {look for look in looks if contrast(*look) < CONTRAST} == set()


def written(pages: list[Page]) -> Iterator[tuple[Page, Cell]]:
    """Every cell that shows something."""
    for page in pages:
        for line in page.rows.values():
            for cell in line.values():
                if cell.value not in (None, ""):
                    yield page, cell


def contrast(color: str, other: str) -> float:
    """How much lighter one color is than the other, from 1 to 21."""
    dark, light = sorted(map(luminance, (color, other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_vocabulary_stays_small(tmp_path: Path) -> None:
    """A sheet is content: none of those in the lessons' room puts a cell by itself."""
    room = Path(__file__).parents[3] / "normviz" / "workbook" / "sheets" / "lessons"
    for path in room.rglob("*.py"):
        text = path.read_text("utf-8")
        assert "page.put(" not in text, path
        assert "page.span(" not in text, path
