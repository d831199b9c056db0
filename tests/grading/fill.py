"""Students, as far as a file shows them: how each fills in the yellow cells."""

from collections.abc import Callable
from pathlib import Path

import openpyxl

from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Cell, Value
from normviz.workbook.book.formula import parse
from normviz.workbook.exercise.asked_steps import values
from normviz.workbook.exercise.chain import RULES
from normviz.workbook.exercise.classroom.assignment import Classroom
from normviz.workbook.exercise.classroom.make import book_of
from normviz.workbook.exercise.classroom.student_book import StudentBook
from normviz.workbook.exercise.mistakes import mistakes
from normviz.workbook.exercise.questions import TITLE as QUESTIONS
from normviz.workbook.exercise.sheet import ExerciseSheet
from normviz.workbook.formulas.evaluator.evaluate import evaluate
from normviz.workbook.lint.sheets import parse_area
from normviz.workbook.xlsx.write import file_bytes

Typed = dict[tuple[str, str], Value]
"""What is typed, by sheet and cell."""


def solved(classroom: Classroom, number: int) -> StudentBook:
    """The answers of one student, counted from 0."""
    return book_of(classroom, number, answers=True)


def right(made: StudentBook, decimals: int | None = None) -> Typed:
    """Every cell filled in: as formulas, or as numbers of so many decimals."""
    typed: Typed = {
        (QUESTIONS, cell): question.answer
        for cell, question in zip(made.answer_cells, made.questions, strict=True)
    }
    for sheet in made.sheets:
        for asked in sheet.asked:
            for index, value in enumerate(values(asked.step)):
                name = asked.step.name
                formula = f"={RULES[name](sheet.chain, index)}"
                number = None if decimals is None else round(value, decimals)
                typed[sheet.title, sheet.chain.at(name, index)] = (
                    formula if number is None else number
                )
    return typed


def only(typed: Typed, *titles: str) -> Typed:
    """What is typed on some sheets."""
    return {place: value for place, value in typed.items() if place[0] in titles}


def sheet_of(made: StudentBook, title: str) -> ExerciseSheet:
    """The sheet of a norm."""
    return next(sheet for sheet in made.sheets if sheet.title == title)


def slip(made: StudentBook, title: str, step: str, words: str) -> Typed:
    """One step with a usual mistake in it, as formulas."""
    sheet = sheet_of(made, title)
    wrong = next(w for mistake, w in mistakes(sheet.chain, step) if mistake.words == words)
    asked = next(asked for asked in sheet.asked if asked.step.name == step)
    return {
        (title, sheet.chain.at(step, i)): f"={wrong(sheet.chain, i, RULES[step](sheet.chain, i))}"
        for i in range(len(values(asked.step)))
    }


def computed(made: StudentBook, typed: Typed) -> Typed:
    """What is typed with its formulas as numbers: by hand, from one's own earlier cells."""
    found: Typed = {}
    rows = {sheet.title: sheet.page.rows for sheet in made.sheets}

    def look(title: str) -> Callable[[str, int, int], Value]:
        def cell(sheet: str, row: int, column: int) -> Value:
            place = (sheet or title, address(row, column))
            if place in found:
                return found[place]
            line = rows[place[0]].get(row, {})
            return line[column].value if column in line else None

        return cell

    for (title, where), value in typed.items():
        is_formula = isinstance(value, str) and value.startswith("=")
        found[title, where] = evaluate(parse(str(value)[1:]), look(title)) if is_formula else value
    return found


def fill(path: Path, typed: Typed) -> None:
    """Type into a file and save it by openpyxl, which stores no values beside formulas."""
    book = openpyxl.load_workbook(path)
    for (title, where), value in typed.items():
        book[title][where] = value
    book.save(path)


def filled(made: StudentBook, typed: Typed) -> bytes:
    """A student's file with cells typed over, as a script leaves it: formulas without values."""
    pages = {page.title: page for page in made.book.pages}
    for (title, where), value in typed.items():
        row, column = parse_area(where)[:2]
        line = pages[title].rows[row]
        is_formula = isinstance(value, str) and value.startswith("=")
        formula = str(value)[1:] if is_formula else None
        line[column] = Cell(None if is_formula else value, line[column].style, formula)
    return file_bytes(made.book, values=False)
