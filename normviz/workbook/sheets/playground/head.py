"""The top of the playground, which stays in sight: drop-down, settings and what the sheet says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from normviz.workbook.book.address import fixed
from normviz.workbook.book.cells import Choice, Rule
from normviz.workbook.book.styles import (
    AXIS,
    BAD,
    BAD_INK,
    BODY,
    BODY_CENTER,
    CODE,
    GOOD,
    GOOD_INK,
    HEADER_LEFT,
    INPUT_NUMBER,
    INPUT_TEXT,
    WARN,
    WARN_INK,
    Style,
)
from normviz.workbook.draw.bands import AXIS_COLUMN, CAPTION, LEFT
from normviz.workbook.draw.page_head import LINK_ROW
from normviz.workbook.sheets.playground.case import title_of
from normviz.workbook.sheets.playground.status import SMALLEST, Check

if TYPE_CHECKING:
    from normviz.workbook.sheets.playground.sheet import PlaygroundSheet

CONTROL_ROW = LINK_ROW + 1
SAYS_ROW, FIRST_ROW = CONTROL_ROW + 1, CONTROL_ROW + 4
LONGEST_LIST = 16
SAYS = Style(size=10.5, bold=True, wrap=True, indent=1)


def draw_head(sheet: PlaygroundSheet) -> None:
    """The yellow cells of the settings, and below them the sentence."""
    page, case, bands = sheet.page, sheet.case, sheet.bands
    page.put(CONTROL_ROW, CAPTION, title_of(case.op), INPUT_TEXT.but(size=13))
    page.heights[CONTROL_ROW] = 24
    area = (CONTROL_ROW, CAPTION, CONTROL_ROW, CAPTION)
    sheet.name("norm", area)
    titles = tuple(title_of(op) for op in sheet.status.ops)
    hint = "Choose one: every grid below is painted and calculated anew."
    page.choices.append(Choice(area, titles, title="Norm", hint=hint))
    columns = [c for c in range(LEFT, bands.last_column + 1) if page.widths[c] > 2]
    for name, value, column, most in (
        ("groups", case.groups, columns[0], bands.channels),
        ("splits", case.splits, columns[2], bands.images),
        ("eps", case.eps, columns[4], 0),
    ):
        _setting(sheet, name, value, column, most)
    _says(sheet)
    page.freeze = (SAYS_ROW + 1, 1)
    page.repeat_rows = (1, SAYS_ROW)
    bands.row = FIRST_ROW


def _setting(sheet: PlaygroundSheet, name: str, value: float, column: int, most: int) -> None:
    """A yellow number with its name above it; wrong ones may be typed, and the sheet says so."""
    page = sheet.page
    label = {"eps": "ε (eps)"}.get(name, name)
    page.put(LINK_ROW, column, label, AXIS.but(size=9.5, bold=True))
    page.put(CONTROL_ROW, column, value, INPUT_NUMBER)
    area = (CONTROL_ROW, column, CONTROL_ROW, column)
    sheet.name(name, area)
    where = fixed(CONTROL_ROW, column)
    if not most:
        hint = "A number, zero or more; the usual value is 1E-5."
        page.choices.append(Choice(area, (), f"COUNT({where})=1", label, hint))
        return
    what = "GroupNorm: groups of channels" if name == "groups" else "GhostBatchNorm: of the batch"
    hint = f"{what}. A number that does not divide {most} shows what happens then."
    options = tuple(map(str, range(1, most + 1))) if most <= LONGEST_LIST else ()
    formula = None if options else f"COUNT({where})=1"
    page.choices.append(Choice(area, options, formula, name, hint))


def _says(sheet: PlaygroundSheet) -> None:
    """One sentence: which sets there are, or what is wrong."""
    page = sheet.page
    formula, text = sheet.status.sentence()
    area = (SAYS_ROW, CAPTION, SAYS_ROW, sheet.bands.last_column)
    page.span(area, text, SAYS, formula)
    page.heights[SAYS_ROW] = 32
    sheet.name("says", area)
    fits = "play_groups_fit*play_splits_fit"
    for test, fill, ink in (
        ("play_safe=0", BAD, BAD_INK),
        (f"AND(play_safe=1,{fits}=0)", WARN, WARN_INK),
        (f"AND(play_safe=1,{fits}=1)", GOOD, GOOD_INK),
    ):
        page.rules.append(Rule(area, test, fill, ink))


def draw_settings(sheet: PlaygroundSheet) -> None:
    """The last section: what the formulas know about the settings, and the table of the norms."""
    bands, page, status = sheet.bands, sheet.page, sheet.status
    page.breaks.append(bands.row - 1)
    bands.banner("How the sheet reads its settings", "formulas too: click one to see it")
    chosen = status.number - 1
    more = (
        Check("play_safe", "1 if no set has variance 0 with ε = 0", _SAFE, status.safe),
        Check(
            "play_centered",
            "1 if the norm takes the mean away",
            status.chosen(status.centered()),
            int(str(status.centered()[chosen])),
        ),
        Check(
            "play_bias",
            "1 if the norm has a β",
            status.chosen(status.biased()),
            int(str(status.biased()[chosen])),
        ),
    )
    for check in (*status.checks(), *more):
        page.put(bands.row, CAPTION, check.what, BODY)
        page.put(bands.row, AXIS_COLUMN, check.value, BODY_CENTER, check.formula)
        page.span((bands.row, LEFT, bands.row, bands.last_column), check.name, CODE.but(indent=1))
        sheet.name(check.name.removeprefix("play_"), (bands.row, AXIS_COLUMN) * 2)
        bands.row += 1
    bands.row += 1
    _table(sheet)


def _table(sheet: PlaygroundSheet) -> None:
    """The norms as the drop-down and normviz call them, and the formula of their labels."""
    bands, page = sheet.bands, sheet.page
    middle = LEFT + 3
    page.put(bands.row, CAPTION, "In the drop-down", HEADER_LEFT)
    page.span((bands.row, AXIS_COLUMN, bands.row, middle), "In normviz", HEADER_LEFT)
    page.span(
        (bands.row, middle + 1, bands.row, bands.last_column), "Label of its sets", HEADER_LEFT
    )
    top = bands.row + 1
    labels = sheet.status.label("n", "c")
    for op, label in zip(sheet.status.ops, labels, strict=True):
        bands.row += 1
        page.put(bands.row, CAPTION, title_of(op), BODY)
        page.span((bands.row, AXIS_COLUMN, bands.row, middle), op, BODY)
        text = str(label).replace("play_", "")
        page.span((bands.row, middle + 1, bands.row, bands.last_column), text, BODY)
    sheet.name("norms", (top, CAPTION, bands.row, CAPTION))
    sheet.name("functions", (top, AXIS_COLUMN, bands.row, AXIS_COLUMN))
    bands.row += 2


_SAFE = f"IF(play_ok=1,IF(MIN(play_variance)+play_eps>{SMALLEST:.0E},1,0),0)"
