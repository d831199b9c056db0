"""The graph of the lesson: steps down, local derivatives between, gradients up, row by row."""

from __future__ import annotations

import numpy as np

from normviz.workbook.draw.content import NOT_NEGATIVE, Caption, Table
from normviz.workbook.sheets.lessons.four_numbers.case import COUNT, FourNumbers
from normviz.workbook.sheets.lessons.four_numbers.parts import (
    STRONG,
    four,
    nothing,
    one,
    row,
    yours,
)


def graph(case: FourNumbers) -> list[Table]:
    """The steps down, the numbers on the arrows, the gradients up."""
    steps = case.traced
    u, x_hat, r, dx_hat, dvar, du = case.made
    forward = (
        yours("x", case.x, "1   x"),
        one("mean", steps["mean"], "2   μ = Σ x / m", "AVERAGE({x[*]})"),
        four("d", u, "{x}-{mean[*]}", "3   u = x − μ"),
        yours("eps", [case.eps], "4   ε", NOT_NEGATIVE),
        four("q", u * u, "{d}*{d}", "5   q = u · u"),
        one("v", steps["variance"], "6   σ² = Σ q / m", "AVERAGE({q[*]})"),
        one("s", r, "7   r = √(σ² + ε)", "SQRT({v[*]}+{eps[*]})"),
        four("xhat", x_hat, "{d}/{s[*]}", "8   x̂ = u / r"),
        nothing("xhat"),
        yours("gamma", [case.gamma], "9   γ"),
        yours("beta", [case.beta], "10   β"),
        four("y", row(steps["output"]), "{gamma[*]}*{xhat}+{beta[*]}", "11   y = γ · x̂ + β"),
    )
    ones = np.ones(COUNT)
    arrows = (
        nothing("x"),
        four("mean_x", ones / COUNT, "1/COUNT({x[*]})", "x → μ:  1 / m"),
        four("d_x", ones, None, "x → u:  1"),
        four("d_mean", -ones, None, "μ → u:  −1"),
        four("q_d", 2 * u, "2*{d}", "u → q:  2 u"),
        four("v_q", ones / COUNT, "1/COUNT({q[*]})", "q → σ²:  1 / m"),
        one("s_v", 1 / (2 * r), "σ² → r:  1 / (2 r)", "1/(2*{s[*]})"),
        four("xhat_d", ones / r, "1/{s[*]}", "u → x̂:  1 / r"),
        four("xhat_s", -u / r**2, "-{d}/({s[*]}*{s[*]})", "r → x̂:  −u / r²"),
        four("y_gamma", x_hat, "{xhat}", "γ → y:  x̂"),
        four("y_beta", ones, None, "β → y:  1"),
        four("y_xhat", case.gamma * ones, "{gamma[*]}", "x̂ → y:  γ"),
    )
    ds = float(np.sum(dx_hat * -u / r**2))
    backward = (
        four("dx", row(steps["grad_input"]), "{dd}*{d_x}+{dmean[*]}*{mean_x}", "dx", STRONG),
        one("dmean", -du.sum(), "dμ", "SUMPRODUCT({dd[*]},{d_mean[*]})"),
        four("dd", du, "{dxhat}*{xhat_d}+{dq}*{q_d}", "du (2 arrows)"),
        nothing("dd"),
        four("dq", dvar / COUNT * ones, "{dv[*]}*{v_q}", "dq"),
        one("dv", dvar, "dσ²", "{ds[*]}*{s_v[*]}"),
        one("ds", ds, "dr", "SUMPRODUCT({dxhat[*]},{xhat_s[*]})"),
        four("dxhat", dx_hat, "{dy}*{y_xhat}", "dx̂"),
        nothing("dxhat"),
        one("dgamma", steps["grad_weight"], "∂L/∂γ", "SUMPRODUCT({dy[*]},{y_gamma[*]})"),
        one("dbeta", steps["grad_bias"], "∂L/∂β", "SUMPRODUCT({dy[*]},{y_beta[*]})"),
        yours("dy", case.grad_output, "dy"),
    )
    titles = ("down:  x becomes y", "the number on each arrow", "up:  dy becomes dx")
    numbers = tuple(f"i = {i}" for i in range(1, COUNT + 1))
    return [
        Table(parts, ("", "i"), across=numbers, caption=Caption(title))
        for title, parts in zip(titles, (forward, arrows, backward), strict=True)
    ]
