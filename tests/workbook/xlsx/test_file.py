"""The file itself: same bytes, cached values readable, in place whole, and committed up to date."""

import gc
import io
import sys
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas
import pytest

from normviz.workbook.book.cells import Book, Cell
from normviz.workbook.book.charts import Chart, Line
from normviz.workbook.book.styles import PLAIN
from normviz.workbook.build import build
from normviz.workbook.draw.content import PASS
from normviz.workbook.sheets.reference_values.torch_values import (
    SHIPPED,
    TOKENS,
    computed,
    shipped,
)
from normviz.workbook.sheets.subject.case import Case, Settings
from normviz.workbook.write import save
from normviz.workbook.xlsx.libreoffice import slug
from normviz.workbook.xlsx.write import _around, file_bytes, workbook_bytes
from tests.workbook.books import bytes_of, default_book
from tests.workbook.engines import titles_of

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "workbooks" / "normalization.xlsx"


@pytest.fixture(scope="module")
def default_bytes() -> bytes:
    return bytes_of(Settings())


def canonical_parts(content: bytes) -> dict[str, str]:
    """Every part as canonical XML, so that compression and spelling do not matter."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: ET.canonicalize(file.read(name).decode()) for name in file.namelist()}


def test_the_committed_workbook_is_current(default_bytes: bytes) -> None:
    assert_current(default_bytes, COMMITTED)


def test_the_committed_workbook_of_tokens_is_current() -> None:
    assert_current(bytes_of(TOKENS), COMMITTED.parent / "tokens.xlsx")


def assert_current(content: bytes, path: Path) -> None:
    built, committed = canonical_parts(content), canonical_parts(path.read_bytes())
    assert [n for n in built if committed.get(n) != built[n]] == [], "run make workbook"
    assert set(built) == set(committed)


def test_there_is_a_picture_of_every_sheet(default_bytes: bytes) -> None:
    titles = titles_of(io.BytesIO(default_bytes))
    names = {f"normalization-{slug(title)}.png" for title in titles}
    assert names == {path.name for path in (COMMITTED.parent / "previews").glob("norm*.png")}


@pytest.mark.parametrize("file", SHIPPED)
def test_the_values_of_torch_that_ship_are_current(file: str) -> None:
    pytest.importorskip("torch")
    now, (then, sentence) = computed(Case(SHIPPED[file])), shipped(file)
    assert sentence.startswith("Values of torch 2.")
    assert {op: set(steps) for op, steps in now.items()} == {o: set(s) for o, s in then.items()}
    for op, steps in now.items():
        for name, value in steps.items():
            np.testing.assert_allclose(then[op][name], value, rtol=0, atol=1e-13)


def test_without_torch_the_column_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    book = build(Settings(seed=1))
    texts = [c.value for page in book.pages for line in page.rows.values() for c in line.values()]
    traces = Case(Settings(seed=1)).traces.values()
    assert texts.count("no torch here") == sum(len(t) - 1 for t in traces if not isinstance(t, str))
    assert any("torch was not installed" in str(text) for text in texts)
    assert f"All {texts.count(PASS)} checks pass" in texts


def test_pandas_and_openpyxl_read_the_cached_values(default_bytes: bytes) -> None:
    book = default_book()
    data = openpyxl.load_workbook(io.BytesIO(default_bytes), data_only=True)
    frame = pandas.read_excel(io.BytesIO(default_bytes), sheet_name="BatchNorm", header=None)
    page = next(page for page in book.pages if page.title == "BatchNorm")
    for where, cell in page.formulas():
        found = data["BatchNorm"][where]
        assert found.value == cell.value
        assert frame.iat[found.row - 1, found.column - 1] == cell.value


def test_every_sheet_prints_on_landscape_pages_of_its_own_width(default_bytes: bytes) -> None:
    for sheet in openpyxl.load_workbook(io.BytesIO(default_bytes)):
        assert sheet.page_setup.orientation == "landscape"
        assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (1, 0)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.freeze_panes is not None
        links = [
            cell.hyperlink.location for row in sheet["A1:AZ6"] for cell in row if cell.hyperlink
        ]
        assert sheet.title == "Contents" or "Contents!A1" in links


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "book.xlsx"
    target.write_bytes(b"the old one")

    book = Book("unsafe")
    book.page("Data").put(1, 1, 1.0, formula="NOW()")
    with pytest.raises(Exception, match="NOW"):
        save(book, target)
    assert target.read_bytes() == b"the old one"
    assert [path.name for path in tmp_path.iterdir()] == ["book.xlsx"]


def test_a_cell_is_taken_once_and_holds_finite_numbers() -> None:
    page = Book("cells").page("Data")
    page.put(1, 1, np.float64(0.5))
    with pytest.raises(ValueError, match="taken already"):
        page.put(1, 1, 2)
    with pytest.raises(ValueError, match="nan"):
        page.put(1, 2, float("nan"))
    with pytest.raises(ValueError, match="outside of a sheet"):
        page.put(0, 1, 2)


def test_an_interrupted_build_ends_without_complaints() -> None:
    class Interrupting(dict[int, Cell]):
        def items(self) -> Any:
            raise KeyboardInterrupt

    book = Book("interrupted")
    for title in ("first", "second"):
        page = book.page(title)
        for row in range(1, 50):
            page.put(row, 1, 1.0)
    page.rows[40] = Interrupting(page.rows[40])
    with pytest.raises(KeyboardInterrupt):
        workbook_bytes(book)
    # Would be reported as an exception in a generator that nobody closed, which is an error here.
    gc.collect()


def test_texts_stand_once_in_a_table_of_the_file(tmp_path: Path) -> None:
    book = Book("texts")
    page = book.page("Data")
    texts = ("plain", "plain", " with spaces ", "two\nlines", "<b> & 'c'", "=1+1")
    for row, text in enumerate(texts, start=1):
        page.put(row, 1, text)
    page.put(9, 1, "live", formula='"live"')
    content = workbook_bytes(book)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        table = ET.fromstring(file.read("xl/sharedStrings.xml"))
        sheet = file.read("xl/worksheets/sheet1.xml").decode()
    # The six, and the formula's text as shipped, which its mark compares it with.
    assert (table.get("count"), table.get("uniqueCount")) == ("7", "6")
    assert "inlineStr" not in sheet
    read = openpyxl.load_workbook(io.BytesIO(content), data_only=True)["Data"]
    assert tuple(read.cell(row, 1).value for row in range(1, 7)) == texts
    assert read["A9"].value == "live"


def numbers(*values: float, color: str = "FFFFFF") -> Book:
    """A book with a column of numbers, their sum, and a chart of them."""
    book = Book("numbers")
    page = book.page("Data")
    for row, value in enumerate(values, start=1):
        page.put(row, 1, value, PLAIN.filled(color))
    page.put(9, 1, sum(values), formula="SUM(A1:A8)")
    page.charts.append(Chart("t", (Line("a", (1, 1, 2, 1)),), 1, 3))
    return book


@pytest.mark.parametrize(
    "other", [numbers(3.0, 4.0), numbers(1.0, 2.0, color="FF0000"), numbers(1.0, 2.0, 3.0)]
)
def test_a_file_is_the_same_whatever_was_written_before_it(other: Book) -> None:
    _around.cache_clear()
    alone = workbook_bytes(numbers(1.0, 2.0))
    _around.cache_clear()
    workbook_bytes(other)
    assert workbook_bytes(numbers(1.0, 2.0)) == alone


def test_files_that_differ_in_numbers_alone_share_what_is_around_them() -> None:
    _around.cache_clear()
    for seed in (0.0, 1.0, 2.0):
        book = numbers(seed, 2.0)
        book.pages[0].charts.clear()
        workbook_bytes(book)
    assert (_around.cache_info().misses, _around.cache_info().hits) == (1, 2)


def test_a_file_without_values_has_formulas_that_wait_for_them() -> None:
    content = io.BytesIO(file_bytes(numbers(1.0, 2.0), values=False))
    assert openpyxl.load_workbook(content)["Data"]["A9"].value == "=SUM(A1:A8)"
    assert openpyxl.load_workbook(content, data_only=True)["Data"]["A9"].value is None
