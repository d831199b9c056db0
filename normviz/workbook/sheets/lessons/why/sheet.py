"""Why: eight random layers, with and without a norm, and what becomes of activations and gradients.

The weights are given; a knob scales all of them, a drop-down chooses the norm. Both stacks run
forward and backward by formula, so that the two charts follow.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from normviz.norms.declared import NORMS
from normviz.workbook.book.cells import Book
from normviz.workbook.book.charts import Axis
from normviz.workbook.book.styles import BODY, INPUT_NUMBER, INPUT_WORD, NUMBER, RESULT, Style
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
COLUMNS = even(5.5, (FEATURES,) * 5, 5.6, 1.9)
SIZE = NUMBER.but(number="General")
WHOLE = RESULT.but(number="0")
SEEN = Style(bold=True)
SCALE = Rule(
    "A number above 0, at most 10; try 0.5, 1 and 2.", "AND(COUNT({this})=1,{this}>0,{this}<=10)"
)


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
            "Each layer multiplies by its weights, so the size of what passes through is "
            "multiplied too, eight times over, forward and backward. A norm after every layer sets "
            "it back to about 1. Turn the scale, choose a norm, and watch both lines.",
            COLUMNS,
        )

    def build(self) -> None:
        """Draw everything."""
        self.sheet.draw(*self._settings(), *self._spreads(), *self._which_when(), *self._numbers())

    def _settings(self) -> list[Item]:
        titles = [norm.title for norm in self.norms]
        chosen = self.case.declared.title if self.case.declared else NONE
        return [
            Line(
                "scale",
                "scale of all weights",
                self.case.scale,
                note=f"{INPUT_WORD}: try 0.5, 1 and 2",
                rule=SCALE,
            ),
            Line(
                "norm",
                "norm after each layer",
                chosen,
                note="a drop-down",
                rule=chosen_from((NONE, *titles)),
            ),
            Line("verdict", "what you see", self._said(), self._saying(), SEEN, wide=True),
        ]

    _SENTENCES = (
        (
            "{spread_plain[layer=-1]}<0.1",
            "Without a norm the signal has all but vanished after eight layers.",
        ),
        (
            "{spread_plain[layer=-1]}>10",
            "Without a norm the signal has exploded after eight layers.",
        ),
    )
    _CALM = "At this scale the plain stack happens to keep its size. Move the scale a little."

    def _said(self) -> str:
        last = self.plain.spreads()[0][-1]
        return (
            self._SENTENCES[0][1]
            if last < 0.1
            else self._SENTENCES[1][1]
            if last > 10
            else self._CALM
        )

    def _saying(self) -> str:
        (small, vanished), (large, exploded) = self._SENTENCES
        return f'IF({small},"{vanished}",IF({large},"{exploded}","{self._CALM}"))'

    def _spreads(self) -> list[Item]:
        (a_plain, g_plain), (a_norm, g_norm) = self.plain.spreads(), self.normed.spreads()

        def column(name: str, label: str, values: Array, block: str) -> Cells:
            def size(i: int, _: int) -> str:
                return f"SQRT(SUMSQ({{{block}{i + 1}[*]}})/COUNT({{{block}{i + 1}[*]}}))"

            return Cells(name, values.reshape(-1, 1), size, SIZE, label)

        columns = (
            column("spread_plain", "plain", a_plain, "z_plain"),
            column("spread_norm", "norm", a_norm, "a"),
            column("grad_plain", "∇ plain", g_plain, "ga_plain"),
            column("grad_norm", "∇ norm", g_norm, "ga"),
        )
        table = Table(
            columns,
            ("layer", ""),
            down=list(range(1, LAYERS + 1)),
            caption=Caption("Size, layer by layer", "√ of the mean square"),
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
        heads = ("norm", "used in", "needs", "fails with", "a batch of one", "evaluation", "sets")
        return [
            Banner("Which norm, when?", "brackets mark what shares one mean and one variance"),
            Listing(rows, heads, (BODY,), shares=(11, 19, 17, 19, 13, 15, 11)),
        ]

    def _numbers(self) -> list[Item]:
        case = self.case
        names = [norm.title for norm in self.norms]
        which = names.index(case.declared.title) + 1 if case.declared else 0
        labels = [norm.on(SHAPE, arguments(norm)).labels() for norm in self.norms]

        def set_of(i: int, j: int) -> str:
            return f"IF({{which}}=0,1,CHOOSE({{which}},{','.join(str(k[i, j]) for k in labels)}))"

        centered = ",".join(str(int(norm.centered)) for norm in self.norms)
        match = "".join(f'IF({{norm}}="{name}",{at},' for at, name in enumerate(names, start=1))
        items: list[Item] = [
            Banner(
                "The numbers behind it",
                "rows are samples n, columns features; A is (out, in), as in torch",
            ),
            Line(
                "which",
                "number of the norm",
                which,
                f"{match}0{')' * len(names)}",
                WHOLE,
                "0: none",
            ),
            Line(
                "centered",
                "takes the mean away",
                int(case.declared is not None and case.declared.centered),
                f"IF({{which}}=0,0,CHOOSE({{which}},{centered}))",
                WHOLE,
            ),
            Line("eps", "ε", EPS, look=RESULT.but(number="General")),
            Band(
                (
                    self._block("a0", "the input a", case.x, yours=True),
                    self._block(f"ga{LAYERS}_given", "dy at the end", case.grad, yours=True),
                    self._block(
                        "set",
                        "sets, numbered",
                        (labels[which - 1] if which else np.ones(SHAPE)).astype(float),
                        set_of,
                        NUMBER.but(number="0"),
                    ),
                )
            ),
        ]
        for at in range(1, LAYERS + 1):
            items += self._layer(at)
        return items

    def _layer(self, at: int) -> list[Item]:
        plain, normed, weight = self.plain, self.normed, self.case.weights[at - 1]
        distance, spread = case_steps(self.case, normed.sums[at - 1])

        def through(block: str, weights: str, back: bool) -> Callable[[int, int], str]:
            """Rows times weights (or, back, weights transposed), written out."""

            def formula(i: int, j: int) -> str:
                def term(k: int) -> str:
                    source = f"{{{block}[n={i},c={k}]}}"
                    if not back and at > 1:
                        source = f"MAX(0,{source})"
                    o, c = (k, j) if back else (j, k)
                    return f"{source}*{{{weights}[o={o},c={c}]}}"

                return f"{{scale}}*({'+'.join(map(term, range(FEATURES)))})"

            return formula

        def returned(block: str, active: str) -> CellFormula:
            """The gradient at x̂ layer's output: from the next layer, where ReLU let it pass."""
            if at == LAYERS:
                return f"{{ga{LAYERS}_given}}"
            product_ = through(block, f"w{at + 1}", back=True)
            return lambda i, j: f"IF({{{active}[n={i},c={j}]}}>0,{product_(i, j)},0)"

        z, d, s, a, ga = (f"{name}{at}" for name in ("z", "d", "s", "a", "ga"))
        same = "({set[*]}={set})"
        count = "COUNTIF({set[*]},{set})"
        before = f"a{at - 1}"
        before_plain = f"z_plain{at - 1}" if at > 1 else "a0"
        return [
            Banner(f"Layer {at}", ""),
            Band(
                (
                    Table(
                        Cells(f"w{at}", weight, None, INPUT_NUMBER, rule=NUMBERS),
                        ("o", "c"),
                        caption=Caption("A", INPUT_WORD),
                    ),
                    self._block(
                        f"z_plain{at}",
                        "no norm: z = A a",
                        plain.sums[at - 1],
                        through(before_plain, f"w{at}", False),
                    ),
                    self._block(
                        z, "norm: z = A a", normed.sums[at - 1], through(before, f"w{at}", False)
                    ),
                    self._block(
                        d,
                        "u = z − μ",
                        distance,
                        f"{{{z}}}-{{centered}}*AVERAGEIF({{set[*]}},{{set}},{{{z}[*]}})",
                    ),
                    self._block(
                        s,
                        "r = √(σ² + ε)",
                        spread,
                        f"IF({{which}}=0,1,SQRT(SUMPRODUCT({same}*{{{d}[*]}}*{{{d}[*]}})/{count}+{{eps}}))",
                    ),
                )
            ),
            Band(
                (
                    self._block(a, "x̂ = u / r", normed.outputs[at - 1], f"{{{d}}}/{{{s}}}"),
                    self._block(
                        f"ga_plain{at}",
                        "no norm: gradient at z",
                        plain.grad_outputs[at - 1],
                        returned(f"ga_plain{at + 1}", f"z_plain{at}"),
                    ),
                    self._block(
                        ga,
                        "norm: gradient at x̂",
                        normed.grad_outputs[at - 1],
                        returned(f"gz{at + 1}", a),
                    ),
                    self._block(
                        f"gz{at}",
                        "norm: gradient at z",
                        normed.grad_sums[at - 1],
                        f"IF({{which}}=0,{{{ga}}},({{{ga}}}-{{centered}}*AVERAGEIF({{set[*]}},{{set}},{{{ga}[*]}})"
                        f"-{{{a}}}*SUMPRODUCT({same}*{{{ga}[*]}}*{{{a}[*]}})/{count})/{{{s}}})",
                    ),
                )
            ),
        ]

    def _block(
        self,
        name: str,
        words: str,
        values: Array,
        formula: CellFormula = None,
        look: Style = NUMBER,
        yours: bool = False,
    ) -> Table:
        rule = NUMBERS if yours else None
        cells = Cells(name, values, formula, INPUT_NUMBER if yours else look, rule=rule)
        return Table(cells, ("n", "c"), caption=Caption(words))


def build(book: Book, case: WhyCase | None = None) -> None:
    """Add the sheet to a book."""
    WhySheet(book, case or WhyCase()).build()
