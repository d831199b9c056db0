"""What can stand on a page, as data: banners, words, lines, tables, steps, lists and charts.

A sheet is a sequence of these, handed to `Sheet.draw`, which finds their places. Formulas name what
they read in braces, as `places.py` says; a name may stand above or below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from normviz.workbook.book.cells import Link, Value
from normviz.workbook.book.charts import Axis
from normviz.workbook.book.styles import (
    BAD,
    BAD_INK,
    BODY,
    FORWARD,
    GOOD,
    GOOD_INK,
    NUMBER,
    PROSE,
    RIGHT_SIGN,
    WARN,
    WARN_INK,
    WRONG_SIGN,
    Style,
)
from normviz.workbook.draw.tensor import Frame, Paint

CellFormula = str | Callable[[int, int], str] | None
"""A formula in names, or one for each cell by its row and column within the block, from 0."""

CellStyle = Style | Callable[[int, int], Style]
StepFormula = str | Callable[[int], str] | None
"""A formula in names, or one for each value by its index from 0."""


@dataclass(frozen=True)
class Mark:
    """A color that cells wear while a condition in names holds for them.

    Where the cells' own texts do not say the same, `shows` does, with {} where the value stands.
    """

    when: str
    fill: str
    ink: str | None = None
    shows: str = ""


PASS, FAIL, RESTS = "✓ PASS", "✗ FAIL", "inputs changed"
"""The verdicts, by a sign and a word as well as by a color."""

VERDICTS = (
    Mark(f'{{this}}="{PASS}"', GOOD, GOOD_INK),
    Mark(f'{{this}}="{FAIL}"', BAD, BAD_INK),
    Mark(f'{{this}}="{RESTS}"', WARN, WARN_INK),
)


def judged(wrong: str) -> tuple[Mark, ...]:
    """Red and a cross where a condition holds, green and a tick where not."""
    good = Mark(f"NOT({wrong})", GOOD, GOOD_INK, RIGHT_SIGN)
    return Mark(wrong, BAD, BAD_INK, WRONG_SIGN), good


@dataclass(frozen=True)
class Caption:
    """The words of a block: name, symbol, formula, the same in NumPy, a sentence; any may be "".

    With `live` the sentence is a formula's; `others` are what else it may say, for which there is
    room.
    """

    name: str = ""
    formula: str = ""
    numpy: str = ""
    sentence: str = ""
    symbol: str = ""
    number: str = ""
    live: str | None = None
    others: Sequence[str] = ()

    @property
    def title(self) -> str:
        """The first line."""
        return "  ".join(text for text in (self.number, self.name, self.symbol) if text)


@dataclass(frozen=True)
class Banner:
    """The beginning of a section; `new_page` begins a new printed page too."""

    title: str
    note: str = ""
    fill: str = FORWARD
    new_page: bool = False


@dataclass(frozen=True)
class Words:
    """A paragraph across the page."""

    text: str
    look: Style = PROSE
    formula: str | None = None
    name: str = ""
    marks: Sequence[Mark] = ()


@dataclass(frozen=True)
class Rule:
    """What may be typed into a cell: a condition on {this}, and a hint; or one of `options`."""

    hint: str
    allowed: str = ""
    options: tuple[str, ...] = ()
    title: str = ""


def chosen_from(options: Sequence[Any]) -> Rule:
    """A drop-down."""
    texts = tuple(map(str, options))
    return Rule(f"Choose one of: {', '.join(texts)}.", options=texts)


NUMBERS = Rule("A number.", "COUNT({this})=1")
# Text is larger than any number in Excel's comparisons, so each rule asks for a number first.
POSITIVE = Rule(
    "A number above 0, at most 1E6; the usual value is 1E-5.",
    "AND(COUNT({this})=1,{this}>0,{this}<=1E6)",
)
NOT_NEGATIVE = Rule("A number, zero or more.", "AND(COUNT({this})=1,{this}>=0,{this}<=1E6)")
WEIGHT = Rule(
    "A number from 0 to 1; torch's default is 0.1, which Keras writes as 0.9.",
    "AND(COUNT({this})=1,{this}>=0,{this}<=1)",
)


def whole(first: int, last: int) -> Rule:
    """A whole number."""
    number = f"AND(COUNT({{this}})=1,{{this}}>={first},{{this}}<={last},{{this}}=INT({{this}}))"
    return Rule(f"A whole number from {first} to {last}.", number)


@dataclass(frozen=True)
class Line:
    """A number with its name before it and a note behind; with a rule it may be typed over.

    A `wide` one reaches to the end of the page, as a sentence does; `noting` is the note's formula.
    """

    name: str
    label: str
    value: Value
    formula: str | None = None
    look: Style | None = None
    note: str = ""
    rule: Rule | None = None
    wide: bool = False
    marks: Sequence[Mark] = ()
    checked: bool = True
    noting: str | None = None


@dataclass(frozen=True)
class Cells:
    """A block of values with one formula; 1-d values are a row, and `label` names the block.

    Not `checked`, here and in a line, is what is made of rounding: engines differ in it.
    """

    name: str
    values: Any
    formula: CellFormula = None
    look: CellStyle = NUMBER
    label: str = ""
    marks: Sequence[Mark] = ()
    rule: Rule | None = None
    checked: bool = True


@dataclass(frozen=True)
class Table:
    """Blocks of cells below each other, or with `beside` next to each other, named as one.

    `axes` are the letters that go down and across, `down` and `across` what stands there for each
    place; `over` stand above those across, each over as many columns as the others. `skip` rows
    are left free above, so that rows of neighbors meet. `steps` is a name for
    the column of the names down; where those are numbers, `down_is` says of what. Where a neighbor
    has the names down already, a table that is not `labelled` leaves them out; its cells are called
    by them all the same.
    """

    cells: Cells | Sequence[Cells]
    axes: tuple[str, str] = ("", "")
    down: Sequence[Value] = ()
    down_is: str = ""
    across: Sequence[str] = ()
    over: Sequence[str] = ()
    caption: Caption | None = None
    beside: bool = False
    skip: int = 0
    steps: str = ""
    labelled: bool = True

    @property
    def parts(self) -> Sequence[Cells]:
        """The blocks."""
        return (self.cells,) if isinstance(self.cells, Cells) else self.cells


@dataclass(frozen=True)
class Step:
    """A step on a tensor: its values, one for each "element", "set", "parameter", or "single".

    A step that is not `worded` leaves its caption to whoever has a place for it.
    """

    name: str
    caption: Caption
    values: Any
    per: str
    formula: StepFormula = None
    paint: Paint | Style = NUMBER
    frame: Frame | None = None
    rule: Rule | None = None
    marks: Sequence[Mark] = ()
    worded: bool = True


@dataclass(frozen=True)
class Entry:
    """One cell of a list: a value with a look, a formula or a link of its own.

    With a rule it may be typed over.
    """

    value: Value
    look: Style | None = None
    formula: str | None = None
    name: str = ""
    link: Link | None = None
    marks: Sequence[Mark] = ()
    rule: Rule | None = None


@dataclass(frozen=True)
class Listing:
    """Rows of texts and numbers under heads, as a table of contents is.

    `shares` are the widths of its columns as parts of the page, where they are not its columns;
    `widths` are the least ones in characters, of all but the last, which takes what is left.
    `names` call the columns, each a block of one column with the axis "row"; `marks` color a column
    by its name. Rows are at least `height` points high.
    """

    rows: Sequence[Sequence[Value | Entry]]
    heads: Sequence[str] = ()
    looks: Sequence[Style] = (BODY,)
    shares: Sequence[float] = ()
    widths: Sequence[float] = ()
    names: Sequence[str] = ()
    marks: Mapping[str, Sequence[Mark]] = field(default_factory=dict)
    height: float = 20.0


@dataclass(frozen=True)
class Spaced:
    """Rows of entries, each in the column that `columns` has for it: around a grid, over its gaps.

    `looks` are those of the columns, the last one of all that follow.
    """

    rows: Sequence[Sequence[Value | Entry]]
    columns: Sequence[int]
    looks: Sequence[Style] = (BODY,)


@dataclass(frozen=True)
class Drawn:
    """A line of a chart: its name, and its cells by name, as "running_mean[c=0]"."""

    name: str
    cells: str
    color: str | None = None
    thin: bool = False
    x: str = ""
    marks: str = ""
    joined: bool = True


@dataclass(frozen=True)
class Graph:
    """A chart over the columns of its block (or several), so many rows high."""

    title: str
    lines: Sequence[Drawn]
    x: str = ""
    across: Axis = field(default_factory=Axis)
    up: Axis = field(default_factory=Axis)
    rows: int = 13
    blocks: int = 1
    kind: str = "line"
    legend: str = "bottom"


@dataclass(frozen=True)
class Stack:
    """Blocks below each other, beside what its band holds."""

    items: Sequence[Table | Step | Graph]


@dataclass(frozen=True)
class Band:
    """Blocks side by side, from the first on; None leaves a place free."""

    items: Sequence[Table | Step | Graph | Stack | None]


Item = Banner | Words | Line | Table | Step | Listing | Spaced | Graph | Band | Stack
