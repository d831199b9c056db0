"""A study's answers: in the terminal, as NAME-verdicts.csv and, drawn beside, as NAME.png."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from training.files import write_whole
from training.record.gallery import save
from training.report.study_figure import draw_study
from training.results.study_table import StudyTable, mean_errors
from training.results.study_verdicts import NOT_WHOLE, Answer, answers, tested_along, verdict

VERDICT_COLUMNS = (
    "question", "primary", "dataset", "verdict", "seeds", "mean", "low", "high", "p", "p_holm",
    "p_refuted", "detectable", "study", "shown_within",
)  # fmt: skip
HIGHEST = 700.0  # of which a logarithm is; beyond it there is no float


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
        format(math.exp(min(v, HIGHEST)) if one.question.is_ratio else v, ".3f")
        for v in values
        if v is not None
    )
    return f"{mean} [{', '.join(ends)}]" if ends else f"{mean}, no interval"


def _judged(table: StudyTable) -> str:
    """The data sets of a verdict: of a study that names none those of its rows, by their names."""
    return "all" if table.study.datasets else " and ".join(table.judged)


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
            values = (*values, one.p, None, one.p_refuted, one.detectable, one.shown_within)
            *numbers, within = ("" if v is None or not found else f"{v:.6g}" for v in values)
            question = one.question
            writer.writerow(
                (question.text, int(question.primary), one.dataset, one.verdict,
                 found.n if found else 0, *numbers, made_of, within)
            )  # fmt: skip
    if table.study.tests:
        together = verdict(table)
        words = (table.study.claim or table.study.title, 1, _judged(table), together.verdict)
        p_values = [f"{p:.6g}" for p in (together.p, together.adjusted)]
        writer.writerow((*words, *[""] * 4, *p_values, *[""] * 2, made_of, ""))
    return text.getvalue()
