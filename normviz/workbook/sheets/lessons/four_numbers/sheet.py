"""Four numbers: BatchNorm on one channel of four values, and where its backward pass comes from.

The computation goes down on the left and its gradients come up on the right, row beside row. What
stands between them is the local derivative, the number on the arrow.
"""

from __future__ import annotations

import numpy as np

from normviz.reference.functional import rms_norm_backward
from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import BACKWARD, BOLD, DIFFERENCE, NUMBER
from normviz.workbook.draw.columns import Columns
from normviz.workbook.draw.content import Band, Banner, Cells, Item, Listing, Words
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.sheets.lessons.four_numbers.case import CASE, COUNT, FourNumbers
from normviz.workbook.sheets.lessons.four_numbers.graph import graph
from normviz.workbook.sheets.lessons.four_numbers.nudge import nudge
from normviz.workbook.sheets.lessons.four_numbers.parts import DX_SUM, column, one, row

TITLE = "Four numbers"
COLUMNS = Columns((19.5, 16.0, 13.5), ((6.7,) * COUNT, (6.7,) * COUNT, (6.7,) * COUNT))


def build(book: Book, case: FourNumbers = CASE) -> None:
    """Add the sheet to a book."""
    sheet = Sheet(
        book,
        TITLE,
        "Four numbers: every arrow of BatchNorm, there and back",
        "One channel, four values. Read down on the left: x becomes y. Read up on the right: "
        "the gradient dy of a loss L becomes dx. Each gradient is the one below it times the "
        "number on the arrow between them, added up where several arrows arrive.",
        COLUMNS,
    )
    sheet.draw(*graph(case), *_paths(case), *_sums(case), *nudge(case))


def _paths(case: FourNumbers) -> list[Item]:
    """The three paths to dx, what each adds up to, and the algebra to the closed form."""
    made = case.made
    straight = made.dx_hat / made.r
    by_variance = made.dvar / COUNT * 2 * made.u
    by_mean = np.full(COUNT, -made.du.sum() / COUNT)
    dx = row(case.traced["grad_input"])
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
        one(
            f"sum_{name}",
            values.sum(),
            DX_SUM if name == "all" else "adds up to",
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
        Band((column("", paths, ()), column("", sums, ()))),
        Words("The four dx add up to 0: some 1E-16 is rounding."),
        Listing(algebra, ("", "line", "why"), shares=(3, 40, 57)),
    ]


def _sums(case: FourNumbers) -> list[Item]:
    """dx of RMSNorm beside it, which does not add up to zero."""
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
                column(
                    "",
                    (
                        one(
                            "rms",
                            rms,
                            "r = √(Σ x² / m + ε)",
                            "SQRT(SUMSQ({x[*]})/COUNT({x[*]})+{eps})",
                        ),
                        Cells("dx_rms", without, formula, BOLD, "dx of RMSNorm"),
                    ),
                    (),
                ),
                column(
                    "",
                    (
                        Cells("rest_rms", [None]),
                        one("sum_rms", without.sum(), "adds up to", "SUM({dx_rms[*]})", BOLD),
                    ),
                    (),
                ),
            )
        ),
    ]
