"""The proof by trying: nudge one x, and see the slope of the loss that the arrows gave."""

from __future__ import annotations

from normviz.workbook.book.styles import BACKWARD, DIFFERENCE, NUMBER, decimals
from normviz.workbook.draw.content import Band, Banner, Cells, Item, Line, Rule, judged, whole
from normviz.workbook.sheets.lessons.four_numbers.case import COUNT, FourNumbers
from normviz.workbook.sheets.lessons.four_numbers.parts import NOTHING, column, one, row

GENERAL = NUMBER.but(number=decimals(3))
WHOLE = NUMBER.but(number="0")
CLOSE = NUMBER.but(number=decimals(1))
SMALL = Rule("A number above 0, at most 10.", "AND(COUNT({this})=1,{this}>0,{this}<=10)")


def nudge(case: FourNumbers) -> list[Item]:
    """One x moved a little each way, and the slope of the loss between."""
    up, down = case.moved(case.h), case.moved(-case.h)
    slope = (case.loss(up) - case.loss(down)) / (2 * case.h)
    dx = float(row(case.traced["grad_input"])[case.nudged - 1])
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
        one(
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
                column(
                    "",
                    (Cells("i", list(range(1, COUNT + 1)), look=WHOLE, label="i"), *moved),
                    (),
                ),
                column("", (Cells("rest_y", NOTHING), *outputs), ()),
                column("", (Cells("rest_loss", [None]), *losses), ()),
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
