"""Numerics: why the variance takes two passes, what eps does, and what one value cannot give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import (
    BAD,
    BAD_INK,
    BOLD,
    GENERAL,
    GOOD,
    GOOD_INK,
    GROUPED_FORMAT,
    INPUT_NUMBER,
    PAPER,
    RESULT,
    RIGHT_SIGN,
    SMALL_FORMAT,
    WRONG_SIGN,
    YOURS,
    Style,
    decimals,
    rounded_off,
    set_color,
    shown_as,
)
from normviz.workbook.draw.columns import Columns
from normviz.workbook.draw.content import (
    NUMBERS,
    Band,
    Banner,
    Caption,
    CellFormula,
    Cells,
    Item,
    Line,
    Rule,
    Table,
    Words,
    judged,
)
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.sheets.lessons.numerics.case import (
    COUNT,
    OFFSETS,
    NumericsCase,
    shown,
    three_ways,
)
from normviz.workbook.sheets.lessons.numerics.limits import eps_effect, one_value

TITLE = "Numerics"
NARROW, WIDE = 10.4, 16.8
COLUMNS = Columns((19.0,), ((NARROW, WIDE, NARROW, WIDE, WIDE, WIDE, NARROW, NARROW, NARROW),))
"""Wide are the columns of squares, so that all digits are seen that a sheet shows: 15."""

LARGE = GENERAL.but(size=9.5)
SQUARE = LARGE.but(number=decimals(-2))
SQUARES = ("square", "squares", "of_squares", "mean_squared")
FOUND = BOLD.but(number=decimals(1))
ONE, TWO, WELFORD = (set_color(k) for k in (2, 3, 1))
"""The colors of the three ways: E[x²] − E[x]², two passes, Welford."""

TINY = "1E-300"
WAYS = ("E[x²] − E[x]²", "two passes", "Welford")
NUMBERS_DOWN = tuple(f"i = {i}" for i in range(1, COUNT + 1))
OFF = "{offset_row}+{numbers[k=%d]}"
"""The number at a place, moved by the offset of a row of the table."""


def build(book: Book, case: NumericsCase | None = None) -> None:
    """The sheet, for the numbers that ship or for others."""
    case = case or NumericsCase()
    sheet = Sheet(
        book,
        TITLE,
        "Numerics: the same variance, three ways, and not all of them right",
        "On paper E[x²] − E[x]² is the variance. In a computer it takes the difference of two "
        "large numbers that agree in nearly all their digits, and what is left is rounding. "
        "Here are four numbers, moved away from zero by an offset, which changes no variance.",
        COLUMNS,
    )
    sheet.draw(
        *_settings(case),
        *_step_by_step(case),
        *_table(case),
        *_other_precisions(),
        *eps_effect(case),
        *one_value(case),
    )


def _settings(case: NumericsCase) -> Sequence[Item]:
    numbers = Cells("numbers", case.values, None, INPUT_NUMBER, "four numbers", rule=NUMBERS)
    offset = Rule(
        "A whole number from 0 to 1E12: try 0, 1E4, 1E8, 1E9.",
        "AND({this}>=0,{this}<=1E12,{this}=INT({this}))",
    )
    return (
        Banner("Settings", YOURS),
        Table(numbers, axes=("", "k")),
        Line(
            "offset",
            "offset",
            case.offset,
            look=INPUT_NUMBER.but(number=GROUPED_FORMAT, shrink=True),
            rule=offset,
            note="added to each of them: it moves the mean and leaves the variance alone",
        ),
        Line(
            "truth",
            "their variance",
            case.variance,
            "VARP({numbers[*]})",
            FOUND.filled(PAPER),
            "what all three ways must give, computed without the offset",
        ),
    )


def _step_by_step(case: NumericsCase) -> Sequence[Item]:
    """One row a number: the running sums, the distances, and Welford's updates."""
    ways = case.ways
    mean = ways.sums[-1] / COUNT
    before = np.array([0.0, *ways.means[:-1]])
    mean_cell = f"({{sum[k=-1]}}/{COUNT})"

    def after(formula: str, first: str) -> CellFormula:
        return lambda k, _: formula if k else first

    columns: tuple[tuple[str, str, Any, CellFormula, str], ...] = (
        ("x", "x, moved", ways.x, lambda k, _: f"{{offset}}+{{numbers[k={k}]}}", PAPER),
        ("square", "x · x", ways.x * ways.x, "{x}*{x}", ONE),
        ("sum", "sum of x", ways.sums, after("{sum[k-1]}+{x}", "{x}"), ONE),
        (
            "squares",
            "sum of x · x",
            ways.square_sums,
            after("{squares[k-1]}+{square}", "{square}"),
            ONE,
        ),
        ("apart", "x − μ", ways.x - mean, f"{{x}}-{mean_cell}", TWO),
        ("apart_squared", "(x − μ)²", (ways.x - mean) * (ways.x - mean), "{apart}*{apart}", TWO),
        ("delta", "δ = x − old", ways.x - before, after("{x}-{mean[k-1]}", "{x}-0"), WELFORD),
        (
            "mean",
            "old + δ / i",
            ways.means,
            lambda k, _: f"{'{mean[k-1]}' if k else '0'}+{{delta}}/{k + 1}",
            WELFORD,
        ),
        (
            "m",
            "M + δ(x − new)",
            ways.distances,
            after("{m[k-1]}+{delta}*({x}-{mean})", "0+{delta}*({x}-{mean})"),
            WELFORD,
        ),
    )
    cells = [
        Cells(name, np.reshape(values, (-1, 1)), formula, _large(name).filled(fill), label)
        for name, label, values, formula, fill in columns
    ]
    distances = "+".join(f"{{apart_squared[k={k}]}}" for k in range(COUNT))
    product = f"{mean_cell}*{mean_cell}"
    results = (
        ("one_pass", ONE, small_difference(f"{{squares[k=-1]}}/{COUNT}", product), ways.one_pass),
        ("two_pass", TWO, f"({distances})/{COUNT}", ways.two_pass),
        ("welford", WELFORD, f"{{m[k=-1]}}/{COUNT}", ways.welford),
    )
    lines: list[Item] = []
    for (name, fill, formula, found), title in zip(results, WAYS, strict=True):
        value, error = float(found), abs(float(found) - case.variance) / case.variance
        lines += [
            Line(
                name,
                f"variance: {title}",
                value,
                formula,
                FOUND.filled(fill),
                checked=name != "one_pass",
            ),
            Line(
                f"{name}_error",
                "relative error",
                error,
                f"ABS({{{name}}}-{{truth}})/{{truth}}",
                RESULT.but(number=SMALL_FORMAT),
                marks=judged("{this}>0.001"),
                checked=name != "one_pass",
            ),
        ]
    return (
        Banner("At this offset, number by number", "float64, the precision of every sheet"),
        Words(
            "One pass adds up x and x · x. Two passes take the distances from the mean. Welford "
            "needs one pass, without large squares: old and new are the mean of the numbers before "
            "x, and with it."
        ),
        Table(cells, axes=("k", ""), beside=True, down=NUMBERS_DOWN),
        *lines,
        Words(
            "What to look at: the sum of x · x has 16 digits like every float64, and at an offset "
            "of 1E8 all of them are spent on the offset. E[x²] − E[x]² can even come out negative, "
            "and its root is then not a number. Two passes and Welford work on the small "
            "distances: two passes stay right until the numbers themselves are rounded, Welford "
            "until its running mean is. normviz never uses E[x²] − "
            "E[x]²; libraries that do, for speed, must take care of a negative result. Try the "
            "offsets 0, 1E4, 1E7, 1E8 and 1E9. (The cell of E[x²] − E[x]² is a SUM with 1E-300 in "
            "between: where two numbers agree in 15 digits a spreadsheet takes their plain "
            "difference for 0, and would hide what happens.)"
        ),
    )


