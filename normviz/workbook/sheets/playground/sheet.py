"""The playground: one sheet, one drop-down, and the same formulas for every normalization.

The label of each element's statistics set is a formula of the settings; means and sums run over
the elements of one label, and conditional formats color by it. So turning the drop-down repaints
the tensor and recalculates every step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from normviz.norms.declared import NORMS
from normviz.reference import steps
from normviz.reference.steps import StepText
from normviz.workbook.book.address import Area, address, area_text
from normviz.workbook.book.cells import (
    Book,
    Page,
    Rule,
    Value,
)
from normviz.workbook.book.styles import (
    AXIS,
    BACKWARD,
    INPUT_NUMBER,
    LABEL,
    NUMBER,
    PAPER,
    SET_COLORS,
    Style,
)
from normviz.workbook.draw.bands import CAPTION, LEFT, Bands
from normviz.workbook.draw.page_head import begin, explain
from normviz.workbook.draw.panels import Caption, Formula
from normviz.workbook.formulas.set_labels import label_formula
from normviz.workbook.sheets.case import Settings
from normviz.workbook.sheets.playground.case import PlayCase, play_case
from normviz.workbook.sheets.playground.head import SAYS_ROW, draw_head, draw_settings
from normviz.workbook.sheets.playground.status import Status

TITLE, TAB = "Playground", "D6A700"
BOLD = NUMBER.but(bold=True)
IDEA = (
    "All norms are the same formulas; the labels of the sets are what the drop-down changes. "
    "A row is one image n, a block one channel c of it with its pixels (h, w) side by side: read "
    "row by row, a grid is x.ravel() in NumPy. γ and β are one for each channel for every norm, "
    "as in GroupNorm (torch's LayerNorm has one for each element: see its own sheet)."
)

_ByIndex = Callable[[int], str]
_ByArea = Callable[[Callable[[str], str]], str]
_NAMES = {"grad_input": "dx"}
"""Names of this sheet that other programs rely on, where they are not the step's own."""

_PRODUCT = StepText(
    "product", "element", "dx̂ · d", "p = dx̂ · d", "", "What the gradient of σ² sums up."
)


