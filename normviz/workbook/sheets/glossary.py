"""The words and symbols of the workbook, each explained once."""

from __future__ import annotations

from collections.abc import Mapping

from normviz.reference import steps
from normviz.workbook.book.cells import Book, Link, Page
from normviz.workbook.book.styles import BODY, BODY_CENTER, LINE, LINK
from normviz.workbook.draw.columns import texts
from normviz.workbook.draw.content import Banner, Entry, Listing
from normviz.workbook.draw.page_head import CONTENTS
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.sheets.contents import your_layer
from normviz.workbook.sheets.kinds import IMAGES, Kind
from normviz.workbook.sheets.landing import place_of
from normviz.workbook.sheets.symbols import AXES, GRADIENTS, PLACES, QUANTITIES, WORDS, Symbol

TITLE = "Glossary"
LANDS = {
    "x": "x, as typed",
    "y": steps.OUTPUT.title,
    "m": "m =",
    "u": steps.CENTERED.title,
    "q": steps.SQUARED.title,
    "σ²": "biased σ²",
    "s²": "unbiased s²",
    "μ′": "running_mean",
    "ε": "What ε does; ε (eps)",
    "γ": "γ for each channel; γ (weight)",
    "α": "momentum in torch, α",
    "M": "M = Σ (x − μ)²",
    "a": "the input a",
    "A": "A₀",
    "Σ": "μ",
    "L": "x + Δ, and L₊; dy, as typed",
    "Δ": "by Δ",
    "n": "x, as typed",
    "c": "x, as typed",
    "h": "x, as typed",
    "d": "x, as typed",
    "t": "x, as typed",
    "l": "x, as typed",
    "(h [d])": "x",
    "S": "labels",
    "i": "1   x",
    "[ ]": "In the last column",
    "(g [k])": "Statistics sets",
    "torch": f"{steps.MEAN.title} · torch",
    "NumPy": f"{steps.MEAN.title} · NumPy",
    "normviz": your_layer.HEADING,
    "statistics set": "BatchNorm",
    "affine": steps.OUTPUT.title,
    "upstream gradient": "dy, as typed",
    "chain rule": "dx",
    "closed form": "closed",
    "training": "The same input; Running statistics",
    "running statistics": "The running statistics; running mean",
    "group": "num_groups",
    "split": "num_splits",
    "Welford": "variance: Welford",
    "Bessel's correction": "unbiased s²",
    "float64": "in float32",
    "normalized_shape": "shape of γ and β; mean",
    "drop_last": "One value per channel",
    "weight decay": "A · ∂L/∂A",
    "DistributedDataParallel": "Two devices",
    "ReLU": "a = ReLU(y)",
    "1×1 convolution": "weights of the 1×1 convolution",
}
"""What the link behind a sign leads to on its sheet, where that is not called like the sign: the
first that the sheet has."""


def build(book: Book, kind: Kind = IMAGES) -> None:
    """The sheet; a word leads to the sheet that shows it, where the book has that sheet.

    What no sheet of the book shows is left out; letters of places are those of its tensor.
    """
    sheet = Sheet(
        book,
        TITLE,
        "Glossary: every symbol and word, once",
        "Click a sheet's name to see the thing itself.",
        texts(24, 78, 22),
        tab="9AA5B1",
    )
    known = {page.title: page for page in book.pages}
    places = (*AXES[kind], *PLACES)
    sections = (
        (("Symbols in formulas", "each with one meaning, on every sheet"), "symbol", QUANTITIES),
        (("Gradients", "a letter d before a symbol"), "symbol", GRADIENTS),
        (("Places", "which element, and how many there are"), "symbol", places),
        (("Words",), "word", WORDS),
    )
    sheet.draw(
        *(
            item
            for heading, head, symbols in sections
            for item in (Banner(*heading), _listing(symbols, head, known, kind))
        )
    )


def _listing(
    symbols: tuple[Symbol, ...], head: str, known: Mapping[str, Page], kind: Kind
) -> Listing:
    """One row a symbol, where the book has one of its sheets."""
    linked = LINK.but(edge=LINE, indent=1)
    rows = []
    for symbol in symbols:
        see = next((title for title in symbol.see if title in known), None)
        if see:
            names = (*LANDS.get(symbol.signs[0], "").split("; "), *symbol.signs)
            later = see == CONTENTS  # which is filled last, and its links led when all is drawn
            name = next((n for n in names if n and (later or place_of(known[see], n))), "")
            link = Entry(see, linked, link=Link(see, name=name))
            rows.append((", ".join(symbol.signs), kind.spoken(symbol.words), link))
    looks = (BODY_CENTER.but(bold=True, wrap=True), BODY, BODY)
    return Listing(rows, (head, "what it means", "see"), looks)
