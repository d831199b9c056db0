"""The top of the playground, which stays in sight: every setting and what the sheet says."""

from __future__ import annotations

from dataclasses import dataclass

from normviz.workbook.book.address import fixed
from normviz.workbook.book.cells import Choice, Rule, Value
from normviz.workbook.book.styles import (
    AXIS,
    BACK_LINK,
    BAD,
    BAD_INK,
    GOOD,
    GOOD_INK,
    INK,
    INPUT_NUMBER,
    INPUT_TEXT,
    PAPER,
    SOFT,
    TITLE,
    WARN,
    WARN_INK,
    Style,
)
from normviz.workbook.draw.page_head import CONTENTS
from normviz.workbook.sheets.playground.case import PlayCase
from normviz.workbook.sheets.playground.reach import AXES, AXIS_WORDS, OWN
from normviz.workbook.sheets.playground.reading import Readings
from normviz.workbook.sheets.playground.rows import Rows
from normviz.workbook.sheets.playground.says import sentence
from normviz.workbook.sheets.playground.table import table

NAMES_ROW, CONTROL_ROW, SAYS_ROW, TEXT_ROW = 1, 2, 3, 4
HEIGHTS = {NAMES_ROW: 26, CONTROL_ROW: 17.5, SAYS_ROW: 24}
"""In points, 90 pixels in all: what is frozen leaves room for the rest."""

SAYS = Style(size=9.5, bold=True, wrap=True, indent=1)
NAME = AXIS.but(color=INK, wrap=True)
CHOICE_WIDTH, CELL_WIDTH = 24.0, 7.5
LONGEST_LIST = 16


@dataclass(frozen=True)
class Setting:
    """A number to type: its name, what stands above it, and what may be typed."""

    name: str
    label: str
    value: Value
    hint: str
    options: tuple[str, ...] = ()
    rule: str = ""
    """A condition on the cell `{0}`, where no list of options says what may be typed."""


def draw_head(rows: Rows, case: PlayCase, readings: Readings) -> None:
    """The drop-down, the switches, the numbers, and below them the sentence."""
    page = rows.page
    page.heights.update(HEIGHTS)
    last = rows.reach(2, CHOICE_WIDTH)
    page.span((NAMES_ROW, 2, NAMES_ROW, last), "Playground", TITLE.but(size=14))
    _drop_down(rows, readings, last)
    column = last + 1
    for setting, value in zip(_switches(case), case.norm.reach.all, strict=True):
        column = _draw_setting(rows, setting, column, value)
    for setting in _numbers(case):
        column = _draw_setting(rows, setting, column, None)
    page.span((CONTROL_ROW, column + 1, CONTROL_ROW, rows.last), "← Contents", BACK_LINK)
    page.link(CONTROL_ROW, column + 1, CONTENTS)
    _says(rows, readings)
    page.freeze = (SAYS_ROW + 1, 1)
    page.repeat_rows = (NAMES_ROW, SAYS_ROW)


def _drop_down(rows: Rows, readings: Readings, last: int) -> None:
    page, titles = rows.page, [str(title) for title in table(readings)[0].values]
    area = (CONTROL_ROW, 2, CONTROL_ROW, last)
    page.span(area, titles[readings.number - 1], INPUT_TEXT.but(size=12))
    rows.name("norm", (CONTROL_ROW, 2, CONTROL_ROW, 2))
    hint = f"Choose one: every grid below is painted and calculated anew. {OWN}: the switches."
    page.choices.append(Choice(area, tuple(titles), title="Norm", hint=hint))


def _switches(case: PlayCase) -> list[Setting]:
    made = []
    for axis, value in zip(AXES, case.own.switches, strict=True):
        words = AXIS_WORDS[axis].removeprefix("the ")
        hint = f"Does a set reach over {AXIS_WORDS[axis]}? 1 yes, 0 no; for the choice {OWN}."
        made.append(Setting(f"share_{axis}", words, value, hint, ("1", "0")))
    hint = f"1: a split is every S-th image; 0: a run of images. For the choice {OWN}."
    interleaved = int(case.own.interleaved)
    return [*made, Setting("interleaved", "splits interleaved", interleaved, hint, ("1", "0"))]


def _numbers(case: PlayCase) -> list[Setting]:
    images, channels = case.x.shape[:2]
    return [
        _whole("groups", "groups =", case.groups, channels, "GroupNorm: groups of channels."),
        _whole("splits", "splits =", case.splits, images, "GhostBatchNorm: splits of the batch."),
        _whole(
            "images",
            "images in the batch",
            case.batch[0],
            images,
            "The first images of x are the batch, the others are left out. With one image fewer "
            "BatchNorm's output of image 0 moves; LayerNorm's does not.",
        ),
        Setting(
            "eps",
            "ε (eps) =",
            case.eps,
            "A number, zero or more; the usual value is 1E-5.",
            rule="COUNT({0})=1",
        ),
    ]


def _whole(name: str, label: str, value: int, most: int, hint: str) -> Setting:
    options = tuple(map(str, range(1, most + 1))) if most <= LONGEST_LIST else ()
    return Setting(name, label, value, hint, options, "" if options else "COUNT({0})=1")


def _draw_setting(rows: Rows, setting: Setting, left: int, in_force: int | None) -> int:
    """An input cell with its name above it, ticked where it is in force; the column after it."""
    page, right = rows.page, rows.reach(left, CELL_WIDTH)
    area, above = ((row, left, row, right) for row in (CONTROL_ROW, NAMES_ROW))
    if in_force is None:
        page.span(above, setting.label, NAME)
    else:
        reached = f"play_reach_{setting.name.removeprefix('share_')}=1"
        live = f'IF({reached},"✓ ","")&"{setting.label}"'
        page.span(above, ("✓ " if in_force else "") + setting.label, NAME, live)
        page.rules.append(Rule(above, reached, GOOD, GOOD_INK, bold=True))
        page.rules.append(Rule(area, "play_own=0", PAPER, SOFT))
    page.span(area, setting.value, INPUT_NUMBER.but(size=11))
    rows.name(setting.name, (CONTROL_ROW, left, CONTROL_ROW, left))
    rule = setting.rule.format(fixed(CONTROL_ROW, left)) or None
    title = setting.name.replace("_", " ")
    page.choices.append(Choice(area, setting.options, rule, title, setting.hint))
    return right + 1


def _says(rows: Rows, readings: Readings) -> None:
    """One sentence: which sets there are, or what is wrong."""
    formula, text = sentence(readings)
    area = (SAYS_ROW, 2, SAYS_ROW, rows.last)
    rows.page.span(area, text, SAYS, formula)
    rows.name("says", area)
    fits = "play_groups_fit*play_splits_fit"
    for test, fill, ink in (
        ("play_safe=0", BAD, BAD_INK),
        (f"AND(play_safe=1,{fits}=0)", WARN, WARN_INK),
        (f"AND(play_safe=1,{fits}=1)", GOOD, GOOD_INK),
    ):
        rows.page.rules.append(Rule(area, test, fill, ink))
