"""Each rule of the lint finds the fault it is for, in a file that has just this one fault."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from openpyxl.chart import BarChart, Reference, ScatterChart
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import PatternFill
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.formula import ArrayFormula

from normviz.workbook.book.cells import Book
from normviz.workbook.lint import lint
from normviz.workbook.xlsx.write import UnsafeWorkbookError, workbook_bytes


def openpyxl_file(prepare: Callable[[Any, Any], None]) -> bytes:
    """A small sound workbook, with one thing done to it."""
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.title = "Data"
    workbook.create_sheet("Other")
    for row in range(1, 5):
        sheet.append([f"row {row}", row, row / 3])
    prepare(workbook, sheet)
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


def with_part(content: bytes, part: str, change: Callable[[str], str]) -> bytes:
    """A file with one part changed as text."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(name, change(text.decode()).encode() if name == part else text)
    return out.getvalue()


def rules_broken(content: bytes) -> set[str]:
    return {problem.rule for problem in lint(content)}


def formula_file(formula: str, value: Any = 1.0) -> bytes:
    """A file with one formula and its cached value, written without the package's own check."""
    from normviz.workbook.xlsx.write import file_bytes

    book = Book("one formula")
    page = book.page("Data")
    for row in range(1, 5):
        page.put(row, 1, float(row))
    page.put(1, 2, value, formula=formula)
    book.page("Which one")
    book.page("bn L2")
    book.name("known_name", page, (1, 1, 4, 1))
    return file_bytes(book)


SOUND = (
    "AVERAGE(A1:A4)",
    "SUMPRODUCT(MAX(ABS(A1:A2-A3:A4)))",
    "IF(A1>0,SUM(known_name),'Which one'!B3^2)",
    "IF(A1=\"it's\",SUM('bn L2'!A1:A4),B2)",
    'IF(A1="Random",RANDBETWEEN(-4,4),$A$2)',
    "-(A1+A2)/(2*A3^3)+1E-5",
)


@pytest.mark.parametrize("formula", SOUND)
def test_sound_formulas_pass(formula: str) -> None:
    assert lint(formula_file(formula)) == []


FORMULA_FAULTS = {
    "safe_function": "LET(a,1,a)",
    "safe_function ": "VAR.P(A1:A4)",
    "safe_function  ": "_xlfn.VAR.P(A1:A4)",
    "safe_function   ": "OFFSET(A1,1,1)",
    "guarded_random": "RANDBETWEEN(-4,4)",
    "balanced": "SUM((A1:A4)",
    "comma_separates": "SUM(A1;A2)",
    "ascii_only": "A1−A2",
    "no_array_constant": "SUM({1,2,3})",
    "no_array_constant ": "SUM(@A1:A4)",
    "readable": "SUM(A1#)",
    "no_prose": " mean of the set",
    "no_union": "AVERAGE((A1,A3))",
    "known_references": "SUM(Nowhere!A1)",
    "known_references ": "unknown_name+1",
    "argument_count": "SUM(" + ",".join(["A1"] * 256) + ")",
    "literal_length": 'IF(A1=1,"' + "x" * 256 + '","")',
    "formula_length": "+".join(["A1"] * 3000),
}


@pytest.mark.parametrize(("rule", "formula"), FORMULA_FAULTS.items())
def test_formula_fault(rule: str, formula: str) -> None:
    assert rule.strip() in rules_broken(formula_file(formula))


def add_name(name: str, target: str = "Data!$B$1") -> Callable[[Any, Any], None]:
    def prepare(workbook: Any, sheet: Any) -> None:
        workbook.defined_names[name] = DefinedName(name, attr_text=target)

    return prepare


def add_format(formula: str) -> Callable[[Any, Any], None]:
    fill = PatternFill(bgColor="FF0000", fill_type="solid")
    return lambda workbook, sheet: sheet.conditional_formatting.add(
        "B1:B4", FormulaRule(formula=[formula], fill=fill)
    )


def add_validation(**fields: Any) -> Callable[[Any, Any], None]:
    def prepare(workbook: Any, sheet: Any) -> None:
        validation = DataValidation(**({"type": "list", "formula1": '"a,b"'} | fields))
        validation.add("D1")
        sheet.add_data_validation(validation)

    return prepare


def merge(*areas: str) -> Callable[[Any, Any], None]:
    def prepare(workbook: Any, sheet: Any) -> None:
        for area in areas:
            sheet.merged_cells.add(area)

    return prepare


def put(value: Any) -> Callable[[Any, Any], None]:
    def prepare(workbook: Any, sheet: Any) -> None:
        sheet["D1"] = value

    return prepare


def array_formula(workbook: Any, sheet: Any) -> None:
    sheet["D1"] = ArrayFormula("D1", "=SUM(B1:B4*C1:C4)")


def wide_column(workbook: Any, sheet: Any) -> None:
    sheet.column_dimensions["A"].width = 300


def high_row(workbook: Any, sheet: Any) -> None:
    sheet.row_dimensions[1].height = 410


def dead_link(workbook: Any, sheet: Any) -> None:
    from openpyxl.worksheet.hyperlink import Hyperlink

    sheet["A1"].hyperlink = Hyperlink(ref="A1", location="Nowhere!A1")


def bar_chart(workbook: Any, sheet: Any) -> None:
    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=4))
    chart.x_axis.delete = None
    sheet.add_chart(chart, "F1")


