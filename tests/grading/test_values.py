"""What the cells of a file show: computed from their formulas, stored where these are not known."""

from normviz.grading.read import Handed
from normviz.workbook.book.cells import Value


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
