"""Independent engines that recalculate a file: what the cached values are held to."""

import io
import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import ironcalc
import openpyxl
import pytest

from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book, Value

Place = tuple[str, str]
"""Title of the sheet, and address of the cell."""

TOLERANCE = 1e-9
PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode"
 oor:op="fuse"><value>0</value></prop></item></oor:items>
"""


def expected(book: Book) -> dict[Place, Value]:
    """The value NumPy has for every formula cell of a book."""
    return {
        (page.title, where): cell.value for page in book.pages for where, cell in page.formulas()
    }


def ironcalc_values(
    path: Path, places: Mapping[Place, Value], typed: Mapping[Place, str] | None = None
) -> dict[Place, Value]:
    """What ironcalc computes at some places, after typing into some cells."""
    content, sheets = _read(path, path.stat().st_mtime_ns)
    model = ironcalc.load_from_bytes(content, "en")
    for (title, where), text in (typed or {}).items():
        model.set_user_input(sheets[title], *_row_column(where), text)
    model.evaluate()
    return {
        (title, where): model.get_cell_value(sheets[title], *_row_column(where))
        for title, where in places
    }


@lru_cache(4)
def _read(path: Path, _written: int) -> tuple[bytes, dict[str, int]]:
    """A file in ironcalc's own form, which is read in half the time; the number of each sheet."""
    model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
    titles = (sheet["name"] for sheet in model.get_worksheets_properties())
    return model.to_bytes(), {title: at for at, title in enumerate(titles)}


def office_values(path: Path, scratch: Path) -> dict[Place, Value]:
    """What LibreOffice computes for every cell, made to recalculate instead of trusting caches."""
    return office_values_of([path], scratch)[0]


def office_values_of(paths: Sequence[Path], scratch: Path) -> list[dict[Place, Value]]:
    """The same for several files of different names, in one run."""
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed")
    profile = scratch / "profile"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(PROFILE)
    out = scratch / "recalculated"
    options = [f"-env:UserInstallation=file://{profile}", "--headless", "--convert-to", "xlsx"]
    command = [office, *options, "--outdir", str(out), *map(str, paths)]
    subprocess.run(command, check=True, capture_output=True, timeout=900, env=dict(os.environ))
    return [stored_values(out / path.name) for path in paths]


def gnumeric_values(path: Path, scratch: Path) -> dict[Place, Value]:
    """What Gnumeric computes for every cell, made to recalculate."""
    convert = shutil.which("ssconvert")
    if convert is None:
        pytest.skip("Gnumeric is not installed")
    out = scratch / f"{path.stem}-gnumeric.xlsx"
    command = [convert, "--recalc", str(path), str(out)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Workbook contains no default style")
        return stored_values(out)


@contextmanager
def reading(file: Path | io.BytesIO, **options: bool) -> Iterator[openpyxl.Workbook]:
    """A file as openpyxl reads it, closed at the end: left open, a later test would be blamed."""
    book = openpyxl.load_workbook(file, read_only=True, **options)
    try:
        yield book
    finally:
        book.close()


def titles_of(file: Path | io.BytesIO) -> list[str]:
    with reading(file) as book:
        return book.sheetnames


def stored_values(path: Path) -> dict[Place, Value]:
    """The value that a file has for each of its cells."""
    with reading(path, data_only=True) as book:
        return {
            (sheet.title, cell.coordinate): cell.value
            for sheet in book
            for row in sheet.iter_rows()
            for cell in row
            if cell.value is not None
        }


def differences(wanted: Mapping[Place, Value], found: Mapping[Place, Value]) -> list[str]:
    """Every cell that is not as wanted, in words."""
    return [
        f"{title}!{where}: {found.get((title, where))!r} instead of {value!r}"
        for (title, where), value in wanted.items()
        if not _same(value, found.get((title, where)))
    ]


def _same(wanted: Value, found: Value) -> bool:
    if isinstance(wanted, (int, float)) and isinstance(found, (int, float)):
        return abs(wanted - found) <= TOLERANCE * max(1.0, abs(wanted))
    return wanted == found or (wanted in ("", None) and found in ("", None))


def _row_column(where: str) -> tuple[int, int]:
    cell = openpyxl.utils.cell.coordinate_from_string(where)
    column = openpyxl.utils.column_index_from_string(cell[0])
    assert address(cell[1], column) == where
    return cell[1], column
