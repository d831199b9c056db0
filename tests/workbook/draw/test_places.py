"""Formulas in names: every name becomes the address of the cells it means for a cell."""

import pytest

from normviz.norms.sets import statistics_sets
from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book
from normviz.workbook.draw.columns import even, of_tensor
from normviz.workbook.draw.content import Band, Caption, Cells, Line, Step, Table, Words
from normviz.workbook.draw.places import Cells as Placed
from normviz.workbook.draw.places import Here, resolved
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.draw.tensor import Frame
from normviz.workbook.sheets.subject.case import Settings
from tests.workbook.books import book_of

X = Placed(2, 26, 3, 2, ("n", "c"))
KNOWN = {"x": X, "mean": Placed(9, 26, 1, 2, ("", "c")), "eps": Placed(1, 3, 1, 1, fixed=True)}
CELL = Here({"n": 1, "c": 1})


@pytest.mark.parametrize(
    ("template", "wanted"),
    {
        "{x}": "AA3",
        "{mean}": "AA9",
        "{eps}": "$C$1",
        "{x[*]}": "Z2:AA4",
        "{x[n=*]}": "AA2:AA4",
        "{x[c=*]}": "Z3:AA3",
        "{x[n-1]}": "AA2",
        "{x[n+1,c=0]}": "Z4",
        "{x[n=0:2]}": "AA2:AA3",
        "{x[n=-1]}": "AA4",
        "SUM({x[*]})-{mean}": "SUM(Z2:AA4)-AA9",
    }.items(),
    ids=lambda text: text,
)
def test_a_name_means_the_cells_it_shares_axes_with(template: str, wanted: str) -> None:
    assert resolved(template, KNOWN, CELL, {}) == wanted


@pytest.mark.parametrize(
    ("template", "error", "says"),
    [
        ("{y}", KeyError, "'y' in the formula"),
        ("{x[n+2]}", ValueError, "n = 3 is outside"),
        ("{x[n ?]}", ValueError, "brackets must look like"),
    ],
)
def test_a_name_that_means_nothing_is_refused(
    template: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says.replace("?", r"\?")):
        resolved(template, KNOWN, CELL, {})


def test_a_block_of_another_sheet_is_named_with_its_sheet() -> None:
    found = resolved("{in.x}*{in.eps}", {}, CELL, {"in": ("Which LayerNorm", KNOWN)})
    assert found == "'Which LayerNorm'!AA3*'Which LayerNorm'!$C$1"


def drawn() -> Sheet:
    sheet = Sheet(Book("one"), "One", "One", "A sheet.", even(17, (2, 2)))
    x = Cells("x", [[1.0, 2.0], [3.0, 4.0]])
    sheet.draw(
        Line("total", "total", 10.0, "SUM({x[*]})"),
        Words("What follows is used above."),
        Band(
            (
                Table(x, axes=("n", "c"), down=("n = 0", "n = 1"), across=("c = 0", "c = 1")),
                Table(Cells("half", [[0.5, 1.0], [1.5, 2.0]], "{x}/2"), axes=("n", "c")),
            )
        ),
    )
    return sheet


def formulas(sheet: Sheet) -> dict[str, str]:
    return {where: str(cell.formula) for where, cell in sheet.page.formulas()}


def test_a_formula_may_name_what_stands_below_it() -> None:
    x = drawn().placed["x"].area
    assert f"SUM({address(x[0], x[1])}:{address(x[2], x[3])})" in formulas(drawn()).values()


def test_moving_everything_down_moves_every_formula() -> None:
    sheet = Sheet(Book("one"), "One", "One", "A sheet.", even(17, (2, 2)))
    row = sheet.row
    sheet.draw(Words("One line more."), Line("a", "a", 1.0), Line("b", "b", 2.0, "2*{a}"))
    assert formulas(sheet) == {f"C{row + 3}": f"2*$C${row + 2}"}


def test_cells_say_what_they_are() -> None:
    sheet = drawn()
    top, left, bottom, _ = sheet.placed["x"].area
    assert sheet.page.said(bottom, left) == "x of n = 1, c = 0"
    assert sheet.page.said(top, left - 1) == ""


def test_names_down_have_a_head_and_heads_may_have_one_of_their_own() -> None:
    sheet = Sheet(Book("one"), "One", "One", "A sheet.", even(17, (4,)))
    cells = [Cells(name, [[1.0], [2.0]]) for name in "abcd"]
    heads, over = ("mean", "variance") * 2, ("float32", "float16")
    sheet.draw(
        Table(
            cells, ("o", ""), (10, 100), "offset", across=heads, over=over, beside=True, steps="o"
        )
    )
    top, left, *_ = sheet.placed["a"].area
    lines = [
        [cell and cell.value for cell in map(sheet.page.rows[row].get, range(left - 1, left + 4))]
        for row in (top - 2, top - 1)
    ]
    assert lines == [[None, "float32", None, "float16", None], ["offset", *heads]]


def test_two_blocks_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="stands on the sheet"):
        drawn().draw(Line("total", "again", 1.0))


def beside_names(*labels: str) -> None:
    """Draw rows called by `labels`, without the names, beside a table that has them."""
    named = Table([Cells("m", [3.0], label="m samples"), Cells("mean", [1.0], label="mean μ")])
    others = [Cells(f"other {at}", [1.0], label=label) for at, label in enumerate(labels)]
    sheet = Sheet(Book("one"), "One", "One", "A sheet.", even(17, (2, 2)))
    sheet.draw(Band((named, Table(others, labelled=False))))


def test_a_table_without_names_stands_in_the_rows_that_are_called_so() -> None:
    beside_names("m samples, averaged", "mean μ, averaged")
    with pytest.raises(ValueError, match=r"'mean μ, averaged' .* is in the row 'm samples'"):
        beside_names("mean μ, averaged")


def test_a_step_reads_its_own_set_and_a_statistic_all_of_its_elements() -> None:
    frame = Frame(statistics_sets("group_norm", (2, 4, 1, 2), num_groups=2))
    sheet = Sheet(Book("one"), "One", "One", "A sheet.", of_tensor(frame.layout), frame=frame)
    zeros = [0.0] * 16
    sheet.draw(
        Step("x", Caption("x"), zeros, "element"),
        Step("mean", Caption("mean", symbol="μ"), zeros[:4], "set", "AVERAGE({x})"),
        Step("centered", Caption("centered"), zeros, "element", "{x}-{mean}"),
    )
    found = list(formulas(sheet).values())
    x, mean = sheet.placed["x"].area, sheet.placed["mean"].area
    first = f"{address(x[0], x[1])}:{address(x[0], x[1] + 4)}"
    assert found[0] == f"AVERAGE({first})"
    assert found[4] == f"{address(x[0], x[1])}-{address(mean[0], mean[1])}"
    row, column, *_ = mean
    assert sheet.page.said(row, column) == "mean μ of set 1: image 0, channels 0–1"
    assert sheet.page.said(x[0], x[1] + 1) == "x of image 0, channel 0, pixel (0, 1)"


@pytest.mark.parametrize(
    ("shape", "title", "said"),
    [
        ((4, 4, 2, 2), "BatchNorm", "channel 0"),
        ((4, 4, 2, 2), "LayerNorm", "channel 0 h0 w0"),
        ((2, 5, 8), "LayerNorm", "feature 0"),
    ],
)
def test_a_parameter_is_of_no_image(shape: tuple[int, ...], title: str, said: str) -> None:
    page = next(page for page in book_of(Settings(shape)).pages if page.title == title)
    block = next(block for block in page.blocks if block.name == "weight")
    assert block.which(*block.area[:2]) == said
