"""The looks of a book as style rules: each color in a light and in a dark edition.

Dark colors are made from the light ones: a pale background becomes a deep one of the same hue, a
dark ink a pale one; white on a dark background stays as it is.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterable

from normviz.workbook.book.cells import Rule
from normviz.workbook.book.styles import Style

PIXELS_PER_POINT = 4 / 3
DARK_ALREADY, DARK_PAPER, DARK_RANGE = 0.18, 0.0145, 0.06
DARK_INK = 0.93
_ALIGNED = {"left": "left", "right": "right", "center": "center"}


def _lightness(color: str) -> tuple[float, float, float]:
    red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return colorsys.rgb_to_hls(red, green, blue)


def _color(hue: float, lightness: float, saturation: float) -> str:
    parts = colorsys.hls_to_rgb(hue, min(max(lightness, 0.0), 1.0), saturation)
    return "".join(f"{round(255 * part):02x}" for part in parts)


def _luminance(color: str) -> float:
    """How light the eye finds a color, from 0 to 1, as WCAG 2 measures it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def dark_fill(color: str) -> str:
    """The background of the dark edition: of the same hue, the deeper the paler it was.

    >>> dark_fill("FFFFFF"), dark_fill("1D4E63")
    ('202020', '1d4e63')
    """
    light = _luminance(color)
    if light < DARK_ALREADY:
        return color.lower()
    wanted = DARK_PAPER + DARK_RANGE * (1 - light)
    hue, _, saturation = _lightness(color)
    low, high = 0.0, 0.5
    for _ in range(12):
        middle = (low + high) / 2
        lighter = _luminance(_color(hue, middle, min(saturation, 0.45))) > wanted
        low, high = (low, middle) if lighter else (middle, high)
    return _color(hue, low, min(saturation, 0.45))


def dark_ink(color: str, fill: str | None = None) -> str:
    """The ink of the dark edition, on the dark edition of `fill`."""
    hue, lightness, saturation = _lightness(color)
    if lightness > 0.5 and fill is not None and _luminance(fill) < DARK_ALREADY:
        return color.lower()
    return _color(hue, DARK_INK - 0.45 * lightness, min(saturation, 0.6))


def both(light: str, dark: str) -> str:
    """A color as the style sheet says it, one for each edition."""
    return f"light-dark(#{light.lower()},#{dark})"


def style_rules(styles: Iterable[Style]) -> str:
    """A class s0, s1, ... for each look, in the order given."""
    return "\n".join(f".s{at}{{{_declared(style)}}}" for at, style in enumerate(styles))


def _declared(style: Style) -> str:
    ink = dark_ink(style.color, style.fill)
    size = round(style.size * PIXELS_PER_POINT, 2)
    parts = [f"font-size:{size:g}px", f"color:{both(style.color, ink)}"]
    if style.bold:
        parts.append("font-weight:600")
    if style.italic:
        parts.append("font-style:italic")
    if style.underline:
        double = " double" if style.underline == "double" else ""
        parts.append(f"text-decoration:underline{double}")
    if style.mono:
        parts.append("font-family:var(--mono)")
    if style.fill:
        parts.append(f"background-color:{both(style.fill, dark_fill(style.fill))}")
    if style.edge:
        parts.append(f"border:1px solid {both(style.edge, dark_fill(style.edge))}")
    if style.horizontal in _ALIGNED:
        parts.append(f"text-align:{_ALIGNED[style.horizontal]}")
    if style.horizontal == "center":
        parts.append("--beside:-2px")  # what is in the middle may take all of its cell
    if style.vertical in ("top", "bottom"):
        parts.append(f"vertical-align:{style.vertical}")
    if style.wrap:
        parts.append("white-space:pre-line;overflow-wrap:anywhere")
    if style.indent:
        parts.append(f"padding-left:{2 + 8 * style.indent}px")
    return ";".join(parts)


def rule_rules(looks: Iterable[Rule]) -> str:
    """A class r0, r1, ... for what each conditional format paints."""
    made = []
    for at, look in enumerate(looks):
        parts = [f"background-color:{both(look.fill, dark_fill(look.fill))}"]
        if look.color:
            parts.append(f"color:{both(look.color, dark_ink(look.color, look.fill))}")
        if look.bold:
            parts.append("font-weight:600")
        made.append(f"td.r{at}{{{';'.join(parts)}}}")
    return "\n".join(made)
