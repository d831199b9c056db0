"""The one idea in one picture: which elements share a mean and a variance, for each norm."""

from __future__ import annotations

from normviz.norms.declared import NORMS
from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import INK, Style
from normviz.workbook.draw.page_head import FIRST_ROW, begin, explain
from normviz.workbook.draw.panels import Caption, by_set
from normviz.workbook.draw.sections import Frame, Piece, StepPage
from normviz.workbook.sheets.case import Case

TITLE = "Sets"
LOOK = Style(size=9, color=INK, horizontal="center", edge="FFFFFF")


def build(book: Book, case: Case) -> None:
    """A picture for each op: every element with the number and the color of its set."""
    page = begin(book, TITLE, "Sets: cells of one color share one mean and one variance")
    frames = {op: Frame(case.sets(op)) for op in NORMS}
    first = next(iter(frames.values()))
    steps = StepPage(page, first, FIRST_ROW, number_width=3.4, side_by_side=3, narrowest=36)
    explain(
        page,
        "Every normalization here does the same arithmetic: take the mean from each element, "
        "divide by the standard deviation, scale and shift. They differ in one thing: which "
        "elements are averaged together. The number in a cell is the number of its set.",
        steps.last_column,
    )
    for chunk in range(0, len(frames), steps.per_band):
        band = list(frames)[chunk : chunk + steps.per_band]
        steps.draw_framed([(frames[op], _picture(case, op, frames[op])) for op in band])


def _picture(case: Case, op: str, frame: Frame) -> Piece:
    sets, words = case.sets(op), NORMS[op]
    noun = "set" if sets.count == 1 else "sets"
    extra = {"group_norm": f", groups = {case.settings.groups}"}
    extra["ghost_batch_norm"] = f", splits = {case.settings.splits}"
    counts = f"{sets.count} {noun} of {sets.size} elements{extra.get(op, '')}"
    caption = Caption(words.title, counts, sentence=words.sentence)
    return Piece(op, caption, frame.set_of, "element", None, by_set(LOOK, frame.set_of))
