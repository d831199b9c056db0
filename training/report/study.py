"""A study's answers: in the terminal, as NAME-verdicts.csv and as a figure, NAME.png."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from textwrap import fill
from typing import Any

from rich.markup import escape
from rich.table import Table

from training.experiments.study import EFFECTIVE_RATE, ERROR
from training.files import write_whole
from training.record.gallery import save
from training.report.plots import COLORS, GRID, INK, SOFT, VERDICT_COLORS, calm
from training.results.study_table import StudyTable, mean_errors
from training.results.study_verdicts import NOT_WHOLE, Answer, answers, tested_along, verdict

VERDICT_COLUMNS = (
    "question", "primary", "dataset", "verdict", "seeds", "mean", "low", "high", "p", "p_holm",
    "p_refuted", "detectable", "study",
)  # fmt: skip
HIGHEST = 700.0  # of which a logarithm is; beyond it there is no float
DARKEST = 3  # times the smallest error of a heat map


def study_table(table: StudyTable) -> Table:
    """Return the answers for the terminal; without questions, the errors of the arms."""
    study = table.study
    shown = Table(title=escape(study.title + table.remarks))
    if not study.tests:
        for heading in ("arm", "data", "seeds", "test error, %"):
            shown.add_column(heading)
        for dataset in table.datasets:
            for arm, found in mean_errors(table, dataset).items():
                shown.add_row(escape(arm), dataset, str(found.n), escape(str(found)))
        return shown
    for heading in ("question", "data", "seeds", "ratio, 95 % interval", "verdict"):
        shown.add_column(heading)
    for each in answers(table):
        for one in each:
            n = str(one.estimate.n) if one.estimate else "0"
            if one.estimate and one.estimate.n < len(study.seeds):
                n += f" of {len(study.seeds)}"
            row = (one.question.text, one.dataset, n, measured(one), one.verdict)
            shown.add_row(*map(escape, row))
    together = verdict(table)
    shown.add_row(escape(study.claim or study.title), _judged(table), "", "", together.verdict)
    left = sum(map(table.left, table.judged))
    caption = f"p = {together.p:.3g}, by Holm over {together.claims} claims {together.adjusted:.3g}"
    if together.verdict == NOT_WHOLE:
        caption = f"not whole yet: {left} tasks are left, and before the last there is no verdict"
    shown.caption = caption
    return shown


def measured(one: Answer) -> str:
    """Write what was measured, with the interval if there is one: of logarithms the ratio."""
    if one.estimate is None:
        return "–"
    values = (one.estimate.mean, one.estimate.low, one.estimate.high)
    mean, *ends = (
        format(math.exp(min(v, HIGHEST)) if is_ratio(one) else v, ".3f")
        for v in values
        if v is not None
    )
    return f"{mean} [{', '.join(ends)}]" if ends else f"{mean}, no interval"


def _judged(table: StudyTable) -> str:
    """The data sets of a verdict: of a study that names none those of its rows, by their names."""
    return "all" if table.study.datasets else " and ".join(table.judged)


def is_ratio(one: Answer) -> bool:
    """Whether a question is about a ratio, not about a slope."""
    return one.question.measure != EFFECTIVE_RATE


def write_study(table: StudyTable) -> list[Path]:
    """Write verdicts and figure beside the table and return all three.

    The verdicts of the claims tested along with it are written anew: they change with its p value.

    Raises:
        TrainingError: when one cannot be written.
    """
    figure = table.path.with_suffix(".png")
    for each in tested_along(table):
        if each is table or each.path.exists():
            write_whole(_verdicts(each), _verdict_rows(each))
    paths = [table.path, _verdicts(table)]
    if table.own:
        save(draw_study(table), figure)
        paths.append(figure)
    return paths


def _verdicts(table: StudyTable) -> Path:
    return table.path.with_name(f"{table.path.stem}-verdicts.csv")


def _verdict_rows(table: StudyTable) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(VERDICT_COLUMNS)
    made_of = f"{table.study.digest} {table.conditions}".rstrip()
    for each in answers(table):
        for one in each:
            found = one.estimate
            values = (found.mean, found.low, found.high) if found else (None, None, None)
            values = (*values, one.p, None, one.p_refuted, one.detectable)
            numbers = ["" if v is None or not found else f"{v:.6g}" for v in values]
            question = one.question
            writer.writerow(
                (question.text, int(question.primary), one.dataset, one.verdict,
                 found.n if found else 0, *numbers, made_of)
            )  # fmt: skip
    if table.study.tests:
        together = verdict(table)
        words = (table.study.claim or table.study.title, 1, _judged(table), together.verdict)
        p_values = [f"{p:.6g}" for p in (together.p, together.adjusted)]
        writer.writerow((*words, *[""] * 4, *p_values, *[""] * 2, made_of))
    return text.getvalue()


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
    inches = 2.0 + 0.34 * sum(heights)
    figure = Figure(figsize=(max(9.5, 4.8 * len(datasets)), inches), dpi=110, layout="constrained")
    figure.suptitle(f"{study.title}{table.remarks}", fontsize=11, color=INK)
    axes = figure.subplots(len(heights), len(datasets), squeeze=False, height_ratios=heights)
    for column, dataset in enumerate(datasets):
        _errors(axes[0][column], table, dataset)
        if asked:
            of_set = [one for each in asked for one in each if one.dataset == dataset]
            _questions(axes[1][column], of_set)
    for row in axes:
        for axis in row[1:]:
            axis.set_yticklabels([])
    return figure


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
    axis.set_title(f"{dataset}: test error of every seed (%)", fontsize=9.5, loc="left", color=SOFT)
    _plain_ticks(axis)
    calm(axis)


def _questions(axis: Any, found: list[Answer]) -> None:
    for row, one in enumerate(found):
        if one.estimate is None or one.estimate.low is None or one.estimate.high is None:
            continue
        color = VERDICT_COLORS.get(one.verdict, SOFT)
        limits = (one.question.low, one.question.high)
        if one.question.outside:
            limits = (one.question.refuted_low, one.question.refuted_high)
        low, high = (
            limit if limit is not None else end for limit, end in zip(limits, (-9, 9), strict=True)
        )
        axis.fill_betweenx([row - 0.4, row + 0.4], low, high, color=GRID, alpha=0.6, lw=0)
        for limit in _beside(one):
            axis.plot([limit, limit], [row - 0.4, row + 0.4], "--", color=INK, lw=1)
        axis.plot([one.estimate.low, one.estimate.high], [row, row], color=color, lw=2.2)
        axis.plot([one.estimate.mean], [row], "o", color=color, ms=6)
    ends = [v for one in found if one.estimate for v in (one.estimate.low, one.estimate.high)]
    ends += [v for one in found for v in (one.question.low, one.question.high) if v is not None]
    beside = [limit for one in found for limit in _beside(one)]
    ends += beside
    reach = 1.15 * max(abs(v) for v in (*ends, 0.05) if v is not None)
    axis.set_xlim(-reach, reach)
    axis.set_yticks(range(len(found)), [_folded(one.question.text) for one in found])
    axis.set_ylim(len(found) - 0.5, -0.5)
    axis.locator_params(axis="x", nbins=5)
    measure = "logarithm of the ratio" + ("" if all(map(is_ratio, found)) else ", or slope")
    gray = (
        "asked about; right of dashes refutes, too" if beside else "within the limits asked about"
    )
    axis.set_title(
        f"{measure}, 95 % interval\n(gray: {gray})",
        fontsize=9.5,
        loc="left",
        color=SOFT,
    )
    calm(axis)
    axis.axvline(0, color=INK, lw=0.8, zorder=0)


def _beside(one: Answer) -> list[float]:
    """A limit within the gray above which refutes, too: it can hold there, and not matter."""
    question, limit = one.question, one.question.refuted_high
    if limit is None or question.outside:
        return []
    low = -math.inf if question.low is None else question.low
    high = math.inf if question.high is None else question.high
    return [limit] if low < limit < high else []


def _folded(text: str) -> str:
    """Two lines, and a number with its unit on one of them."""
    return fill(text.replace(" %", "\N{NO-BREAK SPACE}%"), 36)


def _plain_ticks(axis: Any) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    low, high = axis.get_xlim()
    axis.xaxis.set_major_locator(
        LogLocator(subs=(1, 2, 5) if high > 12 * low else (1, 1.5, 2, 3, 5, 7))
    )
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())


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
    """Return the figure: mean test error by norm and batch size, a panel a data set."""
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    arms = {(config.norm, config.batch_size): arm for arm, config in table.study.arms.items()}
    width = 2.0 + 3.4 * len(table.datasets)
    figure = Figure(figsize=(width, 1.3 + 0.42 * len(norms)), dpi=110, layout="constrained")
    figure.suptitle(f"{table.study.title}{table.remarks}", fontsize=11, color=INK)
    for axis, dataset in zip(
        figure.subplots(1, len(table.datasets), squeeze=False)[0], table.datasets, strict=True
    ):
        found = mean_errors(table, dataset)
        means = [[found.get(arms[norm, size]) for size in sizes] for norm in norms]
        values = [[one.mean if one else math.nan for one in row] for row in means]
        known = [value for row in values for value in row if math.isfinite(value)]
        # One arm that hardly learned must not make all others look alike.
        low, high = min(known), min(max(known), DARKEST * min(known))
        axis.imshow(values, cmap="YlOrBr", norm=LogNorm(low, high), aspect="auto")
        for row, line in enumerate(means):
            for column, one in enumerate(line):
                dark = one is not None and one.mean > low**0.4 * high**0.6
                text = f"{one.mean:.2f}\n{one.n} seeds" if one else "–"
                axis.text(
                    column, row, text.replace("1 seeds", "1 seed"), ha="center", va="center",
                    fontsize=8.5, color="white" if dark else INK,
                )  # fmt: skip
        axis.set_xticks(range(len(sizes)), [f"batch {size}" for size in sizes])
        axis.set_yticks(range(len(norms)), norms.values())
        title = f"{dataset}: mean test error (%), darkest from {high:.1f}"
        axis.set_title(title, fontsize=9.5, loc="left", color=SOFT)
        axis.tick_params(length=0, labelsize=9, labelcolor=INK)
        for spine in axis.spines.values():
            spine.set_visible(False)
    return figure
