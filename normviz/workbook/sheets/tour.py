"""Ten stops through the workbook, for a medium that can lead its reader from cell to cell."""

from __future__ import annotations

from normviz.reference import steps
from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book, Stop
from normviz.workbook.book.styles import INPUT_WORD
from normviz.workbook.sheets.landing import place_of

STOPS = (
    (
        "Why",
        "scale of all weights",
        "Why normalize?",
        f"Eight layers, with and without a norm. The {INPUT_WORD} 0.6 is yours: drag it sideways, "
        "or type 2 over it, and watch one line explode while the other stays.",
    ),
    (
        "Four numbers",
        "8   x̂ = u / r",
        "Ask any number",
        "Here BatchNorm sees four values only. The bar below says what the outlined number is, its "
        "formula with the numbers put in, and in the same colors the cells they came from.",
    ),
    (
        "Four numbers",
        "dx",
        "And back again",
        "The right side runs upwards, from dy to dx by the chain rule. Each term of dx is a cell "
        "that you can ask in turn: click a term in the bar to go there.",
    ),
    (
        "Sets",
        "GroupNorm",
        "The one idea",
        "All norms are the same few lines. What differs is which elements share one mean and one "
        "variance: cells of one color.",
    ),
    (
        "Playground",
        "Norm",
        "Turn the norm",
        f"Choose another norm in the {INPUT_WORD} cell: the sets are painted anew, and every step "
        "below follows. The small counts on the tabs say how many cells changed.",
    ),
    (
        "Inputs",
        "x, as typed",
        "Change one number",
        "This x feeds every norm's own sheet. Type 40, then open LayerNorm: only image 0 has "
        "changed. Undo takes it back.",
    ),
    (
        "BatchNorm",
        steps.MEAN.title,
        "Step by step",
        "Every step of the layer as live formulas, in torch's own terms. A mean knows the sixteen "
        "cells that it is of.",
    ),
    (
        "BatchNorm",
        steps.GRAD_INPUT.title,
        "Three paths to dx",
        "Straight through, by way of the variance, by way of the mean: three terms, each with its "
        "own color. Arrows at the edge lead to those that are out of sight.",
    ),
    (
        "Evaluation",
        "momentum",
        "Training is not evaluation",
        "The running statistics move a little at every step. Slide the momentum and watch how long "
        "a layer still remembers where it began.",
    ),
    (
        "Checks",
        "Result",
        "Nothing is taken on trust",
        "Each step is held to NumPy and to torch. Overwrite any formula with a number, and the "
        "verdict here turns. The sheet Questions has what people ask most.",
    ),
)
"""Sheet, name of a block or of an input cell on it, heading, words."""


def add_tour(book: Book) -> None:
    """Lead through the sheets that the book has, at the cells that bear these names."""
    pages = {page.title: page for page in book.pages}
    for title, name, heading, words in STOPS:
        where = place_of(pages[title], name) if title in pages else None
        if where is not None:
            book.tour.append(Stop(title, address(*where), heading, words))
