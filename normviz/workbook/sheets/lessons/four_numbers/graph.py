"""The graph of the lesson: steps down, local derivatives between, gradients up, row by row."""

from __future__ import annotations

import numpy as np

from normviz.workbook.book.styles import BOLD, YOURS
from normviz.workbook.draw.content import NOT_NEGATIVE, Band, Cells, Item, Line
from normviz.workbook.sheets.lessons.four_numbers.case import COUNT, FourNumbers
from normviz.workbook.sheets.lessons.four_numbers.parts import NOTHING, column, one, row, yours


def graph(case: FourNumbers) -> list[Item]:
    """The steps down, the numbers on the arrows, the gradients up."""
    steps = case.traced
    u, x_hat, r, dx_hat, dvar, du = case.made
    forward = (
        yours("x", case.x, "1   x"),
        one("mean", steps["mean"], "2   μ = Σ x / m", "AVERAGE({x[*]})"),
        Cells("d", u, "{x}-{mean[*]}", label="3   u = x − μ"),
        Cells("rest_d", NOTHING),
        Cells("q", u * u, "{d}*{d}", label="4   q = u · u"),
        one("v", steps["variance"], "5   σ² = Σ q / m", "AVERAGE({q[*]})"),
        one("s", r, "6   r = √(σ² + ε)", "SQRT({v[*]}+{eps})"),
        Cells("xhat", x_hat, "{d}/{s[*]}", label="7   x̂ = u / r"),
        Cells("rest_xhat", NOTHING),
        yours("gamma", [case.gamma], "8   γ"),
        yours("beta", [case.beta], "9   β"),
        Cells("y", row(steps["output"]), "{gamma[*]}*{xhat}+{beta[*]}", label="10   y = γ · x̂ + β"),
    )
    ones = np.ones(COUNT)
    arrows = (
        Cells("rest_x", NOTHING),
        Cells("mean_x", ones / COUNT, "1/COUNT({x[*]})", label="x → μ:  1 / m"),
        Cells("d_x", ones, label="x → u:  1"),
        Cells("d_mean", -ones, label="μ → u:  −1"),
        Cells("q_d", 2 * u, "2*{d}", label="u → q:  2 u"),
        Cells("v_q", ones / COUNT, "1/COUNT({q[*]})", label="q → σ²:  1 / m"),
        one("s_v", 1 / (2 * r), "σ² → r:  1 / (2 r)", "1/(2*{s[*]})"),
        Cells("xhat_d", ones / r, "1/{s[*]}", label="u → x̂:  1 / r"),
        Cells("xhat_s", -u / r**2, "-{d}/({s[*]}*{s[*]})", label="r → x̂:  −u / r²"),
        Cells("y_gamma", x_hat, "{xhat}", label="γ → y:  x̂"),
        Cells("y_beta", ones, label="β → y:  1"),
        Cells("y_xhat", case.gamma * ones, "{gamma[*]}", label="x̂ → y:  γ"),
    )
    ds = float(np.sum(dx_hat * -u / r**2))
    backward = (
        Cells("dx", row(steps["grad_input"]), "{dd}*{d_x}+{dmean[*]}*{mean_x}", BOLD, "dx"),
        one("dmean", -du.sum(), "dμ", "SUMPRODUCT({dd[*]},{d_mean[*]})"),
        Cells("dd", du, "{dxhat}*{xhat_d}+{dq}*{q_d}", label="du, two arrows"),
        Cells("rest_dd", NOTHING),
        Cells("dq", dvar / COUNT * ones, "{dv[*]}*{v_q}", label="dq"),
        one("dv", dvar, "dσ²", "{ds[*]}*{s_v[*]}"),
        one("ds", ds, "dr", "SUMPRODUCT({dxhat[*]},{xhat_s[*]})"),
        Cells("dxhat", dx_hat, "{dy}*{y_xhat}", label="dx̂"),
        Cells("rest_dxhat", NOTHING),
        one("dgamma", steps["grad_weight"], "∂L/∂γ", "SUMPRODUCT({dy[*]},{y_gamma[*]})"),
        one("dbeta", steps["grad_bias"], "∂L/∂β", "SUMPRODUCT({dy[*]},{y_beta[*]})"),
        yours("dy", case.grad_output, "dy"),
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
                column("down:  x becomes y", forward, numbers),
                column("the number on each arrow", arrows, numbers),
                column("up:  dy becomes dx", backward, numbers),
            )
        ),
    ]
