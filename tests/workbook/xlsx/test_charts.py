"""Charts in the file: what the model says of an axis stands in the chart's part."""

from normviz.workbook.book.cells import Book
from normviz.workbook.book.charts import Axis, Chart, Line
from normviz.workbook.xlsx.charts import openpyxl_chart
from normviz.workbook.xlsx.frame import FileBook


def drawn(log: bool) -> object:
    book = Book("Book")
    page = book.page("Page")
    for row, size in enumerate((1.0, 0.01, 0.0001), start=1):
        page.put(row, 1, size)
    chart = Chart("t", (Line("a", (1, 1, 3, 1)),), 1, 3, up=Axis("size", log=log))
    page.charts.append(chart)
    return openpyxl_chart(FileBook(book).frame.pages[0], chart)


def test_an_axis_in_powers_of_ten_has_the_other_at_its_foot() -> None:
    chart = drawn(log=True)
    assert chart.y_axis.scaling.logBase == 10  # type: ignore[attr-defined]
    assert chart.x_axis.crosses == "min"  # type: ignore[attr-defined]


def test_an_axis_is_even_unless_said_otherwise() -> None:
    assert drawn(log=False).y_axis.scaling.logBase is None  # type: ignore[attr-defined]
