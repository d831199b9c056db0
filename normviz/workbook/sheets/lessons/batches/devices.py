"""Two devices with a half of the batch each: their statistics, merged and averaged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from normviz.workbook.book.styles import BOLD, COUNT, DIFFERENCE, PAPER, WARN, set_color
from normviz.workbook.draw.content import Band, Banner, Caption, Cells, Item, Line, Table, Words
from normviz.workbook.formulas.differences import distance
from normviz.workbook.sheets.lessons.batches.case import (
    CHANNELS,
    PART,
    PARTS,
    SAMPLES,
    Array,
    BatchesCase,
)

CHANNEL_NAMES = tuple(f"c = {c}" for c in range(CHANNELS))


def half_of(n: int) -> str:
    """The samples of the half batch that a sample is in, as an axis in brackets."""
    first = n // PART * PART
    return f"n={first}:{first + PART}"


def devices(case: BatchesCase) -> Sequence[Item]:
    """Statistics of each device, merged, beside those of the whole batch."""
    mean, variance = case.together
    merged = (
        "{n_0}+{n_1}",
        "({n_0}*{mean_0}+{n_1}*{mean_1})/{n}",
        "+".join(f"{{m_{k}}}+{{n_{k}}}*({{mean_{k}}}-{{mean}})^2" for k in range(PARTS)),
        "{m}/{n}",
    )
    whole = ("COUNT({x})", "AVERAGE({x})", "DEVSQ({x})", "VARP({x})")
    averages = (
        merged[0],
        "AVERAGE({mean_0},{mean_1})",
        "{m_0}+{m_1}",
        "AVERAGE({variance_0},{variance_1})",
    )
    means, variances = (np.mean(of, axis=0) for of in zip(*case.devices, strict=True))
    gaps = [
        distance(f"{{{name}[*]}}", f"{{{name}_whole[*]}}") for name in ("mean", "m", "variance")
    ]
    return (
        Banner(
            "Two devices, three samples each",
            "without talking they train as Ghost BN with 2 splits: the second block above",
        ),
        Band(
            (
                *(_of_device(k, *case.devices[k]) for k in range(PARTS)),
                _four_rows(Caption("merged", "SyncBatchNorm"), "", merged, SAMPLES, mean, variance),
                _four_rows(
                    Caption("whole batch", "straight from x"),
                    "_whole",
                    whole,
                    SAMPLES,
                    mean,
                    variance,
                ),
                _four_rows(
                    Caption("averaged", "M, σ²: a mistake"),
                    "_averaged",
                    averages,
                    SAMPLES,
                    means,
                    variances,
                    wrong=("m", "variance"),
                ),
            )
        ),
        Line(
            "merged_gap",
            "merged − whole batch",
            0.0,
            "+".join(gaps),
            DIFFERENCE.filled(PAPER),
            "√Σ (difference)² of μ, of M and of σ², added up: 0 but for rounding",
        ),
        Words(
            "Merging: m = Σ mᵢ,  μ = Σ mᵢ μᵢ / m,  M = Σ (Mᵢ + mᵢ (μᵢ − μ)²) (Chan, Golub & "
            "LeVeque 1983). The last term is the variance between the devices; averaging the "
            "variances (amber) forgets it and comes out too small. This merging is what "
            "SyncBatchNorm does at every step; on the way back it adds up Σ dy and Σ dy · x̂ over "
            "the devices too. The two make several devices equal to one; "
            "without them each trains a ghost batch and keeps running statistics of its own "
            "(DistributedDataParallel keeps rank 0's). Try: make the two halves alike, and the "
            "averaged variance becomes right."
        ),
    )


def _of_device(k: int, mean: Array, variance: Array) -> Table:
    half = half_of(k * PART)
    formulas = (
        *(f"{name}({{x[{half}]}})" for name in ("COUNT", "AVERAGE", "DEVSQ")),
        f"{{m_{k}}}/{{n_{k}}}",
    )
    caption = Caption(f"device {k}", f"n = {k * PART} to {k * PART + PART - 1}")
    return _four_rows(caption, f"_{k}", formulas, PART, mean, variance, k)


def _four_rows(
    caption: Caption,
    suffix: str,
    formulas: Sequence[str],
    count: int,
    mean: Array,
    variance: Array,
    device: int | None = None,
    wrong: Sequence[str] = (),
) -> Table:
    """The count, mean, sum of squared distances and variance of some samples, by channel."""
    rows = (
        ("n", "m  samples", np.full(CHANNELS, count), COUNT),
        ("mean", "mean μ", mean, BOLD),
        ("m", "M = Σ (x − μ)²", variance * count, BOLD),
        ("variance", "variance σ² = M / m", variance, BOLD),
    )

    def color(name: str, c: int) -> str:
        if name in wrong:
            return WARN
        return PAPER if device is None else set_color(device * CHANNELS + c + 1)

    cells = [
        Cells(
            name + suffix,
            values,
            formula,
            lambda _, c, name=name, style=style: style.filled(color(name, c)),  # type: ignore[misc]
            label if device == 0 else f"{label}, {caption.name}",
        )
        for (name, label, values, style), formula in zip(rows, formulas, strict=True)
    ]
    return Table(cells, axes=("", "c"), across=CHANNEL_NAMES, caption=caption, labelled=device == 0)
