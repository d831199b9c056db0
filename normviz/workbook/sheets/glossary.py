"""The words and symbols of the workbook, each explained once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from normviz.reference import steps
from normviz.workbook.book.cells import Book, Link
from normviz.workbook.book.styles import BODY, BODY_CENTER, LINE, LINK
from normviz.workbook.draw.columns import texts
from normviz.workbook.draw.content import Banner, Entry, Listing
from normviz.workbook.draw.page_head import CONTENTS
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.sheets import your_layer
from normviz.workbook.sheets.landing import shows, texts_of
from normviz.workbook.sheets.subject.kinds import IMAGES, Kind
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
    "A": "weights of the 1×1 convolution",
    "Σ": "μ",
    "L": "(L₊ − L₋); dy",
    "Δ": "by Δ",
    "n": "x, as typed",
    "c": "x, as typed",
    "h": "x, as typed",
    "d": "x, as typed",
    "t": "x, as typed",
    "l": "x, as typed",
    "i": "1   x",
    "torch": f"{steps.MEAN.title} · torch",
    "NumPy": f"{steps.MEAN.title} · NumPy",
    "normviz": your_layer.HEADING,
    "upstream gradient": "dy, as typed",
    "closed form": "closed",
    "training": "The same input; Running statistics",
    "running statistics": "The running statistics; running mean",
    "Welford": "variance: Welford",
    "float64": "A sheet computes in float64",
    "drop_last": "One value per channel",
    "weight decay": "A · ∂L/∂A",
    "DistributedDataParallel": "Two devices",
    "ReLU": "a = ReLU(y)",
    "1×1 convolution": "weights of the 1×1 convolution",
}
"""Near what a sign is to be seen on its sheet, where it stands in several texts: the first that the
sheet has."""

Shown = Mapping[str, Sequence[str]]
"""The texts of every page that stands, by its title."""


def build(book: Book, kind: Kind = IMAGES) -> None:
    """The sheet; a sign or word leads to the text that shows it.

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
    shown = {page.title: list({text for _, text in texts_of(page)}) for page in book.pages[:-1]}
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
            for item in (Banner(*heading), _listing(symbols, head, shown, kind))
        )
    )


def _listing(symbols: tuple[Symbol, ...], head: str, shown: Shown, kind: Kind) -> Listing:
    """One row a symbol that the book shows, with those of its signs that it shows."""
    linked = LINK.but(edge=LINE, indent=1)
    rows = []
    for symbol in symbols:
        link = _leads_to(symbol, shown)
        if link:
            signs = [s for s in symbol.signs if s == link.shows or any(_is_in(shown, s))]
            words = kind.spoken(symbol.words)
            rows.append((", ".join(signs), words, Entry(link.title, linked, link=link)))
    looks = (BODY_CENTER.but(bold=True, wrap=True), BODY, BODY)
    return Listing(rows, (head, "what it means", "see"), looks)


def _leads_to(symbol: Symbol, shown: Shown) -> Link | None:
    """To the first of its sheets that shows one of its signs; Contents is filled last."""
    for title in symbol.see:
        on_sheet = {title: shown.get(title, ())}
        for sign in symbol.signs:
            if title == CONTENTS or any(_is_in(on_sheet, sign)):
                return Link(title, name=LANDS.get(symbol.signs[0], ""), shows=sign)
    return None


def _is_in(shown: Shown, sign: str) -> Iterator[bool]:
    return (shows(text, sign) for texts in shown.values() for text in texts)
