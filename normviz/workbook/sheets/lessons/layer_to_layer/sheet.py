"""From layer N to layer N+1: what a norm does to the statistics that the next one finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from normviz.norms.declared import NORMS
from normviz.norms.sets import statistics_sets
from normviz.reference.trace import Trace
from normviz.workbook.book.cells import Book
from normviz.workbook.book.layout import Layout
from normviz.workbook.book.styles import (
    BODY,
    BODY_CENTER,
    BOLD,
    COUNT,
    GOOD,
    INPUT_NUMBER,
    NUMBER,
    NUMBER_FORMAT,
    PAPER,
    YOURS,
    Style,
)
from normviz.workbook.draw.columns import of_tensor
from normviz.workbook.draw.content import (
    NUMBERS,
    POSITIVE,
    Banner,
    Caption,
    Item,
    Line,
    Listing,
    Mark,
    Step,
    StepFormula,
    Words,
    chosen_from,
)
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.draw.tensor import Frame
from normviz.workbook.formulas.set_labels import LabelChoice, paint_by_label
from normviz.workbook.sheets.lessons.layer_to_layer.case import CHANNELS, SHAPE, LayerCase

TITLE = "Layer to layer"
PIXELS = SHAPE[2] * SHAPE[3]
SETS = LabelChoice(SHAPE, "{number}", "{groups}", "{splits}")
PAINTED = (
    *("x", "label", "mean", "squared", "variance", "normalized", "y", "relu", "z"),
    *("next_mean", "next_squared", "next_variance", "next_normalized"),
)
"""The steps that wear the colors of the chosen sets."""

_SETS = {norm.title: LayerCase().with_op(norm.name).sets for norm in SETS.norms}
_PER_ELEMENT = [title for title, sets in _SETS.items() if sets.parameter_shape != (CHANNELS,)]
PER_CHANNEL = (
    "γ and β are one for each channel here, whatever the norm; torch's "
    f"{' and '.join(_PER_ELEMENT)} have one for each element"
)

CHOSEN = Mark("{this}={norm}", GOOD, shows="▸ {}")
OPTIONS = {"groups": (1, 2, 4), "splits": (1, 2)}
"""With 4 splits of 4 images every set of Ghost BN would be one channel of one image."""


def build(book: Book, case: LayerCase | None = None) -> Sheet:
    """The sheet, for the numbers that ship or for others."""
    case = case or LayerCase()
    frame = Frame(statistics_sets("batch_norm", SHAPE))
    sheet = Sheet(
        book,
        TITLE,
        "Layer to layer: the next layer's statistics are made by this one",
        "x is normalized by the norm you choose, passes ReLU and a 1×1 convolution, and enters "
        "layer N+1, which has a mean and a variance of its own. Nothing of it is random: layer "
        "N+1's statistics follow from the choice made in layer N. Turn the drop-down.",
        of_tensor(frame.layout),
        frame=frame,
    )
    sheet.draw(
        *_settings(case),
        Banner("Layer N: normalize", "cells of one color share their statistics"),
        *_inputs(case),
        *_normalize("", "x", case, case.layer, case.x),
        Banner("Layer N: scale, ReLU, 1×1 convolution", PER_CHANNEL),
        *_scale(case),
        *_convolve(case),
        Banner("Layer N+1: its own statistics", "found by the same norm in z"),
        *_normalize("next_", "z", case, case.next_layer, case.next_input),
        *_summary(case),
    )
    areas = [sheet.placed[name].area for name in PAINTED]
    paint_by_label(sheet.page, areas, sheet.placed["label"].area, SETS.most_sets)
    return sheet


def _settings(case: LayerCase) -> Sequence[Item]:
    """The drop-down, the numbers that shape the sets, and the norms that it offers."""
    titles, chosen, plain = SETS.titles, NORMS[case.op].title, LabelChoice(SHAPE)
    rows = [
        (
            norm.title,
            plain.in_words(norm) + ("" if norm.centered else ", and the mean is taken as 0"),
        )
        for norm in SETS.norms
    ]
    return (
        Banner("Settings", YOURS),
        Line("norm", "norm", chosen, rule=chosen_from(titles)),
        Line("groups", "groups", case.groups, rule=chosen_from(OPTIONS["groups"])),
        Line("splits", "splits", case.splits, rule=chosen_from(OPTIONS["splits"])),
        Line("eps", "ε (eps)", case.eps, rule=POSITIVE),
        Line(
            "number",
            "number of the norm",
            titles.index(chosen) + 1,
            "MATCH({norm},{offered[*]},0)",
            COUNT.filled(PAPER),
            "its place in the list below",
        ),
        Listing(
            rows,
            ("norm", "number of the set of image n, channel c, column w (all from 0)"),
            (BODY, BODY),
            shares=(30, 70),
            names=("offered", "labels_in_words"),
            marks={"offered": (CHOSEN,)},
        ),
    )


def _step(name: str, caption: Caption, values: Any, formula: StepFormula) -> Step:
    return Step(name, caption, values, "element", formula, NUMBER)


def _inputs(case: LayerCase) -> Sequence[Item]:
    """x as inputs, and the set of every element."""

    def label(i: int) -> str:
        return SETS.label([int(at) for at in np.unravel_index(i, SHAPE)])

    words = Caption("x", "images n down, channels c across, 3 pixels each", symbol="the input")
    return (
        Step("x", words, case.x, "element", None, INPUT_NUMBER, rule=NUMBERS),
        Step(
            "label",
            Caption("number of the set", "what the choice changes; RMSNorm drops μ and β, too"),
            case.sets.labels(),
            "element",
            label,
            COUNT.but(bold=False),
        ),
    )


def _normalize(prefix: str, source: str, case: LayerCase, made: Trace, x: Any) -> Sequence[Item]:
    """Mean, squared distance, variance and normalized values, over the chosen sets."""
    mean, variance = case.mean_of(made), case.power_of(made)

    def over_set(name: str) -> str:
        return f"AVERAGEIF({{label[*]}},{{label}},{{{name}[*]}})"

    own = {name: f"{prefix}{name}" for name in ("mean", "squared", "variance", "normalized")}
    apart = f"({{{source}}}-{{{own['mean']}}})"
    return (
        _step(
            own["mean"],
            Caption(f"mean of the set, of {source}", "AVERAGEIF over equal numbers", symbol="μ"),
            mean,
            f"IF({SETS.is_uncentered()},0,{over_set(source)})",
        ),
        _step(own["squared"], Caption(f"({source} − μ)²"), (x - mean) ** 2, f"{apart}^2"),
        _step(
            own["variance"],
            Caption("variance of the set", "RMSNorm: the mean square", symbol="σ²"),
            variance,
            over_set(own["squared"]),
        ),
        _step(
            own["normalized"],
            Caption(f"{source} normalized", f"({source} − μ) / √(σ² + ε)"),
            made["normalized"],
            f"{apart}/SQRT({{{own['variance']}}}+{{eps}})",
        ),
    )


def _scale(case: LayerCase) -> Sequence[Item]:
    """γ and β of the channel, then ReLU."""
    scaled = f"{{gamma}}*{{normalized}}+IF({SETS.has_no_bias()},0,{{beta}})"
    parameters = (
        ("gamma", "γ (weight), one per channel", case.gamma),
        ("beta", "β (bias), one per channel; RMSNorm has none", case.beta),
    )
    return (
        *(
            Step(name, Caption(text), values, "parameter", None, INPUT_NUMBER, rule=NUMBERS)
            for name, text, values in parameters
        ),
        _step("y", Caption("y", "γ · x̂ + β"), case.output, scaled),
        _step(
            "relu",
            Caption("a = ReLU(y)", "max(y, 0): what was negative is gone"),
            case.rectified,
            "MAX({y},0)",
        ),
    )


def _convolve(case: LayerCase) -> Sequence[Item]:
    """The 1x1 convolution: every pixel's channels mixed by one small matrix."""
    weights = Frame(statistics_sets("instance_norm", SHAPE), letters=("out", "in"))
    biases = Frame(statistics_sets("batch_norm", SHAPE), letters=("n", "out"))

    def mixed(i: int) -> str:
        block, p = divmod(i, PIXELS)
        n, out = divmod(block, CHANNELS)
        products = (
            f"{{w[{out * CHANNELS + c}]}}*{{relu[{(n * CHANNELS + c) * PIXELS + p}]}}"
            for c in range(CHANNELS)
        )
        return f"{'+'.join(products)}+{{conv_bias[{out}]}}"

    return (
        Step(
            "w",
            Caption(
                "weights of the 1×1 convolution",
                "output channels down, input channels across",
                symbol="A",
            ),
            case.convolution,
            "set",
            None,
            INPUT_NUMBER,
            weights,
            NUMBERS,
        ),
        Step(
            "conv_bias",
            Caption("its bias", "one per output channel", symbol="b"),
            case.conv_bias,
            "parameter",
            None,
            INPUT_NUMBER,
            biases,
            NUMBERS,
        ),
        _step(
            "z",
            Caption("z = A · a + b", "each pixel by itself: what layer N+1 gets"),
            case.next_input,
            mixed,
        ),
    )


