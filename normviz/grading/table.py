"""Marks as a table: a line for each file or student, a column for each step."""

from __future__ import annotations

from collections.abc import Sequence

from normviz.grading.grade import FileMark
from normviz.grading.marking import StepMark
from normviz.workbook.book.cells import Value
from normviz.workbook.exercise.classroom.answers import csv_text


def columns(marks: Sequence[FileMark]) -> list[StepMark]:
    """Every step that was asked, in its order."""
    every = {(step.sheet, step.step): step for mark in marks for step in mark.steps}
    return list(every.values())


def marks_csv(marks: Sequence[FileMark]) -> str:
    """The table as CSV: name, file, points of all, points by step, flags, and one line of words."""
    asked = columns(marks)
    heading = ["name", "file", "total", "of"]
    heading += [f"{step.sheet} {step.step} ({step.worth})" for step in asked]
    rows: list[list[Value]] = []
    for mark in marks:
        points = {(step.sheet, step.step): step.points for step in mark.steps}
        total: list[Value] = [mark.points, mark.worth] if mark.steps else [None, None]
        by_step: list[Value] = [points.get((step.sheet, step.step)) for step in asked]
        said = ["; ".join(mark.flags), mark.words]
        rows.append([mark.name, mark.file, *total, *by_step, *said])
    return csv_text([*heading, "flags", "in words"], rows)
