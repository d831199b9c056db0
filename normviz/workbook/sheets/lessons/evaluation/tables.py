"""What all parts of the sheet Evaluation say alike: names, colors, moving averages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from normviz.workbook.book.styles import Style, set_color
from normviz.workbook.draw.content import Caption, Cells, Table
from normviz.workbook.sheets.lessons.evaluation.case import BATCHES, CHANNELS, SAMPLES

CHANNEL_NAMES = tuple(f"c = {c}" for c in range(CHANNELS))
SAMPLE_NAMES = tuple(f"n = {n}" for n in range(SAMPLES))
STEP_NAMES = ("at first", *(f"step {t}" for t in range(1, BATCHES + 1)))


def of_channels(style: Style, first: int = 0) -> Callable[[int, int], Style]:
    """Every column in the color of its channel, which is its statistics set."""
    return lambda _, c: style.filled(set_color(first + c + 1))


def chosen(name: str) -> str:
    """The statistic, or the numbers, of the batch that is chosen."""
    return f"CHOOSE({{batch}},{','.join(f'{{{name}{at}}}' for at in range(1, BATCHES + 1))})"


def moved(own: str, first: str, new: str, weight: str = "{momentum}") -> Callable[[int, int], str]:
    """A moving average: the first value, then at each step a little of the new one."""
    step = f"(1-{weight})*{{{own}[t-1]}}+{weight}*{new}"
    return lambda t, _: step if t else first


def pairs(blocks: Sequence[tuple[str, tuple[str, str], Any, Any, Any]]) -> list[Table]:
    """Tables of samples and channels: name, words, values, formula, look or style."""
    return [
        Table(
            Cells(name, values, formula, of_channels(look) if isinstance(look, Style) else look),
            axes=("n", "c"),
            down=SAMPLE_NAMES,
            across=CHANNEL_NAMES,
            caption=Caption(*words),
            labelled=at == 0,
        )
        for at, (name, words, values, formula, look) in enumerate(blocks)
    ]
