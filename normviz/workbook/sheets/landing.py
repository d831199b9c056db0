"""Where a link lands: on the row that answers, found by what stands there.

A place has a name that its reader sees: that of a block or of an input cell, the symbol of a block,
or the first words of a text. Links are led there when all sheets are drawn.
"""

from __future__ import annotations

from dataclasses import replace

from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book, Page


def place_of(page: Page, name: str) -> str | None:
    """The first cell of the first block that bears a name or symbol, of an input cell, or text."""
    areas = [block.area for block in page.blocks if block.name == name]
    areas += [choice.area for choice in page.choices if choice.title == name]
    areas += [block.area for block in page.blocks if block.symbol == name]
    if areas:
        return address(*areas[0][:2])
    for row, line in sorted(page.rows.items()):
        for column, cell in sorted(line.items()):
            is_text = isinstance(cell.value, str) and (row, column) not in page.links
            if is_text and str(cell.value).startswith(name):
                return address(row, column)
    return None


def land(book: Book) -> None:
    """Lead a link that names what it leads to there; a refusal's sheet has its top alone."""
    pages = {page.title: page for page in book.pages}
    for page in book.pages:
        for place, link in page.links.items():
            if not link.name:
                continue
            found = place_of(pages[link.title], link.name)
            if found:
                page.links[place] = replace(link, reference=found)
