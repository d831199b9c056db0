"""Numerics: why the variance takes two passes, what eps does, and what one value cannot give."""

from __future__ import annotations

from typing import Any

import numpy as np

from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book, Rule
from normviz.workbook.book.styles import (
    AXIS,
    BAD,
    BAD_INK,
    GOOD,
    GOOD_INK,
    HEADER,
    INPUT_NUMBER,
    LABEL,
    NUMBER,
    PAPER,
    PROSE,
    set_color,
)
from normviz.workbook.draw.matrix import BOLD, Desk, Matrix
from normviz.workbook.draw.panels import Caption
from normviz.workbook.sheets.lessons.numerics import limits as numerics_limits
from normviz.workbook.sheets.lessons.numerics.case import (
    COUNT,
    OFFSETS,
    NumericsCase,
    ThreeWays,
    shown,
    three_ways,
)

TITLE = "Numerics"
WIDTHS = (17, *((12.5,) * 9), 2, *((9.5,) * 3), 2, *((9.5,) * 3))
LARGE = NUMBER.but(number="General")
RESULT = BOLD.but(number="0.0000")
ONE, TWO, WELFORD = (set_color(k) for k in (2, 3, 1))
"""The colors of the three ways: E[x²] − E[x]², two passes, Welford."""

TINY = "1E-300"
WAYS = ("E[x²] − E[x]²", "two passes", "Welford")


