"""The first sheet: every trial, published beside measured, and what the run was made of."""

from __future__ import annotations

import math

import numpy as np

from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book, Page, Value
from normviz.workbook.book.styles import (
    BACK_LINK,
    BAD,
    BAD_INK,
    LABEL_RIGHT,
    LINK,
    PLAIN,
    Style,
)
from normviz.workbook.draw.page_head import LINK_ROW
from training.experiments.claims import TARGET
from training.record.task_folder import CONSTANT_ANSWER
from training.report.page import conditions, missing
from training.report.workbook.parts import (
    ACCURACY,
    FIRST_ROW,
    HOME,
    TEXT_CELL,
    fit_text,
    header,
    heading,
    height,
    number,
    start,
)
from training.report.workbook.trial import TrialSheet
from training.results.intervals import CONFIDENCE, LEAST_SEEDS, student_quantile
from training.results.over_seeds import Overview
from training.results.run_folder import Results

BANNER = Style(size=20, bold=True, color=BAD_INK, fill=BAD, horizontal="center")
WIDTHS = (23, 36, 25, 10, 10, 7, 10, 12, 9, 12, 10, 11, 11, 10)
HALF = f"half the {100 * CONFIDENCE:g} % interval"
HEADINGS = (
    "trial", "recipe", "published, on MNIST", "published last, %", "published best, %", "seeds",
    "last epoch, %", "± (standard deviation)", "t", HALF, "best epoch, %", "best epoch at",
    f"first at {TARGET} %", "training, s",
)  # fmt: skip
LAST_COLUMN = 1 + len(HEADINGS)
Measured = list[tuple[Value, str, str | None]]  # value, format, formula
TEXT = (
    "Accuracy on the test set, in percent. The last epoch is the honest number; the best epoch "
    "was chosen by looking at the test set. With several seeds: the mean, and ± is the standard "
    f"deviation over them; of {LEAST_SEEDS} or more, {HALF} of the mean by Student's t. "
    f"A seed that diverged counts as a constant answer ({CONSTANT_ANSWER:g} %). "
    "Every number is a formula over the trials' own sheets."
)


def begin(book: Book, run: Results) -> Page:
    """Begin the sheet before the others, so that it comes first."""
    page = start(book, HOME, f"Normalization on {run.data_name.split(' (')[0]}", TEXT, LAST_COLUMN)
    page.widths.update(dict(enumerate(WIDTHS, start=2)))
    fit_text(page, TEXT, LAST_COLUMN)
    return page


def fill(page: Page, run: Results, trials: list[Overview], sheets: dict[str, TrialSheet]) -> None:
    """Write the table and the conditions, when the sheets that they point to stand."""
    row = FIRST_ROW
    if run.is_sample:
        page.span((row, 2, row, LAST_COLUMN), "SAMPLE RUN: NOT MNIST RESULTS", BANNER)
        page.heights[row] = 40
        row += 2
    row = header(page, row, HEADINGS, height=32)
    for trial in trials:
        _trial_row(page, trial, sheets.get(trial.name), row)
        row += 1
    lines = missing(run, trials)
    if lines:
        row = heading(page, row + 1, "What is missing")
        row = _lines(page, lines, row)
    row = heading(page, row + 1, "How it was made")
    for label, values in conditions(run.results).items():
        page.put(row, 2, label, LABEL_RIGHT.but(indent=1))
        row = _lines(page, values, row, left=3)


def link(page: Page, book: Book, sheets: dict[str, TrialSheet]) -> None:
    """Lead to the sheets that are not of one trial; to the others the table does."""
    of_trials = {sheet.page.title for sheet in sheets.values()}
    others = [p.title for p in book.pages if p.title not in {HOME} | of_trials]
    for column, title in enumerate(others, start=2):
        page.put(LINK_ROW, column, title, BACK_LINK)
        page.link(LINK_ROW, column, title)


def _lines(page: Page, lines: list[str], row: int, left: int = 2) -> int:
    for line in lines:
        page.span((row, left, row, LAST_COLUMN), line, PLAIN.but(wrap=True, vertical="top"))
        page.heights[row] = 13.5 * math.ceil(len(line) / page.width(left, LAST_COLUMN))
        row += 1
    return row


def _trial_row(page: Page, trial: Overview, sheet: TrialSheet | None, row: int) -> None:
    published = trial.config.published
    page.put(row, 2, trial.name, LINK.but(edge=TEXT_CELL.edge, indent=1))
    if sheet:
        page.link(row, 2, sheet.page.title)
    page.put(row, 3, trial.config.summary, TEXT_CELL)
    page.put(row, 4, published.text if published else None, TEXT_CELL)
    known = (published.last, published.best) if published else (None, None)
    for column, accuracy in enumerate(known, start=5):
        page.put(row, column, accuracy, number(ACCURACY))
    texts = zip((trial.config.summary, published.text if published else ""), (3, 4), strict=True)
    page.heights[row] = max(height(page, text, column) for text, column in texts)
    if not trial.ended:
        page.span((row, 7, row, LAST_COLUMN), trial.results[0].status, TEXT_CELL)
        return
    for column, (value, form, formula) in enumerate(_measured(trial, sheet, row), start=7):
        page.put(row, column, value, number(form), formula)


def _measured(trial: Overview, sheet: TrialSheet | None, row: int) -> Measured:
    """Seeds, last, deviation, t, interval, best, and what finished seeds alone have."""
    # A seed that diverged has no row on its trial's sheet; it counts as a constant answer.
    finished = sheet if trial.finished else None
    lost = [CONSTANT_ANSWER] * trial.diverged
    last = np.array([r.last_accuracy for r in trial.finished] + lost)
    best = np.array([r.record.best.test_accuracy for r in trial.finished] + lost)
    count = len(last)
    constants = [f"{value:g}" for value in lost]
    area, best_area = (
        ",".join(([finished.over_seeds(heading)] if finished else []) + constants)
        for heading in ("last epoch, %", "best epoch, %")
    )
    n, deviation, t = (address(row, column) for column in (7, 9, 10))
    spread: Measured = [(None, ACCURACY, None)] * 3
    if count > 1:
        sd = float(last.std(ddof=1))
        spread[0] = (sd, "0.000", f"SQRT(DEVSQ({area})/({n}-1))")
    if count >= LEAST_SEEDS:
        factor = student_quantile((1 + CONFIDENCE) / 2, count - 1)
        half = factor * sd / math.sqrt(count)
        spread[1:] = [
            (factor, "0.00", None),
            (half, "0.000", f"{t}*{deviation}/SQRT({n})"),
        ]
    return [
        (count, "0", f"COUNT({area})"),
        (float(last.mean()), ACCURACY, f"AVERAGE({area})"),
        *spread,
        (float(best.mean()), ACCURACY, f"AVERAGE({best_area})"),
        *_of_finished(trial, finished),
    ]


def _of_finished(trial: Overview, sheet: TrialSheet | None) -> Measured:
    """The epochs of the best, first at target, seconds; ``sheet`` where a seed has finished."""
    epochs: Measured = [(trial.target_epochs, "0", None)]
    if sheet is None:
        return [(None, "0", None), *epochs, (None, "0", None)]
    seconds = [sum(e.train_seconds for e in r.record.epochs) for r in trial.finished]
    at = sheet.over_seeds("at epoch")
    text = f'IF(MIN({at})=MAX({at}),MIN({at})&"",MIN({at})&" to "&MAX({at}))'
    return [
        (trial.best_epochs, "0", text),
        *epochs,
        (float(np.mean(seconds)), "0", f"AVERAGE({sheet.over_seeds('training, s')})"),
    ]
