"""What may be typed into a yellow cell: rules that a spreadsheet program holds its user to."""

from __future__ import annotations

from normviz.workbook.book.address import Area, address
from normviz.workbook.book.cells import Choice

# Text is larger than any number in Excel's comparisons, so each rule asks for a number first.
NUMBER = "COUNT({0})=1"
POSITIVE = "AND(COUNT({0})=1,{0}>0,{0}<=1E6)"
NOT_NEGATIVE = "AND(COUNT({0})=1,{0}>=0,{0}<=1E6)"
WEIGHT = "AND(COUNT({0})=1,{0}>=0,{0}<=1)"


def only(area: Area, rule: str, title: str, hint: str) -> Choice:
    """A validation of every cell of an area by one of the rules above.

    >>> only((2, 3, 4, 5), NUMBER, "x", "A number.").formula
    'COUNT(C2)=1'
    """
    return Choice(area, (), rule.format(address(area[0], area[1])), title, hint)
