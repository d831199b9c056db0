"""What the cells of a file show: computed from their formulas, stored where these are not known."""

import pytest

from normviz.grading.flags import flags
from normviz.grading.read import Handed, filled
from normviz.workbook.book.cells import Value
from normviz.workbook.exercise.classroom.assignment import Assignment, enroll
from normviz.workbook.lint.source import FileCell
from tests.grading.fill import sheet_of, solved


def sheet(formulas: dict[str, str], stored: dict[str, Value] | None = None, *errors: str) -> Handed:
    return Handed({"S": formulas}, {"S": stored or {}}, {("S", where) for where in errors})


def test_what_reads_an_error_is_one_unless_it_is_caught() -> None:
    formulas = {"B9": "1/0", "C1": "B9+5", "C2": "SUM(B9,2)", "C3": "IFERROR(B9,7)", "C4": "C1*2"}
    handed = sheet(formulas)
    found = {where: handed.value("S", where) for where in formulas}
    assert found == {"B9": None, "C1": None, "C2": None, "C3": 7.0, "C4": None}
    assert not any(handed.unknown("S", where) for where in formulas)


def test_an_error_that_is_stored_is_read_as_one() -> None:
    handed = sheet(
        {"A1": "XLOOKUP(1,B1:B2,B1:B2)", "A2": "A1+1", "A3": "IFERROR(B1,7)"}, {}, "A1", "B1"
    )
    assert [handed.value("S", where) for where in ("A1", "A2", "A3", "B1")] == [
        None,
        None,
        7.0,
        None,
    ]
    assert handed.unknown("S", "A1") == ""


def test_an_error_that_was_stored_is_none_once_its_formula_gives_a_value() -> None:
    handed = sheet({"A1": "VAR.P(B1:B2)", "A2": "A1+1"}, {"B1": 1.0, "B2": 3.0}, "A1")
    assert [handed.value("S", "A1"), handed.value("S", "A2")] == [1.0, 2.0]


def test_a_number_stored_beside_a_formula_that_is_an_error_is_stale() -> None:
    handed = sheet({"A1": "1/0", "A2": "1+1"}, {"A1": 7.0, "A2": 2.0})
    assert [handed.stale("S", "A1"), handed.stale("S", "A2")] == [True, False]


def test_where_programs_do_not_agree_the_stored_value_counts() -> None:
    handed = sheet({"A1": "0^0", "A2": "0^0", "A3": "A2+1"}, {"A1": 1.0})
    assert [handed.value("S", where) for where in ("A1", "A2", "A3")] == [1.0, None, None]
    assert [handed.unknown("S", where) for where in ("A1", "A2", "A3")] == ["", "0^0", "0^0"]


def array(area: tuple[int, int, int, int], formula: str, stored: dict[str, Value]) -> Handed:
    """The sheet with an array formula in column C."""
    cells = [f"C{row}" for row in range(area[0], area[2] + 1)]
    handed = sheet(dict.fromkeys(cells, formula), {"A1": 1.0, "A2": 2.0, "A3": 4.0} | stored)
    handed.arrays.update({("S", where): area for where in cells})
    return handed


def column(handed: Handed) -> list[Value]:
    return [handed.value("S", where) for where in ("C1", "C2", "C3")]


def test_an_array_formula_is_computed_in_every_cell_that_it_fills() -> None:
    assert column(array((1, 3, 3, 3), "A1:A3*2", {})) == [2.0, 4.0, 8.0]
    assert column(array((1, 3, 3, 3), "SUM(A1:A3)", {})) == [7.0, 7.0, 7.0]
    assert column(array((1, 3, 3, 3), "IF(A1:A3>1,1/(A1:A3-2),0)", {})) == [0.0, None, 0.5]
    assert column(array((1, 3, 3, 3), "IFERROR(1/(A1:A3-2),7)", {})) == [-1.0, 7.0, 0.5]
    assert column(array((1, 3, 3, 3), "A1:A2*2", {})) == [2.0, 4.0, None]
    assert column(array((1, 3, 1, 3), "A1:A3*2", {"C2": 5.0})) == [2.0, 5.0, None]
    assert column(array((1, 3, 1, 3), "SUM(IF(A1:A3>1,A1:A3))", {}))[0] == 6.0


def test_an_array_formula_that_is_not_known_leaves_what_is_stored() -> None:
    handed = array((1, 3, 3, 3), "SORT(A1:A3)", {"C1": 1.0, "C2": 2.0})
    assert column(handed) == [1.0, 2.0, None]
    assert [handed.unknown("S", where) for where in ("C1", "C2", "C3")] == ["", "", "SORT"]


def test_an_area_in_one_cell_is_what_its_program_took_from_it() -> None:
    for formula in ("A1:A3-1", "@A1:A3-1", "_xlfn.SINGLE(A1:A3)-1", "IF(A1:A3>1,A1:A3-1)", "A1:A3"):
        assert sheet({"C2": formula}, {"A2": 2.0, "C2": 1.0}).value("S", "C2") == 1.0
        assert sheet({"C2": formula}, {"A2": 2.0}).unknown("S", "C2")


def test_what_google_sheets_writes_for_its_own_functions_is_no_bare_number() -> None:
    made = solved(enroll(Assignment(("batch_norm",), formulas=True), ["Ada"]), 0)
    where = sheet_of(made, "BatchNorm").chain.at("mean", 0)
    words = 'IFERROR(__xludf.DUMMYFUNCTION("""COMPUTED_VALUE"""),1.25)'
    handed = Handed({"BatchNorm": {where: words}}, {"BatchNorm": {where: 1.25}})
    assert handed.value("BatchNorm", where) == 1.25
    assert not any("numbers" in flag for flag in flags(handed, made, formulas=True))


@pytest.mark.parametrize("area", ["C:C", "C1:C3 E1:E3", "C1:C1048576", ""])
def test_an_array_formula_over_what_no_exercise_has_counts_in_its_own_cell(area: str) -> None:
    assert filled(FileCell("C1", "n", "A1:A3*2", "array", "5", None, area=area)) is None
