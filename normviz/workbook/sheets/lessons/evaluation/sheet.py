"""BatchNorm in evaluation: how the running statistics move, and what they do to the output."""

from __future__ import annotations

from typing import Any

import numpy as np

from normviz.workbook.book.cells import Book
from normviz.workbook.book.charts import Line, line_chart
from normviz.workbook.book.styles import (
    AXIS_LEFT,
    FAINT,
    INPUT_NUMBER,
    LABEL,
    NUMBER,
    PAPER,
    SOFT,
)
from normviz.workbook.draw.matrix import (
    BOLD,
    DIFFERENCE,
    Desk,
    Matrix,
)
from normviz.workbook.draw.panels import Caption
from normviz.workbook.sheets.lessons.evaluation import more as evaluation_more
from normviz.workbook.sheets.lessons.evaluation.case import (
    BATCHES,
    CHANNEL_NAMES,
    CHANNELS,
    LEFTS,
    SAMPLE_NAMES,
    SAMPLES,
    STEPS,
    EvaluationCase,
    channel,
)

TITLE = "Evaluation"
WIDTHS = (17, *((8.6, 8.6, 2.4) * 5), 8.6, 8.6)
INKS = ("2F6DA8", "C2611F")
"""Channels 0 and 1 in a chart: the ink that goes with the color of their set."""


