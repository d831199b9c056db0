"""The playground: one sheet, five switches, and the same formulas for every normalization.

The label of each element's statistics set is a formula of the switches; means and sums run over
the elements of one label, and conditional formats color by it. So turning the drop-down or a switch
repaints the tensor and recalculates every step.
"""

from __future__ import annotations

from collections.abc import Sequence

from normviz.reference import steps
from normviz.reference.steps import StepText
from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Block, Book, Rule, Value
from normviz.workbook.book.styles import (
    BACKWARD,
    INPUT_EDGE,
    INPUT_NUMBER,
    LABEL,
    NUMBER,
    PAPER,
    SET_COLORS,
    SHORT_FORMAT,
    SOFT,
    UNUSED,
    decimals,
)
from normviz.workbook.draw.content import Caption, Entry, Spaced
from normviz.workbook.draw.tensor import Grid
from normviz.workbook.sheets.playground.case import PlayCase, play_case
from normviz.workbook.sheets.playground.head import draw_head
from normviz.workbook.sheets.playground.reading import Readings
from normviz.workbook.sheets.playground.rows import LEFT, Rows, pixel_names
from normviz.workbook.sheets.playground.settings import draw_settings
from normviz.workbook.sheets.playground.strips import draw_strips, place_strips
from normviz.workbook.sheets.subject.case import Array, Settings

TITLE, TAB = "Playground", INPUT_EDGE
CELL = NUMBER.but(size=9, number=SHORT_FORMAT, shrink=True)
LONG, LONG_CELL = 10.0, CELL.but(number=decimals(-2))
"""From here on a number has one decimal: with two it would be shrunk."""
ADDED = CELL.but(number="0", fill=PAPER, color=SOFT)
WHOLE = CELL.but(number="0")
TYPED = INPUT_NUMBER.but(size=9, shrink=True)
IDEA = (
    "All norms are the same formulas; what differs is which elements share a mean and a variance."
    " Turn the drop-down, or choose Your own and turn the five switches and the order of the "
    "splits: cells of one color are one set. A row is one image n, a block one channel c of it "
    "with its pixels (h, w) side by side: read row by row, a grid is x.ravel() in NumPy. γ and β "
    "are one for each channel for every norm (torch's LayerNorm has one for each element: see its"
    " own sheet)."
)

_NAMES = {"grad_input": "dx"}
"""Names of this sheet that other programs rely on, where they are not the step's own."""

_PRODUCT = StepText(
    "product", "element", "dx̂ · u", "dx̂ times x − μ", "", "What the gradient of σ² sums up."
)
_SCALED_BY = StepText(
    "scaled_by", "element", "dy · x̂", "dy times x̂", "", "What the gradient of γ sums up."
)


def build(book: Book, settings: Settings) -> None:
    """The sheet for the settings of a workbook."""
    draw(book, play_case(settings))


def draw(book: Book, case: PlayCase) -> None:
    """The sheet for a case."""
    page = book.page(TITLE, TAB)
    rows, readings = Rows(book, page, case.x.shape), Readings(case)
    draw_head(rows, case, readings, IDEA + case.note)
    top = rows.row
    drawn = _Steps(rows, case, readings)
    drawn.draw_x()
    strips = rows.row
    place_strips(rows)
    drawn.draw_labels()
    drawn.draw_forward()
    drawn.draw_backward()
    below, rows.row = rows.row, top
    drawn.draw_y_beside_x()
    rows.row = below
    rows.paper.begin()
    draw_strips(rows, case, readings, strips)
    draw_settings(rows, readings)
    for body in rows.bodies.values():
        if isinstance(body, Grid):
            _color(rows, body.area, case.x.size)


def _color(rows: Rows, area: tuple[int, int, int, int], elements: int) -> None:
    """Color an area by the labels; an element without one is not in the batch."""
    first = rows.at("labels", 0)
    for at, fill in enumerate(SET_COLORS[:elements]):
        wears = f"MOD({first}-1,{len(SET_COLORS)})={at}"
        rows.page.rules.append(Rule(area, f"IF(COUNT({first})=1,{wears})", fill))
    missing = f'AND(play_ok=1,{first}="",COUNT({address(area[0], area[1])})=1)'
    unused = rows.page.number_format(area, UNUSED)
    rows.page.rules.append(Rule(area, missing, PAPER, SOFT, number=unused))


