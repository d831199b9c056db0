"""Rules for what surrounds the cells: merges, sizes, conditional formats, validations, tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from normviz.workbook.book.address import Area, column_number
from normviz.workbook.lint.source import MAIN, Sheet

WIDEST, HIGHEST = 255.0, 409.0
LONGEST_LIST, LONGEST_PROMPT_TITLE, LONGEST_MESSAGE = 255, 32, 255
_AREA = re.compile(r"\$?([A-Z]+)\$?(\d+)(?::\$?([A-Z]+)\$?(\d+))?")


def merges_apart(sheet: Sheet) -> Iterator[str]:
    """Overlapping merges make Excel repair the sheet."""
    areas = sorted((parse_area(m.get("ref", "")), m.get("ref")) for m in sheet.all("mergeCell"))
    open_areas: list[tuple[Area, str | None]] = []
    for area, text in areas:
        open_areas = [other for other in open_areas if other[0][2] >= area[0]]
        for other, other_text in open_areas:
            if area[1] <= other[3] and other[1] <= area[3]:
                yield f"the merged areas {other_text} and {text} overlap"
        open_areas.append((area, text))


def sizes(sheet: Sheet) -> Iterator[str]:
    """A column is at most 255 characters wide, a row at most 409 points high."""
    for column in sheet.all("col"):
        if float(column.get("width", 0)) > WIDEST:
            yield f"column {column.get('min')} is {column.get('width')} wide; 255 is the most"
    for row in sheet.all("row"):
        if float(row.get("ht", 0)) > HIGHEST:
            yield f"a row is {row.get('ht')} high; 409 is the most"


def format_formulas(sheet: Sheet) -> Iterator[str]:
    """The formula of a conditional format has no leading '=' and stays on its own sheet."""
    for formatting in sheet.all("conditionalFormatting"):
        for formula in formatting.iter(f"{MAIN}formula"):
            yield from _bound_formula("a conditional format", formula.text or "")


def validation_formulas(sheet: Sheet) -> Iterator[str]:
    """The formula of a validation obeys the same; a list in quotes is not a formula."""
    for formula in (*sheet.all("formula1"), *sheet.all("formula2")):
        if not (formula.text or "").startswith('"'):
            yield from _bound_formula("a validation", formula.text or "")


def validation_lists(sheet: Sheet) -> Iterator[str]:
    """An inline list stands in quotes and has at most 255 characters."""
    for validation in sheet.all("dataValidation"):
        formula = validation.find(f"{MAIN}formula1")
        text = "" if formula is None else formula.text or ""
        if validation.get("type") != "list":
            continue
        if text.startswith('"') and len(text) - 2 > LONGEST_LIST:
            yield f"a list validation of {len(text) - 2} characters; 255 is the most"
        elif not text.startswith('"') and not _AREA.fullmatch(text.rpartition("!")[2]):
            yield f"the list validation {text!r} is neither in quotes nor an area"


def validation_messages(sheet: Sheet) -> Iterator[str]:
    """The title of a message has at most 32 characters, the message 255."""
    for validation in sheet.all("dataValidation"):
        for key in ("promptTitle", "errorTitle"):
            if len(validation.get(key, "")) > LONGEST_PROMPT_TITLE:
                yield f"the {key} of a validation is longer than 32 characters"
        for key in ("prompt", "error"):
            if len(validation.get(key, "")) > LONGEST_MESSAGE:
                yield f"the {key} of a validation is longer than 255 characters"


def table_headers(sheet: Sheet) -> Iterator[str]:
    """The columns of a table have names that differ."""
    for table in sheet.tables():
        names = [column.get("name", "") for column in table.iter(f"{MAIN}tableColumn")]
        folded = [name.casefold() for name in names]
        if not all(names) or len(set(folded)) < len(folded):
            yield f"the headers {names} of table {table.get('name')} are empty or repeated"


def links_lead_somewhere(sheet: Sheet) -> Iterator[str]:
    """A link inside the workbook leads to a sheet that exists."""
    for link in sheet.all("hyperlink"):
        title = link.get("location", "").rpartition("!")[0].strip("'").replace("''", "'")
        if link.get("location") and title not in sheet.package.titles:
            yield f"the link at {link.get('ref')} leads to {title!r}, which is no sheet"


def parse_area(text: str) -> Area:
    """An area from its text.

    >>> parse_area("$A$1:B2"), parse_area("C3")
    ((1, 1, 2, 2), (3, 3, 3, 3))
    """
    match = _AREA.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not an area")
    left, top = column_number(match[1]), int(match[2])
    right = column_number(match[3]) if match[3] else left
    return top, left, int(match[4] or top), right


def _bound_formula(what: str, text: str) -> Iterator[str]:
    return (f"the formula of {what} {fault}: {text!r}" for fault in _bound_faults(text))


@lru_cache(maxsize=16_384)
def _bound_faults(text: str) -> tuple[str, ...]:
    """What is wrong with a formula that stands in no cell; a sheet repeats a few of them."""
    outside = re.sub(r'"[^"]*"', '""', text)
    areas = re.sub(r"[A-Z]+\([^()]*\)", "", outside)
    faults = {
        "begins with '='": text.startswith("="),
        "has an array constant": "{" in outside,
        "looks at another sheet": "!" in outside,
        "has a union of areas": re.search(r"\([^()]*\$?[A-Z]+\$?\d+,\$?[A-Z]+\$?\d+\)", areas),
    }
    return tuple(fault for fault, found in faults.items() if found)


SHEET_RULES: tuple[Callable[[Sheet], Iterator[str]], ...] = (
    merges_apart,
    sizes,
    format_formulas,
    validation_formulas,
    validation_lists,
    validation_messages,
    table_headers,
    links_lead_somewhere,
)
