"""openpyxl's file in one normal form, cut where cells go in.

Every part of its zip is read again with ElementTree's parser and written in one spelling: what
depends on the day, the machine or the XML library underneath (dates, order, `<a/>` or `<a></a>`) is
fixed. A sheet is cut behind the opening of each of its rows.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
import zipfile
from xml.sax.saxutils import escape, quoteattr

from normviz.workbook.xlsx.cells import DECLARATION, MAIN

MOMENT = "2024-01-01T00:00:00Z"
XML = "http://www.w3.org/XML/1998/namespace"
CELL, ROW = f"{{{MAIN}}}c", f"{{{MAIN}}}row"
_KIND = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
STRINGS = "xl/sharedStrings.xml"
_ADDED = {
    "xl/_rels/workbook.xml.rels": f'<Relationship Type="{_KIND}" Target="/{STRINGS}" '
    'Id="rIdTexts"></Relationship>',
    "[Content_Types].xml": f'<Override PartName="/{STRINGS}" ContentType="{_TYPE}"></Override>',
}
"""Where a file says that it has a table of texts."""

Part = list[bytes]
"""A part of the file; of a sheet in pieces, and row n goes in between pieces n - 1 and n."""


def normal_form(saved: bytes) -> dict[str, Part]:
    """The parts of a file by name, in its order."""
    with zipfile.ZipFile(io.BytesIO(saved)) as source:
        return {name: _rewritten(name, source.read(name)) for name in source.namelist()}


def _rewritten(name: str, part: bytes) -> Part:
    if not name.endswith((".xml", ".rels")):
        return [part]
    if name == "docProps/core.xml":
        part = re.sub(rb"\d{4}-\d\d-\d\dT[\d:.]+Z", MOMENT.encode(), part)
    rewriter = _Rewriter(_ADDED.get(name, ""))
    parser = ET.XMLParser(target=rewriter)
    parser.feed(part)
    parser.close()
    return rewriter.pieces


class _Rewriter:
    """A parser target that writes what it reads but for cells, and cuts it at the rows.

    A namespace is declared at the first element that uses it, wherever the source declares it.
    """

    def __init__(self, added: str) -> None:
        self.added = added
        self.pieces: Part = []
        self.out = [DECLARATION]
        self.prefixes: dict[str, str] = {XML: "xml"}
        self.in_scope: dict[str, int] = {XML: 0}
        self.names: dict[str, tuple[str, str]] = {}
        self.depth = 0
        self.in_cell = False

    def start_ns(self, prefix: str | None, uri: str) -> None:
        self.prefixes[uri] = prefix or ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self.in_cell or tag == CELL:
            self.in_cell = True
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
        if tag == ROW:
            self._cut()

    def end(self, tag: str) -> None:
        if self.in_cell:
            self.in_cell = tag != CELL
            return
        if self.depth == 1:
            self.out.append(self.added)
        self.out.append(f"</{self._name(tag)[0]}>")
        if self.depth in self.in_scope.values():
            self.in_scope = {uri: at for uri, at in self.in_scope.items() if at != self.depth}
        self.depth -= 1

    def data(self, text: str) -> None:
        if not self.in_cell:
            self.out.append(escape(text))

    def close(self) -> None:
        self._cut()

    def _cut(self) -> None:
        self.pieces.append("".join(self.out).encode())
        self.out.clear()

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
