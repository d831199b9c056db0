"""Rules for the workbook as a whole: its zip, its sheet titles and its defined names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

from normviz.workbook.book.address import MAX_COLUMNS, MAX_ROWS, column_number
from normviz.workbook.lint.source import Package

LONGEST_TITLE = 31
_CELL_LIKE = re.compile(r"([A-Za-z]{1,3})(\d{1,7})")
_ROW_COLUMN_LIKE = re.compile(r"[Rr]\d*([Cc]\d*)?|[Cc]\d*")
_NAME = re.compile(r"[A-Za-z_\\][A-Za-z0-9_.\\]*")


def zip_without_duplicates(package: Package) -> Iterator[str]:
    """The same part twice makes Excel refuse the file."""
    for part, times in Counter(package.parts).items():
        if times > 1:
            yield f"the part {part} is there {times} times"


def title_length(package: Package) -> Iterator[str]:
    """A sheet title has 1 to 31 characters."""
    for title in package.titles:
        if not 1 <= len(title) <= LONGEST_TITLE:
            yield f"the sheet title {title!r} has {len(title)} characters; 1 to 31 are allowed"


def title_characters(package: Package) -> Iterator[str]:
    """Characters that mean something in a reference cannot be in a title."""
    for title in package.titles:
        if re.search(r"[\[\]:*?/\\]", title) or title.startswith("'") or title.endswith("'"):
            yield f"the sheet title {title!r} has a character that Excel refuses"


def titles_differ(package: Package) -> Iterator[str]:
    """Two titles that differ in case alone are the same title to Excel."""
    for title, times in Counter(title.casefold() for title in package.titles).items():
        if times > 1:
            yield f"the sheet title {title!r} is there {times} times but for case"


def name_is_no_cell(package: Package) -> Iterator[str]:
    """BN1 is a cell, and R and C are the whole row and column."""
    for name in package.names:
        if looks_like_a_cell(name):
            yield f"the defined name {name!r} looks like a cell"


def name_is_legal(package: Package) -> Iterator[str]:
    """A name is letters, digits, _ and dots, and does not begin with a digit."""
    for name in package.names:
        if not _NAME.fullmatch(name) and not name.startswith("_xlnm."):
            yield f"the defined name {name!r} has a character that Excel refuses"


def name_target(package: Package) -> Iterator[str]:
    """A name points to one area of a sheet that exists; unions are read differently by engines."""
    for name, target in package.names.items():
        if target.startswith("="):
            yield f"the target of the name {name!r} begins with '='"
        elif name.startswith("_xlnm."):
            continue
        elif "," in target:
            yield f"the name {name!r} points to more than one area"
        elif "!" not in target or _sheet_of(target) not in package.titles:
            yield f"the name {name!r} points to {target!r}, which is on no sheet of this workbook"


def looks_like_a_cell(name: str) -> bool:
    """Whether Excel reads a name as a reference.

    >>> [looks_like_a_cell(n) for n in ("BN1", "R", "play_x", "GAMMA1", "XFE1")]
    [True, True, False, False, False]
    """
    match = _CELL_LIKE.fullmatch(name)
    if match:
        inside = column_number(match[1].upper()) <= MAX_COLUMNS
        return inside and 1 <= int(match[2]) <= MAX_ROWS
    return bool(_ROW_COLUMN_LIKE.fullmatch(name))


def _sheet_of(target: str) -> str:
    title = target.rpartition("!")[0]
    if title.startswith("'") and title.endswith("'"):
        title = title[1:-1].replace("''", "'")
    return title


NAME_RULES: tuple[Callable[[Package], Iterator[str]], ...] = (
    zip_without_duplicates,
    title_length,
    title_characters,
    titles_differ,
    name_is_no_cell,
    name_is_legal,
    name_target,
)
