"""The comparisons behind the claims in one picture: right of zero as claimed, left against it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.report.gallery import save
from training.report.plots import (
    GRID,
    INK,
    SOFT,
    calm,
)
from training.results.claims import AtMost, More
from training.results.measures import Measure
from training.results.verdicts import Finding, Judgment, Verdict

COLORS = {Verdict.SUPPORTED: "#1b6e3c", Verdict.REFUTED: "#d55e00", Verdict.UNDECIDED: "#7b8794"}
ROW_INCHES, FRAME_INCHES = 0.27, 0.75


def write_claims(judgments: Sequence[Judgment], folder: Path) -> None:
    """Write ``claims.png`` into a run folder, where there is anything to compare."""
    figure = draw_claims(judgments)
    if figure is not None:
        save(figure, folder / "claims.png")


def draw_claims(judgments: Sequence[Judgment]) -> Any | None:
    """Return the figure: a panel a measure, a row a comparison; None where nothing was compared."""
    from matplotlib.figure import Figure

    panels = _by_measure(judgments)
    if not panels:
        return None
    rows = [len(findings) for findings in panels.values()]
    height = ROW_INCHES * sum(rows) + FRAME_INCHES * len(rows) + 0.5
    figure = Figure(figsize=(9.5, height), dpi=110, layout="constrained")
    axes = figure.subplots(
        len(panels), 1, squeeze=False, height_ratios=[0.6 + count for count in rows]
    )
    for axis, (measure, findings) in zip(axes.flat, panels.items(), strict=True):
        _panel(axis, measure, findings)
    _legend(figure)
    return figure


def _by_measure(judgments: Sequence[Judgment]) -> dict[Measure, list[Finding]]:
    panels: dict[Measure, list[Finding]] = {}
    for judgment in judgments:
        for finding in judgment.findings:
            if finding.margin is not None and isinstance(finding.part, More | AtMost):
                panels.setdefault(finding.part.measure, []).append(finding)
    return panels


def _panel(axis: Any, measure: Measure, findings: Sequence[Finding]) -> None:
    for row, finding in enumerate(findings):
        margin, color = finding.margin, COLORS[finding.verdict]
        if margin is None:
            continue
        if margin.low is not None and margin.high is not None:
            axis.plot([margin.low, margin.high], [row, row], color=color, lw=2.2)
        # Hollow: one seed, no interval.
        face = color if margin.low is not None else "white"
        axis.plot([margin.mean], [row], "o", ms=6, mec=color, mfc=face)
    axis.axvline(0, color=INK, lw=0.9, zorder=0)
    reach = max(map(abs, axis.get_xlim()))
    axis.set_xlim(-reach, reach)
    axis.axvspan(0, reach, color=GRID, alpha=0.35, lw=0, zorder=-1)
    axis.set_yticks(range(len(findings)), [_label(finding) for finding in findings])
    axis.set_ylim(len(findings) - 0.5, -0.5)
    axis.set_title(f"{measure.name} ({measure.unit})", fontsize=9.5, loc="left", color=SOFT)
    calm(axis)
    axis.grid(axis="y", visible=False)


def _label(finding: Finding) -> str:
    part = finding.part
    return f"{part.trial} at most {part.limit:g}" if isinstance(part, AtMost) else str(part)


def _legend(figure: Any) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], color=color, marker="o", lw=2.2, label=verdict.value)
        for verdict, color in COLORS.items()
    ]
    hollow = COLORS[Verdict.UNDECIDED]
    marks.append(
        Line2D([], [], color=hollow, marker="o", mfc="white", lw=0, label="one seed, no interval")
    )
    figure.legend(
        handles=marks, loc="outside upper center", ncols=4, fontsize=9, frameon=False,
        title="left of zero: against the claim · right: as claimed", title_fontsize=9,
    )  # fmt: skip
