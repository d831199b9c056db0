"""The verdicts on the claims: as a table in the terminal, as ``claims.csv``, as a figure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from training.experiments.claims import MEASURES, AtMost, More, Random
from training.files import write_whole
from training.record.gallery import save
from training.report.plots import GRID, INK, SOFT, VERDICT_COLORS, calm
from training.results.verdicts import Finding, Judgment, Verdict, p_words

STYLES = {Verdict.SUPPORTED: "green", Verdict.REFUTED: "red"}


def claims_table(judgments: Sequence[Judgment]) -> Table:
    """Return the table: a row a claim, with its verdict, p value, seeds and reason."""
    table = Table(title="The published claims")
    table.add_column("claim", ratio=3)
    table.add_column("verdict", no_wrap=True)
    table.add_column("p", justify="right", no_wrap=True)
    table.add_column("seeds", justify="right", no_wrap=True)
    table.add_column("why", ratio=4)
    shown = judged(judgments)
    for judgment in shown:
        verdict = judgment.verdict
        style = STYLES.get(verdict)
        table.add_row(
            judgment.claim.text,
            f"[{style}]{verdict.value}[/{style}]" if style else verdict.value,
            p_words(judgment.p),
            " to ".join(map(str, judgment.seeds)),
            judgment.reason.replace("[", r"\["),
        )
    if len(shown) < len(judgments):
        table.caption = in_one_line(judgments)
    return table


def judged(judgments: Sequence[Judgment]) -> list[Judgment]:
    """Return the verdicts that are shown: on claims of whose trials a run has some."""
    return [judgment for judgment in judgments if judgment.can_be_judged]


def not_judged(judgments: Sequence[Judgment]) -> tuple[str, str] | None:
    """Return how many claims are about trials that a run does not have, and which those are."""
    rest = [judgment.claim for judgment in judgments if not judgment.can_be_judged]
    trials = dict.fromkeys(name for claim in rest for name in claim.trials)
    if not rest:
        return None
    claims = "1 claim needs" if len(rest) == 1 else f"{len(rest)} claims need"
    return f"{claims} whole trials on a full data set", ", ".join(trials)


def in_one_line(judgments: Sequence[Judgment]) -> str:
    """Return the same as one line, "" where every claim can be judged."""
    return ": ".join(not_judged(judgments) or ())


COLUMNS = (
    "claim", "verdict", "p", "part", "part_verdict", "part_p", "seeds",
    "margin", "low", "high", "unit", "measured", "p_equivalent",
)  # fmt: skip


def write_claims_csv(judgments: Sequence[Judgment], folder: Path, prefix: str = "") -> Path:
    """Write ``claims.csv``, its name after ``prefix``; a number that is not known is left empty.

    p values are corrected (Holm); a positive margin is as claimed, with its 95 % interval. Claims
    that cannot be judged have no rows.

    Raises:
        TrainingError: when it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for judgment in judged(judgments):
        claim = (judgment.claim.text, judgment.verdict.value, _number(judgment.p))
        for finding in judgment.findings:
            margin = finding.margin
            interval = (margin.mean, margin.low, margin.high) if margin else (None,) * 3
            unit = "" if isinstance(finding.part, Random) else MEASURES[finding.part.measure].unit
            writer.writerow(
                (
                    *claim,
                    finding.part,
                    finding.verdict.value,
                    _number(finding.p),
                    finding.seeds,
                    *map(_number, interval),
                    unit,
                    finding.words,
                    _number(finding.p_equivalent),
                )
            )
    path = folder / f"{prefix}claims.csv"
    write_whole(path, text.getvalue())
    return path


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


ROW_INCHES, FRAME_INCHES = 0.27, 0.75


def write_claims(judgments: Sequence[Judgment], folder: Path, prefix: str = "") -> list[Path]:
    """Write ``claims.png``; return what was written.

    Where nothing can be compared, one of an earlier report would not be about this one: it goes.
    """
    figure, path = draw_claims(judgments), folder / f"{prefix}claims.png"
    if figure is None:
        path.unlink(missing_ok=True)
        return []
    save(figure, path)
    return [path]


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


def _by_measure(judgments: Sequence[Judgment]) -> dict[str, list[Finding]]:
    panels: dict[str, list[Finding]] = {}
    for judgment in judgments:
        for finding in judgment.findings:
            if finding.margin is not None and isinstance(finding.part, More | AtMost):
                panels.setdefault(finding.part.measure, []).append(finding)
    return panels


def _panel(axis: Any, measure: str, findings: Sequence[Finding]) -> None:
    for row, finding in enumerate(findings):
        margin, color = finding.margin, VERDICT_COLORS[finding.verdict]
        if margin is None:
            continue
        if margin.low is not None and margin.high is not None:
            axis.plot([margin.low, margin.high], [row, row], color=color, lw=2.2)
        # Hollow: one or two seeds, no interval.
        face = color if margin.low is not None else "white"
        axis.plot([margin.mean], [row], "o", ms=6, mec=color, mfc=face)
    axis.axvline(0, color=INK, lw=0.9, zorder=0)
    reach = max(map(abs, axis.get_xlim()))
    axis.set_xlim(-reach, reach)
    axis.axvspan(0, reach, color=GRID, alpha=0.35, lw=0, zorder=-1)
    axis.set_yticks(range(len(findings)), [_label(finding) for finding in findings])
    axis.set_ylim(len(findings) - 0.5, -0.5)
    axis.set_title(
        f"{MEASURES[measure].name} ({MEASURES[measure].unit})", fontsize=9.5, loc="left", color=SOFT
    )
    calm(axis)
    axis.grid(axis="y", visible=False)


def _label(finding: Finding) -> str:
    part = finding.part
    return f"{part.trial}: left below {part.limit:g}" if isinstance(part, AtMost) else str(part)


def _legend(figure: Any) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], color=color, marker="o", lw=2.2, label=verdict)
        for verdict, color in VERDICT_COLORS.items()
    ]
    hollow = VERDICT_COLORS[Verdict.UNDECIDED]
    marks.append(
        Line2D(
            [],
            [],
            color=hollow,
            marker="o",
            mfc="white",
            lw=0,
            label="too few seeds",
        )
    )
    figure.legend(
        handles=marks, loc="outside upper center", ncols=5, fontsize=9, frameon=False,
        title="left of zero: against the claim · right: as claimed", title_fontsize=9,
    )  # fmt: skip
