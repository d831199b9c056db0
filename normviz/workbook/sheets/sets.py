"""The one idea in one picture: which elements share a mean and a variance, for each norm."""

from __future__ import annotations

from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import INK, Style
from normviz.workbook.draw.columns import of_tensor
from normviz.workbook.draw.content import Band, Caption, Step
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.draw.tensor import Frame, by_set
from normviz.workbook.sheets.norm.page import repeating
from normviz.workbook.sheets.subject.case import Case

TITLE = "Sets"
LOOK = Style(size=9.5, color=INK, horizontal="center", edge="FFFFFF")
ABREAST, NUMBER_WIDTH = 3, 3.2
"""How many pictures stand beside each other, and the width of a column of set numbers."""


def build(book: Book, case: Case) -> None:
    """A picture for each op: every element with the number and the color of its set."""
    frames = {op: Frame(case.sets(op)) for op in case.norms}
    layout = next(iter(frames.values())).layout
    sheet = Sheet(
        book,
        TITLE,
        "Sets: cells of one color share one mean and one variance",
        "Every normalization here does the same: take the mean from each element, divide by a "
        "root, scale and shift (RMSNorm takes no mean and does not shift). What tells them apart "
        "is which elements are averaged together: a statistics set. The number in a cell is that "
        "of its set.",
        of_tensor(layout, ABREAST, NUMBER_WIDTH),
    )
    pictures = [_picture(case, op, frame) for op, frame in frames.items()]
    sheet.draw(*(Band(pictures[at : at + ABREAST]) for at in range(0, len(pictures), ABREAST)))


def _picture(case: Case, op: str, frame: Frame) -> Step:
    sets, words = case.sets(op), case.norms[op]
    noun = "set" if sets.count == 1 else "sets"
    parts = [size.parts for size in words.sizes if size.parts]
    extra = "".join(f", {name} = {getattr(case.settings, name)}" for name in parts)
    extra += "".join(f", {words.words[axis].many} = {n}" for axis, n in (words.fixed or {}).items())
    counts = f"{sets.count} {noun} of {sets.size} elements{extra}"
    caption = Caption(words.title, counts, sentence=words.sentence + repeating(sets.count))
    look = by_set(LOOK, frame.set_of)
    return Step(op, caption, frame.set_of, "element", None, look, frame)
