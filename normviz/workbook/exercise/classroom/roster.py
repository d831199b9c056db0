"""A class list: the names in a file, and a file name for each of them."""

from __future__ import annotations

import csv
import io
import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

MOST_STUDENTS = 1_000
LONGEST_NAME, LONGEST_FILE_NAME = 100, 60
_HEADINGS = ("name", "student", "full name", "student name")
_PARTS = (("first name", "last name"), ("firstname", "lastname"), ("first", "last"))
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


class RosterError(ValueError):
    """A class list that cannot be used, in a sentence with its line."""


def read_roster(path: str | os.PathLike[str]) -> list[str]:
    """The names of a class list, in its order: a name a line, or a table with a heading.

    Of a table the column "name" or "student" counts, else "first name" and "last name", else the
    first. Lines without anything are passed over.

    Raises:
        RosterError: an empty list, a missing or repeated name, one that is no line of text, more
            than 1,000 names, or a file that is not UTF-8.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RosterError(
            f"the class list {path} is not UTF-8 text: save it as CSV UTF-8"
        ) from None
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    except csv.Error as error:
        raise RosterError(f"the class list {path} cannot be read: {error}") from None
    columns, first = _columns(lines[0] if lines else [])
    seen: dict[str, int] = {}
    names: list[str] = []
    for number, line in enumerate(lines[first:], start=first + 1):
        if not any(cell.strip() for cell in line):
            continue
        name = " ".join(" ".join(line[at] for at in columns if at < len(line)).split())
        _check(path, number, name, seen)
        seen[_same(name)] = number
        names.append(name)
    if not names:
        raise RosterError(f"the class list {path} has no names: one in each line is expected")
    if len(names) > MOST_STUDENTS:
        raise RosterError(
            f"the class list {path} has {len(names):,} names, and {MOST_STUDENTS:,} are the most: "
            "cut it into classes"
        )
    return names


def _delimiter(text: str) -> str:
    """What parts the columns, from the first line: a comma, unless there are others instead."""
    heading = text.splitlines()[0] if text else ""
    return next((sign for sign in ";\t" if sign in heading and "," not in heading), ",")


def _columns(heading: list[str]) -> tuple[list[int], int]:
    """Which columns make the name, and the first line with one."""
    known = [cell.strip().casefold() for cell in heading]
    for title in _HEADINGS:
        if title in known:
            return [known.index(title)], 1
    for first, last in _PARTS:
        if first in known and last in known:
            return [known.index(first), known.index(last)], 1
    return [0], 0


def _check(path: object, line: int, name: str, seen: dict[str, int]) -> None:
    where = f"line {line} of the class list {path}"
    if not name:
        raise RosterError(f"{where} has no name: give one, or take the line away")
    if len(name) > LONGEST_NAME:
        raise RosterError(f"{where} has {len(name)} characters, and a name has at most 100")
    strange = strange_character(name)
    if strange:
        raise RosterError(f"{where} has the character {strange!r}, which no name has")
    if _same(name) in seen:
        raise RosterError(
            f"{where} repeats {name!r} of line {seen[_same(name)]}: make them differ, for example "
            "by a number or an e-mail address"
        )


def strange_character(name: str) -> str:
    """The first character that no name has, or "".

    >>> strange_character("Zoë"), strange_character("Ada\\x1b")
    ('', '\\x1b')
    """
    return next((c for c in name if unicodedata.category(c) in ("Cc", "Cs", "Co")), "")


def _same(name: str) -> str:
    """Names that differ in this differ for everybody: not by case, nor by how an é is stored."""
    return unicodedata.normalize("NFKC", name).casefold()


def file_names(names: Sequence[str], suffix: str = ".xlsx") -> list[str]:
    """A file for every name: the name without what a file system or a shell trips over.

    >>> file_names(["Ada Lovelace", "../../etc/passwd", "a/b", "a:b", "CON"])
    ['Ada Lovelace.xlsx', 'etc_passwd.xlsx', 'a_b.xlsx', 'a_b 2.xlsx', 'CON_.xlsx']
    """
    taken: set[str] = set()
    found = []
    for name in names:
        plain = unicodedata.normalize("NFC", name)
        stem = re.sub(r"[^\w .,'()+@-]+", "_", plain).strip(" ._-")[:LONGEST_FILE_NAME].strip()
        stem = f"{stem}_" if _RESERVED.fullmatch(stem) else stem or "student"
        chosen, number = stem, 1
        while chosen.casefold() in taken:
            number += 1
            chosen = f"{stem} {number}"
        taken.add(chosen.casefold())
        found.append(chosen + suffix)
    return found
