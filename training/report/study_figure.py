"""A study drawn: errors of its arms and its questions; of norms and batch sizes a heat map."""

from __future__ import annotations

import math
import re
from textwrap import fill
from typing import Any

from training.experiments.study import ERROR, LARGEST_RATE, Study
from training.report.plots import COLORS, GRID, INK, SOFT, VERDICT_COLORS, calm
from training.results.study_table import StudyTable, mean_errors
from training.results.study_verdicts import NOT_WHOLE, Answer, answers, verdict

DARKEST = 3  # times the smallest error of a heat map
FAR = 99.0  # beyond every logarithm of a ratio
LEAST_TICKS = 3


def draw_study(table: StudyTable) -> Any:
    """Return the figure: the error of each arm, a column a data set; below, the questions.

    A description of norms and batch sizes is a heat map.
    """
    from matplotlib.figure import Figure

    if (grid := norm_by_batch(table)) is not None:
        return draw_heat_map(table, *grid)
    study = table.study
    datasets = [name for name in study.datasets if name in table.datasets] or table.datasets
    asked = [each for each in answers(table) if any(one.estimate for one in each)]
    heights = [0.6 + len(study.arms), 0.6 + 1.5 * len(asked)] if asked else [1]
    inches = 2.6 + 0.34 * sum(heights)
    figure = Figure(figsize=(max(9.5, 4.8 * len(datasets)), inches), dpi=110, layout="constrained")
    figure.suptitle(_title(table), fontsize=11, color=INK)
    axes = figure.subplots(len(heights), len(datasets), squeeze=False, height_ratios=heights)
    for column, dataset in enumerate(datasets):
        _errors(axes[0][column], table, dataset)
        if asked:
            of_set = [one for each in asked for one in each if one.dataset == dataset]
            _questions(axes[1][column], of_set)
    for row in axes:
        for axis in row[1:]:
            axis.set_yticklabels([])
    if asked:
        _legend(figure, [one for each in asked for one in each])
    return figure


def _title(table: StudyTable) -> str:
    """What it is about and, once it is whole, what its claim comes to."""
    study = table.study
    title = f"{study.title}{table.remarks}{_unit(study)}"
    if not (study.tests and table.is_whole):
        return title
    together = verdict(table)
    claim = fill(study.claim or "together", 90)
    p = f"p = {together.p:.2g}, after Holm {together.adjusted:.2g}"
    return f"{title}\n{claim}: {together.verdict} ({p})"


def _unit(study: Study) -> str:
    """What arms called "BN x0.03" are that many times of, if it is one learning rate."""
    ones, rates = set(), {config.learning_rate for config in study.arms.values()}
    for arm, config in study.arms.items():
        times = re.search(r" x(\d+(?:\.\d+)?)$", arm)
        factor = float(times[1]) if times else 0.0
        ones.add(f"{config.learning_rate / factor:g}" if factor else "")
    said = len(ones) == 1 < len(rates) and all(ones)
    return f"; x1 is a learning rate of {ones.pop()}" if said else ""


def _errors(axis: Any, table: StudyTable, dataset: str) -> None:
    arms = list(table.study.arms)
    found = mean_errors(table, dataset)
    for row, arm in enumerate(arms):
        values = [math.exp(v) for v in table.measured(ERROR, arm, dataset).values()]
        axis.plot(values, [row] * len(values), "o", color=COLORS[0], ms=4, alpha=0.55)
        if arm in found:
            axis.plot([found[arm].mean], [row], "|", color=COLORS[0], ms=14, mew=2)
    axis.set_xscale("log")
    axis.set_yticks(range(len(arms)), arms)
    axis.set_ylim(len(arms) - 0.5, -0.5)
    title = f"{dataset}: test error of every seed (%)"
    axis.set_title(title, fontsize=9.5, loc="left", color=SOFT)
    _plain_ticks(axis)
    calm(axis)


