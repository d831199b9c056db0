"""What a teacher should look at besides the points: no answers, changed givens, links, copies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from normviz.grading.marking import cells_of, missing, unread
from normviz.grading.read import Handed
from normviz.grading.typed import number_of, option_of, quotes
from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Value
from normviz.workbook.book.formula import FormulaError, parse, references
from normviz.workbook.exercise.classroom.student_book import StudentBook
from normviz.workbook.exercise.questions import TITLE as QUESTIONS
from normviz.workbook.exercise.sheet import ExerciseSheet

_LINK = re.compile(r"(?:'((?:[^']|'')+)'|([A-Za-z_\[][\w.\[\]]*))!")
SHARED, LEAST_SHARED = 0.6, 12
"""From this part of the common cells on, and from so many, equal numbers are no accident."""

Answers = Mapping[str, float]
"""The numbers that a student gives, by sheet and cell."""


def flags(handed: Handed, made: StudentBook, formulas: bool) -> list[str]:
    """Everything of one file; `formulas` says that formulas were asked for."""
    titles = (made.book.pages[0].title, QUESTIONS, *(sheet.title for sheet in made.sheets))
    found = [missing(title) for title in titles if not handed.has(title)]
    if not found and not _is_filled(handed, made):
        found.append("nothing filled in")
    found += _unreadable(handed, made)
    for sheet in made.sheets:
        if handed.has(sheet.title):
            found += _changed(handed, sheet)
    found += _linked(handed, made.sheets)
    if formulas:
        found += _constants(handed, made.sheets)
    found += _values(handed, made.sheets)
    return found


def _is_filled(handed: Handed, made: StudentBook) -> bool:
    """Whether any cell for an answer holds something, be it no number; her name is no answer."""
    places = [(QUESTIONS, where) for where in made.answer_cells]
    places += [(sheet.title, where) for sheet in made.sheets for where in cells_of(sheet)]
    return any(handed.typed(*place) for place in places)


def _unreadable(handed: Handed, made: StudentBook) -> Iterator[str]:
    """What was typed and could not be judged: no number, or none of the answers."""
    typed = [
        handed.typed(QUESTIONS, where)
        for where, question in zip(made.answer_cells, made.questions, strict=True)
        if option_of(handed.value(QUESTIONS, where), question.options) is None
    ]
    texts = list(filter(None, typed))
    if texts:
        yield f"none of the answers to choose from ({_counted(len(texts))}): {quotes(texts)}"
    for sheet in made.sheets:
        known = [where for where in cells_of(sheet) if not handed.unknown(sheet.title, where)]
        texts = unread(handed, sheet, known)
        if texts:
            said = f"no number can be read on {sheet.title} ({_counted(len(texts))})"
            yield f"{said}: {quotes(texts)}"


def _changed(handed: Handed, sheet: ExerciseSheet) -> Iterator[str]:
    """Given numbers that are no longer those of the file as it was made."""
    typed = set(cells_of(sheet))
    score = sheet.score.rpartition("!")[2].replace("$", "")
    changed = []
    for row, line in sheet.page.rows.items():
        for column, cell in line.items():
            where = address(row, column)
            given = isinstance(cell.value, int | float) and where not in typed and where != score
            if given and not _same(handed.value(sheet.title, where), cell.value):
                changed.append(where)
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        yield f"givens of {sheet.title} changed: {', '.join(changed[:3])}{more}"


def _same(found: Value, given: Value) -> bool:
    if not isinstance(found, int | float) or not isinstance(given, int | float):
        return False
    return abs(found - given) <= 1e-9 * max(1.0, abs(given))


def _linked(handed: Handed, sheets: Sequence[ExerciseSheet]) -> Iterator[str]:
    """Formulas that read another sheet or file."""
    cells: dict[str, int] = {}
    for sheet in sheets:
        for where in cells_of(sheet):
            formula = handed.formula(sheet.title, where) or ""
            for quoted, plain in set(_LINK.findall(formula)):
                title = (quoted or plain).replace("''", "'")
                if title != sheet.title:
                    cells[title] = cells.get(title, 0) + 1
    for title, count in cells.items():
        where = "another file" if "[" in title else f"the sheet {title}"
        yield f"links to {where} ({_counted(count)})"


def _constants(handed: Handed, sheets: Sequence[ExerciseSheet]) -> Iterator[str]:
    """Numbers, and formulas that read no cell, where formulas were asked for."""
    count = 0
    for sheet in sheets:
        for where in cells_of(sheet):
            formula = handed.formula(sheet.title, where)
            typed = number_of(handed.value(sheet.title, where)) is not None
            count += typed and (formula is None or not _reads_cells(formula))
    if count:
        yield f"numbers where formulas were asked ({_counted(count)})"


def _reads_cells(formula: str) -> bool:
    if "DUMMYFUNCTION" in formula:  # Google Sheets' words for what Excel does not know
        return True
    try:
        return any(True for _ in references(parse(formula)))
    except (FormulaError, RecursionError):
        return True  # a name, or what only a spreadsheet program reads: no bare number


def _values(handed: Handed, sheets: Sequence[ExerciseSheet]) -> Iterator[str]:
    """Formulas whose value is missing, or is not what they give."""
    places = [(sheet.title, where) for sheet in sheets for where in cells_of(sheet)]
    missing = [place for place in places if handed.unknown(*place)]
    if missing:
        by = f"saved by {handed.program}" if handed.program else "saved by an unknown program"
        yield (
            f"formulas without a value, {by} ({_counted(len(missing))}; "
            f"{handed.unknown(*missing[0])}): open it in a spreadsheet program and save it again"
        )
    stale = sum(handed.stale(*place) for place in places)
    if stale:
        yield f"stored values that the formulas do not give ({_counted(stale)})"


def _counted(cells: int) -> str:
    return f"{cells} cell" if cells == 1 else f"{cells} cells"


def answers_of(handed: Handed, made: StudentBook) -> dict[str, float]:
    """The numbers in the cells to fill in, for comparison with those of others."""
    found = {}
    for sheet in made.sheets:
        for where in cells_of(sheet):
            number = number_of(handed.value(sheet.title, where))
            if number is not None:
                found[f"{sheet.title}!{where}"] = round(number, 4)
    return found


def copies(every: Sequence[Answers]) -> list[list[int]]:
    """For each file the others with the same answers: numbers differ from student to student."""
    cells = sorted({cell for answers in every for cell in answers})
    table = np.array([[answers.get(cell, np.nan) for cell in cells] for answers in every])
    found: list[list[int]] = []
    for row in table.reshape(len(every), len(cells)):
        common = (~np.isnan(table) & ~np.isnan(row)).sum(axis=1)
        equal = (table == row).sum(axis=1)
        alike = (common >= LEAST_SHARED) & (equal >= SHARED * common)
        found.append(np.flatnonzero(alike).tolist())
    return [[other for other in others if other != at] for at, others in enumerate(found)]
