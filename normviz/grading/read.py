"""A file that was handed in: its cells, with formulas and values, whatever program saved it.

A program stores with a formula the value it has computed. Where that is missing, because a script
wrote the file, the formula is computed here; where it differs, the computed value counts.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, product
from pathlib import Path
from xml.etree import ElementTree

from openpyxl.formula.translate import Translator

from normviz.workbook.book.address import Area, address
from normviz.workbook.book.cells import Value
from normviz.workbook.book.formula import FormulaError, parse
from normviz.workbook.formulas.evaluator.evaluate import evaluate, spread
from normviz.workbook.formulas.evaluator.operands import CellError, Held, UnknownFunctionError
from normviz.workbook.lint.sheets import parse_area
from normviz.workbook.lint.source import FileCell, Package

MOST_BYTES, MOST_UNPACKED, MOST_CELLS = 20_000_000, 200_000_000, 200_000


Place = tuple[str, str]
"""Title of the sheet, and address of the cell."""


class UnreadableError(ValueError):
    """A file that cannot be marked, in a sentence."""


@dataclass
class Handed:
    """The cells of a file by sheet and address: what was typed, and the values that came of it."""

    formulas: dict[str, dict[str, str]] = field(default_factory=dict)
    """Without the leading "="."""
    stored: dict[str, dict[str, Value]] = field(default_factory=dict)
    errors: set[Place] = field(default_factory=set)
    """The cells that show an error, as they are stored and, once computed, as they are."""
    arrays: dict[Place, Area] = field(default_factory=dict)
    """What an array formula fills, by each cell of it; the formula is that of each."""
    codes: dict[Place, str] = field(default_factory=dict)
    """The errors that are stored, such as #DIV/0!."""
    program: str = ""
    _computed: dict[Place, Value] = field(default_factory=dict)
    _unknown: dict[Place, str] = field(default_factory=dict)

    def formula(self, sheet: str, where: str) -> str | None:
        """The formula of a cell, without "="."""
        return self.formulas.get(sheet, {}).get(where)

    def value(self, sheet: str, where: str) -> Value:
        """What a cell shows: computed from its formula if it has one; None for an error."""
        place, formula = (sheet, where), self.formula(sheet, where)
        if formula is None:
            return self._stored(place)
        if place not in self._computed:
            self._compute(place, formula)
        return self._computed[place]

    def typed(self, sheet: str, where: str) -> str:
        """What stands in a cell, as it was typed: its formula, number, text or error; or ""."""
        formula, value = self.formula(sheet, where), self._stored((sheet, where))
        if formula is not None:
            return f"={formula}"
        if value is None:
            return self.codes.get((sheet, where), "")
        return str(value).upper() if isinstance(value, bool) else str(value).strip()

    def has(self, sheet: str) -> bool:
        """Whether there is a sheet of that title."""
        return sheet in self.stored or sheet in self.formulas

    def unknown(self, sheet: str, where: str) -> str:
        """The reason why a formula without a stored value has none, or ""."""
        self.value(sheet, where)
        return self._unknown.get((sheet, where), "")

    def stale(self, sheet: str, where: str) -> bool:
        """Whether the stored value is another than its formula gives."""
        if self.formula(sheet, where) is None:
            return False
        stored, value = self._stored((sheet, where)), self.value(sheet, where)
        if not isinstance(stored, int | float):
            return False
        if not isinstance(value, int | float):
            return (sheet, where) in self.errors
        return abs(stored - value) > 1e-6 * max(1.0, abs(value))

    def _stored(self, place: Place) -> Value:
        return self.stored.get(place[0], {}).get(place[1])

    def _compute(self, place: Place, formula: str) -> None:
        """The value of a formula, in every cell that it fills."""
        area = self.arrays.get(place)
        places = list(_places(place[0], area)) if area else [place]
        for one in places:
            self._computed[one] = self._stored(one)  # what a formula that reads itself finds
        try:
            found = self._results(place[0], formula, area)
        except (FormulaError, UnknownFunctionError, RecursionError) as error:
            missing = (one for one in places if self._stored(one) is None)
            self._unknown |= {one: str(error) for one in missing if one not in self.errors}
            return
        for one, value in zip(places, found, strict=True):
            self._computed[one] = None if isinstance(value, CellError) else value
            (self.errors.add if isinstance(value, CellError) else self.errors.discard)(one)

    def _results(self, sheet: str, formula: str, area: Area | None) -> list[Held]:
        tree, look = parse(formula), partial(self._look, sheet)
        if area:
            top, left, bottom, right = area
            return list(chain(*spread(tree, look, bottom - top + 1, right - left + 1)))
        try:
            return [evaluate(tree, look)]
        except CellError as error:
            return [error]

    def _look(self, sheet: str, title: str, row: int, column: int) -> Value:
        found = self._sheet(title) if title else sheet
        if found is None:
            raise CellError("#REF!")
        place = (found, address(row, column))
        value = self.value(*place)
        if place in self._unknown:  # what reads it cannot be known either
            raise UnknownFunctionError(self._unknown[place])
        if place in self.errors:
            raise CellError("an error in another cell")
        return value

    def _sheet(self, title: str) -> str | None:
        wanted = title.casefold()
        every = {*self.stored, *self.formulas}
        return next((name for name in every if name.casefold() == wanted), None)


