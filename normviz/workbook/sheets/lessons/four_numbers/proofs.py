"""What proves dx, beside the graph: its three paths, what they add up to, and a nudge of one x.

A second, narrow table has what each row adds up to, or the loss that it leads to.
"""

from __future__ import annotations

import numpy as np

from normviz.reference.functional import rms_norm_backward
from normviz.workbook.book.styles import SMALL_FORMAT, decimals
from normviz.workbook.draw.content import Caption, CellFormula, Cells, Rule, Table, judged, whole
from normviz.workbook.sheets.lessons.four_numbers.case import COUNT, FourNumbers, Row
from normviz.workbook.sheets.lessons.four_numbers.parts import (
    CLOSE,
    STRONG,
    four,
    nothing,
    one,
    row,
    yours,
)

DX_ALL = "together: dx"
DX_SUM = f"{DX_ALL}, added up"
"""The sum of dx, to which the lecture leads."""

SLOPE = "slope, off by"
ROUNDED = STRONG.but(number=SMALL_FORMAT)
"""A number that is 0 but for rounding."""

FINE = CLOSE.but(number=decimals(1))
STEP = Rule(
    "A number above 0, at most 10. Too large is not local, too small is rounding.",
    "AND(COUNT({this})=1,{this}>0,{this}<=10)",
)


def proofs(case: FourNumbers) -> list[Table]:
    """The rows, and in a column of its own what each comes to."""
    paths, tried = _paths(case), _nudge(case)
    sums = [_sum(part.name, part.values, part.label) for part in paths if len(part.values) > 1]
    sums.insert(-1, nothing("sum_rms", 1))
    heads = tuple(f"i = {i}" for i in range(1, COUNT + 1))
    parts, ends = (*paths, *tried), (*sums, *_losses(case))
    return [
        Table(parts, ("", "i"), across=heads, caption=Caption("three paths, and a proof")),
        Table(ends, ("", "i"), across=("Σ",), caption=Caption(), labelled=False),
    ]


def _paths(case: FourNumbers) -> list[Cells]:
    """The three paths to dx, dx itself two ways, and that of RMSNorm."""
    made = case.made
    straight = made.dx_hat / made.r
    by_variance = made.dvar / COUNT * 2 * made.u
    by_mean = np.full(COUNT, -made.du.sum() / COUNT)
    rms = float(np.sqrt(np.mean(case.x**2) + case.eps))
    closed = (
        "({dxhat}-AVERAGE({dxhat[*]})-{xhat}*SUMPRODUCT({dxhat[*]},{xhat[*]})/COUNT({x[*]}))/{s[*]}"
    )
    of_rms = (
        "({dxhat}-{x}*SUMPRODUCT({dxhat[*]},{x[*]})/COUNT({x[*]})/({rms[*]}*{rms[*]}))/{rms[*]}"
    )
    root = "SQRT(SUMSQ({x[*]})/COUNT({x[*]})+{eps[*]})"
    return [
        four("straight", straight, "{dxhat}*{xhat_d}", "straight"),
        four("by_variance", by_variance, "{dq}*{q_d}", "through σ²"),
        four("by_mean", by_mean, "{dmean[*]}*{mean_x}", "through μ"),
        four(
            "all",
            straight + by_variance + by_mean,
            "{straight}+{by_variance}+{by_mean}",
            DX_ALL,
            STRONG,
        ),
        four("closed", row(case.traced["grad_input"]), closed, "closed form", STRONG),
        one("rms", rms, "r of RMSNorm", root),
        four("dx_rms", _rms_dx(case), of_rms, "its dx", STRONG),
    ]


def _rms_dx(case: FourNumbers) -> Row:
    x, dy = case.x.reshape(1, -1), case.grad_output.reshape(1, -1)
    made = rms_norm_backward(dy, x, (COUNT,), np.full(COUNT, case.gamma), case.eps)
    return row(made.grad_input)


def _sum(name: str, values: Row, label: str) -> Cells:
    look = ROUNDED if name in ("all", "closed") else CLOSE
    return one(f"sum_{name}", values.sum(), f"{label}, added up", f"SUM({{{name}[*]}})", look)


def _nudge(case: FourNumbers) -> list[Cells]:
    """One x moved a little each way, and the slope of the loss between."""
    moved = [
        four(
            name,
            x,
            _moved(sign),
            label,
            FINE,
        )
        for name, x, sign, label in (
            ("up", case.moved(case.h), "+", "x + Δ, and L₊"),
            ("down", case.moved(-case.h), "-", "x − Δ, and L₋"),
        )
    ]
    slope = "({loss_up[*]}-{loss_down[*]})/(2*{h[*]})"
    return [
        yours("nudged", [case.nudged], "nudge x of i", whole(1, COUNT)),
        yours("h", [case.h], "by Δ", STEP),
        *moved,
        one("slope", case.slope, SLOPE, slope, FINE),
    ]


def _moved(sign: str) -> CellFormula:
    return lambda _, i: f"{{x}}{sign}IF({{nudged[*]}}={i + 1},{{h[*]}},0)"


def _losses(case: FourNumbers) -> list[Cells]:
    """The loss at each nudged x, L = Σ dy · y with y in one formula; how far the slope is off."""
    loss = (
        "{gamma[*]}*SUMPRODUCT({dy[*]},{%s[*]}-AVERAGE({%s[*]}))"
        "/SQRT(VARP({%s[*]})+{eps[*]})+{beta[*]}*SUM({dy[*]})"
    )
    there = "INDEX({dx[*]},1,{nudged[*]})"
    away = f"ABS({{slope[*]}}-{there})"
    wrong = f"{{this}}>0.001*(1+ABS({there}))"
    return [
        nothing("nudged", 1),
        nothing("h", 1),
        *(
            one(f"loss_{name}", case.loss(case.moved(by)), label, loss % (name, name, name), FINE)
            for name, by, label in (
                ("up", case.h, "x + Δ, and L₊"),
                ("down", -case.h, "x − Δ, and L₋"),
            )
        ),
        one("agree", abs(case.slope - case.dx_there), SLOPE, away, ROUNDED, marks=judged(wrong)),
    ]
