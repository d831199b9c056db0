"""Conventions: the same words for different numbers, from library to library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import (
    BODY,
    BODY_CENTER,
    BOLD,
    COUNT,
    INPUT_NUMBER,
    NUMBER,
    PAPER,
    PLAIN,
    RESULT,
    SMALL_FORMAT,
    decimals,
    set_color,
)
from normviz.workbook.draw.columns import even
from normviz.workbook.draw.content import (
    NOT_NEGATIVE,
    NUMBERS,
    POSITIVE,
    Banner,
    Cells,
    Item,
    Line,
    Listing,
    Table,
    Words,
    judged,
    whole,
)
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.formulas.differences import distance, distance_of
from normviz.workbook.sheets.lessons.conventions.case import (
    DEFAULTS,
    MOST_CHANNELS,
    ConventionsCase,
)
from normviz.workbook.sheets.momentum import momentum

TITLE = "Conventions"
BIASED, UNBIASED = set_color(1), set_color(2)
FINE = NUMBER.but(number=decimals(2))


def build(book: Book, case: ConventionsCase | None = None) -> None:
    """The sheet, for the numbers that ship or for others."""
    case = case or ConventionsCase()
    sheet = Sheet(
        book,
        TITLE,
        "Conventions: what to check before moving weights between libraries",
        "The formula of a normalization is the same everywhere; which variance, which "
        "momentum, which ε and where it stands are not. Each is shown here on a few numbers.",
        even(27, (10,), 9.2),
    )
    sheet.draw(*_variances(case), *_places_of_eps(case), *_groups(case), *_defaults())


def _variances(case: ConventionsCase) -> Sequence[Item]:
    """Both variances of the same numbers, each followed to where it is used."""
    made, variance = case.made, float(case.made["variance"][0])
    unbiased = float(case.x.var(ddof=1))
    std, new_std = float(made["std"][0]), float(np.sqrt(case.moved + case.eps))
    of_biased, of_unbiased = BOLD.filled(BIASED), BOLD.filled(UNBIASED)
    mix = "(1-{momentum})*{before}+{momentum}*{unbiased}"
    normalized = made["normalized"].ravel()
    x = Cells("x", case.x, None, INPUT_NUMBER, "x, one channel", rule=NUMBERS)
    x_hat = "({x}-AVERAGE({x[*]}))/{std}"
    return (
        Banner("Biased and unbiased variance", "each traced to where it is used"),
        Table(x, axes=("", "i")),
        momentum(case.momentum),
        Line("before", "running_var before", case.running_var, rule=NOT_NEGATIVE),
        Line("eps", "ε (eps)", case.eps, rule=POSITIVE),
        Line("biased", "biased σ²", variance, "VARP({x[*]})", of_biased, "σ² = Σ (x − μ)² / m"),
        Line(
            "std",
            "→ std, in training",
            std,
            "SQRT({biased}+{eps})",
            of_biased,
            "r = √(σ² + ε)",
        ),
        Table(
            Cells("x_hat", normalized, x_hat, NUMBER.filled(BIASED), "→ x̂ in training"),
            axes=("", "i"),
        ),
        Line(
            "unbiased",
            "unbiased s²",
            unbiased,
            "DEVSQ({x[*]})/(COUNT({x[*]})-1)",
            of_unbiased,
            "s² = Σ (x − μ)² / (m − 1), Bessel's correction",
        ),
        Line(
            "after",
            "→ running_var after",
            case.moved,
            mix,
            of_unbiased,
            "(1 − momentum) · before + momentum · s²",
        ),
        Line(
            "new_std",
            "→ std, in evaluation",
            new_std,
            "SQRT({after}+{eps})",
            of_unbiased,
            "√(running_var + ε)",
        ),
        Words(
            "The batch is all there is to normalize, so σ² divides by m. The running variance "
            "stands for all data, of which the batch is a sample, so it takes s², which divides by "
            "m − 1. In NumPy x.var() is the biased one, in torch x.var() the unbiased one, in a "
            "spreadsheet VARP and VAR. With one value m − 1 is 0, and there is no s²."
        ),
    )


def _places_of_eps(case: ConventionsCase) -> Sequence[Item]:
    """RMSNorm with eps inside and outside the root, and torch's default."""
    default = float(np.finfo(np.float64).eps)
    inside, outside = case.inside(case.rms_eps), case.outside(case.rms_eps)
    small = Cells("small", case.small, None, INPUT_NUMBER, "x, one sample", rule=NUMBERS)
    rows = (
        ("inside", "inside:  x / √(v + ε)", inside, "{small}/SQRT({root}^2+{rms_eps})"),
        ("outside", "outside:  x / (√v + ε)", outside, "{small}/({root}+{rms_eps})"),
        ("default", "default:  eps=None", case.inside(None), "{small}/SQRT({root}^2+{machine})"),
    )
    made = [
        Cells(name, values, formula, FINE.filled(PAPER if made_at else BIASED), label)
        for made_at, (name, label, values, formula) in enumerate(rows)
    ]
    return (
        Banner("RMSNorm: ε inside or outside the root", "small numbers show it"),
        Table(small, axes=("", "i")),
        Line("rms_eps", "ε (eps)", case.rms_eps, rule=POSITIVE),
        Line(
            "root",
            "root mean square √v",
            case.root,
            "SQRT(SUMSQ({small[*]})/COUNT({small[*]}))",
            FINE.filled(PAPER),
        ),
        Line(
            "machine",
            "machine ε of float64",
            default,
            look=RESULT.but(number=SMALL_FORMAT),
            note="what eps=None means in torch and normviz",
        ),
        Table(made, axes=("", "i")),
        Line(
            "eps_gap",
            "inside − outside",
            distance_of(inside, outside),
            distance("{inside[*]}", "{outside[*]}"),
            RESULT,
            "√Σ (difference)²",
        ),
        Words(
            "torch, Keras and most language models add ε to the mean square, inside the root; the "
            "code published with the RMSNorm paper adds it to the root. For ordinary numbers "
            "nobody sees it, for small ones it decides: try x ten times as large. In BatchNorm "
            "all of torch, Keras and flax put ε inside."
        ),
    )


