"""A finished .xlsx file as the rules see it: parts, sheets, and cells one at a time."""

from __future__ import annotations

import io
import posixpath
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}"
STRINGS = "xl/sharedStrings.xml"
RELATION_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


class FileCell(NamedTuple):
    """A cell as the file holds it; texts are None where the element is absent."""

    address: str
    kind: str
    formula: str | None
    formula_kind: str | None
    value: str | None
    text: str | None
    group: str = ""
    """Of a shared formula, which is written out in the first cell of its group."""
    area: str = ""
    """Which an array formula fills, with the cell as its first."""


class Sheet:
    """One sheet part; what surrounds the cells is known once `cells` has been run through."""

    def __init__(self, package: Package, title: str, part: str) -> None:
        self.package = package
        self.title = title
        self.part = part
        self.around = ET.Element("worksheet")

    def cells(self) -> Iterator[FileCell]:
        """Every cell in the order of the file."""
        events = ET.iterparse(io.BytesIO(self.package.read(self.part)), events=("start", "end"))
        root: ET.Element | None = None
        for event, element in events:
            if root is None:
                root = element
            elif event == "end" and element.tag == f"{MAIN}row":
                for cell in element:
                    yield _file_cell(cell, self.package.texts)
                height = element.get("ht")
                element.clear()
                element.set("ht", height or "0")
        if root is not None:
            self.around = root

    def all(self, tag: str) -> list[ET.Element]:
        """Every element of that name outside of the cells."""
        return list(self.around.iter(f"{MAIN}{tag}"))

    def tables(self) -> list[ET.Element]:
        """The tables that belong to this sheet."""
        return [self.package.xml(part) for part in self.package.related(self.part, "/table")]


class Package:
    """The zip of a workbook."""

    def __init__(self, content: bytes) -> None:
        self._zip = zipfile.ZipFile(io.BytesIO(content))
        self.parts = self._zip.namelist()
        self.workbook = self.xml("xl/workbook.xml")
        self.titles = [sheet.get("name", "") for sheet in self.workbook.iter(f"{MAIN}sheet")]
        self.names = {
            name.get("name", ""): (name.text or "")
            for name in self.workbook.iter(f"{MAIN}definedName")
        }

    @cached_property
    def texts(self) -> list[str]:
        """The table of texts that cells point into."""
        if STRINGS not in self.parts:
            return []
        return ["".join(item.itertext()) for item in self.xml(STRINGS).iter(f"{MAIN}si")]

    def read(self, part: str) -> bytes:
        """The bytes of one part."""
        return self._zip.read(part)

    def xml(self, part: str) -> ET.Element:
        """One part, parsed."""
        return ET.fromstring(self.read(part))

    def sheets(self) -> Iterator[Sheet]:
        """The sheets in their order in the workbook."""
        targets = self._targets("xl/workbook.xml")
        for sheet in self.workbook.iter(f"{MAIN}sheet"):
            yield Sheet(self, sheet.get("name", ""), targets[sheet.get(RELATION_ID, "")][1])

    def charts(self) -> Iterator[tuple[str, ET.Element]]:
        """The charts, with the names of their parts."""
        for part in self.parts:
            if part.startswith("xl/charts/chart") and part.endswith(".xml"):
                yield part, self.xml(part)

    def related(self, part: str, kind: str) -> list[str]:
        """The parts of a kind that a part points to."""
        return [target for type_, target in self._targets(part).values() if type_.endswith(kind)]

    def _targets(self, part: str) -> dict[str, tuple[str, str]]:
        folder, name = posixpath.split(part)
        relations = f"{folder}/_rels/{name}.rels"
        if relations not in self.parts:
            return {}
        found = {}
        for relation in self.xml(relations).iter(f"{RELATIONS}Relationship"):
            target = relation.get("Target", "")
            path = target[1:] if target.startswith("/") else posixpath.join(folder, target)
            found[relation.get("Id", "")] = (relation.get("Type", ""), posixpath.normpath(path))
        return found


def _file_cell(element: ET.Element, texts: Sequence[str]) -> FileCell:
    formula = formula_kind = value = text = None
    group = area = ""
    for child in element:
        if child.tag == f"{MAIN}f":
            formula, formula_kind = child.text or "", child.get("t")
            group, area = child.get("si", ""), child.get("ref", "")
        elif child.tag == f"{MAIN}v":
            value = child.text or ""
        elif child.tag == f"{MAIN}is":
            text = "".join(child.itertext())
    kind = element.get("t", "n")
    if kind == "s" and value is not None:
        text = texts[int(value)]
    return FileCell(element.get("r", ""), kind, formula, formula_kind, value, text, group, area)