class NumericsSheet:
    """Draws the sheet from the top down."""

    def __init__(self, book: Book, case: NumericsCase) -> None:
        self.case = case
        self.eps = ""
        self.desk = Desk(
            book,
            TITLE,
            "Numerics: the same variance, three ways, and two of them right",
            "On paper E[x²] − E[x]² is the variance. In a computer it takes the difference of two "
            "large numbers that agree in nearly all their digits, and what is left is rounding. "
            "Here are four numbers, moved away from zero by an offset, which changes no variance.",
            WIDTHS,
        )

    def build(self) -> None:
        """Draw everything."""
        self._settings()
        self._step_by_step()
        self._table()
        numerics_limits.eps_effect(self)
        numerics_limits.one_value(self)

    def _settings(self) -> None:
        desk, case = self.desk, self.case
        desk.banner("Settings", "yellow cells are yours")
        self.values = desk.matrix(3, case.values, None, INPUT_NUMBER)
        desk.page.put(desk.row, 2, "four numbers", LABEL)
        desk.row += 1
        hint = "A number from 0 to 1E12: try 0, 1E4, 1E8, 1E9."
        note = "added to each of them: it moves the mean and leaves the variance alone"
        self.offset = desk.setting(3, "offset", case.offset, note, "AND({0}>=0,{0}<=1E12)", hint)
        desk.page.put(desk.row, 2, "their variance", LABEL)
        live = f"VARP({self.values.text})"
        truth = desk.page.put(desk.row, 3, case.variance, RESULT.filled(PAPER), live)
        self.truth = f"${truth[0]}${truth[1:]}"
        text = "what all three ways must give, computed without the offset"
        desk.page.span((desk.row, 5, desk.row, desk.last), text, PROSE)
        desk.row += 2

    def _step_by_step(self) -> None:
        """One row a number: the running sums, the distances, and Welford's updates."""
        desk, ways = self.desk, self.case.ways
        desk.banner("At this offset, number by number", "float64, the precision of every sheet")
        desk.captions(
            [
                (3, 3, Caption("x")),
                (4, 6, Caption("one pass", "add up x and x · x")),
                (7, 8, Caption("two passes", "distances from the mean")),
                (9, 11, Caption("Welford", "one pass, without large squares")),
            ]
        )
        desk.row += 1
        names = ("offset + number", "x · x", "sum of x", "sum of x · x", "x − μ", "(x − μ)²")
        welford = ("δ = x − old mean", "mean + δ / k", "M + δ(x − mean)")
        for at, name in enumerate((*names, *welford)):
            desk.page.put(desk.row - 1, 3 + at, name, AXIS)
        mean = ways.sums[-1] / COUNT
        before = [0.0, *ways.means[:-1]]
        columns = (
            ways.x,
            ways.x * ways.x,
            ways.sums,
            ways.square_sums,
            ways.x - mean,
            (ways.x - mean) * (ways.x - mean),
            ways.x - np.array(before),
            ways.means,
            ways.distances,
        )
        values = np.array(columns).T
        block = Matrix(desk.row, 3, COUNT, len(columns))
        down = [f"k = {k}" for k in range(1, COUNT + 1)]
        fills = (None, ONE, ONE, ONE, TWO, TWO, WELFORD, WELFORD, WELFORD)

        def style(_: int, column: int) -> Any:
            fill = fills[column]
            return LARGE.filled(fill or PAPER)

        desk.matrix(3, values, self._step(block), style, down=down)
        desk.row += COUNT + 1
        self._results(block, ways)

    def _step(self, block: Matrix) -> Any:
        """The formula of one cell of the table."""

        def formula(k: int, column: int) -> str:
            x, mean = block.at(k, 0), f"({block.at(COUNT - 1, 2)}/{COUNT})"
            number = self.values.at(0, k)
            old = block.at(k - 1, 7) if k else "0"
            so_far = block.at(k - 1, 8) if k else "0"
            new, step = block.at(k, 7), block.at(k, 6)
            return (
                f"{self.offset}+{number}",
                f"{x}*{x}",
                f"{block.at(k - 1, 2)}+{x}" if k else x,
                f"{block.at(k - 1, 3)}+{block.at(k, 1)}" if k else block.at(k, 1),
                f"{x}-{mean}",
                f"{block.at(k, 4)}*{block.at(k, 4)}",
                f"{x}-{old}",
                f"{old}+{step}/{k + 1}",
                f"{so_far}+{step}*({x}-{new})",
            )[column]

        return formula

    def _results(self, block: Matrix, ways: ThreeWays) -> None:
        """The three variances, and how far each is from the truth."""
        desk, page, truth = self.desk, self.desk.page, self.case.variance
        mean = f"({block.at(COUNT - 1, 2)}/{COUNT})"
        squares = f"{block.at(COUNT - 1, 3)}/{COUNT}"
        distances = "+".join(block.at(k, 5) for k in range(COUNT))
        parts = (
            (6, ONE, small_difference(squares, f"{mean}*{mean}"), ways.one_pass),
            (8, TWO, f"({distances})/{COUNT}", ways.two_pass),
            (11, WELFORD, f"{block.at(COUNT - 1, 8)}/{COUNT}", ways.welford),
        )
        page.put(desk.row, 2, "variance", LABEL)
        page.put(desk.row + 1, 2, "relative error", LABEL)
        row = desk.row
        for column, fill, formula, value in parts:
            cell = page.put(row, column, float(value), RESULT.filled(fill), formula)
            error = abs(float(value) - truth) / truth
            live = f"ABS({cell}-{self.truth})/{self.truth}"
            page.put(row + 1, column, error, BOLD.but(number="0.0E+00").filled(PAPER), live)
            self._judge((row + 1, column, row + 1, column), f"{address(row + 1, column)}>0.001")
        desk.row += 3
        desk.say(
            "What to look at: the sum of x · x has 16 digits like every float64, and at an offset "
            "of 1E8 all of them are spent on the offset. E[x²] − E[x]² can even come out negative, "
            "and its root is then not a number. Two passes and Welford work on the small distances "
            "and stay right. normviz, like torch, never uses E[x²] − E[x]². Try the offsets 0, "
            "1E4, 1E7, 1E8 and 1E9. (The cell of E[x²] − E[x]² is a SUM with 1E-300 in between: "
            "where two numbers agree in 15 digits a spreadsheet takes their plain difference for "
            "0, and would hide what happens.)"
        )
        desk.row += 1

    def _judge(self, area: tuple[int, int, int, int], wrong: str) -> None:
        """Red where the condition holds, green where not."""
        self.desk.page.rules.append(Rule(area, wrong, BAD, BAD_INK))
        self.desk.page.rules.append(Rule(area, f"NOT({wrong})", GOOD, GOOD_INK))

    def _table(self) -> None:
        """Every offset at once: live in float64, from NumPy in float32 and float16."""
        desk, page = self.desk, self.desk.page
        desk.banner("As the offset grows", "all three ways in three precisions")
        desk.captions(
            [
                (3, 11, Caption("float64, live", "about 16 digits")),
                (13, 15, Caption("float32, NumPy", "about 7 digits")),
                (17, 19, Caption("float16, NumPy", "about 3 digits, at most 65504")),
            ]
        )
        live = ("mean of 2", "mean of 3", "mean of 4", "E[x]", "E[x²]", "E[x]²")
        heads = {2: "offset"} | {3 + at: name for at, name in enumerate((*live, *WAYS))}
        heads |= {13 + at: name for at, name in enumerate(WAYS)}
        heads |= {17 + at: name for at, name in enumerate(WAYS)}
        for column, name in heads.items():
            page.put(desk.row, column, name, HEADER.but(size=9))
        page.heights[desk.row] = 28
        desk.row += 1
        first = desk.row
        for offset in OFFSETS:
            self._offset_row(offset)
        last = desk.row - 1
        self._judge((first, 9, last, 11), f"ABS(I{first}-{self.truth})>0.01*{self.truth}")
        desk.row += 1
        desk.say(
            "Green is right to one percent, red is not. The NumPy columns are constants, for the "
            "four numbers 4, 7, 13, 16 as shipped (variance 22.5): a sheet computes in float64 "
            "only. In float32, in which networks run, E[x²] − E[x]² fails from an offset of "
            "10,000 on; in float16 squares overflow from 256 on, and the numbers themselves are "
            "rounded to steps of 8 at 10,000. This is why normalization layers add up in float32 "
            "or better whatever the dtype of x."
        )
        desk.row += 1

    def _offset_row(self, offset: float) -> None:
        """One offset: the live steps, then the constants."""
        desk, page, row = self.desk, self.desk.page, self.desk.row
        ways = three_ways(self.case.values, offset, np.float64)
        page.put(row, 2, offset, NUMBER.but(number="#,##0", bold=True).filled(PAPER))
        x = [f"($B{row}+{self.values.fixed(0, k)})" for k in range(COUNT)]
        means = [x[0], f"$C{row}", f"$D{row}", f"$E{row}"]
        mean = f"$F{row}"
        distances = "+".join(f"({item}-{mean})*({item}-{mean})" for item in x)
        products = "+".join(f"({x[k]}-{means[k - 1]})*({x[k]}-{means[k]})" for k in range(1, COUNT))
        formulas = [f"{means[k - 1]}+({x[k]}-{means[k - 1]})/{k + 1}" for k in range(1, COUNT)]
        squares = "+".join(f"{item}*{item}" for item in x)
        formulas += [f"({'+'.join(x)})/{COUNT}", f"({squares})/{COUNT}", f"{mean}*{mean}"]
        formulas += [small_difference(f"$G{row}", f"$H{row}")]
        formulas += [f"({distances})/{COUNT}", f"({products})/{COUNT}"]
        mean_value = ways.sums[-1] / COUNT
        square_value = ways.square_sums[-1] / COUNT
        values = [*ways.means[1:], mean_value, square_value, mean_value * mean_value]
        values += [ways.one_pass, ways.two_pass, ways.welford]
        for at, (formula, value) in enumerate(zip(formulas, values, strict=True)):
            style = RESULT if at >= 6 else LARGE.but(size=8.5).filled(PAPER)
            page.put(row, 3 + at, float(value), style, formula)
        shipped = NumericsCase()
        for left, dtype in ((13, np.float32), (17, np.float16)):
            found = three_ways(shipped.values, offset, dtype)
            for at, value in enumerate((found.one_pass, found.two_pass, found.welford)):
                page.put(row, left + at, *self._constant(shown(value), shipped.variance))
        desk.row += 1

    @staticmethod
    def _constant(value: float | str, truth: float) -> Any:
        """A constant and its look: right to one percent or not."""
        right = isinstance(value, float) and abs(value - truth) <= 0.01 * truth
        fill, ink = (GOOD, GOOD_INK) if right else (BAD, BAD_INK)
        size = 8 if isinstance(value, str) else 10
        large = isinstance(value, float) and abs(value) >= 1e5
        number = "0.0E+00" if large else "0.00"
        return value, RESULT.but(number=number, fill=fill, color=ink, size=size)


def small_difference(first: str, second: str) -> str:
    """first − second as float64 has it.

    Excel and LibreOffice round the result of a − b to 0 where a and b agree in 15 digits, and so
    hide what the sheet is about; not so in a sum where they do not follow each other. The number
    between them is too small to change it.
    """
    return f"SUM({TINY},{first},{TINY},-{second},{TINY})"


def build(book: Book, case: NumericsCase | None = None) -> None:
    """The sheet, for the numbers that ship or for others."""
    NumericsSheet(book, case or NumericsCase()).build()
