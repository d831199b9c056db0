"""The sheet Numerics: what eps does to a small variance, and one value per channel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from normviz.workbook.book.styles import (
    BAD,
    BAD_INK,
    BOLD,
    GENERAL,
    NUMBER,
    PAPER,
    PLAIN,
    RESULT,
    SMALL_FORMAT,
    STEP_NAME,
    WRONG_SIGN,
    Style,
    decimals,
    shown_as,
)
from normviz.workbook.draw.content import (
    NUMBERS,
    POSITIVE,
    Banner,
    Caption,
    Cells,
    Item,
    Line,
    Table,
    Words,
)
from normviz.workbook.sheets.lessons.numerics.case import (
    EPSILONS,
    SCALES,
    NumericsCase,
    refusal,
)

TINY = NUMBER.but(number=SMALL_FORMAT).filled(PAPER)
REFUSED = PLAIN.but(fill=BAD, color=BAD_INK, number=shown_as(WRONG_SIGN, "General"), indent=1)
LOST = TINY.but(fill=BAD, color=BAD_INK, number=shown_as(WRONG_SIGN, TINY.number))
WHOSE = ("1E-12", "1E-5, torch", "1E-3, Keras", "yours")
IN_HALF = (1e-3, 1e-5, 1e-8, 1e-12)


def eps_effect(case: NumericsCase) -> Sequence[Item]:
    """The variance of the normalized values, for smaller and smaller input and several eps."""
    every = (*EPSILONS, case.eps)
    found = [[case.scaled(scale, eps)[1] for eps in every] for scale in SCALES]
    variances = [[case.scaled(scale, 1e-5)[0]] for scale in SCALES]

    def own(_: int, at: int) -> str:
        return "{own_eps}" if at == len(EPSILONS) else repr(EPSILONS[at])

    in_half = [np.array(IN_HALF, dtype=np.float16).astype(float).tolist()]
    in_single = [np.array(IN_HALF, dtype=np.float32).astype(float).tolist()]

    def lost(_: int, at: int) -> Style:
        return TINY if in_half[0][at] else LOST

    return (
        Banner("What ε does", "x̂ has the variance σ² / (σ² + ε), not 1"),
        Line(
            "own_eps",
            "ε (eps)",
            case.eps,
            rule=POSITIVE,
            note="an ε of your own, for the column 'yours'",
        ),
        Table(
            [
                Cells("eps_row", [list(every)], own, TINY, "with ε ="),
            ],
            axes=("", "e"),
            across=WHOSE,
        ),
        Table(
            [
                Cells(
                    "scaled",
                    variances,
                    "{scale}*{scale}*{truth}",
                    NUMBER.but(number=decimals(4)).filled(PAPER),
                    "variance σ²",
                ),
                Cells(
                    "kept",
                    found,
                    lambda _, at: f"{{scaled}}/({{scaled}}+{{eps_row[e={at}]}})",
                    BOLD.but(number=decimals(3)).filled(PAPER),
                    "of x̂",
                ),
            ],
            axes=("s", "e"),
            beside=True,
            down=SCALES,
            down_is="scale",
            across=("variance σ²", *WHOSE),
            caption=Caption(
                "the four numbers less their mean, times a scale",
                "their variance, and that of x̂ with each ε",
            ),
            steps="scale",
        ),
        Table(
            [
                Cells("half_eps", [list(IN_HALF)], None, TINY, "ε"),
                Cells("half_single", in_single, None, TINY, "in float32"),
                Cells("half_half", in_half, None, lost, "in float16"),
            ],
            axes=("", ""),
            caption=Caption("ε itself, rounded", "constants from NumPy"),
        ),
        Words(
            "What to look at: ε is small beside an ordinary variance and large beside a tiny one. "
            "A channel that hardly varies is not blown up to variance 1, and a constant channel "
            "(last line) becomes 0 instead of 0/0. Networks moved between Keras and torch differ "
            "exactly there, unless ε is moved too. In float16 an ε of 1E-8 or less is 0 and "
            "protects nothing."
        ),
    )


def one_value(case: NumericsCase) -> Sequence[Item]:
    """The arithmetic of a batch of one, and the sentence with which it is refused."""
    made, plain = case.alone, GENERAL.filled(PAPER)
    steps = (
        ("alone_mean", "mean", "mean", "AVERAGE({alone})", "one value is its own mean"),
        (
            "alone_centered",
            "x − μ",
            "centered",
            "{alone}-{alone_mean}",
            "so its distance from the mean is 0, whatever x is",
        ),
        (
            "alone_variance",
            "variance σ²",
            "variance",
            "VARP({alone})",
            "and its variance is 0; the unbiased one would be 0 · 1 / 0",
        ),
        (
            "alone_normalized",
            "x̂",
            "normalized",
            "{alone_centered}/SQRT({alone_variance}+{own_eps})",
            "0 / √ε = 0: no trace of x is left",
        ),
        (
            "alone_output",
            "y = β",
            "output",
            "{alone_gamma}*{alone_normalized}+{alone_beta}",
            "γ · 0 + β: the layer puts out its bias and nothing else",
        ),
        (
            "alone_gradient",
            "dx",
            "grad_input",
            "{alone_centered}*{alone_gamma}",
            "no gradient reaches x: nothing below the layer can learn",
        ),
    )
    says = 'IF(COUNT({alone})>1,"exists","does not exist: divided by m − 1 = "&(COUNT({alone})-1))'
    return (
        Banner(
            "One value per channel",
            "why a batch of one row, or of one 1×1 image, cannot be batch-normalized",
        ),
        Line("alone", "x", case.single, rule=NUMBERS),
        Line("alone_gamma", "γ (weight)", case.weight, rule=NUMBERS),
        Line("alone_beta", "β (bias)", case.bias, rule=NUMBERS),
        *(
            Line(name, label, float(np.ravel(made[step])[0]), formula, RESULT, note)
            for name, label, step, formula, note in steps
        ),
        Line(
            "alone_unbiased",
            "unbiased s²",
            "does not exist: divided by m − 1 = 0",
            says,
            plain.but(bold=True, horizontal="left"),
        ),
        Words("What normviz.batch_norm says, and torch refuses too:", STEP_NAME),
        Words(refusal(), REFUSED),
        Words(
            "Try: other values of x; y stays β. The usual way to meet this is a last batch of one "
            "sample: give the DataLoader drop_last=True, or use a norm that does not look at the "
            "batch (LayerNorm, GroupNorm). In evaluation one sample is fine: the running "
            "statistics are used."
        ),
    )
