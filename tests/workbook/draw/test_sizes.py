"""Every sheet fits a screen of 1366 pixels: its width, and the rows that stay in sight."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from normviz.workbook.book.cells import Book, Page
from normviz.workbook.book.sizes import WIDEST, pixels
from normviz.workbook.build import build
from normviz.workbook.exercise.exercise import exercise
from normviz.workbook.explain.book import Story, explain_book
from normviz.workbook.explain.explain import fresh_call
from normviz.workbook.explain.selection import select

FROZEN, POINT = 90, 96 / 72
ROW, SMALLEST = 15.0, 9.0


def explained() -> Book:
    x = np.random.default_rng(0).standard_normal((8, 16, 6, 6)).astype(np.float32)
    call = fresh_call("batch_norm", x, training=True)
    story = Story("L", "x", "float32", "dy", "p", call.output, call.grad_input)
    return explain_book(call.trace, select(call.trace.sets), story)


@pytest.fixture(scope="module", params=[build, exercise, explained], ids=lambda f: f.__name__)
def pages(request: Any) -> list[Page]:
    return [page for page in request.param().pages if not page.hidden]


def test_no_sheet_is_wider_than_a_screen(pages: list[Page]) -> None:
    widths = {page.title: sum(map(pixels, page.widths.values())) for page in pages}
    assert {title: width for title, width in widths.items() if width > WIDEST} == {}


def test_the_rows_that_stay_in_sight_are_low(pages: list[Page]) -> None:
    for page in pages:
        assert page.freeze is not None
        frozen = sum(page.heights.get(row, ROW) for row in range(1, page.freeze[0]))
        assert frozen * POINT <= FROZEN, page.title


def test_texts_are_large_enough_to_be_read(pages: list[Page]) -> None:
    sizes = {
        (page.title, cell.style.size)
        for page in pages
        for line in page.rows.values()
        for cell in line.values()
        if cell.value not in (None, "")
    }
    small = {title for title, size in sizes if size < SMALLEST}
    assert small <= {"Playground"}  # many columns: the numbers of its strips are smaller


def test_the_vocabulary_stays_small(tmp_path: Path) -> None:
    """A sheet is content: none of those in the lessons' room puts a cell by itself."""
    room = Path(__file__).parents[3] / "normviz" / "workbook" / "sheets" / "lessons"
    for path in room.rglob("*.py"):
        text = path.read_text("utf-8")
        assert "page.put(" not in text, path
        assert "page.span(" not in text, path
