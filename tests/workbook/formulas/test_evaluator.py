"""Formulas computed in Python: equal to NumPy on an exercise, and by the rules of Excel."""

import math
from contextlib import suppress

import ironcalc
import pytest

from normviz.workbook.book.cells import Page, Value
from normviz.workbook.book.formula import FormulaError, parse
from normviz.workbook.exercise.exercise import exercise
from normviz.workbook.formulas.evaluator.evaluate import evaluate
from normviz.workbook.formulas.evaluator.operands import CellError, UnknownFunctionError, number_in
from normviz.workbook.lint.formulas import SAFE_FUNCTIONS
from tests.workbook.engines import differences

CELLS: dict[tuple[int, int], Value | CellError] = {
    (1, 1): 1.0, (1, 2): 2.0, (2, 1): 4.0, (2, 2): "text", (3, 1): True, (3, 2): None,
    (4, 1): 0.5, (4, 2): CellError("#DIV/0!"),
}  # fmt: skip


def value(formula: str) -> Value:
    def look(sheet: str, row: int, column: int) -> Value:
        found = CELLS.get((row, column))
        if isinstance(found, CellError):
            raise found
        return found

    return evaluate(parse(formula), look)


MEANT: list[tuple[str, Value]] = [
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
    ("ROUND(1.005,2)", 1.01),
    ("ROUND(0.285,2)", 0.29),
    ("ROUND(-1.005,2)", -1.01),
    ("ROUND(1234.5678,-2)", 1200.0),
    ("ROUND(1,-400)", 0.0),
    ("ROUND(1.5,400)", 1.5),
    ("ROUND(2.345,1.9)", 2.3),
    ('ROUND(-0.4,0)&""', "0"),
    ("SUM(INDEX(A1:B2,0,1))", 5.0),
    ("SUM(INDEX(A1:B2,1,0))", 3.0),
    ("SUM(INDEX(A1:B2,0,0))", 7.0),
    ("SUM(INDEX(A1:B2,2,2))", 0.0),
    ("INDEX(A1:B1,2)", 2.0),
    ("INDEX(A1:A2,2)", 4.0),
    ("INDEX(B1:B4,1)", 2.0),
    ("SUM(B2:A1)", 7.0),
    ("MATCH(0.5,A1:A4,0)", 4.0),
    ('MATCH("TEXT",B1:B4,0)', 2.0),
    ("CHOOSE(1.9,5,6)", 5.0),
    ('COUNT("a",1)', 1),
    ('COUNT("2",TRUE,1)', 3),
    ("COUNT(1/0,B1:B4)", 1),
    ('COUNTIF(A1:B3,"<>1")', 5),
    ('COUNTIF(A1:B3,"<>")', 5),
    ('COUNTIF(A1:B3,"=")', 1),
    ('COUNTIF(A1:B3,"")', 1),
    ('COUNTIF(A1:B3,"<>text")', 5),
    ("COUNTIF(A1:B3,TRUE)", 1),
    ('COUNTIF(A1:B3,"true")', 1),
    ('COUNTIF(B1:B4,">0")', 1),
    ("COUNTIF(A1:A4,B3)", 0),
    ('COUNTIF(B1:B4,"t?X*")', 1),
    ('COUNTIF(B1:B4,"t~?xt")', 0),
    ('COUNTIF(B1:B3,"<>te*")', 2),
    ('MATCH("te*",B1:B4,0)', 2.0),
    ("SUMIF(B1:B4,2,A1:A4)", 1.0),
    ("PRODUCT(B2:B3)", 0.0),
    ("AND(A1:A2>1)", False),
    ("OR(A1:A2>3)", True),
    ("AND(A3)", True),
    ("NOT(A3)", False),
    ("SUM(A1:A2>0)", 0.0),
    ('IF("true",1,2)', 1.0),
    ("SUM(A3)", 0.0),
    ("B3", 0.0),
    ("IF(TRUE,B3)", 0.0),
    ("B3=FALSE", True),
    ("0.1+0.2=0.3", True),
    ("0.3<0.1+0.2", False),
    ("IFERROR(B4,7)", 7.0),
    ('" 1 "+1', 2.0),
    ('1/3&""', "0.333333333333333"),
]

ERRORS = [
    "1/0", "SQRT(-1)", '"a"+1', "B2*2", "AVERAGE(B2:B3)", "10^400", "(-8)^0.5", "0^-1",
    "MATCH(9,A1:A2,0)", "MATCH(0,B3:B3,0)", "INDEX(A1:A2,5,1)", "INDEX(A1:B2,1,3)",
    "INDEX(A1:A3,-1)", "CHOOSE(0,5,6)", "CHOOSE(-1,5,6)", "CHOOSE(3,5,6)", "B4+5", "SUM(B4,2)",
    "IF(B4,1,2)", "MAX(A1:B4)", "MATCH(4,B1:B4,0)", '""+1', '"nan"+1', '"TRUE"+1', "1E308*10",
    "PRODUCT(1E308,10)", "EXP(1000)", "MOD(5,0)", 'NOT("1")', 'AND("a")', "AND(B2)", "AND(B3)",
    '"1_0"+1', '"x1"+1', 'MAX("a")', "VAR(A1)", "VARP(B3)", "DEVSQ(B3)", 'AVERAGEIF(A1:A2,">9")',
    "SUMPRODUCT(A1:A2,B1)", "SUMPRODUCT(A1:A2,2)", "SUMPRODUCT(A1:A2,A1:B2)",
]  # fmt: skip
OTHERS_IN_IRONCALC = {
    'ROUND(-0.4,0)&""': "-0", 'COUNTIF(A1:B3,"<>text")': "5", "SUMXMY2(A1:A2,B1:B2)": "17",
    "SUM(INDEX(A1:B2,2,2))": "an error", '1/3&""': "of 16 digits",
}  # fmt: skip
"""Where it leaves Excel's way, and how."""

