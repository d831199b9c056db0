"""A lecture of 45 minutes: seven stops, each with a prediction to make before looking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normviz.norms.declared import NORMS
from normviz.reference.trace import trace
from normviz.workbook.book.cells import Link
from normviz.workbook.book.styles import (
    BAD,
    BAD_INK,
    BODY,
    BODY_CENTER,
    GOOD,
    GOOD_INK,
    INPUT_TEXT,
    LINE,
    LINK,
    VERDICT,
)
from normviz.workbook.draw.content import (
    Banner,
    Entry,
    Item,
    Listing,
    Mark,
    Rule,
    Words,
    chosen_from,
)
from normviz.workbook.sheets.lessons.four_numbers.proofs import DX_SUM

HEADING = "A lecture of 45 minutes"
ADDS_UP = (
    "What the seven add up to: a norm keeps the signal alive, forward and backward; norms differ "
    "in which numbers share a mean and a variance; and that choice says what depends on the batch, "
    "what evaluation must remember, and where the arithmetic is delicate."
)
RIGHT, WRONG = "✓ right", "✗ look there"


@dataclass(frozen=True)
class Stop:
    """A stop: on which row of which sheet it is seen, what to ask before, and what is right.

    With `options` one of them is right, else a number, give or take `within`; a `percent` may be
    typed as 66, as 66% and as 0.66.
    """

    minutes: int
    title: str
    lands: str
    asks: str
    answer: str | float
    options: tuple[str, ...] = ()
    within: float = 0.0
    percent: bool = False

    @property
    def right(self) -> str:
        """The condition under which a guess is right."""
        if self.options:
            return f'{{guess}}="{self.answer}"'
        ways = ("{guess}", "100*{guess}") if self.percent else ("{guess}",)
        near = ",".join(f"ABS({way}-{self.answer!r})<={self.within!r}" for way in ways)
        return f"AND(COUNT({{guess}})=1,OR({near}))"


def stops(images: int, groups: int) -> tuple[Stop, ...]:
    """The stops, for so many images and groups on the sheets of the norms."""
    return (
        Stop(
            6,
            "Why",
            "scale of all weights",
            "Eight layers without a norm, every weight times 0.6: does the signal vanish, stay or "
            "explode? Then type 4 for the scale, turn the norm on and off, and type 0.6 again.",
            "vanish",
            ("vanish", "stay", "explode"),
        ),
        Stop(
            8,
            "Four numbers",
            DX_SUM,
            "BatchNorm on four numbers: what do the four dx add up to? Change dy and see that Σ "
            "of dx stays; then read why.",
            0,
            within=1e-9,
        ),
        Stop(
            5,
            "Sets",
            "GroupNorm",
            f"How many means does GroupNorm take here, where images are {images} and groups "
            f"{groups}? Count the colors.",
            images * groups,
        ),
        Stop(
            8,
            "Playground",
            "images",
            f"Type {images - 1} over the {images} images in the batch: the last one is out. With "
            "which norm does y of image 0 move? Do it with BatchNorm, then with LayerNorm in the "
            "drop-down (bold compares with BatchNorm as shipped); after each, "
            f"type {images} again.",
            "with BatchNorm",
            ("with BatchNorm", "with LayerNorm", "with both"),
        ),
        Stop(
            6,
            "Inputs",
            "offset",
            "LayerNorm or RMSNorm: type 100 over the offset: whose output stays as it was? y is "
            f"step {_step_of_y('layer_norm')} on LayerNorm, step {_step_of_y('rms_norm')} on "
            "RMSNorm; then type 0 again.",
            "LayerNorm's",
            ("LayerNorm's", "RMSNorm's", "both"),
        ),
        Stop(
            7,
            "Evaluation",
            "left after 4 steps",
            "Momentum is 0.1. How much of the value it began with, in percent, is left in a "
            "running mean after 4 batches? 5 more or less is right.",
            100 * 0.9**4,
            within=5.0,
            percent=True,
        ),
        Stop(
            5,
            "Numerics",
            "offset",
            "A channel lies near 1E9: can its variance, computed as E[x²] − E[x]², be negative? "
            "Type 1E9 over the offset and look.",
            "yes",
            ("yes", "no"),
        ),
    )


def _step_of_y(name: str) -> int:
    """The number of the output among the steps on a norm's sheet."""
    made = trace(NORMS[name], np.arange(4.0).reshape(1, 4), normalized_shape=(4,))
    return [step.name for step in made.steps].index("output") + 1


def path(images: int, groups: int) -> tuple[Item, ...]:
    """The stops with an input cell each, which says by sign and color whether it was right."""
    marks = (
        Mark(f'{{tick}}="{RIGHT}"', GOOD, GOOD_INK),
        Mark(f'{{tick}}="{WRONG}"', BAD, BAD_INK),
    )
    rows, chosen = [], stops(images, groups)
    for stop in chosen:
        tick = f'IF({{guess}}="","",IF({stop.right},"{RIGHT}","{WRONG}"))'
        rows.append(
            (
                stop.minutes,
                Entry(stop.title, link=Link(stop.title, name=stop.lands)),
                stop.asks,
                Entry(None, INPUT_TEXT, marks=marks, rule=_rule(stop)),
                Entry("", VERDICT, tick, marks=marks),
            )
        )
    total = sum(stop.minutes for stop in chosen)
    return (
        Banner(HEADING, f"{len(chosen)} stops, {total} minutes; say first what you will see"),
        Listing(
            rows,
            ("min", "Sheet", "Before you look", "your prediction", "right?"),
            (BODY_CENTER, LINK.but(edge=LINE, indent=1), BODY, BODY, BODY_CENTER),
            shares=(7, 13, 82, 20, 13),
            names=("minutes", "stop", "asks", "guess", "tick"),
        ),
        Words(ADDS_UP),
    )


def _rule(stop: Stop) -> Rule:
    """What a prediction may be."""
    return chosen_from(stop.options) if stop.options else Rule("A number.", "COUNT({this})=1")
