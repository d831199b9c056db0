"""The rest of the sheet Numerics: what eps does to a small variance, and one value per channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from normviz.workbook.book.styles import (
    BAD,
    BAD_INK,
    HEADER,
    INPUT_NUMBER,
    LABEL,
    NUMBER,
    PAPER,
    PLAIN,
    PROSE,
)
from normviz.workbook.draw.matrix import BOLD, Matrix
from normviz.workbook.draw.panels import Caption
from normviz.workbook.sheets.lessons.numerics.case import EPSILONS, SCALES, refusal

if TYPE_CHECKING:
    from normviz.workbook.sheets.lessons.numerics.sheet import NumericsSheet

TINY = NUMBER.but(number="0.0E+00")
WHOSE = ("1E-12", "1E-5, torch", "1E-3, Keras", "yours")
IN_HALF = (1e-3, 1e-5, 1e-8, 1e-12)


def eps_effect(sheet: NumericsSheet) -> None:
    """The variance of the normalized values, for smaller and smaller input and several eps."""
    desk, case, page = sheet.desk, sheet.case, sheet.desk.page
    desk.banner("What ε does", "x̂ has the variance σ² / (σ² + ε), not 1")
    hint = "A number above zero; torch's default is 1E-5, Keras' 1E-3."
    note = "an ε of your own, for the column 'yours'"
    eps = desk.setting(3, "ε (eps)", case.eps, note, "{0}>0", hint)
    desk.row += 1
    heads = ("the numbers times", "their variance σ²", *WHOSE)
    for at, name in enumerate(heads):
        page.put(desk.row, 2 + at, name, HEADER.but(size=9))
    page.put(desk.row, 9, "ε", HEADER.but(size=9))
    page.put(desk.row, 10, "in float32", HEADER.but(size=9))
    page.put(desk.row, 11, "in float16", HEADER.but(size=9))
    for at, number in enumerate(EPSILONS):
        page.put(desk.row + 1, 4 + at, number, TINY.filled(PAPER))
    page.put(desk.row + 1, 4 + len(EPSILONS), case.eps, TINY.filled(PAPER), eps)
    page.put(desk.row + 1, 2, "with ε =", LABEL)
    head = Matrix(desk.row + 1, 4, 1, len(EPSILONS) + 1)
    for at, value in enumerate(IN_HALF):
        row = desk.row + 1 + at
        page.put(row, 9, value, TINY.filled(PAPER))
        page.put(row, 10, float(np.float32(value)), TINY.filled(PAPER))
        half = float(np.float16(value))
        look = TINY.but(fill=PAPER if half else BAD, color=TINY.color if half else BAD_INK)
        page.put(row, 11, half, look)
    sheet.eps = eps
    desk.row += 2
    first = desk.row
    for scale in SCALES:
        _scaled_row(sheet, scale, head)
    desk.row = first + len(SCALES) + 1
    desk.say(
        "What to look at: ε is small beside an ordinary variance and large beside a tiny one. A "
        "channel that hardly varies is not blown up to variance 1, and a constant channel (last "
        "line) becomes 0 instead of 0/0. Networks moved between Keras and torch differ exactly "
        "there, unless ε is moved too. In float16 an ε of 1E-8 or less is 0 and protects nothing "
        "(right, constants from NumPy)."
    )
    desk.row += 1


def _scaled_row(sheet: NumericsSheet, scale: float, head: Matrix) -> None:
    desk, case, page, row = sheet.desk, sheet.case, sheet.desk.page, sheet.desk.row
    page.put(row, 2, scale, NUMBER.but(number="General").filled(PAPER))
    look = NUMBER.but(number="0.0000000").filled(PAPER)
    live = f"B{row}*B{row}*{sheet.truth}"
    variance = page.put(row, 3, case.scaled(scale, 1e-5)[0], look, live)
    for at, eps in enumerate((*EPSILONS, case.eps)):
        value = case.scaled(scale, eps)[1]
        formula = f"{variance}/({variance}+{head.fixed(0, at)})"
        page.put(row, 4 + at, value, BOLD.but(number="0.000000").filled(PAPER), formula)
    desk.row += 1


def one_value(sheet: NumericsSheet) -> None:
    """The arithmetic of a batch of one, and the sentence with which it is refused."""
    desk, case, page = sheet.desk, sheet.case, sheet.desk.page
    desk.banner("One value per channel", "why a batch of one 1×1 image cannot be batch-normalized")
    top = desk.row
    for name, value in (("x", case.single), ("γ (weight)", case.weight), ("β (bias)", case.bias)):
        page.put(desk.row, 2, name, LABEL)
        page.put(desk.row, 3, value, INPUT_NUMBER)
        desk.row += 1
    x, gamma, beta = (f"$C${top + at}" for at in range(3))
    made = case.alone
    at = {name: f"F{top + row}" for row, name in enumerate(_steps(made))}
    formulas = {
        "mean": f"AVERAGE({x})",
        "centered": f"{x}-{at['mean']}",
        "variance": f"VARP({x})",
        "normalized": f"{at['centered']}/SQRT({at['variance']}+{sheet.eps})",
        "output": f"{gamma}*{at['normalized']}+{beta}",
        "grad_input": f"{at['centered']}*{gamma}",
    }
    for row, (name, text) in enumerate(_steps(made).items()):
        page.put(top + row, 5, text, LABEL)
        value = float(np.ravel(made[name])[0])
        page.put(top + row, 6, value, BOLD.filled(PAPER), formulas[name])
    _sentences(sheet, top, x)


def _steps(_: Any) -> dict[str, str]:
    return {
        "mean": "mean",
        "centered": "x − μ",
        "variance": "variance σ²",
        "normalized": "x̂",
        "output": "y = β",
        "grad_input": "dx",
    }


def _sentences(sheet: NumericsSheet, top: int, x: str) -> None:
    desk, page = sheet.desk, sheet.desk.page
    remarks = (
        "one value is its own mean",
        "so its distance from the mean is 0, whatever x is",
        "and its variance is 0; the unbiased one would be 0 · 1 / 0",
        "0 / √ε = 0: no trace of x is left",
        "γ · 0 + β: the layer puts out its bias and nothing else",
        "no gradient reaches x: nothing below the layer can learn",
    )
    for row, text in enumerate(remarks):
        page.span((top + row, 8, top + row, desk.last), text, PROSE.but(vertical="center"))
    unbiased = f'IF(COUNT({x})>1,"exists","does not exist: divided by n - 1 = "&(COUNT({x})-1))'
    desk.row = top + len(remarks)
    page.put(desk.row, 5, "unbiased s²", LABEL)
    text = "does not exist: divided by n - 1 = 0"
    page.span((desk.row, 6, desk.row, 9), text, PLAIN.but(bold=True), unbiased)
    desk.row += 2
    caption = Caption("What normviz.batch_norm says, and torch refuses too")
    desk.row = desk.caption(2, desk.last, caption)
    style = PLAIN.but(fill=BAD, color=BAD_INK, indent=1, wrap=True)
    desk.say(refusal(), style=style)
    desk.row += 1
    desk.say(
        "Try: other values of x; y stays β. The usual way to meet this is a last batch of one "
        "sample: give the DataLoader drop_last=True, or use a norm that does not look at the "
        "batch (LayerNorm, GroupNorm). In evaluation one sample is fine: the running statistics "
        "are used."
    )
