"""How cells look: one small record a look, and the palette of the whole workbook.

A `Style` is a value: equal looks are one object in the file, however many cells wear it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from normviz.numbers import DECIMALS

INK = "1F2933"
SOFT = "5B6770"
ACCENT = "1D4E63"
FORWARD = "DCE9EE"
BACKWARD = "F3E3DA"
INPUT = "FFF3B0"
INPUT_EDGE = "D6A700"
GOOD, GOOD_INK = "D7F0DD", "1B6E3C"
BAD, BAD_INK = "F9D5D3", "A4231D"
WARN, WARN_INK = "FCE8C5", "8A5A00"
PAPER = "F6F8F9"
CHANGED_INK = "6A1B9A"
"""Of a cell that has not the value as shipped, which is bold and doubly underlined too."""

LINE = "C9D2D8"

SET_COLORS = (
    "FFE1FF",
    "FFD385",
    "A9E1D0",
    "B8BFFF",
    "DBF2C7",
    "B9BD3C",
    "63CACB",
    "B2C299",
    "B5CDF0",
    "F2BFA8",
    "B7DCB2",
    "EEB0C6",
    "9FD8D0",
    "C5C9D6",
    "FBD9C0",
    "CFE3F5",
)
"""Sixteen; the first eight are told apart with every kind of color vision, and none is taken for
the color of an input. Set 17 wears the color of set 1 again."""


def set_color(label: int) -> str:
    """The color of a statistics set, by its 1-based label."""
    return SET_COLORS[(label - 1) % len(SET_COLORS)]


@dataclass(frozen=True, slots=True)
class Style:
    """The look of a cell. Colors are RRGGBB; `fill` and `edge` may be None.

    `underline` is "", "single" or "double".
    """

    size: float = 10
    bold: bool = False
    italic: bool = False
    underline: str = ""
    mono: bool = False
    color: str = INK
    fill: str | None = None
    edge: str | None = None
    horizontal: str = "general"
    vertical: str = "center"
    wrap: bool = False
    number: str = "General"
    unlocked: bool = False
    indent: int = 0
    shrink: bool = False

    def filled(self, color: str) -> Style:
        """The same look on another background."""
        return replace(self, fill=color)

    def but(self, **changes: object) -> Style:
        """The same look with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


def decimals(more: int = 0) -> str:
    """The number format of a step's numbers, or one of so many more decimals.

    It has one section, since only there what rounds to nothing has no sign: the negative section
    of 0.00;-0.00 makes -0.00 of it.

    >>> decimals(-1)
    '0.00'
    """
    return f"{0:.{DECIMALS + more}f}"


def exponent(places: int) -> str:
    """A number format with an exponent and so many decimals, in which zero is a plain 0.

    >>> exponent(1)
    '0.0E+00;-0.0E+00;0'
    """
    form = f"{0:.{places}f}E+00"
    return f"{form};-{form};0"


def rounded_off(form: str) -> float:
    """How far from 0 a number must be to show more than zeros; 0 where a format shows all.

    >>> rounded_off("0.00"), rounded_off("General"), rounded_off("0.0E+00;-0.0E+00;0")
    (0.005, 0.0, 0.0)
    """
    decimal = re.fullmatch(r"0(?:\.(0+))?", form)
    return float(f"5e-{len(decimal[1] or '') + 1}") if decimal else 0.0


def shown_as(pattern: str, form: str, is_nothing: bool = False) -> str:
    """The number format of what else is shown by `form`, its value standing where {} stands.

    A number that rounds to nothing (`is_nothing`) has no sign: its negative section has none.

    >>> shown_as("✗ {}", "0.00"), shown_as("({})", "General")
    ('"✗ "0.00;"✗ "-0.00;"✗ "0.00;"✗ "@', '"("General")";"("-General")";"("General")";"("@")"')
    >>> shown_as("✗ {}", "0.00", is_nothing=True)
    '"✗ "0.00;"✗ "0.00;"✗ "0.00;"✗ "@'
    """
    positive, *others = form.split(";")
    negative, zero = (*others, *(f"-{positive}", positive)[len(others) :])[:2]
    negative = zero if is_nothing else negative
    before, after = (f'"{words}"' if words else "" for words in pattern.split("{}"))
    return ";".join(f"{before}{part}{after}" for part in (positive, negative, zero, "@"))


