"""The table of the norms that the playground's drop-down looks into; its last row is one's own."""

from __future__ import annotations

from dataclasses import dataclass

from normviz.workbook.sheets.playground.reach import AXES, OWN, PlayNorm, refuses_one_value
from normviz.workbook.sheets.playground.reading import Readings, outer

OWN_SETS = f"{OWN} sets: "


@dataclass(frozen=True)
class Column:
    """A column of the table of norms: its name and heading, and its cells, the last one's own."""

    name: str
    heading: str
    values: tuple[float | str, ...]
    formulas: tuple[str, ...] = ()


def table(readings: Readings) -> list[Column]:
    """The norms as the drop-down and normviz call them, and what their sets reach over."""
    norms, own = readings.norms, readings.case.own
    more = max(2, readings.whole)
    columns = [
        Column("norms", "In the drop-down", (*(norm.title for norm in norms), OWN)),
        Column("functions", "In normviz", (*(norm.name for norm in norms), "normalize")),
    ]
    for at, axis in enumerate(AXES):
        values = (*(norm.reach.switches[at] for norm in norms), own.switches[at])
        columns.append(Column(f"norms_{axis}", axis, values, (f"play_share_{axis}",)))
    one = tuple(int(refuses_one_value(norm.name, 1)) for norm in norms)
    many = tuple(int(refuses_one_value(norm.name, more)) for norm in norms)
    columns += [
        Column("norms_centered", "μ taken", (*(int(norm.centered) for norm in norms), 1)),
        Column("norms_bias", "has β", (*(int(norm.bias) for norm in norms), 1)),
        Column("norms_alone_first", "refuses 1 value of 1 image", (*one, 0)),
        Column("norms_alone", "refuses 1 value of more", (*many, 0)),
        _same(readings),
        Column("norms_words", "Its sets", (*(norm.words for norm in norms), OWN_SETS)),
    ]
    return columns


def _same(readings: Readings) -> Column:
    """For each norm 1 where its sets are those in force: alike on every axis longer than 1."""
    first, second = outer("splits", "images"), outer("images", "splits")
    lengths = {
        "splits": (outer("s", "m", "play_"), first),
        "images": (outer("m", "s", "play_"), second),
        "channels": ("play_k", "play_reach_channels"),
        "groups": ("play_g", "play_reach_groups"),
        "pixels": (str(readings.pixels), "play_reach_pixels"),
    }
    formulas = []
    for norm in readings.norms:
        tests = [
            f"OR({length}=1,{reached}={getattr(norm.reach, axis):d})"
            for axis, (length, reached) in lengths.items()
        ]
        formulas.append(f"IF(AND({','.join(tests)}),1,0)" if norm.centered else "0")
    values = [int(_is(readings, norm)) for norm in readings.norms]
    return Column("norms_same", "has the sets in force", (*values, 0), (*formulas, "0"))


def _is(readings: Readings, norm: PlayNorm) -> bool:
    """Whether a norm agrees with the sets in force on every axis longer than 1."""
    reach, sizes = readings.case.norm.reach, readings.case.sizes
    outer, inner = ("images", "splits") if reach.interleaved else ("splits", "images")
    axes = {
        "splits": (sizes["m" if reach.interleaved else "s"], outer),
        "images": (sizes["s" if reach.interleaved else "m"], inner),
        "channels": (sizes["k"], "channels"),
        "groups": (sizes["g"], "groups"),
        "pixels": (readings.pixels, "pixels"),
    }
    return norm.centered and all(
        length == 1 or getattr(norm.reach, axis) == getattr(reach, reached)
        for axis, (length, reached) in axes.items()
    )
