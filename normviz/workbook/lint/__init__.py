"""The lint: what makes Excel offer a repair or show #NAME? is found before a file leaves.

Schema checks accept most files that Excel repairs, so each known cause is a small rule here, run
on the bytes of every file this package writes. A rule looks at one thing and returns sentences;
they stand in `names`, `sheets`, `cells`, `formulas` and `charts`, and `source` reads the file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from normviz.workbook.lint.cells import CELL_RULES
from normviz.workbook.lint.charts import CHART_RULES
from normviz.workbook.lint.formulas import FormulaChecker
from normviz.workbook.lint.names import NAME_RULES
from normviz.workbook.lint.sheets import SHEET_RULES
from normviz.workbook.lint.source import Package, Sheet


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where, and which rule found it."""

    rule: str
    place: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.place}: {self.sentence} [{self.rule}]"


def lint(file: bytes | str | os.PathLike[str]) -> list[Problem]:
    """Every problem of a finished .xlsx file, given as bytes or path; [] for a clean file."""
    content = file if isinstance(file, bytes) else Path(file).read_bytes()
    package = Package(content)
    problems = []
    for rule in NAME_RULES:
        problems += [Problem(rule.__name__, "workbook", text) for text in rule(package)]
    for chart, root in package.charts():
        for chart_rule in CHART_RULES:
            problems += [Problem(chart_rule.__name__, chart, text) for text in chart_rule(root)]
    checker = FormulaChecker(package)
    for sheet in package.sheets():
        problems += _lint_sheet(sheet, checker)
    return problems


def _lint_sheet(sheet: Sheet, checker: FormulaChecker) -> list[Problem]:
    problems = []
    for cell in sheet.cells():
        found = [
            (cell_rule.__name__, sentence)
            for cell_rule in CELL_RULES
            if (sentence := cell_rule(cell))
        ]
        if cell.formula is not None:
            found += checker.check(cell.formula)
        if found:
            place = f"{sheet.title}!{cell.address}"
            problems += [Problem(rule, place, sentence) for rule, sentence in found]
    for sheet_rule in SHEET_RULES:
        problems += [Problem(sheet_rule.__name__, sheet.title, text) for text in sheet_rule(sheet)]
    return problems