def _questions(axis: Any, found: list[Answer]) -> None:
    for row, one in enumerate(found):
        if one.estimate is None or one.estimate.low is None or one.estimate.high is None:
            continue
        color = VERDICT_COLORS.get(one.verdict, SOFT)
        low, high = (
            end if v is None else v for v, end in zip(_gray(one), (-FAR, FAR), strict=True)
        )
        axis.fill_betweenx([row - 0.4, row + 0.4], low, high, color=GRID, alpha=0.6, lw=0)
        for limit in _beside(one):
            axis.plot([limit, limit], [row - 0.4, row + 0.4], "--", color=INK, lw=1)
        axis.plot([one.estimate.low, one.estimate.high], [row, row], color=color, lw=2.2)
        axis.plot([one.estimate.mean], [row], "o", color=color, ms=6)
    ends = [v for one in found if one.estimate for v in (one.estimate.low, one.estimate.high)]
    ends += [limit for one in found for limit in (*_gray(one), *_beside(one))]
    reach = 1.15 * max(abs(v) for v in (*ends, 0.05) if v is not None)
    axis.set_xlim(-reach, reach)
    axis.set_yticks(range(len(found)), [_folded(one.question.text) for one in found])
    axis.set_ylim(len(found) - 0.5, -0.5)
    axis.locator_params(axis="x", nbins=5)
    slope = "" if all(one.question.is_ratio for one in found) else ", or slope"
    title = f"logarithm of the ratio{slope}, 95 % interval"
    axis.set_title(title, fontsize=9.5, loc="left", color=SOFT)
    calm(axis)
    axis.axvline(0, color=INK, lw=0.8, zorder=0)


