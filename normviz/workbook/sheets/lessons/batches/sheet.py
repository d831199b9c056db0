"""Batches: what a norm over the batch does to a bias, to accumulation, and on several devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import (
    DIFFERENCE,
    INPUT_NUMBER,
    NUMBER,
    PAPER,
    RESULT,
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
    BatchesCase,
)
from normviz.workbook.sheets.lessons.batches.devices import CHANNEL_NAMES, devices, half_of

TITLE = "Batches"
COLUMNS = even(24, (CHANNELS,) * 5, 6.0)
SAMPLE_NAMES = tuple(f"n = {n}" for n in range(SAMPLES))
NC: dict[str, Any] = {"axes": ("n", "c"), "across": CHANNEL_NAMES}
DGAMMA = "∂L/∂γ = Σ dy · x̂"


def build(book: Book, case: BatchesCase | None = None) -> None:
    """The sheet, for the numbers that ship or for others."""
    case = case or BatchesCase()
    sheet = Sheet(
        book,
        TITLE,
        "Batches: what follows when samples share their statistics",
        "BatchNorm takes one mean from each channel, over all samples. That kills the bias of the "
        "layer before it (so does InstanceNorm, within a sample). Because the samples share it, "
        "two half batches are something else than one whole batch, and devices disagree unless "
        "they talk: norms that stay within a sample know nothing of these two.",
        COLUMNS,
    )
    sheet.draw(*_inputs(case), *_dead_bias(case), *_accumulation(case), *devices(case))


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
            "is divided by its own r): the gradient stands at a right angle to A, and weight "
            "decay, an L2 penalty on A, changes the learning rate rather than the function. That "
            "holds behind every norm, for the weights whose outputs share a set."
        ),
    )


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
        parts = [half_of(k * PART) for k in range(PARTS)] if self.halves else ["n=*"]
        return "+".join(f"SUMPRODUCT({{dy[{n}]}},{{x_hat_{self.key}[{n}]}})" for n in parts)


ONE_GROUP = f"x̂ within the sample, 1 group of {CHANNELS} channels"
VARIANTS = (
    Variant("batch", "BatchNorm, one batch", "x̂ over 6 samples", lambda n: "n=*", lambda n, c: c),
    Variant(
        "ghost",
        "BatchNorm, two halves",
        "x̂ over 3 samples each",
        half_of,
        lambda n, c: n // PART * CHANNELS + c,
        halves=True,
    ),
    Variant("group", "GroupNorm, one batch", ONE_GROUP, lambda n: "c=*", lambda n, c: n),
    Variant(
        "parts",
        "GroupNorm, two halves",
        ONE_GROUP,
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
                    down=SAMPLE_NAMES,
                    caption=Caption(v.title, v.words),
                    labelled=at == 0,
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
            "only if the samples do not know of each other (and if the loss is a sum over them: "
            "the gradients of a mean are added up and divided by the number of parts). With "
            "GroupNorm, LayerNorm and RMSNorm the difference is 0; with BatchNorm every half had "
            "its own mean and variance, so it is training with the small batch, whatever the "
            "learning rate. (γ is 1 and β 0 here.)"
        ),
    )
