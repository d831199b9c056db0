"""The rest of the sheet Evaluation: Keras' momentum, and Ghost BN, whose splits then vanish."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from normviz.reference.functional import batch_norm
from normviz.workbook.book.styles import (
    AXIS_LEFT,
    LABEL,
    NUMBER,
    PAPER,
    WARN,
    set_color,
)
from normviz.workbook.draw.matrix import BOLD, DIFFERENCE, Matrix
from normviz.workbook.draw.panels import Caption
from normviz.workbook.sheets.lessons.evaluation.case import (
    BATCHES,
    CHANNEL_NAMES,
    CHANNELS,
    LEFTS,
    SAMPLE_NAMES,
    SAMPLES,
    SPLITS,
    channel,
)

if TYPE_CHECKING:
    from normviz.workbook.sheets.lessons.evaluation.sheet import EvaluationSheet

PER_SPLIT = SAMPLES // SPLITS
STEP_NAMES = ("at first", *(f"step {t}" for t in range(1, BATCHES + 1)))
Move = Callable[[str, str], str]
"""From the cells of the old and the new value to the formula of the moved one."""


def keras(sheet: EvaluationSheet) -> None:
    """The same four steps in Keras' words, and what happens when the two are mixed up."""
    desk, case, momentum = sheet.desk, sheet.case, sheet.momentum
    desk.banner("torch's momentum beside Keras'", "the same word for m and for 1 − m")
    desk.page.put(desk.row, 2, "momentum in torch", LABEL)
    desk.page.put(desk.row, 3, case.momentum, BOLD.filled(PAPER), momentum)
    desk.page.put(desk.row + 1, 2, "the same in Keras", LABEL)
    k = desk.page.put(desk.row + 1, 3, 1 - case.momentum, BOLD.filled(PAPER), f"1-{momentum}")
    k = f"${k[0]}${k[1:]}"
    desk.row += 3
    captions = (
        Caption("running_mean, torch", "(1 − m) · old + m · μ"),
        Caption("moving_mean, Keras", "k · old + (1 − k) · μ"),
        Caption("m typed into Keras", "k = m: a mistake"),
        Caption("running_var, torch", "takes in s²"),
        Caption("moving_variance", "Keras takes in σ²"),
    )
    desk.captions([(left, left + 1, text) for left, text in zip(LEFTS, captions, strict=False)])
    desk.row += 1
    means, variances = (values[: BATCHES + 1] for values in case.running())
    mistaken = case.running(1 - case.momentum)[0][: BATCHES + 1]
    moves: tuple[tuple[Any, int, Move], ...] = (
        (means, 0, lambda old, new: f"(1-{momentum})*{old}+{momentum}*{new}"),
        (means, 0, lambda old, new: f"{k}*{old}+(1-{k})*{new}"),
        (mistaken, 0, lambda old, new: f"{momentum}*{old}+(1-{momentum})*{new}"),
        (variances, 2, lambda old, new: f"(1-{momentum})*{old}+{momentum}*{new}"),
        (case.keras_variance(), 1, lambda old, new: f"{k}*{old}+(1-{k})*{new}"),
    )
    made = []
    for at, (values, row, move) in enumerate(moves):
        below = Matrix(desk.row, LEFTS[at], BATCHES + 1, CHANNELS)
        formula = _moved(sheet, below, row, move)
        look = channel(BOLD) if at != 2 else BOLD.filled(WARN)
        made.append(desk.matrix(LEFTS[at], values, formula, look, across=CHANNEL_NAMES))
    _step_names(sheet)
    desk.row += BATCHES + 2
    desk.page.span((desk.row, 2, desk.row, 5), "Keras less torch, at most", LABEL)
    live = f"SUMPRODUCT(MAX(ABS({made[1].text}-{made[0].text})))"
    desk.page.put(desk.row, LEFTS[1], 0.0, DIFFERENCE.filled(PAPER), live)
    desk.row += 1
    desk.say(
        "torch's default is m = 0.1, Keras' is k = 0.99, which is m = 0.01: Keras forgets ten "
        "times more slowly. Type torch's 0.1 into Keras and nearly all of the old value is thrown "
        "away at every step (amber): the running mean is all but the last batch's. Keras 3 also "
        "averages the biased variance, so its moving_variance is a little lower than running_var."
    )
    desk.row += 1


def _moved(sheet: EvaluationSheet, below: Matrix, row: int, move: Move) -> Any:
    """One column of a moving average of a statistic of the four batches."""

    def formula(t: int, c: int) -> str:
        if t == 0:
            return sheet.own.at(2 if row == 0 else 3, c)
        return move(below.at(t - 1, c), sheet.statistics[t - 1].at(row, c))

    return formula


def _step_names(sheet: EvaluationSheet) -> None:
    for t, name in enumerate(STEP_NAMES):
        sheet.desk.page.put(sheet.desk.row + t, 2, name, AXIS_LEFT)


def ghost(sheet: EvaluationSheet) -> None:
    """Ghost BN on the same batches: two splits in training, none in evaluation."""
    sheet.desk.banner(
        "Ghost BN on the same batches",
        f"{SPLITS} splits of {PER_SPLIT} samples, as on {SPLITS} devices that do not talk",
    )
    running = _ghost_trajectory(sheet)
    _ghost_outputs(sheet, running)


