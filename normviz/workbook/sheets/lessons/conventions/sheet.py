"""Conventions: the same words for different numbers, from library to library."""

from __future__ import annotations

from typing import Any

import numpy as np

from normviz.workbook.book.address import address, fixed
from normviz.workbook.book.cells import Book, Rule
from normviz.workbook.book.styles import (
    BAD,
    BAD_INK,
    BODY,
    BODY_CENTER,
    GOOD,
    GOOD_INK,
    HEADER,
    HEADER_LEFT,
    INPUT_NUMBER,
    LABEL,
    NUMBER,
    PAPER,
    PLAIN,
    PROSE,
    set_color,
)
from normviz.workbook.draw.matrix import (
    BOLD,
    DIFFERENCE,
    CellFormula,
    Desk,
    Matrix,
)
from normviz.workbook.sheets.lessons.conventions.case import (
    DEFAULTS,
    MOST_CHANNELS,
    VALUES,
    ConventionsCase,
)

TITLE = "Conventions"
WIDTHS = (27, *((11.5,) * 11))
BIASED, UNBIASED = set_color(1), set_color(2)
REMARK = PROSE.but(vertical="center", indent=1)
FINE = NUMBER.but(number="0.00000")


class ConventionsSheet:
    """Draws the sheet from the top down."""

    def __init__(self, book: Book, case: ConventionsCase) -> None:
        self.case = case
        self.desk = Desk(
            book,
            TITLE,
            "Conventions: what to check before moving weights between libraries",
            "The formula of a normalization is the same everywhere; which variance, which "
            "momentum, which ε and where it stands are not. Each is shown here on a few numbers.",
            WIDTHS,
        )

    def build(self) -> None:
        """Draw everything."""
        self._variances()
        self._places_of_eps()
        self._groups()
        self._defaults()

    def _variances(self) -> None:
        """Both variances of the same numbers, each followed to where it is used."""
        desk, case = self.desk, self.case
        desk.banner("Biased and unbiased variance", "each traced to where it is used")
        x = desk.matrix(3, case.x, None, INPUT_NUMBER)
        desk.page.put(desk.row, 2, "x, one channel", LABEL)
        desk.row += 1
        fraction = "AND({0}>=0,{0}<=1)"
        momentum = desk.setting(3, "momentum", case.momentum, "", fraction, "From 0 to 1.")
        old = desk.setting(3, "running_var before", case.running_var, "", "{0}>=0", "0 or more.")
        eps = desk.setting(3, "ε (eps)", case.eps, "", "{0}>0", "Above zero.")
        desk.row += 1
        made, variance = case.made, float(case.made["variance"][0])
        unbiased = float(case.x.var(ddof=1))
        area = x.text
        rows = (
            ("biased σ²", "Σ (x − μ)² / n", variance, f"VARP({area})", BIASED),
            ("unbiased s²", "Σ (x − μ)² / (n − 1)", unbiased, self._unbiased(area), UNBIASED),
        )
        cells = []
        for name, words, value, formula, color in rows:
            desk.page.put(desk.row, 2, name, LABEL)
            cells.append(desk.page.put(desk.row, 3, value, BOLD.filled(color), formula))
            desk.page.span((desk.row, 4, desk.row, 5), words, REMARK)
            desk.row += 1
        self._consumers(cells, (momentum, old, eps))
        desk.page.put(desk.row, 2, "x̂ in training", LABEL)
        mean = f"AVERAGE({fixed(x.top, x.left)}:{fixed(x.top, x.left + VALUES - 1)})"
        std = fixed(desk.row - 4, 8)
        desk.matrix(
            3,
            made["normalized"].ravel(),
            lambda _, i: f"({x.at(0, i)}-{mean})/{std}",
            NUMBER.filled(BIASED),
        )
        desk.row += 2
        desk.say(
            "The batch is all there is to normalize, so σ² divides by n. The running variance "
            "stands for all data, of which the batch is a sample, so it takes s², which divides by "
            "n − 1. In NumPy x.var() is the biased one, in torch x.var() the unbiased one, in a "
            "spreadsheet VARP and VAR. With one value n − 1 is 0, and there is no s²."
        )
        desk.row += 1

    @staticmethod
    def _unbiased(area: str) -> str:
        return f"DEVSQ({area})/(COUNT({area})-1)"

    def _consumers(self, cells: list[str], settings: tuple[str, str, str]) -> None:
        """To the right of each variance what it goes into; below, the other one's place."""
        desk, case = self.desk, self.case
        momentum, old, eps = settings
        top = desk.row - 2
        live = f"SQRT({cells[0]}+{eps})"
        moved = f"(1-{momentum})*{old}+{momentum}*{cells[1]}"
        rows = (
            ("→ std, in training", float(case.made["std"][0]), live, BIASED, "√(σ² + ε)"),
            ("→ running_var after", case.moved, moved, UNBIASED, "(1 − m) · before + m · s²"),
        )
        for at, (name, value, formula, color, words) in enumerate(rows):
            desk.page.span((top + at, 6, top + at, 7), name, LABEL)
            desk.page.put(top + at, 8, value, BOLD.filled(color), formula)
            desk.page.span((top + at, 9, top + at, 11), words, REMARK)
        new_std = np.sqrt(case.moved + case.eps)
        name = "→ std, in evaluation"
        desk.page.span((top + 2, 6, top + 2, 7), name, LABEL)
        look = BOLD.filled(UNBIASED)
        desk.page.put(top + 2, 8, new_std, look, f"SQRT({address(top + 1, 8)}+{eps})")
        desk.page.span((top + 2, 9, top + 2, 11), "√(running_var + ε)", REMARK)
        desk.row = top + 4

    def _places_of_eps(self) -> None:
        """RMSNorm with eps inside and outside the root, and torch's default."""
        desk, case, page = self.desk, self.case, self.desk.page
        desk.banner("RMSNorm: ε inside or outside the root", "small numbers show it")
        x = desk.matrix(3, case.small, None, INPUT_NUMBER)
        page.put(desk.row, 2, "x, one sample", LABEL)
        desk.row += 1
        eps = desk.setting(3, "ε (eps)", case.rms_eps, "", "{0}>0", "Above zero.")
        page.put(desk.row, 2, "root mean square r", LABEL)
        area, count = x.text, x.columns
        live = f"SQRT(SUMSQ({area})/COUNT({area}))"
        root = page.put(desk.row, 3, case.root, FINE.filled(PAPER), live)
        desk.row += 2
        squared, root = f"{fixed(desk.row - 2, 3)}^2", fixed(desk.row - 2, 3)
        default = float(np.finfo(np.float64).eps)
        page.put(desk.row, 2, "machine ε of float64", LABEL)
        page.put(desk.row, 3, default, NUMBER.but(number="0.0E+00").filled(PAPER))
        machine = fixed(desk.row, 3)
        page.span((desk.row, 5, desk.row, 11), "what eps=None means in torch and normviz", PROSE)
        desk.row += 2
        parts: tuple[tuple[str, Any, str], ...] = (
            ("inside:  x / √(r² + ε)", case.inside(case.rms_eps), f"SQRT({squared}+{eps})"),
            ("outside:  x / (r + ε)", case.outside(case.rms_eps), f"({root}+{eps})"),
            ("default:  eps=None", case.inside(None), f"SQRT({squared}+{machine})"),
        )
        made: list[Matrix] = []
        for name, values, divisor in parts:
            page.put(desk.row, 2, name, LABEL)
            row = [f"{x.at(0, i)}/{divisor}" for i in range(count)]
            look = FINE.filled(BIASED if not made else PAPER)
            made.append(desk.matrix(3, values, _from(row), look))
            desk.row += 1
        page.put(desk.row, 2, "inside − outside, at most", LABEL)
        gap = float(np.abs(parts[0][1] - parts[1][1]).max())
        live = f"SUMPRODUCT(MAX(ABS({made[0].text}-{made[1].text})))"
        page.put(desk.row, 3, gap, DIFFERENCE.filled(PAPER), live)
        desk.row += 2
        desk.say(
            "torch, Keras and most language models add ε to the mean square, inside the root; the "
            "code published with the RMSNorm paper adds it to the root. For ordinary numbers "
            "nobody sees it, for small ones it decides: try x ten times as large. In BatchNorm "
            "all of torch, Keras and flax put ε inside."
        )
        desk.row += 1

    def _groups(self) -> None:
        """Number of groups against channels in a group, with the refusal as a live sentence."""
        desk, case, page = self.desk, self.case, self.desk.page
        desk.banner("Number of groups, or channels in a group?")
        check = f"AND({{0}}>=1,{{0}}<={MOST_CHANNELS},{{0}}=INT({{0}}))"
        hint = f"A whole number from 1 to {MOST_CHANNELS}."
        channels = desk.setting(3, "channels C", case.channels, "", check, hint)
        note = "the argument of GroupNorm: how many groups, not how large each is"
        groups = desk.setting(3, "num_groups", case.groups, note, check, hint)
        divides = f"MOD({channels},{groups})=0"
        page.put(desk.row, 2, "channels in each group", LABEL)
        size: Any = case.channels // case.groups if case.channels % case.groups == 0 else "none"
        live = f'IF({divides},{channels}/{groups},"none")'
        page.put(desk.row, 3, size, BOLD.but(number="0").filled(PAPER), live)
        desk.row += 1
        page.put(desk.row, 2, "what normviz says", LABEL)
        divisors = "&".join(
            f'IF(AND({k}<{channels},MOD({channels},{k})=0),"{k}, ","")'
            for k in range(1, MOST_CHANNELS)
        )
        refusal = (
            f'"num_groups must divide the "&{channels}&" channels of x, got num_groups="&{groups}'
            f'&": use one of "&{divisors}&{channels}&" (num_groups counts the groups, not the '
            'channels in a group)"'
        )
        sizes = f'{groups}&" groups of "&{channels}/{groups}&" channels"'
        area = (desk.row, 3, desk.row, desk.last)
        style = PLAIN.but(bold=True, indent=1)
        page.span(area, case.verdict(), style, f"IF({divides},{sizes},{refusal})")
        page.heights[desk.row] = 20
        wrong = f"MOD({channels},{groups})<>0"
        page.rules.append(Rule(area, wrong, BAD, BAD_INK))
        page.rules.append(Rule(area, f"NOT({wrong})", GOOD, GOOD_INK))
        desk.row += 2
        desk.say(
            "GroupNorm(num_groups, num_channels) in torch: the groups come first, BatchNorm2d and "
            "InstanceNorm2d take the channels first. 32 groups are usual; 'groups of 16 channels' "
            "means num_groups = C / 16."
        )
        desk.row += 1

    def _defaults(self) -> None:
        """The table of defaults."""
        desk, page = self.desk, self.desk.page
        desk.banner("Defaults", "of torch 2, Keras 3 and flax linen")
        ends = ((2, 2), (3, 5), (6, 7), (8, 9), (10, 11))
        heads = ("layer", "setting", "torch", "Keras", "flax")
        for (left, right), name in zip(ends, heads, strict=True):
            style = HEADER_LEFT if left < 6 else HEADER
            page.span((desk.row, left, desk.row, right), name, style)
        desk.row += 1
        for line in DEFAULTS:
            for (left, right), text in zip(ends, line, strict=True):
                style = BODY if left < 6 else BODY_CENTER.but(size=9)
                area = (desk.row, left, desk.row, right)
                page.span(area, text, style.but(bold=left == 2, wrap=False))
            page.heights[desk.row] = 18
            desk.row += 1
        desk.row += 1
        desk.say(
            "To move a BatchNorm from Keras to torch: eps=1e-3, momentum=0.01, and multiply the "
            "moving variance by n / (n − 1) if the last digits matter. InstanceNorm in torch has "
            "no γ, β and no running statistics unless asked, so model.eval() changes nothing in it."
        )


def _from(row: list[str]) -> CellFormula:
    """The formulas of one row."""
    return lambda _, i: row[i]


def build(book: Book, case: ConventionsCase | None = None) -> None:
    """The sheet, for the numbers that ship or for others."""
    ConventionsSheet(book, case or ConventionsCase()).build()