class _Steps:
    """Draws the steps, each with its words, cells and name; `rows` knows where each stands."""

    def __init__(self, rows: Rows, case: PlayCase, readings: Readings) -> None:
        self.rows, self.case, self.readings = rows, case, readings
        self.number = 0

    def draw_x(self) -> None:
        """x in the left half."""
        rows = self.rows
        rows.row = rows.words(Caption("x  the input"), LEFT, rows.middle - 1)
        values = self.case.x.ravel().tolist()
        grid = rows.draw("x", LEFT, values, TYPED, None, Caption("x"))
        rows.name("x", grid.area)
        pixel_names(rows, grid)
        rows.row = grid.area[2] + 2

    def draw_y_beside_x(self) -> None:
        """y in the right half, the numbers of the step further down."""
        rows = self.rows
        rows.row = rows.words(Caption("y  the output"), rows.right, rows.last)
        values = self._values("output", self.readings.safe)
        text = Caption("y", steps.OUTPUT.formula, sentence=steps.OUTPUT.sentence)
        grid = rows.draw("y", rows.right, values, CELL, "{output}", text)
        pixel_names(rows, grid)

    def draw_labels(self) -> None:
        """The label of every element's set, the sum of what its image and its place add."""
        rows, readings, sets = self.rows, self.readings, self.case.sets
        rows.banner("Statistics sets", "cells of one color share one mean and one variance")
        place_row = rows.row + 1 + rows.images
        of_image = [address(rows.row + 1 + n, rows.middle) for n in range(rows.images)]
        across = rows.channels * rows.pixels
        columns = (rows.layout.places()[1].ravel() + LEFT).tolist()

        def label(i: int) -> str:
            added, below = (
                of_image[i // across],
                address(place_row, columns[i]),
            )
            return f'IF(COUNT({added})=1,1+{added}+{below},"")'

        text = Caption(
            "the label of its set",
            "label = 1 + what its image adds + what its channel and pixel add",
            "1 + (gray, right) + (gray, below)",
            "The one step that differs from norm to norm: an axis that the sets reach over adds "
            "nothing. The last section of this sheet has the step of each axis.",
            number="set",
        )
        labels: list[Value] = []
        if readings.ok and sets is not None:
            labels = list(sets.labels().ravel().tolist())
        area = rows.step("labels", text, self._padded(labels), WHOLE, label, below=2)
        rows.name("labels", area)
        self._say_what_adds(area[0], place_row, columns)
        images = [[_added(*readings.of_image(n))] for n in range(rows.images)]
        rows.around(area[0], Spaced(images, (rows.middle,), (ADDED,)))
        places = [_added(*readings.of_place(*divmod(i, rows.pixels))) for i in range(across)]
        rows.around(place_row, Spaced([places], columns[:across], (ADDED,)))
        size: Value = sets.size if readings.ok and sets is not None else ""
        live = 'IF(play_ok=1,play_size,"")'
        row = place_row + 1
        line: list[Value | Entry] = [Entry(size, formula=live), "= m, how many elements share them"]
        looks = (WHOLE.but(bold=True, fill=PAPER), LABEL.but(size=9.5))
        rows.around(row, Spaced([line], (LEFT, LEFT + 1), looks))
        rows.name("n", (row, LEFT, row, LEFT))
        rows.block(Block("elements in a set: m", (row, LEFT, row, LEFT), lambda *_: ""))

    def _say_what_adds(self, image_row: int, place_row: int, columns: Sequence[int]) -> None:
        """Call the gray numbers beside and below the labels."""
        rows = self.rows
        index = {column: at for at, column in enumerate(columns[: rows.channels * rows.pixels])}

        def of_image(row: int, _: int) -> str:
            return f"image {row - image_row}"

        def of_place(_: int, column: int) -> str | None:
            at = index.get(column)
            return None if at is None else rows.layout.words(at).partition(", ")[2]

        last = (image_row + rows.images - 1, rows.middle)
        rows.block(Block("added to the label", (image_row, rows.middle, *last), of_image))
        across = (place_row, columns[0], place_row, max(index))
        rows.block(Block("added to the label", across, of_place))

    def draw_forward(self) -> None:
        """From x to y, γ and β in their place."""
        step = self._step
        self.rows.banner("Forward", "from x to the output y")
        step(
            steps.MEAN,
            "labels",
            "IF(play_centered=1,AVERAGEIF(play_labels,{labels},play_x),0)",
            "AVERAGEIF(labels, label, x);  0 where the norm takes no mean",
        )
        step(steps.CENTERED, "mean", "{x}-{mean}", "x-mean")
        step(steps.SQUARED, "centered", "{centered}^2", "centered^2")
        over = "AVERAGEIF(play_labels,{labels},play_squared)"
        step(steps.VARIANCE, "labels", over, "AVERAGEIF(labels, label, squared)")
        step(steps.STD, "", "SQRT({variance}+play_eps)", "SQRT(variance+eps)")
        step(steps.NORMALIZED, "std", "{centered}/{std}", "centered/std")
        self._typed("gamma", Caption("weight", "one for each channel", symbol="γ"), self.case.gamma)
        words = "one for each channel; a norm without β (RMSNorm) leaves it out"
        self._typed("beta", Caption("bias", words, symbol="β"), self.case.beta)
        scaled = "{gamma}*{normalized}+IF(play_bias=1,{beta},0)"
        step(steps.OUTPUT, "normalized", scaled, "weight*normalized+bias")

    def draw_backward(self) -> None:
        """From dy to dx by the chain rule."""
        rows, step = self.rows, self._step
        rows.banner("Backward", "from dy = ∂L/∂y to dx = ∂L/∂x, by the chain rule", BACKWARD)
        text = steps.GRAD_OUTPUT
        caption = Caption(text.title, text.formula, "", text.sentence, text.symbol)
        values = self.case.grad_output.ravel().tolist()
        rows.name("dy", rows.step("dy", caption, values, TYPED, None))
        self._per_channel(steps.GRAD_BIAS, "dy", 'SUMIF(labels, ">0", dy)')
        step(_SCALED_BY, "normalized", "{dy}*{normalized}", "dy*normalized")
        self._per_channel(steps.GRAD_WEIGHT, "scaled_by", "SUM(dy*normalized)")
        step(steps.GRAD_NORMALIZED, "std", "{dy}*{gamma}", "dy*weight")
        step(_PRODUCT, "std", "{grad_normalized}*{centered}", "grad_normalized*centered")
        step(
            steps.GRAD_VARIANCE,
            "std",
            "-SUMIF(play_labels,{labels},play_product)/(2*{std}^3)",
            "-SUMIF(labels, label, product)/(2*std^3)",
        )
        step(
            steps.GRAD_MEAN,
            "std",
            "IF(play_centered=1,-SUMIF(play_labels,{labels},play_grad_normalized)/{std},0)",
            "-SUMIF(labels, label, grad_normalized)/std;  0 where the norm takes no mean",
        )
        step(
            steps.GRAD_INPUT,
            "std",
            "{grad_normalized}/{std}+{grad_variance}*2*{centered}/play_n+{grad_mean}/play_n",
            "grad_normalized/std+grad_variance*2*centered/m+grad_mean/m",
        )

    def _step(self, text: StepText, needs: str, formula: str, shown: str) -> None:
        """A value for every element that has one in the step it needs; r waits for the verdict."""
        there = f"COUNT({{{needs}}})=1" if needs else "play_safe*COUNT({labels})=1"
        live = f'IF({there},{formula},"")'
        before_std = needs in ("labels", "mean", "centered")
        values = self._values(text.name, self.readings.ok if before_std else self.readings.safe)
        largest = max((abs(v) for v in values if isinstance(v, float)), default=0.0)
        look = CELL if largest < LONG else LONG_CELL
        area = self.rows.step(text.name, self._caption(text, shown), values, look, live)
        if text.name != "centered":  # play_centered tells whether the mean is taken at all
            self.rows.name(_NAMES.get(text.name, text.name), area)

    def _per_channel(self, text: StepText, source: str, shown: str) -> None:
        """The gradient of γ or β: the sum of a step over the channel, in the batch."""
        rows = self.rows
        found = self.case.values(text.name) if self.readings.safe else None
        values: list[Value] = [""] * rows.channels if found is None else found.tolist()
        total = f"SUM({{{source}}})" if source != "dy" else 'SUMIF({labels},">0",{dy})'
        there = "play_safe*play_bias" if source == "dy" else "play_safe"
        live, style = f'IF({there}=1,{total},"")', CELL.but(bold=True, fill=PAPER)
        caption = self._caption(text, shown)
        rows.name(text.name, rows.step(text.name, caption, values, style, live, "parameter"))

    def _typed(self, name: str, caption: Caption, values: Array) -> None:
        """A number to type for every channel."""
        area = self.rows.step(name, caption, values.tolist(), TYPED, None, "parameter")
        self.rows.name(name, area)

    def _caption(self, text: StepText, shown: str) -> Caption:
        """The words of a step, numbered, and its formula on this sheet."""
        self.number += 1
        number = str(self.number)
        return Caption(text.title, text.formula, shown, text.sentence, text.symbol, number)

    def _values(self, name: str, shown: int) -> list[Value]:
        """What NumPy has for a step at every element, nothing where the sheet shows nothing."""
        values = self.case.values(name) if shown else None
        return self._padded([] if values is None else values.ravel().tolist())

    def _padded(self, values: Sequence[Value]) -> list[Value]:
        """Values with nothing for the images that are not in the batch."""
        return [*values, *[""] * (self.case.x.size - len(values))]


def _added(formula: str, value: Value) -> Entry:
    """A gray number beside the labels."""
    return Entry(value, formula=formula)
