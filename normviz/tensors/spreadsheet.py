"""A range of cells of an .xlsx file: by address, by a defined name, or a whole sheet."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import numpy as np
import numpy.typing as npt

from normviz.errors import unknown_name
from normviz.tensors.limits import (
    MOST_ELEMENTS,
    MOST_XML,
    UnreadableError,
    member,
    open_zip,
    read_at_most,
)

Array = npt.NDArray[Any]

_RANGE = re.compile(r"\$?[A-Za-z]{1,3}\$?[1-9]\d{0,6}(:\$?[A-Za-z]{1,3}\$?[1-9]\d{0,6})?")


def read_xlsx(file: Path, inside: str) -> Array:
    """The numbers of a range: "" (the first sheet), SHEET, A1:D8, SHEET!A1:D8 or a defined name.

    Raises:
        UnreadableError: for a file that is none, or one that grows or refers beyond all bounds.
        ValueError: for a sheet, name or range that is not there, or a cell that is no number.
    """
    import openpyxl

    _refuse_bombs(file)
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    except Exception as error:  # noqa: BLE001 - whatever openpyxl meets in a damaged file
        raise UnreadableError(_words(error)) from None
    try:
        title, area = _place(file, inside, book)
        try:
            rows = list(_cells(book[title], area))
        except UnreadableError:
            raise
        except Exception as error:  # noqa: BLE001 - sheets are read only now
            raise UnreadableError(_words(error)) from None
        return _numbers(file, title, area, rows)
    finally:
        book.close()


def _refuse_bombs(file: Path) -> None:
    """Refuse what unpacks to more than a sheet holds, and XML that refers to entities.

    What an entry says that it unpacks to, it cannot exceed: Python stops there.
    """
    with open_zip(file) as archive:
        parts = [
            entry for entry in archive.infolist() if entry.filename.endswith((".xml", ".rels"))
        ]
        if sum(entry.file_size for entry in parts) > MOST_XML:
            raise UnreadableError(
                f"unpacked it has more than {MOST_XML >> 20} MiB: save the range as .npy or .csv"
            )
        for entry in parts:
            with member(archive, entry.filename) as stream:
                content = read_at_most(stream, MOST_XML)
            # A document type is where entities are declared; in UTF-16 it would not be seen here.
            if b"<!DOCTYPE" in content or b"<!ENTITY" in content or b"\0" in content[:4]:
                raise UnreadableError(
                    f"{entry.filename[:60]!r} declares a document type, which no spreadsheet does"
                )


def _place(file: Path, inside: str, book: Any) -> tuple[str, str]:
    """The sheet and the area, "" for all of it, that are meant."""
    titles = [sheet.title for sheet in book.worksheets]
    if not titles:
        raise ValueError(f"{file} has no sheet with cells")
    if inside in titles:
        return inside, ""
    named = _defined(file, inside, book)
    if named:
        inside = named
    title, mark, area = inside.rpartition("!")
    if not mark and inside and not _RANGE.fullmatch(inside):
        known = [*titles, *_names(book)]
        raise ValueError(unknown_name(f"the sheet or defined name of {file}", inside, known))
    title = title.removeprefix("'").removesuffix("'").replace("''", "'") if mark else titles[0]
    if title not in titles:
        raise ValueError(unknown_name(f"the sheet of {file}", title, titles))
    if area and not _RANGE.fullmatch(area):
        raise ValueError(f"the range of {file} must look like A1:D8, got {area!r}")
    return title, _from_corner(area.replace("$", "").upper())


def _names(book: Any) -> dict[str, Any]:
    """The defined names of a book and of its sheets, those of the book first."""
    found: dict[str, Any] = {}
    for holder in (book, *book.worksheets):
        for name, defined in (getattr(holder, "defined_names", None) or {}).items():
            found.setdefault(name, defined)
    return found


def _defined(file: Path, inside: str, book: Any) -> str:
    """SHEET!A1:D8 of a defined name, or "" where there is no such name."""
    names = {name.casefold(): defined for name, defined in _names(book).items()}
    defined = names.get(inside.casefold())
    if defined is None:
        return ""
    text = str(defined.attr_text or "")
    if not re.fullmatch(r"(?:'(?:[^']|'')+'|[^'!,]+)!" + _RANGE.pattern, text):
        raise ValueError(f"{file}: the name {inside!r} stands for {text[:60]!r}, not for a range")
    return text


def _from_corner(area: str) -> str:
    """A range from its upper left corner to its lower right, whichever two were given.

    >>> _from_corner("C1:A5")
    'A1:C5'
    """
    corners = [re.fullmatch(r"([A-Z]+)(\d+)", corner) for corner in area.split(":")]
    if len(corners) < 2:
        return area
    columns = sorted((c[1] for c in corners if c), key=lambda name: (len(name), name))
    rows = sorted(int(c[2]) for c in corners if c)
    return f"{columns[0]}{rows[0]}:{columns[1]}{rows[1]}"


def _cells(sheet: Any, area: str) -> Iterator[list[Any]]:
    """The rows of an area, or of the whole sheet; what a sheet says of its size is not trusted."""
    from openpyxl.utils import range_boundaries

    sheet.reset_dimensions()
    left = top = right = bottom = None
    if area:
        left, top, right, bottom = range_boundaries(area)
        if (right - left + 1) * (bottom - top + 1) > MOST_ELEMENTS:
            raise UnreadableError(f"{area} has more than {MOST_ELEMENTS:,} cells")
    seen = 0
    for line in sheet.iter_rows(top, bottom, left, right):
        seen += max(len(line), 1)
        if seen > MOST_ELEMENTS:
            raise UnreadableError(f"it has more than {MOST_ELEMENTS:,} cells")
        yield list(line)


def _numbers(file: Path, title: str, area: str, rows: list[list[Any]]) -> Array:
    """The cells as numbers, without empty rows and columns at the end of a whole sheet."""
    from openpyxl.utils import get_column_letter, range_boundaries

    values = [[cell.value for cell in line] for line in rows]
    left = top = 1
    if area:
        left, top, right, bottom = range_boundaries(area)
        values += [[] for _ in range(bottom - top + 1 - len(values))]
        width = right - left + 1
    else:
        filled = [[at for at, value in enumerate(line, 1) if value is not None] for line in values]
        width = max((line[-1] for line in filled if line), default=0)
        while values and not filled[len(values) - 1]:
            values.pop()
    if not values or not width:
        raise ValueError(f"{file} holds no numbers")
    if len(values) * width > MOST_ELEMENTS:
        raise ValueError(f"{file}: {title} has more than {MOST_ELEMENTS:,} cells")
    counts = len(values) > 1 and width > 1 and values[0][:width] == [*range(width)]
    if counts and not area and any(map(_has_fraction, values)):
        last = f"{get_column_letter(width)}{len(values)}"
        raise ValueError(
            f"{file}: the first row of {title} is 0 to {width - 1}, numbers or names of columns: "
            f"say {title}!A1:{last}, or {title}!A2:{last} without it"
        )
    return np.array(
        [
            [
                _number(file, title, row, left + at, line[at] if at < len(line) else None)
                for at in range(width)
            ]
            for row, line in enumerate(values, top)
        ]
    )


def _has_fraction(line: list[Any]) -> bool:
    return any(isinstance(value, float) and not value.is_integer() for value in line)


def _number(file: Path, title: str, row: int, column: int, value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            pass
    from openpyxl.utils import get_column_letter

    what = f"holds {str(value)[:40]!r}, which is not a number"
    if value is None:
        what = "is empty, or holds a formula that was never calculated"
    raise ValueError(f"{file}: cell {title}!{get_column_letter(column)}{row} {what}")


def _words(error: Exception) -> str:
    if isinstance(error, ParseError | KeyError):
        return f"one of its parts is damaged or missing ({error})"
    return str(error) or type(error).__name__