def _ghost_trajectory(sheet: EvaluationSheet) -> tuple[Matrix, Matrix]:
    """One row a step: the statistics of each split, and the running ones they move."""
    desk, case = sheet.desk, sheet.case
    first = f"n = 0 to {PER_SPLIT - 1}"
    second = f"n = {PER_SPLIT} to {SAMPLES - 1}"
    captions = (
        Caption("μ of split 1", first),
        Caption("μ of split 2", second),
        Caption("running_mean", "mean over splits"),
        Caption("s² of split 1", first),
        Caption("s² of split 2", second),
        Caption("running_var", "mean over splits"),
    )
    desk.captions([(left, left + 1, text) for left, text in zip(LEFTS, captions, strict=True)])
    desk.row += 1
    top = desk.row
    means = np.array([t["mean"] for t in case.ghosts])
    unbiased = np.array([case.unbiased(t) for t in case.ghosts])
    running = []
    for half, values, moved in ((0, means, 0), (3, unbiased, 1)):
        parts = []
        for split in range(SPLITS):
            formula = _of_split(sheet, split, variance=half == 3)
            left = LEFTS[half + split]
            look = _by_split(split, BOLD)
            parts.append(desk.matrix(left, values[:, split], formula, look, top=top + 1, across=()))
            for c, name in enumerate(CHANNEL_NAMES):
                desk.page.put(top - 1, left + c, name, AXIS_LEFT.but(horizontal="center"))
        below = Matrix(top, LEFTS[half + SPLITS], BATCHES + 1, CHANNELS)
        running.append(
            desk.matrix(
                below.left,
                case.ghost_running()[moved],
                _ghost_moved(sheet, below, parts, moved),
                channel(BOLD),
                across=CHANNEL_NAMES,
            )
        )
    _step_names(sheet)
    desk.row += BATCHES + 2
    desk.say(
        f"Each split has its own mean and variance from n = {PER_SPLIT} samples only. The running "
        "statistics move to the mean over the splits of what each would have given alone: the "
        "running mean comes out as BatchNorm's, the running variance does not, because the "
        "variance between the splits is lost."
    )
    desk.row += 1
    return running[0], running[1]


def _by_split(split: int, style: Any) -> Any:
    return lambda _, c: style.filled(set_color(split * CHANNELS + c + 1))


def _of_split(sheet: EvaluationSheet, split: int, *, variance: bool) -> Any:
    first, last = split * PER_SPLIT, (split + 1) * PER_SPLIT - 1

    def formula(t: int, c: int) -> str:
        area = sheet.x[t].column(c, first, last)
        if variance:
            return f"VARP({area})*COUNT({area})/(COUNT({area})-1)"
        return f"AVERAGE({area})"

    return formula


def _ghost_moved(sheet: EvaluationSheet, below: Matrix, parts: list[Matrix], moved: int) -> Any:
    momentum = sheet.momentum

    def formula(t: int, c: int) -> str:
        if t == 0:
            return sheet.own.at(2 + moved, c)
        cells = ",".join(part.at(t - 1, c) for part in parts)
        return f"(1-{momentum})*{below.at(t - 1, c)}+{momentum}*AVERAGE({cells})"

    return formula


def _ghost_outputs(sheet: EvaluationSheet, running: tuple[Matrix, Matrix]) -> None:
    """The chosen batch by its splits in training, and by one mean a channel in evaluation."""
    desk, case, eps = sheet.desk, sheet.case, sheet.eps
    made = case.ghosts[case.batch - 1]
    last = [values[-1] for values in case.ghost_running()]
    ordinary = case.evaluated(*(values[BATCHES] for values in case.running()))
    x = case.batches[case.batch - 1]
    evaluated = batch_norm(x, last[0], last[1], case.weight, case.bias, eps=case.eps)
    captions = (
        Caption("x", "the batch chosen above"),
        Caption("y in training", "4 sets: splits × c"),
        Caption("y in evaluation", "2 sets: the splits are gone"),
        Caption("BatchNorm's", "in evaluation, step 4"),
    )
    desk.captions([(left, left + 1, text) for left, text in zip(LEFTS, captions, strict=False)])
    desk.row += 1
    block = Matrix(desk.row, LEFTS[0], SAMPLES, CHANNELS)

    def source(n: int, c: int) -> str:
        return f"CHOOSE({sheet.batch},{','.join(x.at(n, c) for x in sheet.x)})"

    def scaled(n: int, c: int, mean: str, var: str) -> str:
        gamma, beta = sheet.own.at(0, c), sheet.own.at(1, c)
        return f"{gamma}*({block.at(n, c)}-{mean})/SQRT({var}+{eps})+{beta}"

    def by_split(n: int, c: int) -> str:
        first = n // PER_SPLIT * PER_SPLIT
        area = block.column(c, first, first + PER_SPLIT - 1)
        return scaled(n, c, f"AVERAGE({area})", f"VARP({area})")

    def stored(mean: Matrix, var: Matrix) -> Any:
        return lambda n, c: scaled(n, c, mean.at(BATCHES, c), var.at(BATCHES, c))

    def by_set(n: int, c: int) -> Any:
        return NUMBER.filled(set_color(n // PER_SPLIT * CHANNELS + c + 1))

    def plain(n: int, c: int) -> Any:
        return by_set(n, c).but(number="General")

    blocks: tuple[tuple[Any, Any, Any], ...] = (
        (x, source, plain),
        (made["output"], by_split, by_set),
        (evaluated, stored(*running), channel(NUMBER)),
        (ordinary, stored(sheet.running_mean, sheet.running_var), channel(NUMBER)),
    )
    for at, (values, formula, look) in enumerate(blocks):
        down = SAMPLE_NAMES if at == 0 else ()
        desk.matrix(LEFTS[at], values, formula, look, down=down, across=CHANNEL_NAMES)
    desk.row += SAMPLES + 1
    desk.say(
        "What to look at: the colors. In training a sample is measured against its own split, so "
        "two equal values of one channel come out unequal when they are in different splits. In "
        "evaluation there are no splits, whatever num_splits is, and N need not be divisible by "
        "it: Ghost BN is then BatchNorm with its own running variance."
    )
