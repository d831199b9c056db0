"""What a run was asked: the difference of every two of its trials, as figure, file and table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from training.files import write_whole
from training.record.gallery import save
from training.report.plots import COLORS, INK, SOFT, calm, far_below
from training.results.comparisons import Comparison, compare_all
from training.results.run_folder import Results
from training.results.verdicts import ALPHA

WIDTH = 70  # of the words below the figure
MOST_ROWS = 28  # of the figure: every two of eight trials; of more, the largest differences
COLUMNS = (
    "first", "second", "seeds", "difference", "low", "high", "low_with_images",
    "high_with_images", "p_holm", "compared", "p_equivalent_holm", "detectable",
)  # fmt: skip


def write_differences(run: Results, folder: Path, prefix: str = "") -> list[Path]:
    """Write ``differences.csv`` and ``differences.png``, where there are two trials to compare.

    Where there are not, those of an earlier report would not be about this one: they go.

    Returns:
        What was written, each name after ``prefix``.

    Raises:
        TrainingError: when one cannot be written.
    """
    found = compare_all(run)
    table, figure = (folder / f"{prefix}differences.{kind}" for kind in ("csv", "png"))
    if not found:
        for path in (table, figure):
            path.unlink(missing_ok=True)
        return []
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in found:
        margin, images = one.margin, one.with_images
        values = (margin.mean, margin.low, margin.high)
        wider = (images.low, images.high) if images else (None, None)
        known = (*values, *wider, one.p, one.p_equivalent, one.detectable)
        numbers = ["" if v is None else f"{v:.6g}" for v in known]
        writer.writerow(
            (one.first, one.second, margin.n, *numbers[:-2], one.compared, *numbers[-2:])
        )
    write_whole(table, text.getvalue())
    save(draw_differences(run, found), figure)
    return [table, figure]


def draw_differences(run: Results, found: Sequence[Comparison]) -> Any:
    """Return the figure: a row a pair; thick over the seeds, thin over seeds and images.

    Pairs with a trial far below the others are left out, where others remain.
    """
    from matplotlib.figure import Figure

    far = far_below(run)
    near = [one for one in found if not far & {one.first, one.second}] or found
    shown = near[:MOST_ROWS]
    figure = Figure(figsize=(9.5, 1.3 + 0.3 * len(shown)), dpi=110, layout="constrained")
    axis = figure.subplots()
    for row, one in enumerate(shown):
        for estimate, width in ((one.with_images, 1.0), (one.margin, 3.0)):
            if estimate and estimate.low is not None and estimate.high is not None:
                ends = [estimate.low, estimate.high]
                axis.plot(ends, [row, row], color=COLORS[0], lw=width, solid_capstyle="butt")
        sure = one.p is not None and one.p <= ALPHA
        face = COLORS[0] if sure else "white"
        axis.plot([one.margin.mean], [row], "o", ms=6, mec=COLORS[0], mfc=face)
    axis.axvline(0, color=INK, lw=0.9, zorder=0)
    axis.set_yticks(range(len(shown)), [str(one) for one in shown])
    axis.set_ylim(len(shown) - 0.5, -0.5)
    rest = f"without {', '.join(sorted(far))}" if len(near) < len(found) else ""
    axis.set_xlabel("difference of the last test accuracy (points)\n" + fill(rest, WIDTH))
    title = _what_is_drawn(shown)
    title += f" · the largest {len(shown)} of {len(near)}" if len(near) > len(shown) else ""
    axis.set_title(title, fontsize=9.5, loc="left", color=SOFT)
    calm(axis)
    axis.grid(axis="y", visible=False)
    return figure


def _what_is_drawn(shown: Sequence[Comparison]) -> str:
    if all(one.margin.low is None for one in shown):
        return "no intervals: fewer than three seeds"
    both = any(one.with_images for one in shown)
    over = "thick over seeds, thin over seeds and images, which decides" if both else "over seeds"
    return f"95 % intervals: {over}\nfilled: p ≤ {ALPHA:g}"
