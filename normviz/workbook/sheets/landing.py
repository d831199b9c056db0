"""Where a link lands: on the row that answers, found by what stands there.

A place has a name that its reader sees: that of a block or of an input cell, the symbol of a block,
or the first words of a text. A link that explains a sign goes to a text that shows it. Links are
led there when all sheets are drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book, Link, Page

Cell = tuple[int, int]
"""A row and a column."""


def place_of(page: Page, name: str) -> Cell | None:
    """The first cell of the first block that bears a name or symbol, of an input cell, or text."""
    areas = [block.area for block in page.blocks if block.name == name]
    areas += [choice.area for choice in page.choices if choice.title == name]
    areas += [block.area for block in page.blocks if block.symbol == name]
    if areas:
        return areas[0][:2]
    return next((cell for cell, text in texts_of(page) if text.startswith(name)), None)


def place_showing(page: Page, sign: str, near: str = "") -> Cell | None:
    """The text that shows a sign or word: the nearest to a place, or the one that is most about it.

    `near` are names of places, the first that the page has being meant, between semicolons. About
    a sign is first a text that is nothing else, then one that begins with it.
    """
    found = [(cell, text) for cell, text in texts_of(page) if shows(text, sign)]
    places = (place_of(page, name) for name in near.split("; ") if name)
    start = next((place for place in places if place), None)
    if start:
        found.sort(key=lambda at: tuple(abs(a - b) for a, b in zip(at[0], start, strict=True)))
    else:
        found.sort(key=lambda at: (at[1] != sign, not at[1].startswith(sign)))
    return found[0][0] if found else None


def shows(text: str, sign: str) -> bool:
    """Whether a text shows a sign by itself, with an index or a number at most; or a word.

    >>> shows("σ² = Σ u² / m", "σ"), shows("mean − σ", "σ"), shows("∂L/∂y", "L"), shows("A₀", "A")
    (False, True, False, True)
    >>> shows("Two splits", "split"), shows("the image's size", "s"), shows("x̂ = u / r", "x")
    (True, False, False)
    """
    return bool(_shown(sign).search(text))


@cache
def _shown(sign: str) -> re.Pattern[str]:
    if re.search("[A-Za-z]{3}", sign):
        return re.compile(rf"(?<!\w){re.escape(sign)}s?(?!\w)", re.IGNORECASE)
    return re.compile(rf"(?<![\w\u0302∂'’]){re.escape(sign)}[\d₀₁₂ᵢ]?(?![\w\u0302′₊₋⁻])")


def land(book: Book) -> None:
    """Lead a link that names what it leads to there; a refusal's sheet has its top alone."""
    pages = {page.title: page for page in book.pages}
    for page in book.pages:
        for place, link in page.links.items():
            found = _landing(pages[link.title], link)
            if found:
                page.links[place] = replace(link, reference=address(*found))


def _landing(page: Page, link: Link) -> Cell | None:
    if link.shows:
        return place_showing(page, link.shows, link.name)
    return place_of(page, link.name) if link.name else None


def texts_of(page: Page) -> Iterator[tuple[Cell, str]]:
    """The texts of a page in the order in which they are read; links are none, nor what changes."""
    for row, line in sorted(page.rows.items()):
        for column, cell in sorted(line.items()):
            fixed = cell.formula is None and (row, column) not in page.links
            if fixed and isinstance(cell.value, str):
                yield (row, column), cell.value
