"""How the playground reads its settings: cells that every step uses, and one plain sentence.

Each cell stands here twice, as a formula and as the value Python has for it; the tests turn every
switch, type wrong settings and compare the two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from normviz.norms.notation import divisors
from normviz.workbook.book.cells import Value
from normviz.workbook.book.styles import INPUT_WORD
from normviz.workbook.sheets.playground.case import PlayCase
from normviz.workbook.sheets.playground.reach import (
    AXES,
    AXIS_WORDS,
    GHOST,
    INTERLEAVED,
    OWN,
    PlayNorm,
    declared,
)

LARGEST = 1e15
SMALLEST = 1e-60
"""Beyond these, a square or a cube in the backward pass could leave what a sheet can count."""


@dataclass(frozen=True)
class Reading:
    """A cell of the section on settings: its name, what it is for, its formula and value."""

    name: str
    what: str
    formula: str
    value: float | str


class Readings:
    """What the formulas know about the settings of a case."""

    def __init__(self, case: PlayCase) -> None:
        self.case, self.sets = case, case.sets
        self.whole = case.x.shape[0]
        self.channels, self.pixels = case.x.shape[1], math.prod(case.x.shape[2:])
        self.norms: tuple[PlayNorm, ...] = declared()
        self.number = [*(norm.name for norm in self.norms), OWN].index(case.op) + 1
        self.ok = int(case.eps >= 0 and self.sets is not None and not case.refused)
        self.safe = int(self.ok and case.trace is not None)

    def cells(self) -> list[Reading]:
        """Every cell, each reading only those before it, but for `play_safe` (it needs σ²)."""
        return [
            *self._typed(),
            *self._reach(),
            self._fit("groups", str(self.channels), "channels"),
            self._fit("splits", "play_images", "images of the batch"),
            *self._parts(),
            *self._weights(),
            *self._verdicts(),
        ]

    def _typed(self) -> list[Reading]:
        """Whether what was typed is what the sheet can count with."""
        names = ("play_x", "play_dy", "play_gamma", "play_beta")
        every, count = ",".join(names), 2 * (self.case.x.size + self.channels)
        switches = [*(f"play_share_{axis}" for axis in AXES), "play_interleaved"]
        binary = ",".join(f"OR({name}=0,{name}=1)" for name in switches)
        return [
            Reading(
                "id",
                "the number of the norm in the table below",
                "IFERROR(MATCH(play_norm,play_norms,0),"
                "IFERROR(MATCH(play_norm,play_functions,0),0))",
                self.number,
            ),
            Reading(
                "own",
                f"1 where the {INPUT_WORD} switches are in force",
                f"IF(play_id={len(self.norms) + 1},1,0)",
                int(self.case.op == OWN),
            ),
            Reading(
                "numbers",
                "1 if all of x, dy, γ, β are numbers of reasonable size",
                f"IF({'+'.join(f'COUNT({name})' for name in names)}={count},"
                f"IF(AND(MAX({every})<={LARGEST:.0E},MIN({every})>=-{LARGEST:.0E}),1,0),0)",
                1,
            ),
            Reading(
                "positive",
                "1 if ε is a number, 0 or more",
                f"IF(COUNT(play_eps)=1,IF(AND(play_eps>=0,play_eps<={LARGEST:.0E}),1,0),0)",
                int(self.case.eps >= 0),
            ),
            Reading(
                "images_fit",
                "1 if there is such a number of images in x",
                "IF(COUNT(play_images)=1,IF(AND(play_images>=1,"
                f"play_images<={self.whole},INT(play_images)=play_images),1,0),0)",
                1,
            ),
            Reading(
                "switches",
                "1 if every switch in force is 1 or 0",
                f"IF(play_own=0,1,IF(AND({binary}),1,0))",
                1,
            ),
        ]

    def _reach(self) -> list[Reading]:
        """What the sets in force reach over: by the table, of which the last row is one's own."""
        reach = self.case.norm.reach
        cells = [
            Reading(
                f"reach_{axis}",
                f"1 if a set reaches over {AXIS_WORDS[axis]}",
                f"IF(play_id=0,0,IF(INDEX(play_norms_{axis},play_id)=1,1,0))",
                value,
            )
            for axis, value in zip(AXES, reach.switches, strict=True)
        ]
        cells.append(
            Reading(
                "reach_interleaved",
                "1 if a split is every S-th image, not a run of them",
                "IF(play_own=1,IF(play_interleaved=1,1,0),0)",
                int(reach.interleaved),
            )
        )
        for name, what in (("centered", "takes the mean away"), ("bias", "has a β")):
            formula = f"IF(play_id=0,0,INDEX(play_norms_{name},play_id))"
            value = int(getattr(self.case.norm, name))
            cells.append(Reading(name, f"1 if the norm {what}", formula, value))
        return cells

    def _fit(self, name: str, whole: str, what: str) -> Reading:
        cell = f"play_{name}"
        guard = "" if whole.isdigit() else "play_images_fit=1,"
        return Reading(
            f"{name}_fit",
            f"1 if {name} cuts the {what} into equal parts",
            f"IF(COUNT({cell})=1,IF(AND({guard}{cell}>=1,{cell}<={whole},INT({cell})={cell}),"
            f"IF(MOD({whole},{cell})=0,1,0),0),0)",
            int(self.case.fits[name]),
        )

    def _parts(self) -> list[Reading]:
        """How many parts there are of each axis; 0 where they do not fit."""
        sizes = self.case.sizes
        cells = []
        for name, part, inner, outer in (
            ("g", "groups", "channels", "groups"),
            ("s", "splits", "images", "splits"),
        ):
            cells.append(
                Reading(
                    name,
                    f"{part} in force: 1 where both switches of the axis agree",
                    f"IF(play_reach_{inner}=play_reach_{outer},1,"
                    f"IF(play_{part}_fit=1,play_{part},0))",
                    sizes[name],
                )
            )
        return [
            *cells,
            Reading(
                "k", "channels in a group", f"IF(play_g=0,0,{self.channels}/play_g)", sizes["k"]
            ),
            Reading(
                "m",
                "images in a split",
                "IF(play_s*play_images_fit=0,0,play_images/play_s)",
                sizes["m"],
            ),
        ]

    def _weights(self) -> list[Reading]:
        """By how much the label grows from a pixel, channel, group, image or split to the next."""
        found = self.case.label_steps
        pixels = f"IF(play_reach_pixels=1,1,{self.pixels})"
        channels = f"{pixels}*IF(play_reach_channels=1,1,play_k)"
        formulas = {
            "pixels": "IF(play_reach_pixels=1,0,1)",
            "channels": f"IF(play_reach_channels=1,0,{pixels})",
            "groups": f"IF(play_reach_groups=1,0,{channels})",
            "per_image": f"{channels}*IF(play_reach_groups=1,1,play_g)",
            "images": "IF(play_reach_images=1,0,play_step_per_image"
            "*IF(AND(play_reach_interleaved=1,play_reach_splits=0),play_s,1))",
            "splits": "IF(play_reach_splits=1,0,play_step_per_image"
            "*IF(AND(play_reach_interleaved=0,play_reach_images=0),play_m,1))",
        }
        words = {
            "pixels": "step of the label from a pixel to the next",
            "channels": "from a channel of a group to the next",
            "groups": "from a group to the next",
            "per_image": "sets that one image is in",
            "images": "step of the label from an image of a split to the next",
            "splits": "from a split to the next",
        }
        return [Reading(f"step_{n}", words[n], formulas[n], found[n]) for n in formulas]

    def _verdicts(self) -> list[Reading]:
        case, sets = self.case, self.sets
        ways = ",".join(f'"{divisors(n)}"' for n in range(1, self.whole + 1))
        one = "INDEX(play_norms_alone_first,play_id)"
        return [
            Reading(
                "count",
                "K, how many sets there are",
                "IF(play_id*play_images_fit*play_switches*play_g*play_s=0,0,play_step_per_image"
                "*IF(play_reach_images=1,1,play_m)*IF(play_reach_splits=1,1,play_s))",
                sets.count if sets else 0,
            ),
            Reading(
                "size",
                "elements in each set",
                f"IF(play_count=0,0,play_images*{self.channels * self.pixels}/play_count)",
                sets.size if sets else 0,
            ),
            Reading(
                "alone",
                "1 if each set is one value and torch refuses that",
                f"IF(play_size=1,IF(play_images=1,{one},INDEX(play_norms_alone,play_id)),0)",
                int(case.refused),
            ),
            Reading(
                "ok",
                "1 if the settings make sense",
                "IF(play_numbers*play_positive*play_count=0,0,1-play_alone)",
                self.ok,
            ),
            Reading(
                "safe",
                "1 if no set has variance 0 with ε = 0",
                f"IF(play_ok=1,IF(MIN(play_variance)+play_eps>{SMALLEST:.0E},1,0),0)",
                self.safe,
            ),
            Reading(
                "split_ways",
                "splits that fit",
                f'IF(play_images_fit=1,CHOOSE(play_images,{ways}),"")',
                divisors(case.batch[0]),
            ),
            Reading(
                "pattern", "the sets in one line of notation", self._pattern(), self.case.pattern
            ),
            Reading(
                "known", "the declared norm that has these sets", self._known(), self.case.known
            ),
        ]

    def of_image(self, n: int) -> tuple[str, Value]:
        """What image n adds to a label, as a formula and as a value."""
        run = f"INT({n}*play_s/play_images)*play_step_splits+MOD({n},play_m)*play_step_images"
        every = f"MOD({n},play_s)*play_step_splits+INT({n}/play_s)*play_step_images"
        formula = f"IF(play_reach_interleaved=1,{every},{run})"
        return self._added(formula, n < self.case.batch[0], (n, 0, 0))

    def of_place(self, c: int, p: int) -> tuple[str, Value]:
        """What pixel p of channel c adds to a label."""
        formula = (
            f"INT({c}*play_g/{self.channels})*play_step_groups"
            f"+MOD({c},play_k)*play_step_channels+{p}*play_step_pixels"
        )
        return self._added(formula, True, (0, c, p))

    def _added(self, formula: str, there: bool, place: tuple[int, int, int]) -> tuple[str, Value]:
        guarded = f'IF(play_ok=1,{formula},"")'
        if place[0]:
            guarded = f'IF(play_ok=1,IF(play_images>{place[0]},{formula},""),"")'
        if not (self.ok and there and self.sets is not None):
            return guarded, ""
        images, channels = self.case.batch[:2]
        labels = self.sets.labels().reshape(images, channels, self.pixels)
        return guarded, int(labels[place]) - 1

    def _pattern(self) -> str:
        def marked(name: str, axis: str) -> str:
            return f'IF(play_reach_{axis}=1,"[{name}]","{name}")'

        m, s = marked("m", "images"), marked("s", "splits")
        pixels = " ".join(self.case.spatial)
        return (
            f"IF(play_reach_images=play_reach_splits,{marked('n', 'images')},"
            f'"("&IF(play_reach_interleaved=1,{m}&" "&{s},{s}&" "&{m})&")")&" "&'
            f"IF(play_reach_channels=play_reach_groups,{marked('c', 'channels')},"
            f'"("&{marked("g", "groups")}&" "&{marked("k", "channels")}&")")'
            + (f'&" "&{marked(pixels, "pixels")}' if pixels else "")
        )

    def _known(self) -> str:
        ghost = dict(zip(AXES, GHOST.switches, strict=True))
        rest = [f"play_reach_{axis}={ghost[axis]}" for axis in ("channels", "groups", "pixels")]
        crossed = [f"{outer('splits', 'images')}=1", f"{outer('images', 'splits')}=0"]
        return (
            'IF(play_count=0,"",IFERROR(INDEX(play_norms,MATCH(1,play_norms_same,0)),'
            f'IF(AND({",".join([*crossed, *rest])}),"{INTERLEAVED}","")))'
        )


def outer(plain: str, interleaved: str, prefix: str = "play_reach_") -> str:
    """The one of two cells that the outer part of the images has, which interleaving swaps."""
    return f"IF(play_reach_interleaved=1,{prefix}{interleaved},{prefix}{plain})"
