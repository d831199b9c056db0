"""Batches: what a norm over the batch does to a bias, to accumulation, and on several devices."""

from __future__ import annotations

from typing import Any

import numpy as np

from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import (
    INPUT_NUMBER,
    LABEL,
    NUMBER,
    PAPER,
    PROSE,
    set_color,
)
from normviz.workbook.draw.matrix import (
    BOLD,
    DIFFERENCE,
    Desk,
    Matrix,
)
from normviz.workbook.draw.panels import Caption
from normviz.workbook.sheets.batches import devices as batches_devices
from normviz.workbook.sheets.batches.case import (
    CHANNEL_NAMES,
    CHANNELS,
    LEFTS,
    PART,
    PARTS,
    SAMPLE_NAMES,
    SAMPLES,
    BatchesCase,
    part_of,
)

TITLE = "Batches"
WIDTHS = (24, *((8.6, 8.6, 8.6, 2.4) * 4), 8.6, 8.6, 8.6)


class BatchesSheet:
    """Draws the sheet from the top down."""

    def __init__(self, book: Book, case: BatchesCase) -> None:
        self.case = case
        self.desk = Desk(
            book,
            TITLE,
            "Batches: what follows when samples share their statistics",
            "BatchNorm ties the samples of a batch together. That kills the bias of the layer "
            "before it, makes two half batches something else than one whole batch, and makes "
            "devices disagree unless they talk. Norms that stay within a sample know none of this.",
            WIDTHS,
        )

    def build(self) -> None:
        """Draw everything."""
        self._inputs()
        self._dead_bias()
        self._accumulation()
        batches_devices.devices(self)

    def _inputs(self) -> None:
        desk, case = self.desk, self.case
        desk.banner("Inputs", f"yellow cells are yours: {SAMPLES} samples n, {CHANNELS} channels c")
        desk.captions(
            [
                (LEFTS[0], LEFTS[0] + 2, Caption("x")),
                (LEFTS[1], LEFTS[1] + 2, Caption("dy  the upstream gradient")),
            ]
        )
        desk.row += 1
        yellow = INPUT_NUMBER
        down, across = SAMPLE_NAMES, CHANNEL_NAMES
        self.x = desk.matrix(LEFTS[0], case.x, None, yellow, down=down, across=across)
        self.dy = desk.matrix(LEFTS[1], case.dy, None, yellow, across=across)
        top, names = desk.row, ("w₀", "w₁", "b", "ε")
        for at, (name, value) in enumerate(
            zip(names, (*case.weights.tolist(), case.bias, case.eps), strict=True)
        ):
            desk.page.put(top + at, LEFTS[2], name, LABEL)
            desk.page.put(top + at, LEFTS[2] + 1, value, yellow)
        cells = [Matrix(top + at, LEFTS[2] + 1, 1, 1).fixed() for at in range(4)]
        self.w0, self.w1, self.bias, self.eps = cells
        desk.row += SAMPLES + 1

    def _dead_bias(self) -> None:
        """A convolution with a bias, BatchNorm behind it, and the gradient of that bias."""
        desk, case = self.desk, self.case
        note = "a 1×1 convolution of two channels, z = w₀ · x₀ + w₁ · x₁ + b, then BatchNorm"
        desk.banner("A bias before BatchNorm is dead", note)
        heads = ("x₀", "x₁", "z", "x̂", "dy", "dz")
        columns = (*range(LEFTS[0], LEFTS[0] + 3), *range(LEFTS[1], LEFTS[1] + 3))
        top = desk.row + 1
        values = (
            case.x[:, 0],
            case.x[:, 1],
            case.mixed,
            case.dead["normalized"],
            case.dy[:, 0],
            case.mixed_gradient,
        )
        block = [Matrix(top, column, SAMPLES, 1) for column in columns]
        for at, column in enumerate(columns):
            desk.matrix(
                column,
                np.reshape(values[at], (-1, 1)),
                self._dead(at, block),
                NUMBER.filled(set_color(1)),
                top=top,
                down=SAMPLE_NAMES if at == 0 else (),
                across=(heads[at],),
            )
        desk.row = top + SAMPLES + 1
        self._gradients_of_convolution(block)
        desk.row += 1
        desk.say(
            "b moves z and its mean alike, so z − μ never sees it: type another b and watch x̂ and "
            "dz stay. Its gradient is 0: it is a parameter for nothing. Give a layer before "
            "BatchNorm bias=False; β takes its place. The length of w is lost in the same way (z "
            "is divided by its own σ): the gradient stands at a right angle to w, and an L2 "
            "penalty on w changes the learning rate rather than the function."
        )
        desk.row += 1

    def _gradients_of_convolution(self, block: list[Matrix]) -> None:
        """db, dw and w · dw, each with a remark."""
        desk, case = self.desk, self.case
        grad_bias, grad_weights = case.convolution_gradients
        x0, x1, _, _, dy, dz = (m.text for m in block)
        top = desk.row
        along = f"{self.w0}*{address(top + 1, 3)}+{self.w1}*{address(top + 2, 3)}"
        rows = (
            ("db = Σ dz", grad_bias, f"SUM({dz})", "always 0, but for rounding"),
            ("dw₀ = Σ dz · x₀", float(grad_weights[0]), f"SUMPRODUCT({dz},{x0})", "w does learn"),
            ("dw₁ = Σ dz · x₁", float(grad_weights[1]), f"SUMPRODUCT({dz},{x1})", ""),
            ("w · dw", float(case.weights @ grad_weights), along, "0 but for ε: a right angle"),
            ("db without BatchNorm", float(case.dy[:, 0].sum()), f"SUM({dy})", "b would learn"),
        )
        for at, (name, value, live, remark) in enumerate(rows):
            style = DIFFERENCE if at in (0, 3) else BOLD
            desk.page.put(top + at, 2, name, LABEL)
            desk.page.put(top + at, 3, value, style.filled(PAPER), live)
            area = (top + at, 4, top + at, LEFTS[2] + 2)
            desk.page.span(area, remark, PROSE.but(vertical="center", indent=1))
        desk.row += len(rows)

    def _dead(self, at: int, block: list[Matrix]) -> Any:
        """The formula of one column of the table."""
        x0, x1, z, normalized, dy, _ = block

        def formula(n: int, _: int) -> str:
            std = f"SQRT(VARP({z.text})+{self.eps})"
            product = f"SUMPRODUCT({dy.text},{normalized.text})"
            return (
                self.x.at(n, 0),
                self.x.at(n, 1),
                f"{self.w0}*{x0.at(n)}+{self.w1}*{x1.at(n)}+{self.bias}",
                f"({z.at(n)}-AVERAGE({z.text}))/{std}",
                self.dy.at(n, 0),
                f"({dy.at(n)}-AVERAGE({dy.text})-{normalized.at(n)}*{product}/{SAMPLES})/{std}",
            )[at]

        return formula

    def _accumulation(self) -> None:
        """BatchNorm and GroupNorm, on the whole batch and on its two halves."""
        desk, case = self.desk, self.case
        note = "the parameters' gradients of two half batches added up, against one whole batch"
        desk.banner("Gradient accumulation is not a big batch", note)
        captions = (
            Caption("BatchNorm, one batch", "x̂ over 6 samples"),
            Caption("BatchNorm, two halves", "x̂ over 3 samples each"),
            Caption("GroupNorm, one batch", "x̂ within the sample"),
            Caption("GroupNorm, two halves", "x̂ within the sample"),
        )
        desk.captions([(left, left + 2, text) for left, text in zip(LEFTS, captions, strict=False)])
        desk.row += 1
        self.normalized = [
            desk.matrix(
                left,
                values,
                self._normalized(at),
                self._paint(at),
                down=SAMPLE_NAMES if at == 0 else (),
                across=CHANNEL_NAMES,
            )
            for at, (left, values) in enumerate(zip(LEFTS, case.outputs, strict=False))
        ]
        desk.row += SAMPLES + 1
        desk.page.put(desk.row, 2, "dγ = Σ dy · x̂", LABEL)
        gradients = [
            desk.matrix(left, values, self._gradient(at), BOLD.filled(PAPER))
            for at, (left, values) in enumerate(zip(LEFTS, case.weight_gradients, strict=False))
        ]
        desk.row += 1
        desk.page.put(desk.row, 2, "halves less whole, at most", LABEL)
        for first in (0, 2):
            one, other = gradients[first], gradients[first + 1]
            gap = np.abs(case.weight_gradients[first + 1] - case.weight_gradients[first]).max()
            live = f"SUMPRODUCT(MAX(ABS({other.text}-{one.text})))"
            style = DIFFERENCE.but(number="0.000;-0.000;0", fill=PAPER)
            desk.page.put(desk.row, other.left, float(gap), style, live)
        desk.row += 2
        desk.say(
            "Accumulating gradients over two half batches gives the gradient of one whole batch "
            "only if the samples do not know of each other. With GroupNorm, LayerNorm and RMSNorm "
            "the difference is 0; with BatchNorm every half had its own mean and variance, so it "
            "is training with the small batch, whatever the learning rate. (γ is 1 and β 0 here.)"
        )
        desk.row += 1

    def _normalized(self, at: int) -> Any:
        def formula(n: int, c: int) -> str:
            if at >= 2:
                area = self.x.row(n)
            elif at == 0:
                area = self.x.column(c)
            else:
                area = part_of(self.x, n // PART, c)
            return f"({self.x.at(n, c)}-AVERAGE({area}))/SQRT(VARP({area})+{self.eps})"

        return formula

    @staticmethod
    def _paint(at: int) -> Any:
        def style(n: int, c: int) -> Any:
            label = (c, n // PART * CHANNELS + c, n, n)[at] + 1
            return NUMBER.filled(set_color(label))

        return style

    def _gradient(self, at: int) -> Any:
        normalized = self.normalized[at]
        halves = at in (1, 3)

        def formula(_: int, c: int) -> str:
            if not halves:
                return f"SUMPRODUCT({self.dy.column(c)},{normalized.column(c)})"
            return "+".join(
                f"SUMPRODUCT({part_of(self.dy, k, c)},{part_of(normalized, k, c)})"
                for k in range(PARTS)
            )

        return formula


def build(book: Book, case: BatchesCase | None = None) -> None:
    """The sheet, for the numbers that ship or for others."""
    BatchesSheet(book, case or BatchesCase()).build()