def read_workbook(path: Path) -> Handed:
    """The cells of an .xlsx file.

    Raises:
        UnreadableError: for what is no .xlsx workbook, holds macros, is damaged or too large.
    """
    _check_kind(path)
    handed = Handed()
    try:
        with zipfile.ZipFile(path) as package:
            _check_package(path, package)
            handed.program = _program(package)
        _fill(handed, Package(path.read_bytes()))
    except UnreadableError:
        raise
    except Exception as error:  # noqa: BLE001  (there is no end to what a damage leads to)
        raise UnreadableError(
            f"damaged: it cannot be read as a workbook ({type(error).__name__})"
        ) from None
    return handed


def _check_kind(path: Path) -> None:
    suffix = path.suffix.lower()
    if suffix in (".xlsm", ".xltm", ".xlsb", ".xlam"):
        raise UnreadableError(
            f"a {suffix} workbook may hold macros and is not opened: save as .xlsx"
        )
    if suffix != ".xlsx":
        kind = suffix or "without a suffix"
        raise UnreadableError(f"not an .xlsx workbook but {kind}: save it as .xlsx")
    size = path.stat().st_size
    if size == 0:
        raise UnreadableError("empty: the file has no bytes")
    if size > MOST_BYTES:
        raise UnreadableError(f"too large: {size / 1e6:.0f} MB, and an exercise has less than 1")
    if not zipfile.is_zipfile(path):
        raise UnreadableError("damaged, or with a password: it is no .xlsx file inside")


def _check_package(path: Path, package: zipfile.ZipFile) -> None:
    names = package.namelist()
    if any(name.casefold().endswith("vbaproject.bin") for name in names):
        raise UnreadableError("it holds macros and is not opened: save as .xlsx without them")
    if "xl/workbook.xml" not in names:
        raise UnreadableError("not an .xlsx workbook, whatever its name says")
    if sum(entry.file_size for entry in package.infolist()) > MOST_UNPACKED:
        raise UnreadableError("too large when it is unpacked")


def _program(package: zipfile.ZipFile) -> str:
    """Which program saved the file, as far as it tells."""
    try:
        root = ElementTree.fromstring(package.read("docProps/app.xml"))
    except (KeyError, ElementTree.ParseError):
        return ""
    named = (part.text for part in root if part.tag.endswith("}Application"))
    return next(filter(None, named), "")


def _places(sheet: str, area: Area) -> Iterator[Place]:
    """The cells of an area, row by row."""
    top, left, bottom, right = area
    cells = product(range(top, bottom + 1), range(left, right + 1))
    return ((sheet, address(row, column)) for row, column in cells)


def filled(cell: FileCell) -> Area | None:
    """The cells that an array formula fills; None for its own alone, or more than a sheet has."""
    if cell.formula_kind != "array" or not cell.area:
        return None
    try:
        area = parse_area(cell.area)
    except ValueError:
        return None
    return area if _size(area) <= MOST_CELLS else None


def _size(area: Area) -> int:
    top, left, bottom, right = area
    return (bottom - top + 1) * (right - left + 1)


def _fill(handed: Handed, package: Package) -> None:
    """Every cell as it was typed, and as it was last computed."""
    count = 0
    for sheet in package.sheets():
        formulas = handed.formulas.setdefault(sheet.title, {})
        stored = handed.stored.setdefault(sheet.title, {})
        shared: dict[str, Translator] = {}
        for cell in sheet.cells():
            area = filled(cell)
            count += _size(area) if area else 1
            if count > MOST_CELLS:
                raise UnreadableError(f"too large: more than {MOST_CELLS:,} cells")
            place = (sheet.title, cell.address)
            value = _stored(cell)
            if value is not None:
                stored[cell.address] = value
            if cell.kind == "e":
                handed.errors.add(place)
                handed.codes[place] = cell.value or "an error"
            if cell.formula is not None and place not in handed.arrays:
                formulas[cell.address] = _formula(cell, shared)
            if cell.formula is not None and area:
                handed.arrays |= dict.fromkeys(_places(sheet.title, area), area)
                formulas |= {where: cell.formula for _, where in _places(sheet.title, area)}


def _stored(cell: FileCell) -> Value:
    """The value of a cell; none where it is empty or an error."""
    if cell.kind == "e" or (cell.value is None and cell.text is None):
        return None
    if cell.kind == "b":
        return cell.value == "1"
    if cell.kind in ("s", "inlineStr", "str", "d"):
        return cell.text if cell.text is not None else cell.value
    return float(cell.value) if cell.value else None


def _formula(cell: FileCell, shared: dict[str, Translator]) -> str:
    """The formula of a cell: a program may write one out once, for the first of many cells."""
    assert cell.formula is not None
    if cell.formula_kind != "shared":
        return cell.formula
    if cell.formula:
        shared[cell.group] = Translator(f"={cell.formula}", cell.address)
        return cell.formula
    return str(shared[cell.group].translate_formula(cell.address)).removeprefix("=")
