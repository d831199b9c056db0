"""Four numbers: BatchNorm on one channel of four values, and where its backward pass comes from.

The computation goes down on the left and its gradients come up on the right, row beside row. What
stands between them is the local derivative, the number on the arrow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.reference.functional import rms_norm_backward
from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import (
    BACKWARD,
    BOLD,
    DIFFERENCE,
    INPUT_NUMBER,
    NUMBER,
    YOURS,
    Style,
    decimals,
)
from normviz.workbook.draw.columns import Columns
from normviz.workbook.draw.content import (
    NOT_NEGATIVE,
    NUMBERS,
    Band,
    Banner,
    Caption,
    Cells,
    Item,
    Line,
    Listing,
    Rule,
    Table,
    Words,
    judged,
    whole,
)
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.sheets.lessons.four_numbers.case import CASE, COUNT, FourNumbers, Row

TITLE = "Four numbers"
COLUMNS = Columns((19.5, 16.0, 13.5), ((6.7,) * COUNT, (6.7,) * COUNT, (6.7,) * COUNT))


class FourNumbersSheet:
    """Draws the lesson."""

    def __init__(self, book: Book, case: FourNumbers) -> None:
        self.case = case
        self.sheet = Sheet(
            book,
            TITLE,
            "Four numbers: every arrow of BatchNorm, there and back",
            "One channel, four values. Read down on the left: x becomes y. Read up on the right: "
            "the gradient dy of a loss L becomes dx. Each gradient is the one below it times the "
            "number on the arrow between them, added up where several arrows arrive.",
            COLUMNS,
        )

    def build(self) -> None:
        """Draw everything."""
        self.sheet.draw(*self._graph(), *self._paths(), *self._sums(), *self._nudge())

    def _graph(self) -> list[Item]:
        case, row = self.case, _row
        steps = case.steps(case.x).backward(case.grad_output.reshape(-1, 1))
        d, x_hat = row(steps["centered"]), row(steps["normalized"])
        s, dx_hat = float(steps["std"][0]), row(steps["grad_normalized"])
        dv = float(steps["grad_variance"][0])
        self.steps = {name: row(steps[name]) for name in steps}
        self.d, self.x_hat, self.s, self.dx_hat, self.dv = d, x_hat, s, dx_hat, dv
        dd = dx_hat / s + dv / COUNT * 2 * d
        self.dd = dd
        forward = (
            _yours("x", case.x, "1   x"),
            _one("mean", steps["mean"], "2   μ = Σ x / m", "AVERAGE({x[*]})"),
            Cells("d", d, "{x}-{mean[*]}", label="3   u = x − μ"),
            Cells("rest_d", _NOTHING),
            Cells("q", d * d, "{d}*{d}", label="4   q = u · u"),
            _one("v", steps["variance"], "5   σ² = Σ q / m", "AVERAGE({q[*]})"),
            _one("s", s, "6   r = √(σ² + ε)", "SQRT({v[*]}+{eps})"),
            Cells("xhat", x_hat, "{d}/{s[*]}", label="7   x̂ = u / r"),
            Cells("rest_xhat", _NOTHING),
            _yours("gamma", [case.gamma], "8   γ"),
            _yours("beta", [case.beta], "9   β"),
            Cells(
                "y", row(steps["output"]), "{gamma[*]}*{xhat}+{beta[*]}", label="10   y = γ · x̂ + β"
            ),
        )
        ones = np.ones(COUNT)
        arrows = (
            Cells("rest_x", _NOTHING),
            Cells("mean_x", ones / COUNT, "1/COUNT({x[*]})", label="x → μ:  1 / m"),
            Cells("d_x", ones, label="x → u:  1"),
            Cells("d_mean", -ones, label="μ → u:  −1"),
            Cells("q_d", 2 * d, "2*{d}", label="u → q:  2 u"),
            Cells("v_q", ones / COUNT, "1/COUNT({q[*]})", label="q → σ²:  1 / m"),
            _one("s_v", 1 / (2 * s), "σ² → r:  1 / (2 r)", "1/(2*{s[*]})"),
            Cells("xhat_d", ones / s, "1/{s[*]}", label="u → x̂:  1 / r"),
            Cells("xhat_s", -d / s**2, "-{d}/({s[*]}*{s[*]})", label="r → x̂:  −u / r²"),
            Cells("y_gamma", x_hat, "{xhat}", label="γ → y:  x̂"),
            Cells("y_beta", ones, label="β → y:  1"),
            Cells("y_xhat", case.gamma * ones, "{gamma[*]}", label="x̂ → y:  γ"),
        )
        ds = float(np.sum(dx_hat * -d / s**2))
        backward = (
            Cells("dx", row(steps["grad_input"]), "{dd}*{d_x}+{dmean[*]}*{mean_x}", BOLD, "dx"),
            _one("dmean", -dd.sum(), "dμ", "SUMPRODUCT({dd[*]},{d_mean[*]})"),
            Cells("dd", dd, "{dxhat}*{xhat_d}+{dq}*{q_d}", label="du, two arrows"),
            Cells("rest_dd", _NOTHING),
            Cells("dq", dv / COUNT * ones, "{dv[*]}*{v_q}", label="dq"),
            _one("dv", dv, "dσ²", "{ds[*]}*{s_v[*]}"),
            _one("ds", ds, "dr", "SUMPRODUCT({dxhat[*]},{xhat_s[*]})"),
            Cells("dxhat", dx_hat, "{dy}*{y_xhat}", label="dx̂"),
            Cells("rest_dxhat", _NOTHING),
            _one("dgamma", steps["grad_weight"], "∂L/∂γ", "SUMPRODUCT({dy[*]},{y_gamma[*]})"),
            _one("dbeta", steps["grad_bias"], "∂L/∂β", "SUMPRODUCT({dy[*]},{y_beta[*]})"),
            _yours("dy", case.grad_output, "dy"),
        )
        numbers = tuple(f"i = {i}" for i in range(1, COUNT + 1))
        return [
            Line(
                "eps",
                "ε",
                case.eps,
                note=f"inside the root; {YOURS}",
                rule=NOT_NEGATIVE,
            ),
            Band(
                (
                    _column("down:  x becomes y", forward, numbers),
                    _column("the number on each arrow", arrows, numbers),
                    _column("up:  dy becomes dx", backward, numbers),
                )
            ),
        ]

    def _paths(self) -> list[Item]:
        straight = self.dx_hat / self.s
        by_variance = self.dv / COUNT * 2 * self.d
        by_mean = np.full(COUNT, -self.dd.sum() / COUNT)
        dx = self.steps["grad_input"]
        paths = (
            Cells("straight", straight, "{dxhat}*{xhat_d}", label="straight"),
            Cells("by_variance", by_variance, "{dq}*{q_d}", label="through σ²"),
            Cells("by_mean", by_mean, "{dmean[*]}*{mean_x}", label="through μ"),
            Cells(
                "all",
                straight + by_variance + by_mean,
                "{straight}+{by_variance}+{by_mean}",
                BOLD,
                "together: dx",
            ),
            Cells(
                "closed",
                dx,
                "({dxhat}-AVERAGE({dxhat[*]})-{xhat}*SUMPRODUCT({dxhat[*]},{xhat[*]})/COUNT({x[*]}))/{s[*]}",
                BOLD,
                "closed form",
            ),
        )
        sums = tuple(
            _one(
                f"sum_{name}",
                values.sum(),
                "adds up to",
                f"SUM({{{name}[*]}})",
                DIFFERENCE if name in ("all", "closed") else NUMBER,
            )
            for name, values in (
                ("straight", straight),
                ("by_variance", by_variance),
                ("by_mean", by_mean),
                ("all", dx),
                ("closed", dx),
            )
        )
        algebra = (
            ("1", "dx = dx̂ / r + 2 u · dq + dμ / m", "the three paths, one arrow after the other"),
            (
                "2",
                "2 u · dq = −x̂ · Σ dx̂ x̂ / (m r)",
                "dq = dσ² / m, dσ² = dr / (2 r), dr = −Σ dx̂ u / r², and u = r x̂",
            ),
            (
                "3",
                "dμ / m = −Σ dx̂ / (m r)",
                "dμ = −Σ du; what came through the variance adds up to 0, because Σ u = 0",
            ),
            (
                "4",
                "dx = (dx̂ − mean(dx̂) − x̂ · mean(dx̂ x̂)) / r",
                "lines 2 and 3 put into line 1: the closed form",
            ),
        )
        return [
            Banner(
                "Three paths, four lines of algebra",
                "the closed form is what libraries compute",
                BACKWARD,
            ),
            Band((_column("", paths, ()), _column("", sums, ()))),
            Listing(algebra, ("", "line", "why"), shares=(3, 40, 57)),
        ]

    def _sums(self) -> list[Item]:
        case = self.case
        rms = float(np.sqrt(np.mean(case.x**2) + case.eps))
        without = rms_norm_backward(
            case.grad_output.reshape(1, -1),
            case.x.reshape(1, -1),
            (COUNT,),
            np.full(COUNT, case.gamma),
            case.eps,
        ).grad_input.ravel()
        formula = (
            "({dxhat}-{x}*SUMPRODUCT({dxhat[*]},{x[*]})/COUNT({x[*]})/({rms[*]}*{rms[*]}))/{rms[*]}"
        )
        return [
            Banner("Why dx adds up to zero, and why not with RMSNorm", "", BACKWARD),
            Words(
                "Add the same number to all four x: μ grows by it, u stays, and with u everything "
                "below. The loss does not change in that direction, so its slope there, which is "
                "the sum of dx, is 0. RMSNorm takes no mean away: add a number to all x and y "
                "changes, so its dx adds up to something else."
            ),
            Band(
                (
                    _column(
                        "",
                        (
                            _one(
                                "rms",
                                rms,
                                "r = √(Σ x² / m + ε)",
                                "SQRT(SUMSQ({x[*]})/COUNT({x[*]})+{eps})",
                            ),
                            Cells("dx_rms", without, formula, BOLD, "dx of RMSNorm"),
                        ),
                        (),
                    ),
                    _column(
                        "",
                        (
                            Cells("rest_rms", [None]),
                            _one("sum_rms", without.sum(), "adds up to", "SUM({dx_rms[*]})", BOLD),
                        ),
                        (),
                    ),
                )
            ),
        ]

    def _nudge(self) -> list[Item]:
        case = self.case
        up, down = case.moved(case.h), case.moved(-case.h)
        slope = (case.loss(up) - case.loss(down)) / (2 * case.h)
        dx = float(self.steps["grad_input"][case.nudged - 1])
        output = "{gamma[*]}*({%s}-AVERAGE({%s[*]}))/SQRT(VARP({%s[*]})+{eps})+{beta[*]}"
        both = (("up", up, "+"), ("down", down, "-"))
        moved = [
            Cells(
                name,
                x,
                f"{{x}}{sign}IF({{i}}={{nudged}},{{h}},0)",
                CLOSE,
                f"x, one of them {'+' if sign == '+' else '−'} Δ",
            )
            for name, x, sign in both
        ]
        outputs = [
            Cells(f"y_{name}", case.output(x), output % (name, name, name), CLOSE, "y")
            for name, x, _ in both
        ]
        losses = [
            _one(
                f"loss_{name}",
                case.loss(x),
                "L = Σ dy · y",
                f"SUMPRODUCT({{dy[*]}},{{y_{name}[*]}})",
                GENERAL,
            )
            for name, x, _ in both
        ]
        wrong = "ABS({slope}-{dx_there})>0.001*(1+ABS({dx_there}))"
        return [
            Banner(
                "Do not believe it: nudge one x and watch the loss",
                "the loss that has just the gradient dy: L = Σ dy · y",
                BACKWARD,
            ),
            Line("nudged", "which x", case.nudged, note="i, from 1 to 4", rule=whole(1, COUNT)),
            Line(
                "h",
                "by how much (Δ)",
                case.h,
                note="try 1, 0.01, 1E-9: too large is not local, too small is rounding",
                rule=SMALL,
            ),
            Band(
                (
                    _column(
                        "",
                        (Cells("i", list(range(1, COUNT + 1)), look=WHOLE, label="i"), *moved),
                        (),
                    ),
                    _column("", (Cells("rest_y", _NOTHING), *outputs), ()),
                    _column("", (Cells("rest_loss", [None]), *losses), ()),
                )
            ),
            Line(
                "slope",
                "(L₊ − L₋) / 2Δ",
                slope,
                "({loss_up[*]}-{loss_down[*]})/(2*{h})",
                GENERAL,
                "the slope that the loss itself shows",
            ),
            Line(
                "dx_there",
                "dx from above",
                dx,
                "INDEX({dx[*]},1,{nudged})",
                GENERAL,
                "what the arrows gave",
            ),
            Line(
                "agree",
                "they differ by",
                abs(slope - dx),
                "ABS({slope}-{dx_there})",
                DIFFERENCE,
                marks=judged(wrong),
            ),
        ]


GENERAL = NUMBER.but(number=decimals(3))
WHOLE = NUMBER.but(number="0")
CLOSE = NUMBER.but(number=decimals(1))
SMALL = Rule("A number above 0, at most 10.", "AND(COUNT({this})=1,{this}>0,{this}<=10)")
_NOTHING = [None] * COUNT


def _row(values: npt.NDArray[np.float64]) -> Row:
    return np.asarray(values, np.float64).ravel()


def _yours(name: str, values: Any, label: str) -> Cells:
    return Cells(name, values, None, INPUT_NUMBER, label, rule=NUMBERS)


def _one(name: str, value: Any, label: str, formula: str, look: Style = NUMBER) -> Cells:
    """A step with one value for the whole set."""
    return Cells(name, [float(np.ravel(value)[0])], formula, look, label)


def _column(title: str, parts: tuple[Cells, ...] | list[Cells], across: tuple[str, ...]) -> Table:
    caption = Caption(title) if title else None
    return Table(tuple(parts), ("", "i"), across=across, caption=caption)


def build(book: Book, case: FourNumbers = CASE) -> None:
    """Add the sheet to a book."""
    FourNumbersSheet(book, case).build()
