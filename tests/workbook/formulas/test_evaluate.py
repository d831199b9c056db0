"""Formulas computed in Python: equal to NumPy on an exercise, and by the rules of Excel."""

import math
from contextlib import suppress

import pytest

from normviz.workbook.book.cells import Page, Value
from normviz.workbook.book.formula import parse
from normviz.workbook.exercise.exercise import exercise
from normviz.workbook.formulas.evaluate import CellError, UnknownFunctionError, evaluate
from normviz.workbook.lint.formulas import SAFE_FUNCTIONS
from tests.workbook.engines import differences

CELLS: dict[tuple[int, int], Value] = {
    (1, 1): 1.0, (1, 2): 2.0, (2, 1): 4.0, (2, 2): "text", (3, 1): True, (3, 2): None,
}  # fmt: skip


def value(formula: str) -> Value:
    return evaluate(parse(formula), lambda sheet, row, column: CELLS.get((row, column)))


def test_every_formula_of_an_exercise_gives_the_value_of_numpy() -> None:
    book = exercise(answers=True)
    pages = {page.title: page for page in book.pages}
    wanted: dict[tuple[str, str], Value] = {}
    found: dict[tuple[str, str], Value] = {}

    def computed(page: Page, formula: str) -> Value:
        def look(title: str, row: int, column: int) -> Value:
            line = pages[title or page.title].rows.get(row, {})
            return line[column].value if column in line else None

        return evaluate(parse(formula), look)

    for page in book.pages:
        for where, cell in page.formulas():
            wanted[page.title, where] = cell.value
            found[page.title, where] = computed(page, cell.formula or "")
    assert len(wanted) > 1000
    assert differences(wanted, found) == []


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        ("-2^2", 4.0),
        ("2^3^2", 64.0),
        ("1+2*3-4/2", 5.0),
        ("50%", 0.5),
        ('1&"a"&TRUE', "1aTRUE"),
        ('"a"="A"', True),
        ('3<"a"', True),
        ("B3=0", True),
        ('B3=""', True),
        ("SUM(A1:B3)", 7.0),
        ("SUM(A1:B3,TRUE)", 8.0),
        ("AVERAGE(A1:B3)", 7 / 3),
        ("COUNT(A1:B3)", 3),
        ("VARP(A1:B1)", 0.25),
        ("VAR.S(A1:B1)", 0.5),
        ("_xlfn.VAR.P(A1:B1)", 0.25),
        ("STDEV(A1:B1)", math.sqrt(0.5)),
        ("DEVSQ(A1:B1)", 0.5),
        ("SUMSQ(A1:B1)", 5.0),
        ("SUMPRODUCT(A1:A2,A1:A2)", 17.0),
        ("SUMPRODUCT((A1:A2>1)*A1:A2)", 4.0),
        ("SUM((A1:B1-1.5)^2)", 0.5),
        ("SUMXMY2(A1:A2,B1:B2)", 1.0),
        ("IF(A1>0,1,1/0)", 1.0),
        ("IFERROR(1/0,7)", 7.0),
        ("IFERROR(SQRT(-1),7)", 7.0),
        ("CHOOSE(2,1/0,5)", 5.0),
        ("INDEX(A1:B2,2,1)", 4.0),
        ("MATCH(4,A1:A2,0)", 2.0),
        ('COUNTIF(A1:B3,">1")', 2),
        ('COUNTIF(A1:B3,"text")', 1),
        ('SUMIF(A1:A2,">1",B1:B2)', 0.0),
        ("AVERAGEIF(A1:A2,1)", 1.0),
        ("AND(A1=1,B1=2)", True),
        ("OR(A1=2,B1=3)", False),
        ("NOT(A1=1)", False),
        ("ROUND(2.5,0)", 3.0),
        ("ROUND(-1.25,1)", -1.3),
        ("INT(-1.5)", -2),
        ("MOD(-1,3)", 2.0),
        ("MIN(A1:B3)+MAX(A1:B3)", 5.0),
        ("POWER(2,3)", 8.0),
    ],
)
def test_a_formula_means_what_a_spreadsheet_means(formula: str, wanted: Value) -> None:
    assert value(formula) == (pytest.approx(wanted) if isinstance(wanted, float) else wanted)


@pytest.mark.parametrize(
    "formula",
    ["1/0", "SQRT(-1)", '"a"+1', "B2*2", "AVERAGE(B2:B3)", "A1:A2*1", "10^400", "(-8)^0.5",
     "MATCH(9,A1:A2,0)", "INDEX(A1:A2,5,1)", "SQRT(1,2)"],
)  # fmt: skip
def test_what_a_spreadsheet_shows_as_an_error_is_one(formula: str) -> None:
    with pytest.raises(CellError):
        value(formula)


@pytest.mark.parametrize("formula", ["XLOOKUP(1,A1:A2,B1:B2)", "RAND()", "TODAY()", "LET(x,1)"])
def test_what_is_not_known_is_never_guessed(formula: str) -> None:
    with pytest.raises((UnknownFunctionError, ValueError)):
        value(formula)


@pytest.mark.parametrize("name", sorted(SAFE_FUNCTIONS - {"RANDBETWEEN"}))
def test_all_of_the_safe_list_but_chance_is_known(name: str) -> None:
    with suppress(CellError):
        value(f"{name}(A1:A2,1,0)" if name == "MATCH" else f"{name}(A1:A2,1)")
