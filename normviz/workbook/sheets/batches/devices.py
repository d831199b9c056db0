"""The rest of the sheet Batches: devices that do not talk are Ghost BN, and how they could talk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from normviz.workbook.book.styles import (
    LABEL,
    PAPER,
    WARN,
    Style,
    set_color,
)
from normviz.workbook.draw.matrix import (
    BOLD,
    DIFFERENCE,
    CellFormula,
    Matrix,
)
from normviz.workbook.draw.panels import Caption
from normviz.workbook.sheets.batches.case import (
    CHANNEL_NAMES,
    CHANNELS,
    LEFTS,
    PART,
    PARTS,
    part_of,
)

if TYPE_CHECKING:
    from normviz.workbook.sheets.batches.sheet import BatchesSheet

NAMES = ("n  samples", "mean μ", "M = Σ (x − μ)²", "variance σ² = M / n")


def devices(sheet: BatchesSheet) -> None:
    """Statistics of each device, merged, beside those of the whole batch."""
    desk, case = sheet.desk, sheet.case
    desk.banner(
        "Two devices, three samples each",
        "without talking they are Ghost BN with 2 splits: the second block above",
    )
    captions = (
        Caption("device 0", "n = 0 to 2"),
        Caption("device 1", "n = 3 to 5"),
        Caption("merged", "SyncBatchNorm"),
        Caption("whole batch", "straight from x"),
        Caption("averaged", "a mistake"),
    )
    desk.captions([(left, left + 2, text) for left, text in zip(LEFTS, captions, strict=False)])
    desk.row += 1
    own = []
    for k, (mean, variance) in enumerate(case.devices):
        below = Matrix(desk.row, LEFTS[k], len(NAMES), CHANNELS)

        def formula(i: int, c: int, k: int = k, below: Matrix = below) -> str:
            area = part_of(sheet.x, k, c)
            ratio = f"{below.at(2, c)}/{below.at(0, c)}"
            return (f"COUNT({area})", f"AVERAGE({area})", f"DEVSQ({area})", ratio)[i]

        values = np.array([np.full(CHANNELS, PART), mean, variance * PART, variance])
        down = NAMES if k == 0 else ()
        look = _by_device(k)
        own.append(desk.matrix(LEFTS[k], values, formula, look, down=down, across=CHANNEL_NAMES))
    merged = _merged(sheet, own)
    whole = _whole(sheet)
    _averaged(sheet, own)
    desk.row += len(NAMES) + 1
    desk.page.put(desk.row, 2, "merged less whole, at most", LABEL)
    live = f"SUMPRODUCT(MAX(ABS({merged.text}-{whole.text})))"
    desk.page.put(desk.row, merged.left, 0.0, DIFFERENCE.filled(PAPER), live)
    desk.row += 2
    desk.say(
        "Merging: n = Σ nₖ,  μ = Σ nₖ μₖ / n,  M = Σ (Mₖ + nₖ (μₖ − μ)²) (Chan, Golub & LeVeque "
        "1983). The last term is the variance between the devices; averaging the variances "
        "(amber) forgets it and comes out too small. This merging is what SyncBatchNorm does at "
        "every step, and what makes k devices equal to one; without it each trains a ghost batch "
        "and keeps running statistics of its own (DistributedDataParallel keeps rank 0's). Try: "
        "make the two halves alike, and the averaged variance becomes right."
    )


def _by_device(k: int) -> Any:
    return lambda i, c: _row_look(i).filled(set_color(k * CHANNELS + c + 1))


def _row_look(row: int) -> Style:
    """Counts are whole numbers, the rest is not."""
    return BOLD.but(number="0") if row == 0 else BOLD


def _gray(row: int, _: int) -> Style:
    return _row_look(row).filled(PAPER)


def _merged(sheet: BatchesSheet, own: list[Matrix]) -> Matrix:
    """One mean and variance from those of the devices alone."""
    desk, (mean, variance) = sheet.desk, sheet.case.together
    below = Matrix(desk.row, LEFTS[2], len(NAMES), CHANNELS)

    def formula(i: int, c: int) -> str:
        count = below.at(0, c)
        weighed = "+".join(f"{m.at(0, c)}*{m.at(1, c)}" for m in own)
        between = "+".join(
            f"{m.at(2, c)}+{m.at(0, c)}*({m.at(1, c)}-{below.at(1, c)})^2" for m in own
        )
        counts = "+".join(m.at(0, c) for m in own)
        return (counts, f"({weighed})/{count}", between, f"{below.at(2, c)}/{count}")[i]

    n = PART * PARTS
    values = np.array([np.full(CHANNELS, n), mean, variance * n, variance])
    return desk.matrix(LEFTS[2], values, formula, _gray, across=CHANNEL_NAMES)


def _whole(sheet: BatchesSheet) -> Matrix:
    """The same four numbers straight from the whole batch."""

    def formula(i: int, c: int) -> str:
        return f"{('COUNT', 'AVERAGE', 'DEVSQ', 'VARP')[i]}({sheet.x.column(c)})"

    mean, variance = sheet.case.together
    n = PART * PARTS
    values = np.array([np.full(CHANNELS, n), mean, variance * n, variance])
    return sheet.desk.matrix(LEFTS[3], values, formula, _gray, across=CHANNEL_NAMES)


def _averaged(sheet: BatchesSheet, own: list[Matrix]) -> None:
    """The mean of the devices' variances, which is not the variance of the batch."""

    def of_row(row: int) -> CellFormula:
        return lambda _, c: f"AVERAGE({','.join(m.at(row, c) for m in own)})"

    means, variances = zip(*sheet.case.devices, strict=True)
    desk, look = sheet.desk, BOLD.filled(WARN)
    top = desk.row
    for row, values in ((1, np.mean(means, axis=0)), (3, np.mean(variances, axis=0))):
        across = CHANNEL_NAMES if row == 1 else ()
        desk.matrix(LEFTS[4], values, of_row(row), look, top=top + row, across=across)