class EvaluationSheet:
    """Draws the sheet from the top down; later parts point at the cells of earlier ones."""

    def __init__(self, book: Book, case: EvaluationCase) -> None:
        self.case = case
        self.desk = Desk(
            book,
            TITLE,
            "Evaluation: why the same input gives another output",
            "In training BatchNorm uses the mean and variance of the batch at hand, in evaluation "
            "the running ones that training left behind. Four mini-batches pass below, the running "
            "statistics follow them step by step, and then one batch is normalized both ways.",
            WIDTHS,
        )

    def build(self) -> None:
        """Draw everything."""
        self._settings()
        self._batches()
        self._trajectory()
        self._side_by_side()
        evaluation_more.keras(self)
        evaluation_more.ghost(self)

    def _settings(self) -> None:
        desk, case = self.desk, self.case
        desk.banner("Settings", "yellow cells are yours")
        fraction = "AND({0}>=0,{0}<=1)"
        hint = "A number from 0 to 1; torch's default is 0.1."
        note = "torch's momentum: the weight of the new value. Keras calls 1 − momentum its own."
        self.momentum = desk.setting(3, "momentum", case.momentum, note, fraction, hint)
        hint = "A number above zero; the usual value is 1E-5."
        note = "added to the variance, inside the root"
        self.eps = desk.setting(3, "ε (eps)", case.eps, note, "{0}>0", hint)
        desk.row += 1
        rows = ("γ (weight)", "β (bias)", "running_mean at first", "running_var at first")
        values = np.array([case.weight, case.bias, case.running_mean, case.running_var])
        self.own = desk.matrix(3, values, None, INPUT_NUMBER, down=rows, across=CHANNEL_NAMES)
        desk.row += len(rows) + 1

    def _batches(self) -> None:
        """The four batches, and below each its mean and its two variances."""
        desk, case = self.desk, self.case
        desk.banner("Four mini-batches", f"{SAMPLES} samples n of {CHANNELS} channels c each")
        desk.captions(
            [
                (left, left + 1, Caption(f"batch {at}"))
                for at, left in enumerate(LEFTS[:BATCHES], start=1)
            ]
        )
        desk.row += 1
        self.x: list[Matrix] = []
        self.statistics: list[Matrix] = []
        for at, left in enumerate(LEFTS[:BATCHES]):
            down = SAMPLE_NAMES if at == 0 else ()
            across = CHANNEL_NAMES
            values = case.batches[at]
            self.x.append(desk.matrix(left, values, None, INPUT_NUMBER, down=down, across=across))
        top = desk.row + SAMPLES + 1
        names = ("mean μ", "biased variance σ²", "unbiased variance s²")
        for at, left in enumerate(LEFTS[:BATCHES]):
            made = case.traces[at]
            values = np.array([made["mean"], made["variance"], case.unbiased(made)])
            below = Matrix(top, left, 3, CHANNELS)
            formula = self._statistic(self.x[at], below)
            down = names if at == 0 else ()
            self.statistics.append(
                desk.matrix(left, values, formula, channel(BOLD), top=top, down=down)
            )
        desk.row = top + 4
        desk.say(
            "σ² = Σ (x − μ)² / n normalizes the batch itself, in training. s² = σ² · n / (n − 1) "
            "goes into running_var: it estimates the variance of all the data, of which the batch "
            f"is a sample of n = {SAMPLES}."
        )
        desk.row += 1

    @staticmethod
    def _statistic(x: Matrix, below: Matrix) -> Any:
        def formula(i: int, c: int) -> str:
            area = x.column(c)
            if i == 2:
                return f"{below.at(1, c)}*COUNT({area})/(COUNT({area})-1)"
            return f"{('AVERAGE', 'VARP')[i]}({area})"

        return formula

    def _trajectory(self) -> None:
        """One row a step: what the batch brings, and where the running statistics are then."""
        desk, case = self.desk, self.case
        desk.banner(
            "The running statistics follow",
            "new = (1 − momentum) · old + momentum · batch; from step 5 on the batches come again",
        )
        captions = (
            Caption("batch mean μ"),
            Caption("running_mean"),
            Caption("batch variance s²"),
            Caption("running_var"),
        )
        desk.captions(
            [(left, left + 1, text) for left, text in zip(LEFTS[:4], captions, strict=True)]
        )
        desk.row += 1
        top = desk.row
        means, variances = case.running()
        first = np.tile([t["mean"] for t in case.traces], (STEPS // BATCHES, 1))
        second = np.tile([case.unbiased(t) for t in case.traces], (STEPS // BATCHES, 1))
        batch_mean = desk.matrix(
            LEFTS[0], first, self._of_batch(0), channel(NUMBER), top=top + 1, across=CHANNEL_NAMES
        )
        batch_var = desk.matrix(LEFTS[2], second, self._of_batch(2), channel(NUMBER), top=top + 1)
        self.running_mean = self._moving(LEFTS[1], top, means, batch_mean, 2)
        self.running_var = self._moving(LEFTS[3], top, variances, batch_var, 3)
        look = AXIS_LEFT
        desk.page.put(top - 1, 2, "step", look)
        desk.page.put(top, 2, "at first", look)
        for t in range(1, STEPS + 1):
            desk.page.put(top + t, 2, t, look.but(color=SOFT if t <= BATCHES else FAINT))
        self._charts(top, batch_mean, batch_var)
        desk.row = top + STEPS + 2
        self._share(desk)

    def _share(self, desk: Desk) -> None:
        """How much of the first value is left, which is why so short a training misleads."""
        momentum, case = self.momentum, self.case
        desk.page.put(desk.row, 2, "left of the start", LABEL)
        for at, step in enumerate((4, STEPS)):
            value = (1 - case.momentum) ** step
            style = BOLD.but(number="0.0%").filled(PAPER)
            desk.page.put(desk.row, LEFTS[at], value, style, f"(1-{momentum})^{step}")
            text = f"after {step} steps"
            desk.page.span((desk.row, LEFTS[at] + 1, desk.row, LEFTS[at] + 2), text, AXIS_LEFT)
        desk.row += 1
        desk.say(
            "A layer that has seen few batches still carries its first values, mean 0 and variance "
            "1, and evaluates badly however well it trains. Try: momentum 0.5, then 0.01."
        )
        desk.row += 1

    def _of_batch(self, row: int) -> Any:
        return lambda t, c: self.statistics[t % BATCHES].at(row, c)

    def _moving(self, left: int, top: int, values: Any, batch: Matrix, own_row: int) -> Matrix:
        below = Matrix(top, left, STEPS + 1, CHANNELS)

        def formula(t: int, c: int) -> str:
            if t == 0:
                return self.own.at(own_row, c)
            old = below.at(t - 1, c)
            return f"(1-{self.momentum})*{old}+{self.momentum}*{batch.at(t - 1, c)}"

        return self.desk.matrix(left, values, formula, channel(BOLD), top=top, across=CHANNEL_NAMES)

    def _charts(self, top: int, batch_mean: Matrix, batch_var: Matrix) -> None:
        """Both trajectories to the right of the table, one above the other."""
        page = self.desk.page
        parts = (
            ("running_mean", self.running_mean, batch_mean),
            ("running_var", self.running_var, batch_var),
        )
        steps = (top + 1, 2, top + STEPS, 2)
        for at, (title, running, batch) in enumerate(parts):
            lines = []
            for c in range(CHANNELS):
                (first, left, last, _), column = running.area, batch.left + c
                lines.append(
                    Line(f"running, c = {c}", (first + 1, left + c, last, left + c), INKS[c])
                )
                area = (batch.top, column, batch.top + STEPS - 1, column)
                lines.append(Line(f"batch, c = {c}", area, INKS[c], thin=True))
            axes = ("step", title)
            corner = (top - 1 + 13 * at, LEFTS[4])
            chart = line_chart(title, steps, lines, axes, None, corner, (9.0, 6.8), "bottom")
            page.charts.append(chart)

    def _side_by_side(self) -> None:
        """One batch in training and in evaluation, and what makes the difference."""
        desk, case = self.desk, self.case
        desk.banner("The same input, in training and in evaluation")
        options = tuple(str(at) for at in range(1, BATCHES + 1))
        note = "the batch to normalize, 1 to 4"
        self.batch = desk.choice(3, "batch", case.batch, note, options)
        note = f"evaluate after this step of the table above, 0 to {STEPS}"
        check = f"AND({{0}}>=0,{{0}}<={STEPS},{{0}}=INT({{0}}))"
        hint = f"A whole number from 0 to {STEPS}."
        self.step = desk.setting(3, "after step", case.step, note, check, hint)
        desk.row += 1
        self._used()
        self._outputs()
        desk.say(
            "What to look at: the difference is the sum of two causes, another mean (it shifts a "
            "channel as a whole) and another spread (it stretches the channel about its mean). "
            "Evaluation treats every sample alike, whatever else is in its batch; training does "
            f"not. Try: after step {STEPS}, when the running statistics have caught up. A network "
            "that is good in training mode and bad in evaluation has running statistics that do "
            "not fit its data: too few steps, momentum too small, or other data."
        )
        desk.row += 1

    def _used(self) -> None:
        """The mean and variance used in either mode, for the chosen batch and step."""
        desk, case, made = self.desk, self.case, self.case.chosen
        means, variances = case.running()
        names = ("mean used", "variance used")
        desk.captions(
            [
                (LEFTS[1], LEFTS[1] + 1, Caption("in training")),
                (LEFTS[2], LEFTS[2] + 1, Caption("in evaluation")),
            ]
        )
        desk.row += 1

        def own(i: int, c: int) -> str:
            cells = ",".join(s.at(i, c) for s in self.statistics)
            return f"CHOOSE({self.batch},{cells})"

        def stored(i: int, c: int) -> str:
            source = (self.running_mean, self.running_var)[i]
            return f"INDEX({source.column(c)},{self.step}+1)"

        values = np.array([made["mean"], made["variance"]])
        look = channel(BOLD)
        self.used = desk.matrix(LEFTS[1], values, own, look, across=CHANNEL_NAMES)
        values = np.array([means[case.step], variances[case.step]])
        self.stored = desk.matrix(LEFTS[2], values, stored, look, across=CHANNEL_NAMES)
        for i, name in enumerate(names):
            desk.page.put(desk.row + i, 3, name, AXIS_LEFT)
        desk.row += 3

    def _outputs(self) -> None:
        """x, both outputs, their difference, and the two causes of it."""
        desk, case, made = self.desk, self.case, self.case.chosen
        mean, var = (values[case.step] for values in case.running())
        evaluated = case.evaluated(mean, var)
        moved = case.evaluated(made["mean"], var)  # evaluation but for the batch's own mean
        captions = (
            Caption("x"),
            Caption("y in training", "own μ and σ²"),
            Caption("y in evaluation", "running ones"),
            Caption("difference", "evaluation − training"),
            Caption("by the mean", "γ(μ − μᵣ)/√(σᵣ² + ε)"),
            Caption("by the spread", "the rest, x − μ"),
        )
        desk.captions([(left, left + 1, text) for left, text in zip(LEFTS, captions, strict=True)])
        desk.row += 1
        plain = NUMBER.but(number="General")
        values = (
            made.x,
            made["output"],
            evaluated,
            evaluated - made["output"],
            evaluated - moved,
            moved - made["output"],
        )
        self.shown: list[Matrix] = []
        for at, left in enumerate(LEFTS):
            down = SAMPLE_NAMES if at == 0 else ()
            self.shown.append(
                desk.matrix(
                    left,
                    values[at],
                    self._output(at),
                    channel(plain if at == 0 else NUMBER),
                    down=down,
                    across=CHANNEL_NAMES,
                )
            )
        desk.row += SAMPLES + 1
        area = [m.text for m in (self.shown[3], self.shown[4], self.shown[5])]
        live = f"SUMPRODUCT(MAX(ABS({area[0]}-{area[1]}-{area[2]})))"
        gap = float(np.abs(values[3] - values[4] - values[5]).max())
        desk.page.span((desk.row, 2, desk.row, 8), "difference less its two parts, at most", LABEL)
        desk.page.put(desk.row, LEFTS[3], gap, DIFFERENCE.filled(PAPER), live)
        desk.row += 1

    def _output(self, at: int) -> Any:
        """The formula of one of the six blocks."""

        def formula(n: int, c: int) -> str:
            x = f"{self.desk_x(n, c)}"
            gamma, beta = self.own.at(0, c), self.own.at(1, c)
            mu, var = self.used.at(0, c), self.used.at(1, c)
            mu_r, var_r = self.stored.at(0, c), self.stored.at(1, c)
            return (
                x,
                f"{gamma}*({x}-{mu})/SQRT({var}+{self.eps})+{beta}",
                f"{gamma}*({x}-{mu_r})/SQRT({var_r}+{self.eps})+{beta}",
                f"{self._block(2, n, c)}-{self._block(1, n, c)}",
                f"{gamma}*({mu}-{mu_r})/SQRT({var_r}+{self.eps})",
                f"{gamma}*({x}-{mu})*(1/SQRT({var_r}+{self.eps})-1/SQRT({var}+{self.eps}))",
            )[at]

        def first(n: int, c: int) -> str:
            return f"CHOOSE({self.batch},{','.join(x.at(n, c) for x in self.x)})"

        return first if at == 0 else formula

    def desk_x(self, n: int, c: int) -> str:
        """The cell of the chosen batch."""
        return self._block(0, n, c)

    def _block(self, at: int, n: int, c: int) -> str:
        return Matrix(self.desk.row, LEFTS[at], SAMPLES, CHANNELS).at(n, c)


def build(book: Book, case: EvaluationCase | None = None) -> None:
    """The sheet, for the numbers that ship or for others."""
    EvaluationSheet(book, case or EvaluationCase()).build()
