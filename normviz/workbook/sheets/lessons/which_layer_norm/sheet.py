"""Three layers that are called LayerNorm, beside each other: sets, parameters, outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from normviz.norms.sets import statistics_sets
from normviz.reference.trace import Trace
from normviz.workbook.book.address import Area, area_text, fixed
from normviz.workbook.book.cells import Book, Choice, Page
from normviz.workbook.book.layout import areas_text
from normviz.workbook.book.styles import (
    BODY,
    BODY_CENTER,
    HEADER,
    HEADER_LEFT,
    INPUT_NUMBER,
    LABEL,
    NUMBER,
    PAPER,
    PROSE,
    SMALL_FORMAT,
)
from normviz.workbook.draw.page_head import FIRST_ROW, begin, explain
from normviz.workbook.draw.panels import (
    Caption,
    Formula,
    Paint,
    by_set,
    evenly,
)
from normviz.workbook.draw.sections import Frame, Piece, StepPage
from normviz.workbook.sheets.lessons.which_layer_norm.case import (
    CHANNELS,
    SHAPE,
    PixelFrame,
    WhichCase,
)

TITLE = "Which LayerNorm"
BOLD = NUMBER.but(bold=True)
GAP = BOLD.but(number=SMALL_FORMAT, fill=PAPER)


@dataclass(frozen=True)
class Variant:
    """One of the three: its key, its trace, its frame, and where γ and β of an element are."""

    key: str
    name: str
    call: str
    sets: str
    made: Trace
    frame: Frame
    per_element: bool


class WhichSheet:
    """Draws the sheet, the three variants side by side."""

    def __init__(self, book: Book, case: WhichCase) -> None:
        self.case = case
        self.page: Page = begin(book, TITLE, "Which LayerNorm? Three layers go by that name")
        whole = Frame(statistics_sets("layer_norm", SHAPE, normalized_shape=SHAPE[1:]))
        one_group = Frame(statistics_sets("group_norm", SHAPE, num_groups=1))
        self.variants = (
            Variant(
                "layer",
                "LayerNorm over (C, H, W)",
                "torch.nn.LayerNorm((C, H, W))",
                "one set an image; γ and β for each element",
                case.layer,
                whole,
                True,
            ),
            Variant(
                "group",
                "GroupNorm with one group",
                "torch.nn.GroupNorm(1, C)",
                "one set an image; γ and β for each channel",
                case.group,
                one_group,
                False,
            ),
            Variant(
                "pixel",
                "LayerNorm over C, at each pixel",
                "torch.nn.LayerNorm(C), channels moved last",
                "one set a pixel; γ and β for each channel",
                case.pixel,
                PixelFrame(),
                False,
            ),
        )
        self.steps = StepPage(self.page, whole, FIRST_ROW, number_width=5.7, side_by_side=3)
        explain(
            self.page,
            "The papers say LayerNorm and mean different layers for images. Below the same x goes "
            "through three of them. Look at the colors: cells of one color share one mean and one "
            "variance. The first two have the same sets and differ in their parameters alone; the "
            "third has other sets.",
            self.steps.last_column,
        )

    def build(self) -> None:
        """Draw everything."""
        self._inputs()
        self.steps.section("The sets, and their statistics")
        self._band(self._sets)
        self._statistics("mean", "μ  mean of each set")
        self._statistics("variance", "σ²  variance of each set")
        self.steps.section("Normalized, and the output")
        self._band(self._normalized)
        self._band(self._output)
        self._differences()
        self._table()

    def _inputs(self) -> None:
        steps, case, page = self.steps, self.case, self.page
        steps.section("Inputs", note="yellow cells are yours")
        page.span((steps.row, 2, steps.row, 2), "ε (eps)", LABEL)
        area = (steps.row, 3, steps.row, 4)
        page.span(area, case.eps, INPUT_NUMBER)
        self.eps = fixed(steps.row, 3)
        hint = "A number above zero; the usual value is 1E-5."
        page.choices.append(Choice((steps.row, 3, steps.row, 3), (), f"{self.eps}>0", "eps", hint))
        steps.row += 2
        yellow, italic = evenly(INPUT_NUMBER), evenly(INPUT_NUMBER.but(italic=True))
        x = Piece("x", Caption("x"), case.x.ravel().tolist(), "element", None, yellow)
        of = steps.frame.parameter_of
        channel = [1 + i // (SHAPE[2] * SHAPE[3]) for i in range(len(set(of)))]
        one = Frame(statistics_sets("batch_norm", SHAPE))
        per_channel = [
            Piece(name, Caption(text), values.tolist(), "parameter", None, yellow)
            for name, text, values in (
                ("gamma", "γ for each channel", case.gamma),
                ("beta", "β for each channel", case.beta),
            )
        ]
        whole = steps.frame
        top = steps.row
        steps.draw([x])
        bottom = steps.row
        steps.row, steps.frame = top, one
        steps.draw_in_slot(per_channel, 1)
        steps.row, steps.frame = top, whole
        own = [
            Piece(
                f"{name}_elements",
                Caption(text, "as its channel's, until you type over it"),
                values.ravel().tolist(),
                "parameter",
                self._of_channel(name, channel),
                italic,
            )
            for name, text, values in (
                ("gamma", "γ for each element", case.gamma_elements),
                ("beta", "β for each element", case.beta_elements),
            )
        ]
        steps.draw_in_slot(own, 2)
        steps.row = max(bottom, steps.row)

    def _of_channel(self, name: str, channel: Sequence[int]) -> Formula:
        return lambda i: self.steps.placed[name].at(channel[i] - 1)

    def _band(self, make: Any) -> None:
        """One step of all three variants side by side."""
        self.steps.draw_framed([(variant.frame, make(variant)) for variant in self.variants])

    def _sets(self, v: Variant) -> Piece:
        counts = (
            f"{len(v.frame.sets.areas)} sets of {len(v.frame.set_of) // len(v.frame.sets.areas)}"
        )
        caption = Caption(v.name, f"{counts}: {v.sets}", v.call)
        look = by_set(NUMBER.but(number="0"), v.frame.set_of)
        return Piece(f"set_{v.key}", caption, v.frame.set_of, "element", None, look)

    def _statistics(self, step: str, title: str) -> None:
        function = {"mean": "AVERAGE", "variance": "VARP"}[step]
        x = self.steps.placed["x"]

        def piece(v: Variant) -> Piece:
            areas = v.frame.sets.areas

            def formula(k: int) -> str:
                return f"{function}({areas_text(areas[k], x.top, x.left)})"

            look: Paint = by_set(BOLD, range(1, len(areas) + 1))
            values = v.made[step].ravel().tolist()
            caption = Caption(title if v.key == "layer" else f"{title[:2].strip()} of {v.name}")
            return Piece(f"{step}_{v.key}", caption, values, "set", formula, look)

        self._band(piece)

    def _normalized(self, v: Variant) -> Piece:
        placed, eps = self.steps.placed, self.eps

        def formula(i: int) -> str:
            k = v.frame.set_of[i] - 1
            mean, variance = (placed[f"{s}_{v.key}"].at(k) for s in ("mean", "variance"))
            return f"({placed['x'].at(i)}-{mean})/SQRT({variance}+{eps})"

        values = self.case.element_values(v.made, "normalized").ravel().tolist()
        caption = Caption(f"x̂, {v.name}", "(x − μ) / √(σ² + ε)")
        look = by_set(NUMBER, v.frame.set_of)
        return Piece(f"normalized_{v.key}", caption, values, "element", formula, look)

    def _output(self, v: Variant) -> Piece:
        placed = self.steps.placed
        pixels = SHAPE[2] * SHAPE[3]

        def formula(i: int) -> str:
            if v.per_element:
                suffix, index = "_elements", i % (CHANNELS * pixels)
            else:
                suffix, index = "", i // pixels % CHANNELS
            gamma, beta = (placed[f"{name}{suffix}"].at(index) for name in ("gamma", "beta"))
            return f"{gamma}*{placed[f'normalized_{v.key}'].at(i)}+{beta}"

        values = self.case.element_values(v.made, "output").ravel().tolist()
        caption = Caption(f"y, {v.name}", "γ · x̂ + β")
        look = by_set(NUMBER, v.frame.set_of)
        return Piece(f"output_{v.key}", caption, values, "element", formula, look)

    def _differences(self) -> None:
        """How far the three are from each other, before and after γ and β."""
        steps, page = self.steps, self.page
        steps.section("How far they are from each other", note="largest difference, live")
        pairs = (("layer", "group"), ("layer", "pixel"), ("group", "pixel"))
        names = {v.key: v.name for v in self.variants}
        values = {v.key: v for v in self.variants}
        last = steps.left(1) + 7
        page.span((steps.row, 2, steps.row, steps.left(1) - 2), "", HEADER_LEFT)
        page.span((steps.row, steps.left(1) - 1, steps.row, last - 5), "of x̂", HEADER)
        page.span((steps.row, last - 4, steps.row, last), "of y", HEADER)
        steps.row += 1
        for one, other in pairs:
            text = f"{names[one]}   −   {names[other]}"
            page.span((steps.row, 2, steps.row, steps.left(1) - 2), text, BODY)
            for step, left, right in (
                ("normalized", steps.left(1) - 1, last - 5),
                ("output", last - 4, last),
            ):
                areas = [area_text(self._area(f"{step}_{key}")) for key in (one, other)]
                live = f"SUMPRODUCT(MAX(ABS({areas[0]}-{areas[1]})))"
                arrays = [self.case.element_values(values[k].made, step) for k in (one, other)]
                gap = float(np.abs(arrays[0] - arrays[1]).max())
                page.span((steps.row, left, steps.row, right), gap, GAP, live)
            steps.row += 1
        steps.row += 1

    def _area(self, name: str) -> Area:
        return self.steps.placed[name].area

    def _table(self) -> None:
        """Shapes of the parameters, and who uses which."""
        steps, page = self.steps, self.page
        steps.section("Their parameters, and where they are met")
        size = int(np.prod(SHAPE[1:]))
        columns = (2, steps.left(1) - 1, steps.left(1) + 5, steps.left(2) - 1)
        heads = ("layer", "shape of γ and β", "numbers in γ and β", "met in")
        met = (
            "torch's own LayerNorm on images; bound to one H and W",
            "PoolFormer, ml-cvnets; many papers' LayerNorm for CNNs",
            "ConvNeXt, Swin, vision transformers; flax by default",
        )
        rows = [(heads, True)]
        for v, text in zip(self.variants, met, strict=True):
            shape = f"{SHAPE[1:]}" if v.per_element else f"({CHANNELS},)"
            count = 2 * (size if v.per_element else CHANNELS)
            rows.append(((v.name, shape, str(count), text), False))
        for texts, is_head in rows:
            ends = (*(c - 1 for c in columns[1:]), steps.last_column)
            for at, (left, right, text) in enumerate(zip(columns, ends, texts, strict=True)):
                body = BODY if at in (0, 3) else BODY_CENTER
                head = HEADER_LEFT if at in (0, 3) else HEADER
                page.span((steps.row, left, steps.row, right), text, head if is_head else body)
            page.heights[steps.row] = 18
            steps.row += 1
        steps.row += 1
        text = (
            "Try: type 5 over one γ for each element (slot on the right above): only the first "
            "layer's y follows. Then change one x: in the first two every cell of its image moves, "
            "in the third only the four cells of its pixel. LayerNorm(C) straight on an "
            "(N, C, H, W) tensor is an error, or worse, silently normalizes over W where W = C: "
            "move the channels last first, x.permute(0, 2, 3, 1)."
        )
        page.span((steps.row, 2, steps.row, steps.last_column), text, PROSE)
        page.heights[steps.row] = 32


def build(book: Book, case: WhichCase | None = None) -> None:
    """The sheet, for the numbers that ship or for others."""
    WhichSheet(book, case or WhichCase()).build()
