"""The finished file: cached values beside the formulas, and the same bytes for the same book.

openpyxl writes a formula without its result. Here every part of its zip is read again with
ElementTree's parser and written in one normal form: `<v>` goes in beside `<f>`, and what depends on
the day, the machine or the XML library underneath (dates, order, `<a/>` or `<a></a>`) is fixed.
Texts, which openpyxl writes into every cell, go into one table, as Excel itself keeps them: some
previews show no others.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from typing import IO
from xml.sax.saxutils import escape, quoteattr

from normviz.workbook.book.cells import Book, Cell, Value

MOMENT = "2024-01-01T00:00:00Z"
ZIP_DATE = (1980, 1, 1, 0, 0, 0)
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
XML = "http://www.w3.org/XML/1998/namespace"
CELL, VALUE = f"{{{MAIN}}}c", f"{{{MAIN}}}v"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_CHUNK = 1 << 18
_KIND = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
_STRINGS = "xl/sharedStrings.xml"
_ADDED = {
    "xl/_rels/workbook.xml.rels": f'<Relationship Type="{_KIND}" Target="/{_STRINGS}" '
    'Id="rIdTexts"></Relationship>',
    "[Content_Types].xml": f'<Override PartName="/{_STRINGS}" ContentType="{_TYPE}"></Override>',
}
"""Where a file says that it has a table of texts."""
_SHEET_PART = re.compile(r"xl/worksheets/sheet(\d+)\.xml")


def with_cached_values(saved: bytes, book: Book) -> bytes:
    """openpyxl's file with the book's values as cached results, in its normal form."""
    out, texts = io.BytesIO(), Texts()
    with (
        zipfile.ZipFile(io.BytesIO(saved)) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as target,
    ):
        for name in source.namelist():
            with source.open(name) as part, target.open(_entry(name), "w") as rewritten:
                for chunk in _rewritten(name, part, book, texts):
                    rewritten.write(chunk)
        target.writestr(_entry(_STRINGS), texts.part())
    return out.getvalue()


class Texts:
    """The table of all texts of a file, each once."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self.uses = 0

    def place(self, text: str) -> int:
        """The place of a text in the table, counted from 0."""
        self.uses += 1
        return self.places.setdefault(text, len(self.places))

    def part(self) -> str:
        """The table as a part of the file."""
        items = "".join(
            f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in self.places
        )
        counts = f'count="{self.uses}" uniqueCount="{len(self.places)}"'
        return f'{_DECLARATION}<sst xmlns="{MAIN}" {counts}>{items}</sst>'


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, ZIP_DATE)
    entry.create_system = 0
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _rewritten(name: str, part: IO[bytes], book: Book, texts: Texts) -> Iterator[bytes]:
    """One part of the file in normal form, a chunk at a time: a large sheet is never held whole."""
    if not name.endswith((".xml", ".rels")):
        yield part.read()
        return
    match = _SHEET_PART.fullmatch(name)
    live = book.pages[int(match[1]) - 1].formulas() if match else iter(())
    rewriter = _Rewriter(live, texts, _ADDED.get(name, ""))
    parser = ET.XMLParser(target=rewriter)
    yield _DECLARATION.encode()
    while chunk := part.read(_CHUNK):
        if name == "docProps/core.xml":  # a few hundred bytes, in one chunk
            chunk = re.sub(rb"\d{4}-\d\d-\d\dT[\d:.]+Z", MOMENT.encode(), chunk)
        parser.feed(chunk)
        yield rewriter.taken().encode()
    parser.close()
    yield rewriter.taken().encode()


