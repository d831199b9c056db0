"""Evaluation: why the same input gives another output once training is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import (
    BOLD,
    GENERAL,
    INPUT_NUMBER,
    NUMBER,
    RESULT,
    SMALL_FORMAT,
    YOURS,
)
from normviz.workbook.draw.columns import even
from normviz.workbook.draw.content import (
    NOT_NEGATIVE,
    NUMBERS,
    POSITIVE,
    Band,
    Banner,
    Caption,
    Cells,
    Item,
    Line,
    Table,
    Words,
    chosen_from,
    whole,
)
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.formulas.differences import distance, distance_of
from normviz.workbook.sheets.lessons.evaluation.case import (
    BATCHES,
    CHANNELS,
    SAMPLES,
    STEPS,
    EvaluationCase,
)
from normviz.workbook.sheets.lessons.evaluation.ghost import ghost
from normviz.workbook.sheets.lessons.evaluation.keras import keras
from normviz.workbook.sheets.lessons.evaluation.tables import (
    CHANNEL_NAMES,
    SAMPLE_NAMES,
    chosen,
    of_channels,
    pairs,
)
from normviz.workbook.sheets.lessons.evaluation.trajectory import trajectory
from normviz.workbook.sheets.momentum import momentum

TITLE = "Evaluation"


def build(book: Book, case: EvaluationCase | None = None) -> None:
    """The sheet, for the numbers that ship or for others."""
    case = case or EvaluationCase()
    sheet = Sheet(
        book,
        TITLE,
        "Evaluation: why the same input gives another output",
        "In training BatchNorm uses the mean and variance of the batch at hand, in evaluation "
        "the running ones that training left behind. Four mini-batches pass below, the running "
        "statistics follow them step by step, and then one batch is normalized both ways.",
        even(20, (CHANNELS,) * 6, 7.6),
    )
    sheet.draw(
        *_settings(case),
        *_batches(case),
        *trajectory(case),
        *_side_by_side(case),
        *keras(case),
        *ghost(case),
    )


def _settings(case: EvaluationCase) -> Sequence[Item]:
    rows = (
        ("gamma", "γ (weight)", case.weight, NUMBERS),
        ("beta", "β (bias)", case.bias, NUMBERS),
        ("first_mean", "running_mean at first", case.running_mean, NUMBERS),
        ("first_var", "running_var at first", case.running_var, NOT_NEGATIVE),
    )
    cells = [Cells(n, v, None, INPUT_NUMBER, label, rule=rule) for n, label, v, rule in rows]
    return (
        Banner("Settings", YOURS),
        momentum(
            case.momentum,
            "torch's momentum: the weight of the new value. Keras calls 1 − momentum its own.",
        ),
        Line(
            "eps", "ε (eps)", case.eps, rule=POSITIVE, note="added to the variance, inside the root"
        ),
        Table(cells, axes=("", "c"), across=CHANNEL_NAMES),
    )


def _batches(case: EvaluationCase) -> Sequence[Item]:
    """The four batches, and below each its mean and its two variances."""
    labels = ("mean μ", "biased variance σ²", "unbiased variance s²")
    batches, statistics = [], []
    for at, (x, made) in enumerate(zip(case.batches, case.traces, strict=True), start=1):
        batches.append(
            Table(
                Cells(f"x{at}", x, None, INPUT_NUMBER, rule=NUMBERS),
                axes=("n", "c"),
                down=SAMPLE_NAMES,
                across=CHANNEL_NAMES,
                caption=Caption(f"batch {at}"),
                labelled=at == 1,
            )
        )
        area = f"{{x{at}}}"
        rows = (
            (f"mean{at}", made["mean"], f"AVERAGE({area})"),
            (f"biased{at}", made["variance"], f"VARP({area})"),
            (
                f"unbiased{at}",
                case.unbiased(made),
                f"{{biased{at}}}*COUNT({area})/(COUNT({area})-1)",
            ),
        )
        cells = [
            Cells(
                name,
                values,
                formula,
                of_channels(BOLD),
                label if at == 1 else f"{label} of batch {at}",
            )
            for (name, values, formula), label in zip(rows, labels, strict=True)
        ]
        statistics.append(Table(cells, axes=("", "c"), labelled=at == 1))
    return (
        Banner("Four mini-batches", f"{SAMPLES} samples n of {CHANNELS} channels c each"),
        Band(batches),
        Band(statistics),
        Words(
            "σ² = Σ (x − μ)² / m normalizes the batch itself, in training. s² = σ² · m / (m − 1) "
            "goes into running_var: it estimates the variance of all the data, of which the batch "
            f"is a sample of m = {SAMPLES}."
        ),
    )


def _side_by_side(case: EvaluationCase) -> Sequence[Item]:
    """One batch in training and in evaluation, and what makes the difference."""
    made, (means, variances) = case.chosen, case.running()
    mean, var = means[case.step], variances[case.step]
    stored = [f"INDEX({{running_{key}[t=*]}},{{step_used}}+1)" for key in ("mean", "var")]
    used = (
        ("used_mean", "mean used", made["mean"], chosen("mean")),
        ("used_var", "variance used", made["variance"], chosen("biased")),
    )
    stored_rows = (
        ("stored_mean", "running mean used", mean, stored[0]),
        ("stored_var", "running variance used", var, stored[1]),
    )
    return (
        Banner("The same input, in training and in evaluation"),
        Line(
            "batch",
            "batch",
            case.batch,
            rule=chosen_from(range(1, BATCHES + 1)),
            note="the batch to normalize, 1 to 4",
        ),
        Line(
            "step_used",
            "after step",
            case.step,
            rule=whole(0, STEPS),
            note=f"evaluate after this step of the table above, 0 to {STEPS}",
        ),
        Band(
            (
                Table(
                    [Cells(n, v, f, of_channels(BOLD), label) for n, label, v, f in used],
                    axes=("", "c"),
                    across=CHANNEL_NAMES,
                    caption=Caption("in training"),
                ),
                Table(
                    [Cells(n, v, f, of_channels(BOLD), label) for n, label, v, f in stored_rows],
                    axes=("", "c"),
                    across=CHANNEL_NAMES,
                    caption=Caption("in evaluation"),
                    labelled=False,
                ),
            )
        ),
        _outputs(case, mean, var),
        Line(
            "parts_gap",
            "not explained by the two",
            distance_of(0, 0),
            distance("{gap}", "{by_mean}-{by_spread}"),
            RESULT.but(number=SMALL_FORMAT),
            "√Σ (what of the difference is left without the two parts)², 0 but for rounding",
        ),
        Words(
            "What to look at: the difference is the sum of two causes, another mean (it shifts a "
            "channel as a whole) and another spread (it stretches the channel about its mean). "
            "Evaluation treats every sample alike, whatever else is in its batch; training does "
            f"not. Try: after step {STEPS}, when the running statistics have caught up. A network "
            "that is good in training mode and bad in evaluation has running statistics that do "
            "not fit its data: too few steps, momentum too small, or other data."
        ),
    )


def _outputs(case: EvaluationCase, mean: Any, var: Any) -> Band:
    """x, both outputs, their difference, and the two causes of it."""
    made = case.chosen
    evaluated = case.evaluated(mean, var)
    shifted = case.evaluated(made["mean"], var)  # evaluation but for the batch's own mean
    own, stored = "SQRT({used_var}+{eps})", "SQRT({stored_var}+{eps})"
    blocks = (
        ("x", ("x", ""), made.x, chosen("x"), GENERAL),
        (
            "trained",
            ("y in training", "γ(x − μ)/√(σ² + ε) + β"),
            made["output"],
            f"{{gamma}}*({{x}}-{{used_mean}})/{own}+{{beta}}",
            NUMBER,
        ),
        (
            "evaluated",
            ("y in evaluation", "γ(x − μ′)/√(σ′² + ε) + β"),
            evaluated,
            f"{{gamma}}*({{x}}-{{stored_mean}})/{stored}+{{beta}}",
            NUMBER,
        ),
        (
            "gap",
            ("difference", "evaluation − training"),
            evaluated - made["output"],
            "{evaluated}-{trained}",
            NUMBER,
        ),
        (
            "by_mean",
            ("by the mean", "γ(μ − μ′)/√(σ′² + ε)"),
            evaluated - shifted,
            f"{{gamma}}*({{used_mean}}-{{stored_mean}})/{stored}",
            NUMBER,
        ),
        (
            "by_spread",
            ("by the spread", "γ(x − μ)(1/√(σ′² + ε) − 1/√(σ² + ε))"),
            shifted - made["output"],
            f"{{gamma}}*({{x}}-{{used_mean}})*(1/{stored}-1/{own})",
            NUMBER,
        ),
    )
    return Band(pairs(blocks))