def _table(case: NumericsCase) -> Sequence[Item]:
    """Every offset at once, live in float64."""
    x = [f"({OFF % k})" for k in range(COUNT)]
    means = [x[0], "{mean_2}", "{mean_3}", "{mean_4}"]
    updates = [f"{means[k - 1]}+({x[k]}-{means[k - 1]})/{k + 1}" for k in range(1, COUNT)]
    squares = "+".join(f"{item}*{item}" for item in x)
    distances = "+".join(f"({item}-{{of_x}})*({item}-{{of_x}})" for item in x)
    products = "+".join(f"({x[k]}-{means[k - 1]})*({x[k]}-{means[k]})" for k in range(1, COUNT))
    formulas = {
        "mean_2": ("mean of 2", updates[0]),
        "mean_3": ("mean of 3", updates[1]),
        "mean_4": ("mean of 4", updates[2]),
        "of_x": ("E[x]", f"({'+'.join(x)})/{COUNT}"),
        "of_squares": ("E[x²]", f"({squares})/{COUNT}"),
        "mean_squared": ("E[x]²", "{of_x}*{of_x}"),
        "table_one_pass": (WAYS[0], small_difference("{of_squares}", "{mean_squared}")),
        "table_two_pass": (WAYS[1], f"({distances})/{COUNT}"),
        "table_welford": (WAYS[2], f"({products})/{COUNT}"),
    }
    rows = []
    for offset in OFFSETS:
        ways = three_ways(case.values, offset, np.float64)
        mean, square = ways.sums[-1] / COUNT, ways.square_sums[-1] / COUNT
        found = (ways.one_pass, ways.two_pass, ways.welford)
        rows.append([*ways.means[1:], mean, square, mean * mean, *found])
    columns = np.array(rows, dtype=np.float64).T
    wrong = judged("ABS({this}-{truth})>0.01*{truth}")
    cells = [
        Cells(
            name,
            values.reshape(-1, 1),
            formula,
            FOUND if name.startswith("table") else _large(name).filled(PAPER),
            label,
            wrong if name.startswith("table") else (),
            checked=name != "table_one_pass",
        )
        for (name, (label, formula)), values in zip(formulas.items(), columns, strict=True)
    ]
    return (
        Banner("As the offset grows", "all three ways, live in float64: about 16 digits"),
        Table(
            cells, axes=("o", ""), beside=True, down=OFFSETS, down_is="offset", steps="offset_row"
        ),
        Words(
            "✓ (green) is right to one percent, ✗ (red) is not. A sheet shows 15 digits: from 1E8 "
            "on E[x²] and E[x]² differ behind them."
        ),
    )


