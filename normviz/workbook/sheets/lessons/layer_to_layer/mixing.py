"""The sheet Layer to layer from ReLU on: the 1x1 convolution, and what layer N+1 finds in it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from normviz.workbook.book.address import Area, area_text, fixed
from normviz.workbook.book.cells import Rule
from normviz.workbook.book.styles import (
    AXIS,
    AXIS_LEFT,
    GOOD,
    INPUT_NUMBER,
    NUMBER,
    PAPER,
    PROSE,
    Style,
)
from normviz.workbook.draw.panels import Caption, Grid, evenly
from normviz.workbook.formulas.set_labels import norm_titled
from normviz.workbook.sheets.lessons.layer_to_layer.case import CHANNELS, SHAPE, LayerCase

if TYPE_CHECKING:
    from normviz.workbook.sheets.lessons.layer_to_layer.sheet import LayerSheet

LIVE = NUMBER.but(bold=True)
SHORT = {"BatchNorm": "Batch", "LayerNorm": "Layer", "GroupNorm": "Group"} | {
    "InstanceNorm": "Instance",
    "GhostBatchNorm": "Ghost",
    "RMSNorm": "RMS",
}


def convolve(sheet: LayerSheet) -> None:
    """The 1x1 convolution: every pixel's channels mixed by one small matrix."""
    steps, case, page = sheet.steps, sheet.case, sheet.page
    top, left, layout = steps.row, steps.left(0), steps.frame.layout
    width = layout.block[1]
    caption = Caption(
        "W  weights of the 1×1 convolution", "output channels down, input channels across"
    )
    row = caption.draw(page, top, left - 1, left + steps.slot_columns - 1) + 1
    weights: dict[tuple[int, int], str] = {}
    for c in range(CHANNELS):
        column = left + layout.channel_column(c)
        page.span((row - 1, column, row - 1, column + width - 1), f"in {c}", AXIS)
        for out in range(CHANNELS):
            area = (row + out, column, row + out, column + width - 1)
            value = float(case.convolution[out, c])
            page.span(area, value, INPUT_NUMBER)
            weights[out, c] = fixed(area[0], column)
    for out in range(CHANNELS):
        page.put(row + out, left - 1, f"out {out}", AXIS_LEFT)
    bias_row = row + CHANNELS + 2
    page.put(bias_row, left - 1, "bias", AXIS_LEFT)
    biases = []
    for out in range(CHANNELS):
        column = left + layout.channel_column(out)
        area = (bias_row, column, bias_row, column + width - 1)
        page.span((bias_row - 1, column, bias_row - 1, area[3]), f"out {out}", AXIS)
        page.span(area, float(case.conv_bias[out]), INPUT_NUMBER)
        biases.append(fixed(bias_row, column))
    _draw_mixed(sheet, weights, biases)
    steps.row = bias_row + 2


def _draw_mixed(sheet: LayerSheet, weights: dict[tuple[int, int], str], biases: list[str]) -> None:
    """z to the right of the weights that make it."""
    steps, pixels = sheet.steps, SHAPE[2] * SHAPE[3]
    relu, left = steps.placed["relu"], steps.left(1)
    caption = Caption("z = W · a + bias", "each pixel by itself: what layer N+1 gets")
    below = caption.draw(sheet.page, steps.row, left - 1, left + steps.slot_columns - 1)
    grid = Grid(sheet.page, steps.frame.layout, below + 1, left)
    steps.placed["z"] = grid
    sheet.painted.append("z")

    def mixed(i: int) -> str:
        n, rest = divmod(i, CHANNELS * pixels)
        out, p = divmod(rest, pixels)
        products = "+".join(
            f"{weights[out, c]}*{relu.at((n * CHANNELS + c) * pixels + p)}" for c in range(CHANNELS)
        )
        return f"{products}+{biases[out]}"

    grid.draw_axes()
    grid.draw(sheet.case.next_input.ravel().tolist(), mixed, evenly(NUMBER))


def summary(sheet: LayerSheet) -> None:
    """What layer N+1 finds in each channel: live for the choice, and for all as shipped."""
    steps, page = sheet.steps, sheet.page
    steps.section("What layer N+1 finds in z, channel by channel", note="choice by choice")
    sheet.steps.page.span(
        (steps.row, 2, steps.row, steps.last_column),
        "First line: live, for the norm chosen above. Below: what NumPy gives for each norm "
        "with the numbers as shipped (constants).",
        PROSE,
    )
    top = steps.row + 2
    for side, text in enumerate(("mean of z in each channel", "variance of z in each channel")):
        left = steps.left(side)
        Caption(text).draw(page, top, left - 1, left + steps.slot_columns - 1)
        live = sheet.case.channel_statistics()[side]
        _line(sheet, top + 2, side, "now", live.tolist(), LIVE.filled(GOOD), True)
        for at, title in enumerate(sheet.sets.titles, start=1):
            shipped = LayerCase().with_op(norm_titled(title).name).channel_statistics()[side]
            row, short = top + 2 + at, SHORT.get(title, title)
            _line(sheet, row, side, short, shipped.tolist(), NUMBER.filled(PAPER), False)
            area = (row, left - 1, row, left + steps.frame.layout.size[1] - 1)
            page.rules.append(Rule(area, f"{sheet.number}={at}", GOOD))
    last = top + len(sheet.sets.titles) + 4
    text = (
        "What to look at: ReLU cuts a normalized channel at zero, so z's mean and variance "
        "depend on how each channel lies around zero, and that is what the norm decides. Per "
        "channel (BatchNorm) every channel keeps about half of its values; per image "
        "(LayerNorm) a channel that is small everywhere may be cut off whole. Try: type a 0 "
        "over all of γ but one, or 100 over one x."
    )
    area = (last, 2, last, steps.last_column)
    page.span(area, text, PROSE)
    page.heights[last] = 13.5 * math.ceil(len(text) / (page.width(2, area[3]) * 1.1)) + 4
    steps.row = last + 1


def _line(
    sheet: LayerSheet, row: int, side: int, name: str, values: list[float], style: Style, live: bool
) -> None:
    """One number a channel, below the channel's columns."""
    steps, page, layout = sheet.steps, sheet.page, sheet.steps.frame.layout
    left, z = steps.left(side), steps.placed["z"].area
    page.put(row, left - 1, name, AXIS_LEFT)
    for c, value in enumerate(values):
        column = left + layout.channel_column(c)
        last = column + layout.block[1] - 1
        if live:
            page.span((row - 1, column, row - 1, last), f"c = {c}", AXIS)
        source: Area = (z[0], z[1] + column - left, z[2], z[1] + last - left)
        formula = f"{('AVERAGE', 'VARP')[side]}({area_text(source)})" if live else None
        page.span((row, column, row, last), value, style, formula)
