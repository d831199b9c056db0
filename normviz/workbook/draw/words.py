"""Banners, paragraphs, lines and captions, as they take their place and are written."""

from __future__ import annotations

from dataclasses import replace

from normviz.workbook.book.cells import Block
from normviz.workbook.book.sizes import height_of, lines_of
from normviz.workbook.book.styles import (
    BANNER,
    CODE,
    INPUT_NUMBER,
    INPUT_TEXT,
    LABEL,
    PROSE,
    REMARK,
    RESULT,
    STEP_FORMULA,
    STEP_NAME,
    Style,
)
from normviz.workbook.draw import content
from normviz.workbook.draw.canvas import Canvas, Placed, Spot
from normviz.workbook.draw.places import Cells

BANNER_HEIGHT, BELOW_BANNER, HEAD_HEIGHT = 21.0, 6.0, 20.0
FAR, LABEL_BESIDE = 32.0, LABEL.but(horizontal="right", indent=1)
"""Where so much room is before a number, its name stands next to it."""
MONO = 1.16
"""So much wider is a letter of code than one of a text."""


def banner(item: content.Banner, canvas: Canvas, spot: Spot) -> Placed:
    """A bar across the page."""

    def write() -> None:
        text = f"{item.title} · {item.note}" if item.note else item.title
        area = (spot.top, 2, spot.top, canvas.columns.last)
        canvas.page.span(area, text, BANNER.filled(item.fill))

    canvas.page.heights |= {spot.top: BANNER_HEIGHT, spot.top + 1: BELOW_BANNER}
    return Placed(spot.top + 1, write)


def words(item: content.Words, canvas: Canvas, spot: Spot) -> Placed:
    """A paragraph across the page."""
    area = (spot.top, 2, spot.top, canvas.columns.last)
    canvas.know(item.name, Cells(spot.top, 2, 1, 1, fixed=True))
    lines = lines_of(item.text, canvas.page.width(area[1], area[3]), item.look.size)
    canvas.page.heights[spot.top] = height_of(lines, item.look.size)

    def write() -> None:
        canvas.paragraph(area, item.text, item.look, item.formula)
        canvas.mark(area, item.marks)

    return Placed(spot.top, write)


def line(item: content.Line, canvas: Canvas, spot: Spot) -> Placed:
    """A number with its name before it."""
    row = spot.top
    options = item.rule.options if item.rule else ()
    longest = max((item.value, *options), key=len) if isinstance(item.value, str) else item.value
    first, right = canvas.line_columns(longest, item.wide)
    canvas.know(item.name, Cells(row, first, 1, 1, fixed=True))
    area, last = (row, first, row, right), canvas.columns.last
    look = item.look or (RESULT if item.rule is None else INPUT_NUMBER)
    if item.rule is not None and isinstance(item.value, str) and item.look is None:
        look = INPUT_TEXT
    note = (row, right + 1, row, last)

    def write() -> None:
        page = canvas.page
        is_far = page.width(2, first - 1) > FAR
        page.span((row, 2, row, first - 1), item.label, LABEL_BESIDE if is_far else LABEL)
        page.span(area, item.value, look, canvas.live(item.formula))
        if item.note and right < last:
            canvas.paragraph(note, item.note, REMARK, item.noting)
        if item.wide:
            lines = lines_of(str(item.value), page.width(first, right), look.size)
            page.heights[row] = max(HEAD_HEIGHT, height_of(lines, look.size))
        canvas.allow((row, first, row, first), item.rule, item.label)
        canvas.mark(area, item.marks)
        made = Block(item.label, area, lambda r, c: "" if c == first else None)
        canvas.block(replace(made, checked=item.checked))

    return Placed(row, write)


def caption_rows(caption: content.Caption | None, width: float) -> int:
    """How many rows the words of a block take."""
    if caption is None:
        return 0
    return sum(rows for *_, rows in _heads(caption, width)) + _sentence_rows(caption, width)


def _heads(caption: content.Caption, width: float) -> list[tuple[str, Style, int]]:
    """Title, formula and NumPy's words for it, as far as there are any, and the rows of each."""
    looks = ((caption.title, STEP_NAME), (caption.formula, STEP_FORMULA), (caption.numpy, CODE))
    return [
        (text, look, lines_of(text, width, look.size * (MONO if look.mono else 1.0)))
        for text, look in looks
        if text
    ]


def _sentence_rows(caption: content.Caption, width: float) -> int:
    said = (caption.sentence, *caption.others)
    return max(lines_of(text, width, PROSE.size) for text in said)


def write_caption(
    canvas: Canvas, caption: content.Caption, top: int, left: int, right: int, indent: int = 0
) -> None:
    """The words of a block below each other."""
    page = canvas.page
    for text, look, rows in _heads(caption, page.width(left, right)):
        vertical = "top" if rows > 1 else look.vertical
        style = look.but(wrap=rows > 1, vertical=vertical, indent=indent)
        page.span((top, left, top + rows - 1, right), text, style)
        top += rows
    rows = _sentence_rows(caption, page.width(left, right))
    if rows:
        area = (top, left, top + rows - 1, right)
        page.span(area, caption.sentence, PROSE.but(indent=indent), canvas.live(caption.live))
