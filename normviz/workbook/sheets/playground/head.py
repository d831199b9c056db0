"""The top of the playground, which stays in sight: every setting and what the sheet says."""

from __future__ import annotations

from dataclasses import dataclass

from normviz.workbook.book.cells import Link, Value
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
    RIGHT_SIGN,
    SOFT,
    SUBTITLE,
    TITLE,
    UNUSED,
    WARN,
    WARN_INK,
    WRONG_SIGN,
    Style,
)
from normviz.workbook.draw.content import NOT_NEGATIVE, Entry, Listing, Mark, Rule, Words
from normviz.workbook.draw.page_head import CONTENTS
from normviz.workbook.sheets.playground.case import PlayCase
from normviz.workbook.sheets.playground.reach import AXES, AXIS_WORDS, OWN
from normviz.workbook.sheets.playground.reading import Readings
from normviz.workbook.sheets.playground.rows import Rows
from normviz.workbook.sheets.playground.says import sentence
from normviz.workbook.sheets.playground.table import table

HEIGHTS = (26, 17.5, 24)
"""In points, 90 pixels in all: what is frozen leaves room for the rest."""

SAYS = Style(size=9.5, bold=True, wrap=True, indent=1)
NAME = AXIS.but(color=INK, wrap=True)
CHOICE_WIDTH, CELL_WIDTH = 24.0, 7.5
LONGEST_LIST = 16


@dataclass(frozen=True)
class Setting:
    """A number to type: its name, what stands above it, and what may be typed.

    A switch says above it whether it is in force (`reached`), by a formula where the norm decides.
    """

    name: str
    label: str
    value: Value
    hint: str
    options: tuple[str, ...] = ()
    rule: str = ""
    reached: bool | None = None

    @property
    def above(self) -> Entry:
        """What stands above it; ticked where the sets of the norm in force reach so far."""
        if self.reached is None:
            return Entry(self.label, NAME)
        reached = f"play_reach_{self.name.removeprefix('share_')}=1"
        live = f'IF({reached},"✓ ","")&"{self.label}"'
        text = ("✓ " if self.reached else "") + self.label
        return Entry(text, NAME, live, marks=(Mark(reached, GOOD, GOOD_INK),))

    @property
    def typed(self) -> Entry:
        """Its cell; gray and in parentheses where it is not in force."""
        rule = Rule(self.hint, self.rule, self.options, self.name.replace("_", " "))
        marks = () if self.reached is None else (Mark("play_own=0", PAPER, SOFT, UNUSED),)
        look = INPUT_NUMBER.but(size=11)
        return Entry(self.value, look, name=f"play_{self.name}", marks=marks, rule=rule)


def draw_head(rows: Rows, case: PlayCase, readings: Readings, text: str) -> None:
    """The drop-down, the switches, the numbers, below them the sentence, and what it all is."""
    page, settings = rows.page, [*_switches(case), *_numbers(case)]
    titles = tuple(str(title) for title in table(readings)[0].values)
    hint = f"Choose one: every grid below is painted and calculated anew. {OWN}: the switches."
    choice = Entry(
        titles[readings.number - 1],
        INPUT_TEXT.but(size=12),
        name="play_norm",
        rule=Rule(hint, options=titles, title="Norm"),
    )
    back = Entry("← Contents", BACK_LINK, link=Link(CONTENTS))
    above = [Entry("Playground", TITLE.but(size=14)), *(s.above for s in settings), Entry("", NAME)]
    widths = [CHOICE_WIDTH, *[CELL_WIDTH] * len(settings)]
    row = [choice, *(setting.typed for setting in settings), back]
    rows.put(Listing([above, row], widths=widths), free=0)
    formula, said = sentence(readings)
    fits = "play_groups_fit*play_splits_fit"
    marks = (
        Mark("play_safe=0", BAD, BAD_INK, WRONG_SIGN),
        Mark(f"AND(play_safe=1,{fits}=0)", WARN, WARN_INK, "! {}"),
        Mark(f"AND(play_safe=1,{fits}=1)", GOOD, GOOD_INK, RIGHT_SIGN),
    )
    rows.put(Words(said, SAYS, formula, name="play_says", marks=marks), free=0)
    for name in ("norm", "says", *(setting.name for setting in settings)):
        rows.name(name, rows.placed[f"play_{name}"].area)
    page.heights.update(enumerate(HEIGHTS, start=1))
    page.freeze = (len(HEIGHTS) + 1, 1)
    page.repeat_rows = (1, len(HEIGHTS))
    rows.put(Words(text, SUBTITLE.but(size=9.5)), free=0)


def _switches(case: PlayCase) -> list[Setting]:
    made = []
    for axis, value, reached in zip(AXES, case.own.switches, case.norm.reach.all, strict=False):
        words = AXIS_WORDS[axis].removeprefix("the ")
        hint = f"Does a set reach over {AXIS_WORDS[axis]}? 1 yes, 0 no; for the choice {OWN}."
        made.append(Setting(f"share_{axis}", words, value, hint, ("1", "0"), reached=bool(reached)))
    hint = f"1: a split is every S-th image; 0: a run of images. For the choice {OWN}."
    interleaved = int(case.own.interleaved)
    label, reached = "splits interleaved", bool(case.norm.reach.all[-1])
    last = Setting("interleaved", label, interleaved, hint, ("1", "0"), reached=reached)
    return [*made, last]


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
            "The first images of x are the batch, the others are left out.",
        ),
        Setting(
            "eps",
            "ε (eps) =",
            case.eps,
            "A number, zero or more; the usual value is 1E-5.",
            rule=NOT_NEGATIVE.allowed,
        ),
    ]


def _whole(name: str, label: str, value: int, most: int, hint: str) -> Setting:
    options = tuple(map(str, range(1, most + 1))) if most <= LONGEST_LIST else ()
    return Setting(name, label, value, hint, options, "" if options else "COUNT({this})=1")
