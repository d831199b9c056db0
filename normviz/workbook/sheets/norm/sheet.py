"""The sheet of one normalization: every step of forward and backward as live formulas."""

from __future__ import annotations

from normviz.reference.trace import Trace
from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import BACKWARD
from normviz.workbook.draw.content import Banner
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.sheets.norm.laws import closed_form, running_statistics, what_must_hold
from normviz.workbook.sheets.norm.other_sizes import other_sizes
from normviz.workbook.sheets.norm.page import NormPage

FORWARD_BANNER = Banner("Forward", "from x to the output y")
BACKWARD_BANNER = Banner(
    "Backward", "from dy = ∂L/∂y to dx = ∂L/∂x, by the chain rule", BACKWARD, new_page=True
)


def build(book: Book, trace: Trace, inputs: Sheet, gamma_of: str = "") -> NormPage:
    """The sheet of a trace with its backward pass; γ and β stand on the inputs' under such names.

    (`gamma_of` is their end, as the case has it.)
    """
    page = NormPage(book, trace, inputs)
    page.gamma_of = gamma_of
    page.sheet.draw(
        *other_sizes(trace),
        FORWARD_BANNER,
        page.x(),
        *page.forward(),
        BACKWARD_BANNER,
        *(page.step(step) for step in page.backward_steps()),
    )
    page.sheet.draw(*closed_form(page), *running_statistics(page), *what_must_hold(page))
    return page