GIVEN = {
    **dict.fromkeys(("ABS", "INT", "NOT", "SQRT"), "4"),
    **dict.fromkeys(("MOD", "ROUND", "IF", "CHOOSE", "IFERROR"), "1,2"),
    **dict.fromkeys(("COUNTIF", "SUMIF", "AVERAGEIF", "INDEX"), "A1:A2,1"),
    "MATCH": "1,A1:A2,0",
}
"""What to give to a function that takes other than one area."""


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


@pytest.mark.parametrize(("formula", "wanted"), MEANT)
def test_a_formula_means_what_a_spreadsheet_means(formula: str, wanted: Value) -> None:
    assert value(formula) == (pytest.approx(wanted) if isinstance(wanted, float) else wanted)


@pytest.mark.parametrize("formula", ERRORS)
def test_what_a_spreadsheet_shows_as_an_error_is_one(formula: str) -> None:
    with pytest.raises(CellError):
        value(formula)


@pytest.fixture(scope="module")
def ironcalc_finds() -> dict[str, Value]:
    model = ironcalc.create("cases", "en", "UTC", "en")
    for (row, column), content in CELLS.items():
        typed = (
            "=1/0" if isinstance(content, CellError) else str("" if content is None else content)
        )
        model.set_user_input(0, row, column, typed)
    formulas = [formula for formula, _ in MEANT] + ERRORS
    for row, formula in enumerate(formulas, start=1):
        model.set_user_input(0, row, 9, "=" + formula.replace("_xlfn.", ""))
    model.evaluate()
    return {f: model.get_cell_value(0, row, 9) for row, f in enumerate(formulas, start=1)}


@pytest.mark.parametrize("formula", [formula for formula, _ in MEANT] + ERRORS)
def test_ironcalc_means_the_same(formula: str, ironcalc_finds: dict[str, Value]) -> None:
    found, wanted = ironcalc_finds[formula], dict(MEANT).get(formula)
    if wanted is None:
        same = str(found).startswith("#")
    else:
        same = found == (pytest.approx(wanted) if isinstance(wanted, float) else wanted)
    assert same == (formula not in OTHERS_IN_IRONCALC), found


REFUSED = [
    "XLOOKUP(1,A1:A2,B1:B2)", "RAND()", "TODAY()", "LET(x,1)", "0^0", "POWER(0,0)", "(-8)^(1/3)",
    "INDEX(A1:B2,2)", "INDEX(A1:B2,1,1,1)", "INDEX(5,1)", "MATCH(1,A1:A2)", 'MATCH("a","abc",0)',
    "MATCH(B3,A1:A2,0)", 'COUNTIF(A1:B4,"<>1")', 'COUNTIF(A1:A2,">1,5")', 'SUMIF(A1:A3,">1",B1:B2)',
    "SUMXMY2(A1:B1,A1:A2)", '"1,5"+1', '"50%"+1', '"1/2"+1', '"1 May"+1', "ROUND(1.15*3,1)",
    "INT(4.35*100)", '"a-b"<"ab"', '1E20&""', '0.00001&""', "A1:A2*1", "A1:A2", "SUM(A1:A900000)",
    "SUM(A1:A9999*A1:XFD1)", "SQRT(1,2)", "SUM()", "PI(1)", "VLOOKUP(1,A1:B2,2,0)", "LN(0)",
    'TEXT(1,"0.0")', "DATE(2020,1,1)", "A1:A3+B1:B2", "COUNTIF(1,1)",
]  # fmt: skip


@pytest.mark.parametrize("formula", REFUSED)
def test_what_is_not_known_is_never_guessed(formula: str) -> None:
    with pytest.raises((UnknownFunctionError, FormulaError)):
        value(formula)


@pytest.mark.parametrize("name", sorted(SAFE_FUNCTIONS - {"RANDBETWEEN"}))
def test_all_of_the_safe_list_but_chance_is_known(name: str) -> None:
    with suppress(CellError):
        value(f"{name}({GIVEN.get(name, 'A1:A2')})")


def test_a_text_of_many_months_is_tried_in_one_way() -> None:
    """In two ways each, sixty of them would be tried for ever."""
    assert number_in("1" + 60 * "june" + "x") is None
    with pytest.raises(UnknownFunctionError):
        number_in("1 june")
