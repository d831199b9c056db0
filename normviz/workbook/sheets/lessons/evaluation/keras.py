"""The sheet Evaluation: the same four steps in Keras' words, and what mixing the two does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from normviz.workbook.book.styles import BOLD, PAPER, RESULT, SMALL_FORMAT, WARN
from normviz.workbook.draw.content import Band, Banner, Caption, Cells, Item, Line, Table, Words
from normviz.workbook.formulas.differences import distance
from normviz.workbook.sheets.lessons.evaluation.case import BATCHES, EvaluationCase
from normviz.workbook.sheets.lessons.evaluation.tables import (
    CHANNEL_NAMES,
    STEP_NAMES,
    moved,
    of_channels,
)


def keras(case: EvaluationCase) -> Sequence[Item]:
    """torch's momentum beside Keras'."""
    means, variances = (values[: BATCHES + 1] for values in case.running())
    mistaken = case.running(1 - case.momentum)[0][: BATCHES + 1]
    columns = (
        (
            "torch_mean",
            ("running_mean", "(1 − α) · old + α · μ"),
            means,
            "mean",
            "{momentum}",
        ),
        ("keras_mean", ("moving_mean", "Keras, with 1 − α"), means, "mean", "(1-{k})"),
        (
            "mistaken_mean",
            ("a mistake", "Keras, with α"),
            mistaken,
            "mean",
            "(1-{momentum})",
        ),
        (
            "torch_var",
            ("running_var", "torch takes in s²"),
            variances,
            "unbiased",
            "{momentum}",
        ),
        (
            "keras_var",
            ("moving_variance", "Keras takes in σ²"),
            case.keras_variance(),
            "biased",
            "(1-{k})",
        ),
    )
    tables = []
    for at, (name, words, values, statistic, weight) in enumerate(columns):
        first = "{first_mean}" if statistic == "mean" else "{first_var}"
        steps = [moved(name, first, f"{{{statistic}{t}}}", weight) for t in range(BATCHES + 1)]
        look = BOLD.filled(WARN) if name == "mistaken_mean" else of_channels(BOLD)

        def formula(t: int, c: int, steps: Sequence[Callable[[int, int], str]] = steps) -> str:
            return steps[t](t, c)

        cells = Cells(name, values, formula, look)
        tables.append(
            Table(
                cells,
                axes=("t", "c"),
                down=STEP_NAMES,
                labelled=at == 0,
                across=CHANNEL_NAMES,
                caption=Caption(*words),
            )
        )
    return (
        Banner("torch's momentum beside Keras'", "the same word for α and for 1 − α"),
        Line("m", "momentum in torch, α", case.momentum, "{momentum}", RESULT),
        Line("k", "momentum in Keras, 1 − α", 1 - case.momentum, "1-{momentum}", RESULT),
        Band(tables),
        Line(
            "keras_gap",
            "Keras' − torch's",
            0.0,
            distance("{keras_mean[*]}", "{torch_mean[*]}"),
            RESULT.but(number=SMALL_FORMAT, fill=PAPER),
            "√Σ (difference)² of the two running means",
        ),
        Words(
            "torch's default is 0.1, Keras' is 0.99, which is α = 0.01: Keras forgets ten "
            "times more slowly. Type torch's 0.1 into Keras and nearly all of the old value is "
            "thrown away at every step (amber): the running mean is almost the last batch's alone. "
            "Keras 3 also averages the biased variance, so its moving_variance is a little lower "
            "than running_var."
        ),
    )
