"""Three layers that are called LayerNorm, beside each other: sets, parameters, outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from normviz.norms.sets import statistics_sets
from normviz.reference.trace import Trace
from normviz.workbook.book.cells import Book, Value
from normviz.workbook.book.styles import (
    BODY,
    BODY_CENTER,
    GENERAL,
    INPUT_NUMBER,
    NUMBER,
    RESULT,
    SHORT_FORMAT,
    YOURS,
    Style,
)
from normviz.workbook.draw.columns import of_tensor
from normviz.workbook.draw.content import (
    NUMBERS,
    POSITIVE,
    Band,
    Banner,
    Caption,
    Entry,
    Item,
    Line,
    Listing,
    Stack,
    Step,
    Words,
)
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.draw.tensor import Frame, Paint, by_set
from normviz.workbook.formulas.differences import distance, distance_of
from normviz.workbook.sheets.lessons.which_layer_norm.case import (
    CHANNELS,
    SHAPE,
    PixelFrame,
    WhichCase,
)

TITLE = "Which LayerNorm"
PIXELS = SHAPE[2] * SHAPE[3]
NUMBER_WIDTH = 4.4
CLOSE = NUMBER.but(size=9.5, number=SHORT_FORMAT)


@dataclass(frozen=True)
class Variant:
    """One of the three: its key, its trace, its frame, and where γ and β of an element are."""

    key: str
    name: str
    call: str
    sets: str
    met: str
    made: Trace
    frame: Frame
    per_element: bool = False

    def paint(self, per: str, style: Style = CLOSE) -> Paint:
        """Elements or sets in the color of the set."""
        of = self.frame.set_of if per == "element" else range(1, len(self.frame.sets.areas) + 1)
        return by_set(style, of)


def build(book: Book, case: WhichCase | None = None) -> None:
    """The sheet, for the numbers that ship or for others."""
    case = case or WhichCase()
    variants = _variants(case)
    whole = variants[0].frame
    sheet = Sheet(
        book,
        TITLE,
        "Which LayerNorm? Three layers go by that name",
        "The papers say LayerNorm and mean different layers for images. Below the same x goes "
        "through three of them. Look at the colors: cells of one color share one mean and one "
        "variance. The first two have the same sets and differ in their parameters alone; the "
        "third has other sets.",
        of_tensor(whole.layout, len(variants), NUMBER_WIDTH),
        frame=whole,
    )
    sheet.draw(
        *_inputs(case),
        Banner("The sets, and their statistics"),
        Band([_sets(v) for v in variants]),
        Band([_statistic(v, "mean", "μ", "AVERAGE") for v in variants]),
        Band([_statistic(v, "variance", "σ²", "VARP") for v in variants]),
        Banner("Normalized, and the output"),
        Band([_normalized(case, v) for v in variants]),
        Band([_output(case, v) for v in variants]),
        *_differences(case, variants),
        *_table(variants),
    )


def _variants(case: WhichCase) -> Sequence[Variant]:
    whole = Frame(statistics_sets("layer_norm", SHAPE, normalized_shape=SHAPE[1:]))
    one_group = Frame(statistics_sets("group_norm", SHAPE, num_groups=1))
    return (
        Variant(
            "layer",
            "LayerNorm over (C, H, W)",
            "torch.nn.LayerNorm((C, H, W))",
            "one an image; γ and β for each element",
            "torch's own LayerNorm on images; bound to one H and W",
            case.layer,
            whole,
            per_element=True,
        ),
        Variant(
            "group",
            "GroupNorm with one group",
            "torch.nn.GroupNorm(1, C)",
            "one an image; γ and β for each channel",
            "PoolFormer, ml-cvnets; many papers' LayerNorm for CNNs",
            case.group,
            one_group,
        ),
        Variant(
            "pixel",
            "LayerNorm over C, at each pixel",
            "torch.nn.LayerNorm(C), channels moved last",
            "one a pixel; γ and β for each channel",
            "ConvNeXt, Swin, vision transformers; flax by default; the sheet PixelNorm",
            case.pixel,
            PixelFrame(),
        ),
    )


def _inputs(case: WhichCase) -> Sequence[Item]:
    typed, one = INPUT_NUMBER.but(size=9.5), Frame(statistics_sets("batch_norm", SHAPE))
    channels = [
        Step(name, Caption(text), values, "parameter", None, typed, one, NUMBERS)
        for name, text, values in (
            ("gamma", "γ for each channel", case.gamma),
            ("beta", "β for each channel", case.beta),
        )
    ]
    elements = [
        Step(
            f"{name}_elements",
            Caption(text, "as its channel's, until you type over it"),
            values,
            "parameter",
            lambda i, name=name: f"{{{name}[{i // PIXELS}]}}",  # type: ignore[misc]
            typed.but(italic=True),
            None,
            NUMBERS,
        )
        for name, text, values in (
            ("gamma", "γ for each element", case.gamma_elements),
            ("beta", "β for each element", case.beta_elements),
        )
    ]
    x = Step("x", Caption("x"), case.x, "element", None, typed, rule=NUMBERS)
    return (
        Banner("Inputs", YOURS),
        Line("eps", "ε (eps)", case.eps, rule=POSITIVE),
        Band((x, Stack(channels), Stack(elements))),
    )


def _sets(v: Variant) -> Step:
    sets = len(v.frame.sets.areas)
    caption = Caption(v.name, f"{sets} sets of {len(v.frame.set_of) // sets}: {v.sets}", v.call)
    paint = v.paint("element", GENERAL.but(size=9.5))
    return Step(f"set_{v.key}", caption, v.frame.set_of, "element", None, paint, v.frame)


def _statistic(v: Variant, step: str, symbol: str, function: str) -> Step:
    caption = Caption(f"{symbol} of each set, {v.name}")
    formula, paint = f"{function}({{x}})", v.paint("set", CLOSE.but(bold=True))
    return Step(f"{step}_{v.key}", caption, v.made[step], "set", formula, paint, v.frame)


def _normalized(case: WhichCase, v: Variant) -> Step:
    formula = f"({{x}}-{{mean_{v.key}}})/SQRT({{variance_{v.key}}}+{{eps}})"
    caption = Caption(f"x̂, {v.name}", "(x − μ) / √(σ² + ε)")
    values = case.element_values(v.made, "normalized")
    return Step(
        f"normalized_{v.key}", caption, values, "element", formula, v.paint("element"), v.frame
    )


def _output(case: WhichCase, v: Variant) -> Step:
    def formula(i: int) -> str:
        suffix, index = "", i // PIXELS % CHANNELS
        if v.per_element:
            suffix, index = "_elements", i % (CHANNELS * PIXELS)
        gamma, beta = (f"{{{name}{suffix}[{index}]}}" for name in ("gamma", "beta"))
        return f"{gamma}*{{normalized_{v.key}}}+{beta}"

    caption = Caption(f"y, {v.name}", "γ · x̂ + β")
    values = case.element_values(v.made, "output")
    return Step(f"output_{v.key}", caption, values, "element", formula, v.paint("element"), v.frame)


def _differences(case: WhichCase, variants: Sequence[Variant]) -> Sequence[Item]:
    """How far the three are from each other, before and after γ and β."""
    layer, group, pixel = variants
    rows: list[Sequence[Value | Entry]] = []
    for one, other in ((layer, group), (layer, pixel), (group, pixel)):
        cells = []
        for step in ("normalized", "output"):
            arrays = (case.element_values(v.made, step) for v in (one, other))
            live = distance(*(f"{{{step}_{v.key}[*]}}" for v in (one, other)))
            cells.append(Entry(distance_of(*arrays), RESULT, live))
        rows.append((f"{one.name}   and   {other.name}", *cells))
    return (
        Banner("How far they are from each other", "√Σ (difference)², live"),
        Listing(rows, ("", "x̂", "y"), (BODY, BODY_CENTER, BODY_CENTER), shares=(60, 20, 20)),
    )


def _table(variants: Sequence[Variant]) -> Sequence[Item]:
    """Shapes of the parameters, and who uses which."""
    rows = [
        (
            v.name,
            f"{SHAPE[1:]}" if v.per_element else f"({CHANNELS},)",
            2 * (prod(SHAPE[1:]) if v.per_element else CHANNELS),
            v.met,
        )
        for v in variants
    ]
    return (
        Banner("Their parameters, and where they are met"),
        Listing(
            rows,
            ("layer", "shape of γ and β", "numbers in γ and β", "met in"),
            (BODY, BODY_CENTER, BODY_CENTER, BODY),
            shares=(30, 14, 16, 40),
        ),
        Words(
            "Try: type 5 over one γ for each element (on the right above): only the first "
            "layer's y follows. Then change one x: in the first two every cell of its image moves, "
            "in the third only the four cells of its pixel. LayerNorm(C) straight on an "
            "(N, C, H, W) tensor is an error, or worse, silently normalizes over W where "
            "W and C are alike: move the channels last first, x.permute(0, 2, 3, 1)."
        ),
    )
