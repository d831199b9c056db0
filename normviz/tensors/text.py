"""Tables of text: .csv and .tsv as programs and people write them.

A text says neither what parts its columns nor what its commas mean. So it is read in every way that
it could be meant, and where two of them hold and give other numbers, the user is asked.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.tensors.limits import (
    MOST_ELEMENTS,
    MOST_ROWS,
    MOST_TEXT,
    UnreadableError,
    opened,
    read_at_most,
)

Array = npt.NDArray[Any]

MOST_HEADER_ROWS = 3
NAMES_OF_AN_INDEX = ("", "index", "unnamed: 0")
NO_NUMBER = ("na", "n/a", "null", "none", "missing")
_GROUPS = (
    " '\N{NO-BREAK SPACE}\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}\N{RIGHT SINGLE QUOTATION MARK}"
)


class _NoNumberError(Exception):
    """A cell that this reading has no number for: its row, its column, what it holds."""


LONGEST_NUMBER = 10_000
"""Characters of a cell with the blanks around it; a longer one is no number that anybody wrote."""


@dataclass(frozen=True)
class Reading:
    """One way to read a text: what parts the columns ("" for one column), the decimal mark."""

    separator: str
    decimal: str

    def number(self, text: str) -> float:
        """The number that a cell stands for.

        Raises:
            ValueError: for a cell that is none.

        >>> Reading(";", ",").number("-1.234,5"), Reading("", ".").number("12 345")
        (-1234.5, 12345.0)
        """
        if len(text) > LONGEST_NUMBER:  # before anything copies it
            raise ValueError(text)
        text = text.strip()
        if self.decimal == "." and "_" not in text:  # which Python, and nobody else, reads over
            try:
                return float(text)
            except ValueError:
                pass
        match = _NUMBER[self.decimal].fullmatch(text)
        if match is None:
            raise ValueError(text)
        whole = re.sub(rf"[.,{_GROUPS}]", "", match["whole"])
        part = (match["part"] or "").replace(",", ".")
        return float(f"{match['sign']}{whole}{part}{match['power'] or ''}")

    def cells(self, lines: Sequence[str]) -> list[list[str]]:
        """The cells of every line."""
        if self.separator == " ":
            return [re.split(" +", line.strip(" ")) for line in lines]
        if not self.separator:
            return [[line.strip().strip('"')] for line in lines]
        return list(csv.reader(lines, delimiter=self.separator, strict=False))

    def __str__(self) -> str:
        marks = {".": "point", ",": "comma"}
        return f"with a decimal {marks[self.decimal]}"


def _number_pattern(decimal: str) -> re.Pattern[str]:
    """Numbers with this decimal mark, the digits before it in groups of three or not at all."""
    other = "," if decimal == "." else "."
    mark = re.escape(decimal)
    groups = rf"[1-9]\d{{0,2}}(?:(?P<group>[{other}{_GROUPS}])\d{{3}})(?:(?P=group)\d{{3}}){{0,3}}"
    return re.compile(
        rf"(?P<sign>[+\-]?)(?P<whole>{groups}|\d*)(?P<part>{mark}\d+)?"
        r"(?P<power>[eE][+\-]?\d{1,4})?(?<=\d)",
        re.ASCII,
    )


_NEVER_ENDS = "row {} has a quotation mark that never ends"
_WHOLE = re.compile(r"[+\-]?(\d+|nan|inf(inity)?)", re.IGNORECASE)
_OPENED = re.compile(r'(?:^|[,;\t ])"')
_NUMBER = {decimal: _number_pattern(decimal) for decimal in (".", ",")}


@dataclass(frozen=True)
class Table:
    """What one reading found: the numbers, and what it left out of the text."""

    reading: Reading
    array: Array
    note: str


def read_text(file: Path, decimal: str | None = None) -> tuple[Array, str]:
    """The numbers of a .csv or .tsv file, also packed by gzip, and what was left out of it.

    Lines that begin with "#", rows of names above the numbers and a column of names beside them are
    left out; a first row 0, 1, 2, ... is one of names where the others are not whole numbers.
    ``decimal`` says what the user was asked: "." or ",".

    Raises:
        UnreadableError: for a file that is no text. ValueError: where it holds no table of numbers,
            or can be read in two ways.
    """
    with opened(file) as stream:
        content = read_at_most(stream, MOST_TEXT)
    _refuse_many(file, content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError("it is no text in UTF-8") from None
    # Not by splitlines, which parts at more than what was counted.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept = [
        (at, line)
        for at, line in enumerate(lines, 1)
        if line.strip(' \t,;"') and not line.lstrip().startswith("#")
    ]
    if not kept:
        raise ValueError(f"{file} holds no numbers")
    for at, line in kept:
        if line.count('"') % 2 and _OPENED.search(line):  # before much is read as one cell
            raise ValueError(f"{file}: {_NEVER_ENDS.format(at)}")
    rows, texts = [at for at, _ in kept], [line for _, line in kept]
    tables, failures = [], []
    for reading in _readings(file, texts, decimal):
        try:
            tables.append(_table(reading, rows, texts))
        except _NoNumberError as error:
            failures.append(error)
        except csv.Error as error:
            raise UnreadableError(str(error)) from None
    if not tables:
        furthest = max(failures, key=lambda error: error.args[0])
        raise ValueError(f"{file}: {furthest.args[1]}")
    _ask(file, tables)
    if decimal is None and tables[0].reading == Reading("", ",") and not tables[0].note:
        _ask_where_a_cell_may_be_missing(file, texts, tables[0])
    return tables[0].array, tables[0].note


def _refuse_many(file: Path, content: bytes) -> None:
    """Refuse more rows or cells than there is room for, before there are a string and more of each.

    Raises:
        ValueError: with the limit.
    """
    if content.count(b"\n") + content.count(b"\r") - content.count(b"\r\n") > MOST_ROWS:
        raise ValueError(f"{file} has more than {MOST_ROWS:,} rows; take fewer, or a .npy file")
    many = max(content.count(mark) for mark in (b",", b";", b"\t")) > MOST_ELEMENTS
    if not many and content.count(b" ") > MOST_ELEMENTS:
        gaps = islice(re.finditer(rb" +", content), MOST_ELEMENTS, None)
        many = next(gaps, None) is not None
    if many:
        raise ValueError(f"{file} has more than {MOST_ELEMENTS:,} cells; take fewer samples")


def _readings(file: Path, texts: Sequence[str], decimal: str | None) -> list[Reading]:
    """The ways in which a text can be meant, the likeliest first."""
    head = texts[-200:]
    commas = any("," in line for line in texts)
    decimals = [decimal] if decimal else [".", ","] if commas else ["."]
    for separator in (";", "\t"):
        if any(separator in line for line in head) or (
            separator == "\t" and ".tsv" in file.suffixes
        ):
            return [Reading(separator, mark) for mark in decimals]
    readings = []
    if commas:  # which may stand within a number only where it is quoted
        quoted = any(re.search(r'"[^",]*\d,\d', line) for line in texts)
        readings = [Reading(",", mark) for mark in decimals if mark == "." or quoted]
    if any(re.search(r"\S[ ]+\S", line) for line in head) and not commas:
        readings.append(Reading(" ", "."))
    return readings + [Reading("", mark) for mark in decimals if len(decimals) > 1 or not readings]


def _table(reading: Reading, rows: Sequence[int], texts: Sequence[str]) -> Table:
    """The text as a table of numbers, read one way.

    Raises:
        _NoNumberError: where it is none.
    """
    cells = reading.cells(texts)
    if len(cells) != len(texts):
        raise _NoNumberError(0, _NEVER_ENDS.format(rows[0]))
    head = _head(reading, cells)
    names, numbers = cells[:head], cells[head:]
    width = len(numbers[0])
    if sum(map(len, numbers)) > MOST_ELEMENTS:
        raise _NoNumberError(0, f"it has more than {MOST_ELEMENTS:,} cells; take fewer samples")
    for at, line in zip(rows, cells, strict=True):
        if len(line) != width:
            raise _NoNumberError(
                at,
                f"row {at} has {len(line)} columns, row {rows[head]} has {width}: every row must "
                "have the same number",
            )
    first = int(width > 1 and _has_index(names, numbers))
    array = np.array(
        [
            [_number(reading, at, column, line[column]) for column in range(first, width)]
            for at, line in zip(rows[head:], numbers, strict=True)
        ]
    )
    notes = _note(names, first), _note_of_counts(names, numbers, first)
    return Table(reading, array, " and ".join(filter(None, notes)))


def _head(reading: Reading, cells: Sequence[Sequence[str]]) -> int:
    """How many rows of names there are, or one of numbers that can be nothing else."""
    head = 0
    while head < min(MOST_HEADER_ROWS, len(cells) - 1) and _is_header(reading, cells[head]):
        head += 1
    return head or int(_counts(cells[0]) and not _are_whole(cells[1:]))


def _is_header(reading: Reading, cells: Sequence[str]) -> bool:
    """Whether a row has names only, or an empty corner above an index, as pandas writes them."""
    if reading.separator == "" and re.search("[,;\t]", cells[0]):
        return False
    filled = [cell for cell in cells if cell.strip()]
    if len(cells) > 1 and not cells[0].strip() and filled:
        return True
    return all(map(_is_name, filled))


def _counts(cells: Sequence[str]) -> bool:
    """Whether cells are 0, 1, 2, ...: the names that pandas gives where there are none."""
    return len(cells) > 1 and [cell.strip() for cell in cells] == [*map(str, range(len(cells)))]


def _are_whole(numbers: Sequence[Sequence[str]]) -> bool:
    """Whether all numbers are written as whole ones, as pandas never writes floats."""
    return all(_WHOLE.fullmatch(cell.strip()) for line in numbers for cell in line)


def _has_index(names: Sequence[Sequence[str]], numbers: Sequence[Sequence[str]]) -> bool:
    """Whether the first column names the rows."""
    if names and names[0][0].strip().lower() in NAMES_OF_AN_INDEX:
        return True
    return all(line and _is_name(line[0]) for line in numbers)


def _is_name(cell: str) -> bool:
    """Whether a cell names a row or a column: words or a date, no number however it is written."""
    cell = cell.strip()
    if cell.startswith("=") or cell.lower() in NO_NUMBER:
        return False
    if not re.search(r"[^\W\d_]|\d[\-/:]\d", cell):
        return False
    return not any(_is_number(Reading("", mark), cell) for mark in _NUMBER)


def _is_number(reading: Reading, cell: str) -> bool:
    try:
        reading.number(cell)
    except ValueError:
        return False
    return True


def _number(reading: Reading, row: int, column: int, cell: str) -> float:
    try:
        return reading.number(cell)
    except ValueError:
        shown = cell if len(cell) <= 40 else cell[:37] + "..."
        what = f"holds {shown!r}, which is not a number" if cell.strip() else "is empty"
        raise _NoNumberError(row, f"row {row}, column {column + 1} {what}") from None


def _note(names: Sequence[Sequence[str]], first: int) -> str:
    left = (
        [f"its {len(names)} rows of names" if len(names) > 1 else "its row of names"]
        if names
        else []
    )
    if first:
        name = names[0][0].strip() if names else ""
        left.append("its first column" + (f" {name!r}" if name else ", the names of the rows"))
    return f"read without {' and '.join(left)}" if left else ""


def _note_of_counts(
    names: Sequence[Sequence[str]], numbers: Sequence[Sequence[str]], first: int
) -> str:
    """What was made of a first row or column 0, 1, 2, ..., where it could be names or numbers."""
    if names:
        return "as numbers that row would be 0.0, 1.0, ..." if _counts(names[0]) else ""
    if len(numbers) > 1 and _counts(numbers[0]):
        return "read with its first row 0, 1, ... as numbers: with # before it, it is names"
    if not first and _counts([line[0] for line in numbers]) and not _are_whole(numbers):
        return "read with its first column 0, 1, ... as numbers"
    return ""


def _ask_where_a_cell_may_be_missing(file: Path, texts: Sequence[str], table: Table) -> None:
    """Refuse to take commas for decimal marks where only some rows have one, unless it is said."""
    if len({text.count(",") for text in texts}) > 1:
        raise ValueError(
            f"{file} can be read as a table whose rows have unequal lengths, or as 1 column "
            f"{table.reading} ({table.array.flat[0]:g} first): give every row as many cells, or "
            "say --decimal ,"
        )


def _ask(file: Path, tables: Sequence[Table]) -> None:
    """Refuse a text that means other numbers when it is read another way."""
    first = tables[0]
    for other in tables[1:]:
        if not np.array_equal(first.array, other.array, equal_nan=True):
            ways = " or as ".join(
                f"{table.array.shape[1]} column{'s' * (table.array.shape[1] > 1)} "
                f"{table.reading} ({table.array.flat[0]:g} first)"
                for table in (first, other)
            )
            raise ValueError(
                f"{file} can be read as {ways}: say what its decimal mark is, "
                "--decimal . or --decimal ,"
            )