def _groups(case: ConventionsCase) -> Sequence[Item]:
    """Number of groups against channels in a group, with the refusal as a live sentence."""
    divides = "MOD({channels},{groups})=0"
    size: Any = case.channels // case.groups if case.channels % case.groups == 0 else "none"
    divisors = "&".join(
        f'IF(AND({k}<{{channels}},MOD({{channels}},{k})=0),"{k}, ","")'
        for k in range(1, MOST_CHANNELS)
    )
    refusal = (
        '"num_groups must divide the "&{channels}&" channels of x, got num_groups="&{groups}'
        f'&": use one of "&{divisors}&{{channels}}&" (num_groups counts the groups, not the '
        'channels in a group)"'
    )
    sizes = '{groups}&" groups of "&{channels}/{groups}&" channels"'
    rule = whole(1, MOST_CHANNELS)
    return (
        Banner("Number of groups, or channels in a group?"),
        Line("channels", "channels C", case.channels, rule=rule),
        Line(
            "groups",
            "num_groups",
            case.groups,
            rule=rule,
            note="the argument of GroupNorm: how many groups, not how large each is",
        ),
        Line(
            "size",
            "channels in each group",
            size,
            f'IF({divides},{{channels}}/{{groups}},"none")',
            COUNT.filled(PAPER),
        ),
        Line(
            "says",
            "what normviz says",
            case.verdict(),
            f"IF({divides},{sizes},{refusal})",
            PLAIN.but(bold=True, indent=1, wrap=True),
            wide=True,
            marks=judged("MOD({channels},{groups})<>0"),
        ),
        Words(
            "GroupNorm(num_groups, num_channels) in torch: the groups come first, BatchNorm2d and "
            "InstanceNorm2d take the channels first. 32 groups are usual; 'groups of 16 channels' "
            "means num_groups = C / 16."
        ),
    )


def _defaults() -> Sequence[Item]:
    """The table of defaults."""
    small = BODY_CENTER.but(size=9.5, wrap=True)
    return (
        Banner("Defaults", "of torch 2, Keras 3 and flax linen"),
        Listing(
            DEFAULTS,
            ("layer", "setting", "torch", "Keras", "flax"),
            (BODY.but(bold=True), BODY, small, small, small),
            shares=(16, 34, 26, 22, 18),
        ),
        Words(
            "To move a BatchNorm from Keras to torch: eps=1e-3, momentum=0.01, and the moving "
            "variance copied as it is, since evaluation divides by √(running variance + ε) in "
            "both. Only what further training adds differs: torch takes in s², m / (m − 1) times "
            "Keras' σ². InstanceNorm in torch has no γ, β and no running statistics unless asked, "
            "so model.eval() changes nothing in it."
        ),
    )
