"""Four numbers: BatchNorm on one channel of four values, and where its backward pass comes from.

The computation goes down on the left and its gradients come up, row beside row. What stands between
them is the local derivative, the number on the arrow. All of it is seen on one screen.
"""

from __future__ import annotations

from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import BODY
from normviz.workbook.draw.columns import Columns
from normviz.workbook.draw.content import Band, Listing
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.sheets.lessons.four_numbers.case import CASE, COUNT, FourNumbers
from normviz.workbook.sheets.lessons.four_numbers.graph import graph
from normviz.workbook.sheets.lessons.four_numbers.proofs import proofs

TITLE = "Four numbers"
NUMBERS = (5.4,) * COUNT
COLUMNS = Columns((13.2, 11.2, 9.5, 11.0, 0.6), (NUMBERS, NUMBERS, NUMBERS, NUMBERS, (7.8,)))
ROW_HEIGHT = 13.5
"""In points; a little less than usual, so that the last line is on the screen too."""

ALGEBRA = (
    ("1", "dx = dx̂ / r + 2 u · dq + dμ / m", "the three paths, one arrow after the other"),
    (
        "2",
        "2 u · dq = −x̂ · Σ dx̂ x̂ / (m r)",
        "dq = dσ² / m, dσ² = dr / (2 r), dr = −Σ dx̂ u / r², and u = r x̂",
    ),
    (
        "3",
        "dμ / m = −Σ dx̂ / (m r)",
        "dμ = −Σ du; what came through the variance adds up to 0, because Σ u = 0",
    ),
    (
        "4",
        "dx = (dx̂ − mean(dx̂) − x̂ · mean(dx̂ x̂)) / r",
        "lines 2 and 3 put into line 1: the closed form, which is what libraries compute",
    ),
    (
        "Σ",
        "Σ dx = 0, but for rounding; RMSNorm's is not",
        "add a number to all x: μ grows by it, u stays, so L does; RMSNorm takes no mean away",
    ),
    (
        "slope",
        "(L₊ − L₋) / 2Δ = dx, where L = Σ dy · y",
        "nudge one x, Δ = 1, 0.01, 1E-9: too large is not local, too small is rounding",
    ),
)


def build(book: Book, case: FourNumbers = CASE) -> None:
    """Add the sheet to a book."""
    sheet = Sheet(
        book,
        TITLE,
        "Four numbers: every arrow of BatchNorm, there and back",
        "One channel, four values. The chain rule: a gradient is the one below it times the number "
        "on the arrow between; where several arrows arrive, the products are added up.",
        COLUMNS,
    )
    first = sheet.row
    sheet.draw(Band((*graph(case), *proofs(case))))
    sheet.page.heights |= dict.fromkeys(range(first, sheet.row), ROW_HEIGHT)
    sheet.draw(
        Listing(ALGEBRA, looks=(BODY.but(size=9.5),), shares=(5, 38, 57), height=16.0),
    )
