"""Why: eight random layers, with and without a norm, and what becomes of activations and gradients.

The weights are given; a knob scales all of them, a drop-down chooses the norm. Both stacks run
forward and backward by formula, so that the two charts follow.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from normviz.norms.declared import NORMS
from normviz.norms.words import listed
from normviz.workbook.book.cells import Book
from normviz.workbook.book.charts import Axis
from normviz.workbook.book.styles import (
    BODY,
    INPUT_NUMBER,
    INPUT_WORD,
    NUMBER,
    RESULT,
    SMALL_FORMAT,
    Style,
)
from normviz.workbook.draw.columns import even
from normviz.workbook.draw.content import (
    NUMBERS,
    Band,
    Banner,
    Caption,
    CellFormula,
    Cells,
    Drawn,
    Graph,
    Item,
    Line,
    Listing,
    Rule,
    Table,
    Words,
    chosen_from,
)
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.sheets.lessons.why.case import (
    EPS,
    FEATURES,
    LAYERS,
    SHAPE,
    Array,
    WhyCase,
    arguments,
    case_steps,
    offered,
)

TITLE = "Why"
NONE = "no norm"
COLUMNS = even(5.5, (FEATURES,) * 5, 6.2, 1.3)
SIZE = NUMBER.but(number=SMALL_FORMAT, shrink=True)
SMALL = 0.1
"""A block whose numbers are all smaller shows them by powers of ten."""
WHOLE = RESULT.but(number="0")
SEEN = Style(bold=True)
VANISHED = "Without a norm the signal has all but vanished after eight layers."
EXPLODED = "Without a norm the signal has exploded after eight layers."
CALM = "At this scale the signal happens to stay without a norm. Move the scale a little."
LETTERS = (
    "In the last column: n image, c channel, g groups of k channels, s splits of m images, d all "
    "that normalized_shape names, ... whatever else there is, such as pixels or tokens. RMSNorm "
    "has LayerNorm's sets, and takes their mean as zero."
)
HEADS = ("norm", "where used", "needs", "fails", "batch of one", "evaluation", "sets")
RELU = (
    "z is A a times the scale. From layer 2 on a = ReLU(z), with a norm a = ReLU(x̂); where ReLU "
    "cut something off, its gradient is exactly 0."
)
TRIES = {"0.6": ("vanishes", VANISHED), "1.5": ("stays", CALM), "4": ("explodes", EXPLODED)}
"""Scales to try: what the signal without a norm does then, and what the sheet says of it."""

TRY = "try " + ", ".join(f"{scale} ({does})" for scale, (does, _) in TRIES.items())
SCALE = Rule(f"A number above 0, at most 10; {TRY}.", "AND(COUNT({this})=1,{this}>0,{this}<=10)")


class WhySheet:
    """Draws the lesson."""

    def __init__(self, book: Book, case: WhyCase) -> None:
        self.case = case
        self.norms = offered()
        self.plain, self.normed = case.run(None), case.run(case.declared)
        self.sheet = Sheet(
            book,
            TITLE,
            "Why normalize? Eight layers, with and without",
            "Each layer multiplies by its weights, times the scale, and cuts off what is negative "
            "(ReLU); so the size of what passes through is multiplied too, eight times over, "
            "forward and backward. A norm after every layer sets what ReLU is given back to about "
            "1, and keeps the gradients from running away. Drawn is what ReLU is given, z without "
            "a norm and x̂ with one, and the gradient at the same place.",
            COLUMNS,
        )

    def build(self) -> None:
        """Draw everything."""
        self.sheet.draw(*self._settings(), *self._spreads(), *self._which_when(), *self._numbers())

    def _settings(self) -> list[Item]:
        offered = chosen_from((NONE, *(norm.title for norm in self.norms)))
        chosen = self.case.declared.title if self.case.declared else NONE
        return [
            Line(
                "scale",
                "scale of all weights",
                self.case.scale,
                note=f"{INPUT_WORD}: {TRY}",
                rule=SCALE,
            ),
            Line("norm", "norm after each layer", chosen, note="a drop-down", rule=offered),
            self._verdict(),
        ]

    def _left_out(self) -> str:
        """Which norms the drop-down does not offer, and why."""
        out = [norm.title for norm in NORMS.values() if norm not in self.norms]
        return (
            f" The drop-down leaves out {listed(out)}: here a set would be one value or two. Of "
            "two, x̂ is 1 and −1 whatever they are, and no gradient passes."
        )

    def _verdict(self) -> Line:
        """What became of the signal without a norm, in a sentence."""
        end, last = "{spread_plain[layer=-1]}", self.plain.spreads()[0][-1]
        said = VANISHED if last < 0.1 else EXPLODED if last > 10 else CALM
        live = f'IF({end}<0.1,"{VANISHED}",IF({end}>10,"{EXPLODED}","{CALM}"))'
        return Line("verdict", "what you see", said, live, SEEN, wide=True)

    def _spreads(self) -> list[Item]:
        (a_plain, g_plain), (a_norm, g_norm) = self.plain.spreads(), self.normed.spreads()

        def column(name: str, label: str, values: Array, block: str) -> Cells:
            def size(i: int, _: int) -> str:
                return f"SQRT(SUMSQ({{{block}{i + 1}[*]}})/COUNT({{{block}{i + 1}[*]}}))"

            return Cells(name, values.reshape(-1, 1), size, SIZE, label)

        columns = (
            column("spread_plain", "no norm", a_plain, "z_plain"),
            column("spread_norm", "norm", a_norm, "a"),
            column("grad_plain", "gradient, no norm", g_plain, "ga_plain"),
            column("grad_norm", "gradient, norm", g_norm, "ga"),
        )
        table = Table(
            columns,
            ("layer", ""),
            down=list(range(1, LAYERS + 1)),
            down_is="layer",
            across=("no norm", "norm") * 2,
            over=("activations", "gradients"),
            caption=Caption("Size, √ of the mean square"),
            beside=True,
            steps="layers",
        )
        up = Axis("size, powers of ten", log=True)

        def graph(title: str, plain: str, normed: str) -> Graph:
            lines = (
                Drawn("no norm", f"{plain}[*]", marks="dot"),
                Drawn("with the norm", f"{normed}[*]", marks="dot"),
            )
            return Graph(
                title, lines, x="layers[*]", across=Axis("layer"), up=up, rows=14, blocks=2
            )

        return [
            Band(
                (
                    table,
                    graph(
                        "Activations, from the first layer to the last",
                        "spread_plain",
                        "spread_norm",
                    ),
                    None,
                    graph(
                        "Gradients, from the last layer back to the first",
                        "grad_plain",
                        "grad_norm",
                    ),
                )
            )
        ]

    def _which_when(self) -> list[Item]:
        rows = [
            (norm.title, w.used, w.needs, w.fails, w.alone, w.evaluating, norm.sets)
            for norm, w in ((norm, norm.when) for norm in NORMS.values())
        ]
        return [
            Banner("Which norm, when?", "brackets mark what shares one mean and one variance"),
            Words(LETTERS),
            Listing(rows, HEADS, (BODY,), shares=(13, 18, 16, 20, 13, 16, 10)),
        ]

    def _numbers(self) -> list[Item]:
        case = self.case
        names = [norm.title for norm in self.norms]
        which = names.index(case.declared.title) + 1 if case.declared else 0
        labels = [norm.on(SHAPE, arguments(norm)).labels() for norm in self.norms]
        now = (labels[which - 1] if which else np.ones(SHAPE)).astype(float)

        def set_of(i: int, j: int) -> str:
            return f"IF({{which}}=0,1,CHOOSE({{which}},{','.join(str(k[i, j]) for k in labels)}))"

        takes = int(case.declared is not None and case.declared.centered)
        centered = ",".join(str(int(norm.centered)) for norm in self.norms)
        match = "".join(f'IF({{norm}}="{name}",{at},' for at, name in enumerate(names, start=1))
        chosen = f"{match}0{')' * len(names)}"
        taken = f"IF({{which}}=0,0,CHOOSE({{which}},{centered}))"
        return [
            Banner(
                "The numbers behind it",
                "rows are samples n, columns features; A is (out, in), as in torch",
            ),
            Words(RELU + self._left_out()),
            Line("which", "number of the norm", which, chosen, WHOLE, "0: none"),
            Line("centered", "takes the mean away", takes, taken, WHOLE),
            Line("eps", "ε", EPS, look=RESULT.but(number="General")),
            _band(
                ("a0", "the input a", case.x, None),
                (f"ga{LAYERS}_given", "dy at the end", case.grad, None),
                ("set", "sets, numbered", now, set_of, NUMBER.but(number="0")),
            ),
            *(item for at in range(1, LAYERS + 1) for item in self._layer(at)),
        ]

    def _layer(self, at: int) -> list[Item]:
        plain, normed, weight = self.plain, self.normed, self.case.weights[at - 1]
        distance, spread = case_steps(self.case, normed.sums[at - 1])
        w, z, u, r, a, ga, gz = (f"{name}{at}" for name in ("w", "z", "d", "s", "a", "ga", "gz"))
        before = f"z_plain{at - 1}" if at > 1 else "a0"
        return [
            Banner(f"Layer {at}", ""),
            _band(
                (w, "A", weight, None),
                (
                    f"z_plain{at}",
                    "no norm: z = A a",
                    plain.sums[at - 1],
                    _through(before, at),
                    _fitting(plain.sums[at - 1]),
                ),
                (z, "norm: z = A a", normed.sums[at - 1], _through(f"a{at - 1}", at)),
                (u, "u = z − μ", distance, f"{{{z}}}-{_mean(z)}"),
                (r, "r = √(σ² + ε)", spread, f"IF({{which}}=0,1,SQRT({_products(u, u)}+{{eps}}))"),
            ),
            _band(
                (a, "x̂ = u / r", normed.outputs[at - 1], f"{{{u}}}/{{{r}}}"),
                (
                    f"ga_plain{at}",
                    "no norm: gradient at z",
                    plain.grad_outputs[at - 1],
                    _returned(f"ga_plain{at + 1}", f"z_plain{at}", at),
                    _fitting(plain.grad_outputs[at - 1]),
                ),
                (
                    ga,
                    "norm: gradient at x̂",
                    normed.grad_outputs[at - 1],
                    _returned(f"gz{at + 1}", a, at),
                ),
                (
                    gz,
                    "norm: gradient at z",
                    normed.grad_sums[at - 1],
                    f"IF({{which}}=0,{{{ga}}},({{{ga}}}-{_mean(ga)}"
                    f"-{{{a}}}*{_products(ga, a)})/{{{r}}})",
                ),
            ),
        ]


def _fitting(values: Array) -> Style:
    """The look of numbers that may be too small for the decimals of the others."""
    return SIZE if np.abs(values).max() < SMALL else NUMBER


def _mean(block: str) -> str:
    """The mean over the own set, where the norm takes it away."""
    return f"{{centered}}*AVERAGEIF({{set[*]}},{{set}},{{{block}[*]}})"


def _products(block: str, other: str) -> str:
    """The mean over the own set of the products of two blocks."""
    summed = f"SUMPRODUCT(({{set[*]}}={{set}})*{{{block}[*]}}*{{{other}[*]}})"
    return f"{summed}/COUNTIF({{set[*]}},{{set}})"


def _through(block: str, layer: int, back: bool = False) -> Callable[[int, int], str]:
    """Rows times a layer's weights (or, back, weights transposed), written out, behind ReLU."""

    def formula(i: int, j: int) -> str:
        def term(k: int) -> str:
            source = f"{{{block}[n={i},c={k}]}}"
            if not back and layer > 1:
                source = f"MAX(0,{source})"
            o, c = (k, j) if back else (j, k)
            return f"{source}*{{w{layer}[o={o},c={c}]}}"

        return f"{{scale}}*({'+'.join(map(term, range(FEATURES)))})"

    return formula


def _returned(block: str, active: str, layer: int) -> CellFormula:
    """The gradient at a layer's output: from the next layer, where ReLU let it pass."""
    if layer == LAYERS:
        return f"{{ga{LAYERS}_given}}"
    product = _through(block, layer + 1, back=True)
    return lambda i, j: f"IF({{{active}[n={i},c={j}]}}>0,{product(i, j)},0)"


def _band(
    *blocks: tuple[str, str, Array, CellFormula] | tuple[str, str, Array, CellFormula, Style],
) -> Band:
    """Blocks side by side: name, words, values and formula; without a formula they are yours."""
    tables = []
    for name, words, values, formula, *look in blocks:
        yours, weights = formula is None, words == "A"
        cells = Cells(
            name,
            values,
            formula,
            INPUT_NUMBER if yours else look[0] if look else NUMBER,
            rule=NUMBERS if yours else None,
        )
        caption = Caption(words, INPUT_WORD if weights else "")
        tables.append(Table(cells, ("o" if weights else "n", "c"), caption=caption))
    return Band(tables)


def build(book: Book, case: WhyCase | None = None) -> None:
    """Add the sheet to a book."""
    WhySheet(book, case or WhyCase()).build()