def scatter_chart(workbook: Any, sheet: Any) -> None:
    chart = ScatterChart()
    chart.x_axis.delete = chart.y_axis.delete = False
    chart.scatterStyle = None
    sheet.add_chart(chart, "F1")


def repeated_headers(workbook: Any, sheet: Any) -> None:
    from openpyxl.worksheet.table import Table, TableColumn

    table = Table(displayName="results", ref="A1:B4")
    table.tableColumns = [TableColumn(id=1, name="loss"), TableColumn(id=2, name="Loss")]
    sheet.add_table(table)


FILE_FAULTS: dict[str, Callable[[Any, Any], None]] = {
    "name_is_no_cell": add_name("BN1"),
    "name_is_no_cell ": add_name("R"),
    "name_is_legal": add_name("two words"),
    "name_target": add_name("union", "Data!$B$1,Data!$B$3"),
    "name_target ": add_name("elsewhere", "Nowhere!$B$1"),
    "name_target  ": add_name("equals", "=Data!$B$1"),
    "format_formulas": add_format("=B1>2"),
    "format_formulas ": add_format("Other!B1>2"),
    "format_formulas  ": add_format("OR(B1={1,2})"),
    "validation_formulas": add_validation(type="custom", formula1="=B1>2"),
    "validation_lists": add_validation(formula1='"' + "abc," * 70 + '"'),
    "validation_lists ": add_validation(formula1="a,b"),
    "validation_messages": add_validation(prompt="p" * 256),
    "validation_messages ": add_validation(promptTitle="t" * 33),
    "merges_apart": merge("A6:B8", "B7:C9"),
    "sizes": wide_column,
    "sizes ": high_row,
    "finite_number": put(float("nan")),
    "finite_number ": put(float("inf")),
    "cached_result": put("=SUM(B1:B4)"),
    "no_prose": put("= mean of the set"),
    "no_error": put("#DIV/0!"),
    "plain_formula": array_formula,
    "links_lead_somewhere": dead_link,
    "axis_is_shown": bar_chart,
    "scatter_has_style": scatter_chart,
    "table_headers": repeated_headers,
}


@pytest.mark.parametrize(("rule", "prepare"), FILE_FAULTS.items())
def test_file_fault(rule: str, prepare: Callable[[Any, Any], None]) -> None:
    assert rule.strip() in rules_broken(openpyxl_file(prepare))


def test_the_sound_file_has_no_fault() -> None:
    assert lint(openpyxl_file(lambda workbook, sheet: None)) == []


TITLE_FAULTS = {
    "title_length": "x" * 32,
    "title_characters": "mean/var",
    "titles_differ": "DATA",
}


@pytest.mark.parametrize(("rule", "title"), TITLE_FAULTS.items())
def test_title_fault(rule: str, title: str) -> None:
    sound = openpyxl_file(lambda workbook, sheet: None)
    faulty = with_part(sound, "xl/workbook.xml", lambda xml: xml.replace('"Other"', f'"{title}"'))
    assert rule in rules_broken(faulty)


def test_a_part_that_is_there_twice() -> None:
    sound = openpyxl_file(lambda workbook, sheet: None)
    out = io.BytesIO(sound)
    with zipfile.ZipFile(out, "a") as target, pytest.warns(UserWarning, match="Duplicate"):
        target.writestr("xl/styles.xml", "<x/>")
    assert "zip_without_duplicates" in rules_broken(out.getvalue())


CACHE_FAULTS = {
    "cached_type": "<v>PASS</v>",
    "cached_type ": "<v>nan</v>",
    "no_error": "<v>#DIV/0!</v>",
    "cached_result": "<v></v>",
    "cached_result ": "",
}


@pytest.mark.parametrize(("rule", "value"), CACHE_FAULTS.items())
def test_fault_of_a_cached_value(rule: str, value: str) -> None:
    sound, part = formula_file("SUM(A1:A4)"), "xl/worksheets/sheet1.xml"
    faulty = with_part(sound, part, lambda xml: xml.replace("</f><v>1.0</v>", "</f>" + value))
    assert rule.strip() in rules_broken(faulty)


def test_a_text_too_long_for_a_cell() -> None:
    long = '<c r="E4" t="inlineStr"><is><t>' + "x" * 32_768 + "</t></is></c></row></sheetData>"
    faulty = with_part(
        openpyxl_file(put("short")),
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace("</row></sheetData>", long),
    )
    assert "text_length" in rules_broken(faulty)


def test_writing_refuses_an_unsafe_book() -> None:
    book = Book("unsafe")
    book.page("Data").put(1, 1, 1.0, formula="LET(a,1,a)")
    with pytest.raises(UnsafeWorkbookError, match="LET"):
        workbook_bytes(book)


def test_a_text_that_begins_with_an_equals_sign_stays_a_text() -> None:
    book = Book("text")
    book.page("Data").put(1, 1, '=HYPERLINK("http://example.org")')
    sheet = openpyxl.load_workbook(io.BytesIO(workbook_bytes(book)))["Data"]
    assert sheet["A1"].data_type == "s" or not sheet["A1"].value.startswith("==")
    assert b"<f>" not in zipfile.ZipFile(io.BytesIO(workbook_bytes(book))).read(
        "xl/worksheets/sheet1.xml"
    )
