"""Batches: what a norm over the batch does to a bias, to accumulation, and on several devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import (
    BOLD,
    COUNT,
    DIFFERENCE,
    INPUT_NUMBER,
    NUMBER,
    PAPER,
    RESULT,
    WARN,
    YOURS,
    Style,
    set_color,
)
from normviz.workbook.draw.columns import even
from normviz.workbook.draw.content import (
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
)
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.formulas.differences import distance, distance_of
from normviz.workbook.sheets.lessons.batches.case import (
    CHANNELS,
    PART,
    PARTS,
    SAMPLES,
    Array,
    BatchesCase,
)

TITLE = "Batches"
COLUMNS = even(24, (CHANNELS,) * 5, 6.0)
CHANNEL_NAMES = tuple(f"c = {c}" for c in range(CHANNELS))
SAMPLE_NAMES = tuple(f"n = {n}" for n in range(SAMPLES))
NC: dict[str, Any] = {"axes": ("n", "c"), "across": CHANNEL_NAMES}
DGAMMA = "∂L/∂γ = Σ dy · x̂"
AMBER = BOLD.filled(WARN)


def build(book: Book, case: BatchesCase | None = None) -> None:
    """The sheet, for the numbers that ship or for others."""
    case = case or BatchesCase()
    sheet = Sheet(
        book,
        TITLE,
        "Batches: what follows when samples share their statistics",
        "BatchNorm ties the samples of a batch together. That kills the bias of the layer "
        "before it, makes two half batches something else than one whole batch, and makes "
        "devices disagree unless they talk. Norms that stay within a sample know none of this.",
        COLUMNS,
    )
    sheet.draw(*_inputs(case), *_dead_bias(case), *_accumulation(case), *_devices(case))


def _inputs(case: BatchesCase) -> Sequence[Item]:
    x = Cells("x", case.x, None, INPUT_NUMBER, rule=NUMBERS)
    dy = Cells("dy", case.dy, None, INPUT_NUMBER, rule=NUMBERS)
    first, second = case.weights.tolist()
    return (
        Banner("Inputs", f"{YOURS}: {SAMPLES} samples n, {CHANNELS} channels c"),
        Band(
            (
                Table(x, **NC, down=SAMPLE_NAMES, caption=Caption("x")),
                Table(dy, **NC, caption=Caption("dy", "the upstream gradient")),
            )
        ),
        Line("w0", "A₀", first, rule=NUMBERS),
        Line("w1", "A₁", second, rule=NUMBERS),
        Line("b", "b", case.bias, rule=NUMBERS),
        Line("eps", "ε (eps)", case.eps, rule=POSITIVE),
    )


def _dead_bias(case: BatchesCase) -> Sequence[Item]:
    """A convolution with a bias, BatchNorm behind it, and the gradient of that bias."""
    std, look = "SQRT(VARP({z[*]})+{eps})", NUMBER.filled(set_color(1))
    slope = f"SUMPRODUCT({{dx_hat[*]}},{{x_hat[*]}})/{SAMPLES}"
    columns = (
        ("x0", "x₀", case.x[:, :1], "{x[c=0]}"),
        ("x1", "x₁", case.x[:, 1:2], "{x[c=1]}"),
        ("z", "z", case.mixed, "{w0}*{x0}+{w1}*{x1}+{b}"),
        ("x_hat", "x̂", case.dead["normalized"], f"({{z}}-AVERAGE({{z[*]}}))/{std}"),
        ("dx_hat", "dy", case.dy[:, :1], "{dy[c=0]}"),
        (
            "dz",
            "dz",
            case.mixed_gradient,
            f"({{dx_hat}}-AVERAGE({{dx_hat[*]}})-{{x_hat}}*{slope})/{std}",
        ),
    )
    cells = [Cells(n, values, formula, look, label) for n, label, values, formula in columns]
    db, dw0, dw1 = case.convolution_gradients
    along = float(case.weights[0] * dw0 + case.weights[1] * dw1)
    alone, small = float(case.dy[:, 0].sum()), DIFFERENCE.filled(PAPER)
    return (
        Banner(
            "A bias before BatchNorm is dead",
            "a 1×1 convolution of two channels, z = A₀ x₀ + A₁ x₁ + b, then BatchNorm",
        ),
        Band(
            (
                Table(cells[:3], axes=("n", ""), beside=True, down=SAMPLE_NAMES),
                Table(cells[3:], axes=("n", ""), beside=True),
            )
        ),
        Line("db", "∂L/∂b = Σ dz", db, "SUM({dz})", small, "always 0, but for rounding"),
        Line("dw0", "∂L/∂A₀ = Σ dz · x₀", dw0, "SUMPRODUCT({dz},{x0})", note="A does learn"),
        Line("dw1", "∂L/∂A₁ = Σ dz · x₁", dw1, "SUMPRODUCT({dz},{x1})"),
        Line(
            "along",
            "A · ∂L/∂A",
            along,
            "{w0}*{dw0}+{w1}*{dw1}",
            small,
            "0 but for ε: a right angle",
        ),
        Line("db_alone", "∂L/∂b without BatchNorm", alone, "SUM({dx_hat})", note="b would learn"),
        Words(
            "b moves z and its mean alike, so z − μ never sees it: type another b and watch x̂ and "
            "dz stay. Its gradient is 0: it is a parameter for nothing. Give a layer before "
            "BatchNorm bias=False; β takes its place. The length of A is lost in the same way (z "
            "is divided by its own r): the gradient stands at a right angle to w, and an L2 "
            "penalty on A changes the learning rate rather than the function."
        ),
    )


def _half(n: int) -> str:
    """The samples of the half batch that a sample is in, as an axis in brackets."""
    first = n // PART * PART
    return f"n={first}:{first + PART}"


@dataclass(frozen=True)
class Variant:
    """A norm on the batch or its halves: what a set of the cell (n, c) covers, and its number."""

    key: str
    title: str
    words: str
    covers: Callable[[int], str]
    label: Callable[[int, int], int]
    halves: bool = False

    def normalized(self, n: int, _: int) -> str:
        """The formula of x̂."""
        area = f"{{x[{self.covers(n)}]}}"
        return f"({{x}}-AVERAGE({area}))/SQRT(VARP({area})+{{eps}})"

    def look(self, n: int, c: int) -> Style:
        """The color of the set."""
        return NUMBER.filled(set_color(self.label(n, c) + 1))

    @property
    def gradient(self) -> str:
        """The formula of ∂L/∂γ, that of halves added up."""
        parts = [_half(k * PART) for k in range(PARTS)] if self.halves else ["n=*"]
        return "+".join(f"SUMPRODUCT({{dy[{n}]}},{{x_hat_{self.key}[{n}]}})" for n in parts)


VARIANTS = (
    Variant("batch", "BatchNorm, one batch", "x̂ over 6 samples", lambda n: "n=*", lambda n, c: c),
    Variant(
        "ghost",
        "BatchNorm, two halves",
        "x̂ over 3 samples each",
        _half,
        lambda n, c: n // PART * CHANNELS + c,
        halves=True,
    ),
    Variant(
        "group", "GroupNorm, one batch", "x̂ within the sample", lambda n: "c=*", lambda n, c: n
    ),
    Variant(
        "parts",
        "GroupNorm, two halves",
        "x̂ within the sample",
        lambda n: "c=*",
        lambda n, c: n,
        halves=True,
    ),
)


def _accumulation(case: BatchesCase) -> Sequence[Item]:
    """BatchNorm and GroupNorm, on the whole batch and on its two halves."""
    values, gradients = case.outputs, case.weight_gradients
    gaps = (("BatchNorm", "ghost", "batch", 0), ("GroupNorm", "parts", "group", 2))
    return (
        Banner(
            "Gradient accumulation is not a big batch",
            "the parameters' gradients of two half batches added up, against one whole batch",
        ),
        Band(
            [
                Table(
                    Cells(f"x_hat_{v.key}", value, v.normalized, v.look),
                    **NC,
                    down=() if at else SAMPLE_NAMES,
                    caption=Caption(v.title, v.words),
                )
                for at, (v, value) in enumerate(zip(VARIANTS, values, strict=True))
            ]
        ),
        Band(
            [
                Table(
                    Cells(f"dgamma_{v.key}", gradients[at], v.gradient, RESULT, label),
                    axes=("", "c"),
                    labelled=at == 0,
                )
                for at, v in enumerate(VARIANTS)
                for label in [f"{DGAMMA}, {v.title}" if at else DGAMMA]
            ]
        ),
        *(
            Line(
                f"gap_{halves}",
                f"{norm}: halves − whole",
                distance_of(gradients[at + 1], gradients[at]),
                distance(f"{{dgamma_{halves}}}", f"{{dgamma_{batch}}}"),
                note="√Σ (difference)² of the gradients, halves added up and one batch",
            )
            for norm, halves, batch, at in gaps
        ),
        Words(
            "Accumulating gradients over two half batches gives the gradient of one whole batch "
            "only if the samples do not know of each other. With GroupNorm, LayerNorm and RMSNorm "
            "the difference is 0; with BatchNorm every half had its own mean and variance, so it "
            "is training with the small batch, whatever the learning rate. (γ is 1 and β 0 here.)"
        ),
    )


def _devices(case: BatchesCase) -> Sequence[Item]:
    """Statistics of each device, merged, beside those of the whole batch."""
    mean, variance = case.together
    merged = (
        "{n_0}+{n_1}",
        "({n_0}*{mean_0}+{n_1}*{mean_1})/{n}",
        "+".join(f"{{m_{k}}}+{{n_{k}}}*({{mean_{k}}}-{{mean}})^2" for k in range(PARTS)),
        "{m}/{n}",
    )
    whole = ("COUNT({x})", "AVERAGE({x})", "DEVSQ({x})", "VARP({x})")
    averages = [
        Cells(
            f"{name}_averaged",
            np.mean(values, axis=0),
            f"AVERAGE({{{name}_0}},{{{name}_1}})",
            AMBER,
            f"{name} averaged",
        )
        for name, values in zip(("mean", "variance"), zip(*case.devices, strict=True), strict=True)
    ]
    gaps = [
        distance(f"{{{name}[*]}}", f"{{{name}_whole[*]}}") for name in ("mean", "m", "variance")
    ]
    return (
        Banner(
            "Two devices, three samples each",
            "without talking they are Ghost BN with 2 splits: the second block above",
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
                Table(
                    averages,
                    axes=("", "c"),
                    across=CHANNEL_NAMES,
                    caption=Caption("averaged", "μ, σ²: a mistake"),
                    labelled=False,
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
            "SyncBatchNorm does at every step, and what makes several devices equal to one; "
            "without it each trains a ghost batch and keeps running statistics of its own "
            "(DistributedDataParallel keeps rank 0's). Try: make the two halves alike, and the "
            "averaged variance becomes right."
        ),
    )


def _of_device(k: int, mean: Array, variance: Array) -> Table:
    half = _half(k * PART)
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
) -> Table:
    """The count, mean, sum of squared distances and variance of some samples, by channel."""
    rows = (
        ("n", "m  samples", np.full(CHANNELS, count), COUNT),
        ("mean", "mean μ", mean, BOLD),
        ("m", "M = Σ (x − μ)²", variance * count, BOLD),
        ("variance", "variance σ² = M / m", variance, BOLD),
    )

    def color(c: int) -> str:
        return PAPER if device is None else set_color(device * CHANNELS + c + 1)

    cells = [
        Cells(
            name + suffix,
            values,
            formula,
            lambda _, c, style=style: style.filled(color(c)),  # type: ignore[misc]
            label if device == 0 else f"{label}, {caption.name}",
        )
        for (name, label, values, style), formula in zip(rows, formulas, strict=True)
    ]
    return Table(cells, axes=("", "c"), across=CHANNEL_NAMES, caption=caption, labelled=device == 0)
