"""The words and symbols of the workbook, each explained once."""

from __future__ import annotations

from normviz.workbook.book.cells import Book, Link
from normviz.workbook.book.styles import BODY, BODY_CENTER, LINE, LINK
from normviz.workbook.draw.columns import texts
from normviz.workbook.draw.content import Banner, Entry, Listing
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.sheets.kinds import IMAGES, Kind
from normviz.workbook.sheets.symbols import AXES, GRADIENTS, PLACES, QUANTITIES, WORDS, Symbol

TITLE = "Glossary"


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
    known = {page.title for page in book.pages}
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


def _listing(symbols: tuple[Symbol, ...], head: str, known: set[str], kind: Kind) -> Listing:
    """One row a symbol, where the book has one of its sheets."""
    linked = LINK.but(edge=LINE, indent=1)
    rows = []
    for symbol in symbols:
        see = next((title for title in symbol.see if title in known), None)
        if see:
            link = Entry(see, linked, link=Link(see))
            rows.append((", ".join(symbol.signs), kind.spoken(symbol.words), link))
    looks = (BODY_CENTER.but(bold=True, wrap=True), BODY, BODY)
    return Listing(rows, (head, "what it means", "see"), looks)