def _legend(figure: Any, found: list[Answer]) -> None:
    """Say what the colors mean, and the gray, which is not of every question the same."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    colors = dict(VERDICT_COLORS)
    if any(one.verdict == NOT_WHOLE for one in found):
        colors[NOT_WHOLE] = SOFT
    marks: list[Any] = [
        Line2D([], [], color=color, marker="o", lw=2.2, label=word)
        for word, color in colors.items()
    ]
    words = {False: "asked about", True: "equal enough to refute"}
    gray = ", or ".join(words[key] for key in sorted({one.question.outside for one in found}))
    marks.append(Patch(color=GRID, alpha=0.6, label=gray))
    if any(map(_beside, found)):
        marks.append(Line2D([], [], color=INK, ls="--", lw=1, label="right of it refutes, too"))
    title = "each question on each data set by itself, before Holm's correction"
    if any(one.question.measure == LARGEST_RATE for one in found):
        title += "; of the largest rate by a sign test over the seeds, not by the interval"
    figure.legend(
        handles=marks, loc="outside lower center", ncols=len(marks), fontsize=9, frameon=False,
        title=title, title_fontsize=9,
    )  # fmt: skip


def _gray(one: Answer) -> tuple[float | None, float | None]:
    """The limits asked about; where a difference is asked about, those of what refutes it."""
    question = one.question
    if question.outside:
        return question.refuted_low, question.refuted_high
    return question.low, question.high


def _beside(one: Answer) -> list[float]:
    """A limit within the gray above which refutes, too: it can hold there, and not matter."""
    question, limit = one.question, one.question.refuted_high
    if limit is None or question.outside:
        return []
    low = -math.inf if question.low is None else question.low
    high = math.inf if question.high is None else question.high
    return [limit] if low < limit < high else []


def _folded(text: str) -> str:
    """At the colon if it is long, and a number with its unit and the word before it on one line."""
    width = 40
    parts = re.split(r"(?<=:) ", text, maxsplit=1) if len(text) > width else [text]
    together = (re.sub(r" (?=[\d%])", "\N{NO-BREAK SPACE}", part) for part in parts)
    return "\n".join(fill(part, width) for part in together)


def _plain_ticks(axis: Any) -> None:
    """Few round numbers, of a range in which few powers of ten or their parts lie evenly spaced."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

    low, high = axis.get_xlim()
    for subs in ((1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        locator: Any = LogLocator(subs=subs)
        if sum(low <= tick <= high for tick in locator.tick_values(low, high)) >= LEAST_TICKS:
            break
    else:
        locator = MaxNLocator(nbins=6, steps=[1, 2, 5, 10])
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.xaxis.set_minor_locator(NullLocator())


def norm_by_batch(table: StudyTable) -> tuple[dict[str, str], list[int]] | None:
    """Return the norms, each with the name its arms begin with, and the batch sizes of a study.

    None for a study that asks questions or whose arms differ in more than these two.
    """
    arms = table.study.arms
    sizes = sorted({config.batch_size for config in arms.values()})
    norms = {config.norm: arm.rpartition(" ")[0] for arm, config in arms.items()}
    cells = {(config.norm, config.batch_size) for config in arms.values()}
    whole = len(cells) == len(arms) == len(sizes) * len(norms) and len(sizes) > 1 < len(norms)
    return (norms, sizes) if whole and not table.study.tests else None


def draw_heat_map(table: StudyTable, norms: dict[str, str], sizes: list[int]) -> Any:
    """Return the figure: test error by norm and batch size, a panel a data set."""
    from matplotlib.figure import Figure

    arms = {(config.norm, config.batch_size): arm for arm, config in table.study.arms.items()}
    cells = [[arms[norm, size] for size in sizes] for norm in norms]
    width = 2.0 + 3.4 * len(table.datasets)
    figure = Figure(figsize=(width, 1.5 + 0.42 * len(norms)), dpi=110, layout="constrained")
    figure.suptitle(f"{table.study.title}{table.remarks}", fontsize=11, color=INK)
    panels = figure.subplots(1, len(table.datasets), squeeze=False)[0]
    for axis, dataset in zip(panels, table.datasets, strict=True):
        errors = {
            arm: [math.exp(v) for v in table.measured(ERROR, arm, dataset).values()]
            for arm in arms.values()
        }
        _heat(axis, dataset, [[errors[arm] for arm in row] for row in cells])
        axis.set_xticks(range(len(sizes)), [f"batch {size}" for size in sizes])
        axis.set_yticks(range(len(norms)), norms.values())
    return figure


def _heat(axis: Any, dataset: str, errors: list[list[list[float]]]) -> None:
    """Draw a panel: a row a norm, of each cell the errors of its seeds."""
    from matplotlib.colors import LogNorm

    means = [[sum(one) / len(one) if one else math.nan for one in row] for row in errors]
    known = [value for row in means for value in row if math.isfinite(value)]
    # One arm that hardly learned must not make all others look alike.
    low, high = min(known), min(max(known), DARKEST * min(known))
    axis.imshow(means, cmap="YlOrBr", norm=LogNorm(low, high), aspect="auto")
    for row, line in enumerate(errors):
        for column, one in enumerate(line):
            dark = means[row][column] > low**0.4 * high**0.6
            axis.text(
                column, row, _cell(one), ha="center", va="center", fontsize=8.5,
                color="white" if dark else INK,
            )  # fmt: skip
    both = {len(one) for row in errors for one in row if one} == {2}
    title = f"{dataset}: test error (%), mean{' and both seeds' if both else ''}"
    if max(known) > high:
        title += f";\nfrom {high:.1f} on drawn alike"
    axis.set_title(title, fontsize=9.5, loc="left", color=SOFT)
    axis.tick_params(length=0, labelsize=9, labelcolor=INK)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _cell(errors: list[float]) -> str:
    """The mean, and below it two seeds' own errors, of more how many there are."""
    if not errors:
        return "–"
    seeds = f"{len(errors)} seed{'s' * (len(errors) > 1)}"
    below = ", ".join(f"{error:.2f}" for error in errors) if len(errors) == 2 else seeds
    return f"{sum(errors) / len(errors):.2f}\n{below}"