def with_form(number: str, form: str) -> str:
    """Another number format in the place of one, with the sign that stands before it.

    >>> with_form(shown_as("✗ {}", "0.00"), "0.0") == shown_as("✗ {}", "0.0")
    True
    >>> with_form("0.00", "0.0")
    '0.0'
    """
    before = re.match('"([^"]*)"', number)
    return shown_as(f"{before[1]}{{}}", form) if before else form


RIGHT_SIGN, WRONG_SIGN = "✓ {}", "✗ {}"
"""How a value is shown that is right, and one that is wrong: by more than a color."""

UNUSED = "({})"
"""How a number is shown that nothing reads as things stand."""

NUMBER_FORMAT = decimals()
SHORT_FORMAT = decimals(-1)
"""For columns that are too narrow for every decimal."""

SMALL_FORMAT = exponent(1)
SCIENTIFIC_FORMAT = exponent(DECIMALS - 1)

GROUPED_FORMAT = "#,##0"

INPUT_WORD = "yellow"
"""What the color of an input is called wherever a sheet speaks of it."""

YOURS = f"{INPUT_WORD} cells are yours"

PLAIN = Style()
TITLE = Style(size=18, bold=True, color=ACCENT)
SUBTITLE = Style(size=10.5, color=SOFT, wrap=True, vertical="top")
BACK_LINK = Style(size=9.5, color=ACCENT, underline="single")
LINK = Style(size=10.5, color=ACCENT, underline="single")
BANNER = Style(size=12, bold=True, color=ACCENT, fill=FORWARD, indent=1)
STEP_NAME = Style(size=11, bold=True, color=ACCENT)
STEP_FORMULA = Style(size=10.5, color=INK)
PROSE = Style(size=9.5, color=SOFT, wrap=True, vertical="top")
CODE = Style(size=9.5, mono=True, color=SOFT)
AXIS = Style(size=9.5, color=SOFT, horizontal="center")
AXIS_LEFT = Style(size=9.5, color=SOFT, horizontal="right")
NUMBER = Style(horizontal="center", number=NUMBER_FORMAT, edge="FFFFFF")
GENERAL = NUMBER.but(number="General")
COUNT = NUMBER.but(number="0", bold=True)
BOLD = NUMBER.but(bold=True)
DIFFERENCE = BOLD.but(number=SMALL_FORMAT)
RESULT = BOLD.filled(PAPER)
"""A number that follows from all of the sheet, whatever the sets."""

REMARK = PROSE.but(vertical="center", indent=1)
NAME = Style(size=9.5, horizontal="right", color=SOFT)
INPUT_NUMBER = Style(
    horizontal="center", number="General", fill=INPUT, edge=INPUT_EDGE, unlocked=True
)
INPUT_TEXT = INPUT_NUMBER.but(bold=True)
LABEL = Style(bold=True)
CHANGED = NUMBER.but(bold=True, underline="double", color=CHANGED_INK)
LABEL_RIGHT = Style(horizontal="right", color=SOFT)
HEADER = Style(bold=True, color="FFFFFF", fill=ACCENT, horizontal="center", wrap=True)
HEADER_LEFT = HEADER.but(horizontal="left", indent=1)
BODY = Style(edge=LINE, indent=1, wrap=True)
BODY_CENTER = Style(edge=LINE, horizontal="center")
BODY_SMALL = Style(edge=LINE, horizontal="center", number=SMALL_FORMAT)
VERDICT = Style(bold=True, edge=LINE, horizontal="center")
