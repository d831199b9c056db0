"""What the sheets show: colors by set, names as in the trace, and a sheet for a new norm."""

import re
from collections.abc import Iterator

import numpy as np
import pytest

from normviz import set_labels
from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.workbook.book.cells import Book, Cell, Page
from normviz.workbook.book.layout import Layout, Regions, areas_text
from normviz.workbook.book.styles import SET_COLORS
from normviz.workbook.build import build
from normviz.workbook.sheets import inputs
from normviz.workbook.sheets.norm import sheet as norm
from normviz.workbook.sheets.norm.page import NormPage
from normviz.workbook.sheets.subject.case import Case, Settings
from tests.workbook.books import book_of, default_book


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(Settings((4, 6, 2, 3), groups=3, splits=2))


def sheet_of(case: Case, op: str) -> NormPage:
    book = Book("one sheet")
    cells = inputs.build(book, case)
    return norm.build(book, case.trace(op), cells, case.gamma_of(op))


@pytest.mark.parametrize("op", NORMS)
def test_elements_and_statistics_wear_the_color_of_their_set(case: Case, op: str) -> None:
    sheet = sheet_of(case, op)
    labels = set_labels(op, case.shape, **case.arguments(op)).ravel()
    for step in sheet.trace.steps:
        body = sheet.placed[step.name]
        if step.kind == "element":
            wanted = labels
        elif step.kind == "set":
            wanted = np.arange(1, sheet.trace.sets.count + 1)
        else:
            continue
        fills = [_fill(sheet.page, body.at(index)) for index in range(len(wanted))]
        assert fills == [SET_COLORS[(label - 1) % 16] for label in wanted]


def _fill(page: Page, where: str) -> str | None:
    from normviz.workbook.lint.sheets import parse_area

    row, column, _, _ = parse_area(where)
    return page.rows[row][column].style.fill


@pytest.mark.parametrize("op", NORMS)
def test_every_step_of_the_trace_is_on_the_sheet_in_words_and_symbols(case: Case, op: str) -> None:
    sheet = sheet_of(case, op)
    texts = [c.value for line in sheet.page.rows.values() for c in line.values()]
    for step in sheet.trace.steps:
        assert step.formula in texts
        assert step.sentence in texts
        assert any(f"{step.name}  {step.symbol}" in str(text) for text in texts)
        assert step.numpy in texts or step.name == "grad_output"


def test_a_new_norm_gets_its_sheet_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Position norm: one mean and variance for each image and pixel, over the channels."""
    monkeypatch.setitem(NORMS, "position_norm", Norm("position_norm", "n [c] ...", affine="c"))
    book, case = Book("new"), Case(Settings())
    made = case.trace("position_norm")
    sheet = norm.build(book, made, inputs.build(book, case))
    assert sheet.page.title == "PositionNorm"
    first = sheet.chain.mean_over_set("x", 0)
    assert first.count(":") == 0
    assert first.count(",") == case.shape[1] - 1


def places(regions: Regions) -> Iterator[set[tuple[int, int]]]:
    for areas in regions.areas:
        yield {
            (row, column)
            for top, left, bottom, right in areas
            for row in range(top, bottom + 1)
            for column in range(left, right + 1)
        }


@pytest.mark.parametrize("shape", [(3, 4), (2, 4, 5), (4, 4, 2, 2), (2, 4, 2, 3, 2)])
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("op", NORMS)
def test_areas_cover_each_set_and_no_element_of_another(
    shape: tuple[int, ...], flat: bool, op: str
) -> None:
    arguments = {"num_groups": 2, "num_splits": 1, "normalized_shape": shape[1:]}
    labels = set_labels(op, shape, **{n: arguments[n] for n in NORMS[op].size_arguments})
    layout = Layout(shape, flat)
    rows, columns = layout.places()
    regions = Regions(layout, labels)
    for label, covered in enumerate(places(regions), start=1):
        member = labels == label
        inside = set(zip(rows[member].tolist(), columns[member].tolist(), strict=True))
        outside = set(zip(rows[~member].tolist(), columns[~member].tolist(), strict=True))
        assert inside <= covered
        assert not outside & covered


def test_a_scattered_set_is_covered_in_pieces() -> None:
    layout = Layout((1, 2, 2, 2))
    labels = np.array([[[[1, 2], [2, 1]], [[1, 2], [1, 2]]]])
    regions = Regions(layout, labels)
    assert areas_text(regions.areas[0], 1, 1) == "A1,D1,B2:D2"


def test_the_flat_layout_reads_in_row_major_order() -> None:
    rows, columns = Layout((4, 4, 2, 2), flat=True).places()
    order = np.lexsort((columns.ravel(), rows.ravel()))
    assert order.tolist() == list(range(64))


def test_one_value_per_set_gets_the_sentence_of_the_refusal() -> None:
    book = build(Settings((2, 3, 1, 1)))
    page = next(page for page in book.pages if page.title == "InstanceNorm")
    texts = " ".join(str(c.value) for line in page.rows.values() for c in line.values())
    assert "more than 1 value per statistics set" in texts


def test_all_text_stays_inside_the_printed_columns() -> None:
    for page in default_book().pages:
        used = max(max(line) for line in page.rows.values())
        assert used <= max(page.widths), page.title


@pytest.mark.parametrize("shape", [(4, 4, 3, 3), (2, 5, 8)], ids=str)
def test_every_number_says_what_it_is(shape: tuple[int, ...]) -> None:
    wordless = [
        (page.title, row, column)
        for page in book_of(Settings(shape)).pages
        for row, line in page.rows.items()
        for column, cell in line.items()
        if isinstance(cell.value, int | float) and not page.said(row, column)
    ]
    assert wordless == []


def test_checks_says_which_rows_of_a_sheet_in_parts_a_line_is_about() -> None:
    book = default_book()
    (page,) = (page for page in book.pages if page.title == "Checks")
    titles = {other.title for other in book.pages}
    lines = [(line[2].value, str(line[3].value)) for line in page.rows.values() if 3 in line]
    compared = [(title, text) for title, text in lines if title in titles and " numbers " in text]
    several = {title for title, _ in compared if [t for t, _ in compared].count(title) > 1}
    ends = {
        title: [
            [int(row) for row in re.findall(r"\d+", text)[-2:]]
            for t, text in compared
            if t == title
        ]
        for title in several
    }
    assert "Reference" in several
    assert all(", rows " in text for title, text in compared if title in several)
    assert all(rows == sorted(rows) for rows in ends.values())


def test_every_number_of_a_block_is_called_by_words_of_its_own() -> None:
    alike = []
    for page in default_book().pages:
        for block in page.blocks:
            top, left, bottom, right = block.area
            words = [
                block.which(row, column)
                for row in range(top, bottom + 1)
                for column in range(left, right + 1)
                if page.rows.get(row, {}).get(column, Cell(None)).value is not None
            ]
            told = [which for which in words if which is not None]
            if len(set(told)) < len(told):
                alike.append((page.title, block.name, told[:4]))
    assert alike == []