def _large(name: str) -> Style:
    """The look of a column of large numbers."""
    return SQUARE if name in SQUARES else LARGE


def _other_precisions() -> Sequence[Item]:
    """The same table from NumPy in float32 and float16, for the four numbers as shipped."""
    case = NumericsCase()
    cells = []
    for dtype in (np.float32, np.float16):
        ways = [three_ways(case.values, offset, dtype) for offset in OFFSETS]
        for at, title in enumerate(WAYS):
            values = [shown((w.one_pass, w.two_pass, w.welford)[at]) for w in ways]
            name = f"{np.dtype(dtype).name}_{at}"

            def look(row: int, _: int, values: list[float | str] = values) -> Style:
                return _constant(values[row], case.variance)

            label = f"{title} in {np.dtype(dtype).name}"
            cells.append(Cells(name, [[value] for value in values], None, look, label))
    return (
        Band(
            (
                Table(
                    cells,
                    axes=("o", ""),
                    beside=True,
                    down=OFFSETS,
                    down_is="offset",
                    across=WAYS * 2,
                    over=("float32", "float16"),
                    caption=Caption(
                        "in float32 (about 7 digits) and in float16 (about 3, at most 65504)",
                        "constants from NumPy, for 4, 7, 13, 16 as shipped (variance 22.5)",
                    ),
                ),
            )
        ),
        Words(
            "A sheet computes in float64 only. In float32, in which networks run, E[x²] − E[x]² "
            "fails from an offset of 10,000 on; in float16 squares overflow from 256 on, infinity "
            "minus infinity is not a number (NaN), and the numbers themselves are rounded to steps "
            "of 8 at 10,000. In float32 they are in steps of 8 at 1E8, where two passes fail too; "
            "Welford does from 1E7 on, since its running mean is rounded at every step. This is "
            "why normalization layers add up in float32 or better whatever the dtype of x."
        ),
    )


def _constant(value: float | str, truth: float) -> Style:
    """The look of a constant: right to one percent or not."""
    right = isinstance(value, float) and abs(value - truth) <= 0.01 * truth
    fill, ink, sign = (GOOD, GOOD_INK, RIGHT_SIGN) if right else (BAD, BAD_INK, WRONG_SIGN)
    size = abs(value) if isinstance(value, float) else 0.0
    form = SMALL_FORMAT if size >= 1e5 else decimals(-1)
    number = shown_as(sign, form, is_nothing=size < rounded_off(form))
    return FOUND.but(number=number, fill=fill, color=ink)


def small_difference(first: str, second: str) -> str:
    """first − second as float64 has it.

    Excel and LibreOffice round the result of a − b to 0 where a and b agree in 15 digits, and so
    hide what the sheet is about; not so in a sum where they do not follow each other. The number
    between them is too small to change it.
    """
    return f"SUM({TINY},{first},{TINY},-{second},{TINY})"
