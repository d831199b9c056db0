"""A cell that no longer has the value as shipped wears a mark, on every sheet and no other cell."""

from pathlib import Path

import ironcalc
import numpy as np
import pytest
from openpyxl import load_workbook

from normviz.workbook.book.cells import Book, Page, Value
from normviz.workbook.book.changes import remembered
from normviz.workbook.book.styles import INPUT
from normviz.workbook.exercise.exercise import exercise
from normviz.workbook.explain.book import explain_book
from normviz.workbook.explain.explain import fresh_call
from normviz.workbook.explain.selection import select
from normviz.workbook.explain.story import Story
from normviz.workbook.sheets.subject.case import Settings
from normviz.workbook.write import save
from tests.workbook.books import default_book
from tests.workbook.conftest import FileOf

NOW = 7
"""The column of Contents that says on which sheets anything changed."""


def explained() -> Book:
    x = np.random.default_rng(0).standard_normal((4, 4, 2, 2))
    call = fresh_call("group_norm", x, num_groups=2)
    story = Story("L", "x", "float64", "dy", "p", call.output, call.grad_input)
    return explain_book(call.trace, select(call.trace.sets), story)


@pytest.fixture(scope="module")
def shipped(file_of: FileOf) -> tuple[Book, Path]:
    return default_book(), file_of(Settings())


def opened(path: Path) -> ironcalc.UserModel:
    model = ironcalc.UserModel.from_xlsx(str(path), "en", "UTC", "en")
    model.evaluate()
    return model


def is_marked(model: ironcalc.UserModel, sheet: int, row: int, column: int) -> bool:
    """Whether a cell is underlined (twice, which this engine does not tell) and bold."""
    font = model.get_extended_cell_style(sheet, row, column)["style"]["font"]
    return bool(font.get("u") and font.get("b"))


def is_another(now: Value, shipped: Value) -> bool:
    if isinstance(shipped, int | float) and isinstance(now, int | float):
        return abs(now - shipped) > 1e-9 * abs(shipped) + 1e-12
    return now != shipped and not (now in (None, "") and shipped in (None, ""))


def wrong_marks(book: Book, model: ironcalc.UserModel) -> tuple[list[str], dict[str, int]]:
    """The cells whose mark is not as it should be, and how many are marked by sheet."""
    wrong: list[str] = []
    counts: dict[str, int] = {}
    for sheet, page in enumerate(book.pages):
        for row, column, shipped in remembered(page):
            if page.rows[row][column].style.underline:
                continue  # the sample that shows what the mark looks like
            now = model.get_cell_value(sheet, row, column)
            marked = is_marked(model, sheet, row, column)
            if marked != is_another(now, shipped):
                wrong.append(f"{page.title} {row} {column}: {now!r}, shipped {shipped!r}")
            counts[page.title] = counts.get(page.title, 0) + marked
    return wrong, counts


def yellow(page: Page, number: int) -> tuple[int, int]:
    """Row and column of a yellow number of a sheet, which no rule keeps from being typed over."""
    found = [
        (row, column)
        for row, line in sorted(page.rows.items())
        for column, cell in sorted(line.items())
        if cell.style.fill == INPUT and isinstance(cell.value, float) and cell.formula is None
    ]
    return found[number]


def test_an_explained_layer_follows_the_same_rules(tmp_path: Path) -> None:
    book = explained()
    model = opened(save(book, tmp_path / "book.xlsx"))
    assert wrong_marks(book, model) == ([], dict.fromkeys(wrong_marks(book, model)[1], 0))
    (sheet,) = (at for at, page in enumerate(book.pages) if page.title == "Inputs")
    model.set_user_input(sheet, *yellow(book.pages[sheet], 5), "1.625")
    model.evaluate()
    wrong, counts = wrong_marks(book, model)
    assert wrong == []
    assert counts["GroupNorm"] > 10


def test_every_cell_that_follows_from_an_edit_is_marked_and_no_other(
    shipped: tuple[Book, Path],
) -> None:
    book, path = shipped
    model = opened(path)
    wrong, counts = wrong_marks(book, model)
    assert wrong == []
    assert sum(counts.values()) == 0
    titles = [page.title for page in book.pages]
    for title in ("Why", "Playground", "Inputs"):
        sheet = titles.index(title)
        model.set_user_input(sheet, *yellow(book.pages[sheet], 5), "1.625")
    model.evaluate()
    wrong, counts = wrong_marks(book, model)
    assert wrong == []
    assert {title for title, count in counts.items() if count} >= {"Contents", "Why", "Playground"}
    assert counts["BatchNorm"] > 10
    assert counts["Four numbers"] == 0


def test_contents_names_the_sheets_that_changed(shipped: tuple[Book, Path]) -> None:
    book, path = shipped
    model = opened(path)
    sheet = next(at for at, page in enumerate(book.pages) if page.title == "Why")
    model.set_user_input(sheet, *yellow(book.pages[sheet], 0), "1.5")
    model.evaluate()
    now = {
        str(line[2].value): model.get_cell_value(0, row, NOW)
        for row, line in book.pages[0].rows.items()
        if 2 in line and line.get(NOW) and line[NOW].value == "" and line[NOW].formula
    }
    assert [title for title, says in now.items() if says == "changed"] == ["Why"]
    assert len(now) > 15


def test_an_exercise_marks_what_is_given_and_no_answer(tmp_path: Path) -> None:
    book = exercise()
    model = opened(save(book, tmp_path / "book.xlsx"))
    (sheet, page) = next((at, p) for at, p in enumerate(book.pages) if p.title == "BatchNorm")
    assert page.answers
    covered = {
        (row, column)
        for top, left, bottom, right in page.merges
        for row in range(top, bottom + 1)
        for column in range(left, right + 1)
    }
    given = {(row, column) for row, column, _ in remembered(page)}
    answers = {
        (row, column)
        for row, line in page.rows.items()
        for column, cell in line.items()
        if cell.style.unlocked
    }
    assert not given & answers
    places = [min(given - covered), min(answers - covered)]
    for place in places:
        model.set_user_input(sheet, *place, "77")
    model.evaluate()
    assert [is_marked(model, sheet, *place) for place in places] == [True, False]


def test_the_values_as_shipped_are_out_of_sight(shipped: tuple[Book, Path]) -> None:
    book, path = shipped
    for page, sheet in zip(book.pages, load_workbook(path).worksheets, strict=True):
        hidden = [d for d in sheet.column_dimensions.values() if d.hidden]
        used = max(page.widths)
        assert all(dimension.min > used for dimension in hidden), page.title
        assert sheet.max_column <= max([used, *(d.max for d in hidden)]), page.title