class _Rewriter:
    """A parser target that writes what it reads, and a cached value into each formula's cell.

    A namespace is declared at the first element that uses it, wherever the source declares it.
    """

    def __init__(self, live: Iterator[tuple[str, Cell]], texts: Texts, added: str) -> None:
        self.live, self.texts, self.added = live, texts, added
        self.inline: list[str] | None = None
        self.out: list[str] = []
        self.prefixes: dict[str, str] = {XML: "xml"}
        self.in_scope: dict[str, int] = {XML: 0}
        self.names: dict[str, tuple[str, str]] = {}
        self.depth = 0
        self.cached = ""
        self.formula_cell = False
        self.skipping = False
        self.waiting = next(live, None)

    def start_ns(self, prefix: str | None, uri: str) -> None:
        self.prefixes[uri] = prefix or ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == CELL:
            self._begin_cell(attributes)
        elif self.inline is not None:
            return
        elif self.formula_cell and tag == VALUE:
            self.skipping = True
            return
        self.depth += 1
        name, uri = self._name(tag)
        pieces = [f"<{name}"]
        if uri not in self.in_scope:
            pieces.append(self._declaration(uri))
        for key, value in attributes.items():
            name = key
            if key[0] == "{":
                name, uri = self._name(key)
                if uri not in self.in_scope:
                    pieces.append(self._declaration(uri))
            pieces.append(f" {name}={quoteattr(value)}")
        pieces.append(">")
        self.out.append("".join(pieces))

    def end(self, tag: str) -> None:
        if self.inline is not None:
            if tag != CELL:
                return
            self.out.append(f"<v>{self.texts.place(''.join(self.inline))}</v>")
            self.inline = None
        if self.skipping:
            self.skipping = False
            return
        if self.formula_cell and tag == CELL:
            self.out.append(self.cached)
            self.formula_cell = False
        if self.depth == 1:
            self.out.append(self.added)
        self.out.append(f"</{self._name(tag)[0]}>")
        if self.depth in self.in_scope.values():
            self.in_scope = {uri: at for uri, at in self.in_scope.items() if at != self.depth}
        self.depth -= 1

    def data(self, text: str) -> None:
        if self.inline is not None:
            self.inline.append(text)
        elif not self.skipping:
            self.out.append(escape(text))

    def close(self) -> None:
        if self.waiting is not None:
            raise RuntimeError(f"the formula of cell {self.waiting[0]} did not reach the file")

    def taken(self) -> str:
        """What was written since the last time."""
        text = "".join(self.out)
        self.out.clear()
        return text

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        """Note the value of a cell with a formula, and its type in the cell's attributes."""
        if attributes.get("t") == "n":  # the default; spelled out, some read an empty cell as 0
            del attributes["t"]
        elif attributes.get("t") == "inlineStr":
            attributes["t"], self.inline = "s", []
        if self.waiting is None or attributes["r"] != self.waiting[0]:
            return
        value = self.waiting[1].value
        self.waiting = next(self.live, None)
        self.formula_cell = True
        kind, text = cached_value(value)
        self.cached = f"<v>{escape(text)}</v>"
        attributes.pop("t", None)
        if kind:
            attributes["t"] = kind

    def _name(self, tag: str) -> tuple[str, str]:
        """ElementTree's `{uri}local` with the source's prefix, and its namespace."""
        known = self.names.get(tag)
        if known is None:
            uri, _, local = tag[1:].rpartition("}") if tag.startswith("{") else (XML, "", tag)
            prefix = self.prefixes[uri] if tag.startswith("{") else ""
            known = self.names[tag] = (f"{prefix}:{local}" if prefix else local), uri
        return known

    def _declaration(self, uri: str) -> str:
        """Declare a namespace for the element at this depth."""
        self.in_scope[uri] = self.depth
        prefix = self.prefixes[uri]
        return f" xmlns{':' + prefix if prefix else ''}={quoteattr(uri)}"


def cached_value(value: Value) -> tuple[str, str]:
    """The type and the text of a cached result.

    >>> cached_value(0.5), cached_value("PASS"), cached_value(True)
    (('', '0.5'), ('str', 'PASS'), ('b', '1'))
    """
    if isinstance(value, bool):
        return "b", "1" if value else "0"
    if isinstance(value, str):
        return "str", value
    if value is None:
        return "str", ""
    return "", repr(value)
