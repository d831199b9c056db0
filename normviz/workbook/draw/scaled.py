"""Steps whose numbers may be of any size: gradients of a mean loss are easily below 0.001."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from normviz.workbook.book.styles import Style
from normviz.workbook.draw.panels import Paint
from normviz.workbook.draw.sections import Piece, StepPage

SMALLEST, LARGEST = 0.01, 100_000.0
"""Between these three decimals tell the largest of a step's numbers apart."""

SCIENTIFIC = "0.00E+00;-0.00E+00;0"


class ScaledStepPage(StepPage):
    """A page of steps that writes very small and very large numbers with an exponent."""

    def draw(self, pieces: Sequence[Piece]) -> None:
        """Draw pieces in their order, each in a number format that shows its numbers."""
        super().draw([replace(piece, paint=_scaled(piece)) for piece in pieces])


def _scaled(piece: Piece) -> Paint:
    largest = max((abs(v) for v in piece.values if isinstance(v, float)), default=0.0)
    if piece.per == "single" or largest == 0.0 or SMALLEST <= largest < LARGEST:
        return piece.paint
    looks: dict[Style, Style] = {}

    def paint(index: int) -> Style:
        style = piece.paint(index)
        if style not in looks:
            looks[style] = style.but(number=SCIENTIFIC)
        return looks[style]

    return paint