def _summary(case: LayerCase) -> Sequence[Item]:
    """What layer N+1 finds in each channel: live for the choice, and for all norms as shipped."""
    mean, variance = case.channel_statistics()
    shipped = {norm.title: LayerCase().with_op(norm.name) for norm in SETS.norms}
    numbers = BODY_CENTER.but(number=NUMBER_FORMAT)
    live: Style = BOLD.filled(GOOD)
    heads = [f"c = {c}" for c in range(CHANNELS)]
    columns = of_tensor(Layout(SHAPE))
    channel = sum(columns.cells[0]) / CHANNELS
    tables = [
        Listing(
            [(title, *of.channel_statistics()[at].tolist()) for title, of in shipped.items()],
            (f"{what} of z", *heads),
            (BODY, *((numbers,) * CHANNELS)),
            shares=(columns.words + columns.names[0], *((channel,) * CHANNELS)),
            names=(f"of_norm_{what}",),
            marks={f"of_norm_{what}": (CHOSEN,)},
        )
        for at, what in enumerate(("mean", "variance"))
    ]
    return (
        Banner(
            "z channel by channel, to compare the norms",
            "for BatchNorm the statistics of layer N+1 themselves",
        ),
        Step("z_mean", Caption("mean of z", "live"), mean, "parameter", "AVERAGE({z})", live),
        Step(
            "z_variance", Caption("variance of z", "live"), variance, "parameter", "VARP({z})", live
        ),
        Words("For each norm, with the numbers as shipped (constants from NumPy):"),
        *tables,
        Words(
            "What to look at: ReLU cuts a normalized channel at zero, so z's mean and variance "
            "depend on how each channel lies around zero, and that is what the norm decides. Per "
            "channel (BatchNorm) the mean of each is its β, so that β and γ alone place it; per "
            "image (LayerNorm) a channel that is small everywhere may be cut off whole. Try: type "
            "a 0 over all of γ but one, or 100 over one x."
        ),
    )