class PlaygroundSheet:
    """Draws the sheet; `bands` knows where each step stands."""

    def __init__(self, book: Book, case: PlayCase) -> None:
        self.book, self.case = book, case
        self.page: Page = begin(
            book, TITLE, "Playground: turn the norm and watch the sets change", TAB
        )
        self.bands = Bands(self.page, case.shape)
        self.status = Status(case, offered(case.shape))
        explain(self.page, IDEA + case.note, self.bands.last_column, SAYS_ROW + 1)

    def build(self) -> None:
        """Draw everything, and color it by the labels."""
        draw_head(self)
        self._inputs()
        self._sets()
        self._forward()
        self._backward()
        draw_settings(self)
        labels = self.bands.grids["labels"]
        for name, grid in self.bands.grids.items():
            if name not in ("gamma", "beta", "grad_weight", "grad_bias"):
                self._color(grid.area, address(labels.top, labels.left))

    def name(self, name: str, area: Area) -> None:
        """Name an area of this sheet `play_...`."""
        self.book.name(f"play_{name}", self.page, area)

    def _inputs(self) -> None:
        case, bands, framed = self.case, self.bands, INPUT_NUMBER
        bands.banner("Inputs", "golden frames are yours to change")
        text = Caption("x  the input", "colored by statistics set, as everything below")
        self.name("x", bands.elements("x", text, case.x.ravel().tolist(), framed, None))
        self._pixel_names()
        text = _caption(steps.GRAD_OUTPUT, "")
        dy = case.grad_output.ravel().tolist()
        self.name("dy", bands.elements("dy", text, dy, framed, None))
        text = Caption("weight  γ", "one for each channel")
        self.name("gamma", bands.per_channel("gamma", text, case.gamma.tolist(), framed, None))
        text = Caption("bias  β", "one for each channel; RMSNorm has no β and leaves it out")
        self.name("beta", bands.per_channel("beta", text, case.beta.tolist(), framed, None))

    def _pixel_names(self) -> None:
        """Below x, the height and width of each pixel within its block."""
        bands = self.bands
        width = bands.layout.shape[-1]
        for index in range(bands.channels * bands.pixels):
            pixel = index % bands.pixels
            column = bands.grids["x"].columns[index]
            self.page.put(bands.row - 1, column, f"{pixel // width}, {pixel % width}", AXIS)
        self.page.put(bands.row - 1, LEFT - 1, "h, w", AXIS.but(horizontal="right"))
        bands.row += 1

    def _sets(self) -> None:
        bands, status, made = self.bands, self.status, self.case.sets
        bands.banner("Statistics sets", "cells of one color share one mean and one variance")
        text = Caption(
            "set  the label of its set",
            "the one step that differs from norm to norm",
            "CHOOSE(norm, c+1, n+1, ...)",
            "The table at the end of the sheet has the formula of each norm.",
        )
        labels: Sequence[Value] = [""] * self.case.x.size
        if status.ok and made is not None:
            labels = made.labels().ravel().tolist()

        def label(i: int) -> str:
            block = i // bands.pixels
            n, c = divmod(block, bands.channels)
            return f"CHOOSE(play_id,{','.join(map(str, status.label(str(n), str(c))))})"

        style = NUMBER.but(number="0")
        area = bands.elements("labels", text, labels, style, _guarded("play_ok", label))
        self.name("labels", area)
        self.page.put(bands.row, CAPTION, "n  how many elements share them", LABEL)
        size: Value = made.size if status.ok and made is not None else ""
        formula = 'IF(play_ok=1,COUNTIF(play_labels,1),"")'
        self.page.put(bands.row, LEFT, size, BOLD.but(number="0", fill=PAPER), formula)
        self.name("n", (bands.row, LEFT, bands.row, LEFT))
        bands.row += 2

    def _forward(self) -> None:
        bands = self.bands
        at, block, own = bands.at, bands.block_at, bands.channel_at
        bands.banner("Forward", "from x to the output y")
        self._per_set(
            steps.MEAN,
            lambda i: f"IF(play_centered=1,AVERAGEIF(play_labels,{at('labels', i)},play_x),0)",
            "AVERAGEIF(labels, label, x);  RMSNorm: 0",
        )
        self._per_element(steps.CENTERED, lambda i: f"{at('x', i)}-{block('mean', i)}", "x-mean")
        self._per_element(steps.SQUARED, lambda i: f"{at('centered', i)}^2", "centered^2")
        self._per_set(
            steps.VARIANCE,
            lambda i: f"AVERAGEIF(play_labels,{at('labels', i)},play_squared)",
            "AVERAGEIF(labels, label, squared)",
        )
        self._per_set(
            steps.STD,
            lambda i: f"SQRT({block('variance', i)}+play_eps)",
            "SQRT(variance+eps)",
            "play_safe",
        )
        self._per_element(
            steps.NORMALIZED,
            lambda i: f"{at('centered', i)}/{block('std', i)}",
            "centered/std",
            "play_safe",
        )
        self._per_element(
            steps.OUTPUT,
            lambda i: f"{own('gamma', i)}*{at('normalized', i)}+IF(play_bias=1,{own('beta', i)},0)",
            "weight*normalized+bias;  RMSNorm: no bias",
            "play_safe",
        )

    def _backward(self) -> None:
        bands = self.bands
        at, block, own = bands.at, bands.block_at, bands.channel_at
        bands.banner("Backward", "from dy = ∂L/∂y to dx = ∂L/∂x, by the chain rule", BACKWARD)
        self._per_channel(
            steps.GRAD_BIAS, lambda area: f'IF(play_bias=1,SUM({area("dy")}),"")', "SUM(dy)"
        )
        self._per_channel(
            steps.GRAD_WEIGHT,
            lambda area: f"SUMPRODUCT({area('dy')},{area('normalized')})",
            "SUMPRODUCT(dy, normalized)",
        )
        self._per_element(
            steps.GRAD_NORMALIZED,
            lambda i: f"{at('dy', i)}*{own('gamma', i)}",
            "dy*weight",
            "play_safe",
        )
        self._per_element(
            _PRODUCT,
            lambda i: f"{at('grad_normalized', i)}*{at('centered', i)}",
            "grad_normalized*centered",
            "play_safe",
        )
        self._per_set(
            steps.GRAD_VARIANCE,
            lambda i: f"-SUMIF(play_labels,{at('labels', i)},play_product)/(2*{block('std', i)}^3)",
            "-SUMIF(labels, label, product)/(2*std^3)",
            "play_safe",
        )
        self._per_set(
            steps.GRAD_MEAN,
            lambda i: (
                f"IF(play_centered=1,-SUMIF(play_labels,{at('labels', i)},play_grad_normalized)"
                f"/{block('std', i)},0)"
            ),
            "-SUMIF(labels, label, grad_normalized)/std;  RMSNorm: 0",
            "play_safe",
        )
        self._per_element(
            steps.GRAD_INPUT,
            lambda i: (
                f"{at('grad_normalized', i)}/{block('std', i)}+{block('grad_variance', i)}*2*"
                f"{at('centered', i)}/play_n+{block('grad_mean', i)}/play_n"
            ),
            "grad_normalized/std+grad_variance*2*centered/n+grad_mean/n",
            "play_safe",
        )

    def _per_element(
        self, text: StepText, formula: _ByIndex, shown: str, guard: str = "play_ok"
    ) -> None:
        """A step with a value for every element."""
        values = self._values(text.name, guard, self.case.x.size)
        area = self.bands.elements(
            text.name, _caption(text, shown), values, NUMBER, _guarded(guard, formula)
        )
        self.name(_NAMES.get(text.name, text.name), area)

    def _per_set(
        self, text: StepText, formula: _ByIndex, shown: str, guard: str = "play_ok"
    ) -> None:
        """A statistic, shown at every block of its set; `formula` takes the first element."""
        pixels = self.bands.pixels
        values = self._values(text.name, guard, self.case.x.size)[::pixels]
        live = _guarded(guard, lambda block: formula(block * pixels))
        area = self.bands.blocks(text.name, _caption(text, shown), values, BOLD, live)
        self.name(text.name, area)

    def _per_channel(self, text: StepText, formula: _ByArea, shown: str) -> None:
        """The gradient of γ or β; `formula` takes a function from a step to a channel's area."""
        values = self._values(text.name, "play_safe", self.bands.channels)

        def live(channel: int) -> str:
            return formula(lambda name: area_text(self.bands.channel_area(name, channel)))

        style: Style = BOLD.filled(PAPER)
        caption = _caption(text, shown)
        area = self.bands.per_channel(
            text.name, caption, values, style, _guarded("play_safe", live)
        )
        self.name(text.name, area)

    def _values(self, name: str, guard: str, count: int) -> Sequence[Value]:
        """What NumPy has for a step, or nothing where the sheet shows nothing."""
        shown = self.status.ok if guard == "play_ok" else self.status.safe
        values = self.case.values(name) if shown else None
        if values is None:
            return [""] * count
        flat: list[float] = values.ravel().tolist()
        return flat

    def _color(self, area: Area, first: str) -> None:
        """Color an area by the labels, of which `first` belongs to the area's first cell."""
        for at, fill in enumerate(SET_COLORS[: self.case.x.size]):
            wears = f"MOD({first}-1,{len(SET_COLORS)})={at}"
            self.page.rules.append(Rule(area, f"IF(COUNT({first})=1,{wears})", fill))


def offered(shape: tuple[int, ...]) -> tuple[str, ...]:
    """The ops that have a formula for their labels and a function in NumPy."""
    cells = {"num_groups": "G", "num_splits": "S"}
    return tuple(op for op in NORMS if label_formula(op, shape, ("n", "c"), cells))


def _caption(text: StepText, shown: str) -> Caption:
    """The words of a step, and its formula on this sheet."""
    return Caption(f"{text.name}  {text.symbol}", text.formula, shown, text.sentence)


def _guarded(guard: str, formula: _ByIndex) -> Formula:
    """A formula that shows nothing where the settings make no sense."""
    return lambda index: f'IF({guard}=1,{formula(index)},"")'


def build(book: Book, settings: Settings) -> None:
    """The sheet for the settings of a workbook."""
    PlaygroundSheet(book, play_case(settings)).build()
