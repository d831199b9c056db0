"""A page filled with steps, two side by side where they fit, each section under its banner."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from normviz.workbook.book.cells import Page, Value
from normviz.workbook.book.styles import BANNER, FORWARD
from normviz.workbook.draw.page_breaks import Paper
from normviz.workbook.draw.panels import (
    Caption,
    Formula,
    Grid,
    Paint,
    Single,
    Table,
)
from normviz.workbook.draw.tensor import Frame as Frame

NUMBER_WIDTH, LABEL_WIDTH, GAP_WIDTH, MARGIN = 7.2, 7.0, 3.0, 1.5
Body = Grid | Table | Single
NARROWEST_SLOT = 60
"""The least width of a slot, in characters, for its captions to be read."""

WIDEST_BAND = 410
"""The width, in characters, up to which slots are put side by side."""


@dataclass(frozen=True)
class Piece:
    """One step to be drawn: what it is called, its values and their formula.

    `per` says what has a value: every "element", every "set", every "parameter", or the step as a
    whole ("single"). A short piece joins the slot of the one before, unless it stands `alone`.
    """

    name: str
    caption: Caption
    values: Sequence[Value]
    per: str
    formula: Formula
    paint: Paint
    alone: bool = False


class StepPage:
    """Draws pieces down a page and remembers where each of them stands."""

    def __init__(
        self,
        page: Page,
        frame: Frame,
        top: int,
        number_width: float = NUMBER_WIDTH,
        side_by_side: int = 2,
        narrowest: float = NARROWEST_SLOT,
    ) -> None:
        self.page, self.frame, self.row = page, frame, top
        self.placed: dict[str, Body] = {}
        self.number_width = number_width
        self.slot_columns = max(frame.layout.size[1], math.ceil(narrowest / number_width))
        fitting = int(WIDEST_BAND / (self.slot_columns * number_width))
        self.per_band = max(1, min(side_by_side, fitting))
        self._set_widths()
        self.paper = Paper(page)

    @property
    def last_column(self) -> int:
        """The rightmost column of the page."""
        return self.left(self.per_band - 1) + self.slot_columns - 1

    def left(self, slot: int) -> int:
        """The first column of numbers of a slot."""
        return 3 + slot * (self.slot_columns + 2)

    def section(
        self, title: str, fill: str = FORWARD, note: str = "", new_page: bool = False
    ) -> None:
        """A banner across the page, printed on the same page as the first band below it."""
        if new_page:
            self.paper.begin()
        text = f"{title}    {note}" if note else title
        area = (self.row, 2, self.row, self.last_column)
        self.page.span(area, text, BANNER.filled(fill))
        self.page.heights[self.row] = 21
        self.row += 2

    def draw(self, pieces: Sequence[Piece]) -> None:
        """Draw pieces in their order; short ones that follow each other share a slot."""
        slots = _into_slots(pieces)
        for at in range(0, len(slots), self.per_band):
            band = slots[at : at + self.per_band]
            room = max(slot[0].caption.height(self._caption_width()) for slot in band)
            ends = [self._place_slot(slot, side, room) for side, slot in enumerate(band)]
            self._end_band(max(ends))
        for piece in pieces:  # all are placed by now, so a formula may look ahead
            self.placed[piece.name].draw(piece.values, piece.formula, piece.paint)

    def draw_framed(self, framed: Sequence[tuple[Frame, Piece]]) -> None:
        """Draw one band of pieces that each have sets of their own."""
        room = max(piece.caption.height(self._caption_width()) for _, piece in framed)
        ends = []
        for side, (self.frame, piece) in enumerate(framed):
            ends.append(self._place_slot([piece], side, room))
            self.placed[piece.name].draw(piece.values, piece.formula, piece.paint)
        self._end_band(max(ends))

    def draw_in_slot(self, pieces: Sequence[Piece], side: int) -> None:
        """Draw pieces below each other in one slot, beside what the others hold."""
        end = self._place_slot(pieces, side, 0)
        for piece in pieces:
            self.placed[piece.name].draw(piece.values, piece.formula, piece.paint)
        self._end_band(end)

    def _end_band(self, end: int) -> None:
        """Close the band that reaches from the present row to the one before ``end``."""
        self.paper.keep(end - 1)
        self.row = end + 1

    def _caption_width(self) -> float:
        left = self.left(0)
        return self.page.width(left - 1, left + self.slot_columns - 1)

    def _place_slot(self, slot: Sequence[Piece], side: int, room: int) -> int:
        """Place a slot's pieces; the first has `room` rows for its caption, so bodies align."""
        row = self.row
        for piece in slot:
            row = self._place(piece, row, self.left(side), room) + 1
            room = 0
        return row - 1

    def _place(self, piece: Piece, top: int, left: int, room: int) -> int:
        """Write a piece's caption and axes, and return the row below its body."""
        right = left + self.slot_columns - 1
        below = piece.caption.draw(self.page, top, left - 1, right)
        drawn = self._body(piece.per, max(below, top + room) + (piece.per != "single"), left)
        drawn.draw_axes()
        self.placed[piece.name] = drawn
        return drawn.area[2] + 1

    def _body(self, per: str, top: int, left: int) -> Body:
        if per == "element":
            return Grid(self.page, self.frame.layout, top, left)
        if per == "set":
            return Table(self.page, self.frame.layout, self.frame.sets, top, left)
        if per == "parameter":
            return Table(self.page, self.frame.one_image, self.frame.shown_parameters, top, left)
        return Single(self.page, top, left)

    def _set_widths(self) -> None:
        layout, widths = self.frame.layout, self.page.widths
        widths[1] = MARGIN
        block, gap = layout.block[1], layout.gaps[1]
        for slot in range(self.per_band):
            left = self.left(slot)
            widths[left - 1] = LABEL_WIDTH + (GAP_WIDTH if slot else 0)
            for at in range(self.slot_columns):
                is_gap = gap and at < layout.size[1] and at % (block + gap) == block
                widths[left + at] = 1.2 if is_gap else self.number_width


def _into_slots(pieces: Sequence[Piece]) -> list[list[Piece]]:
    slots: list[list[Piece]] = []
    for piece in pieces:
        joins = piece.per != "element" and not piece.alone
        if slots and joins and slots[-1][-1].per != "element":
            slots[-1].append(piece)
        else:
            slots.append([piece])
    return slots
