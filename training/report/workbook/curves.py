"""All trials in one chart, and again without the collapsed ones, which would flatten the rest."""

from __future__ import annotations

import numpy as np

from normviz.workbook.book.cells import Book, Page
from normviz.workbook.book.charts import Line, line_chart
from training.report.plots import last_accuracies, outliers
from training.report.workbook.parts import (
    ACCURACY,
    CURVES,
    FIRST_ROW,
    LOSS,
    fit_text,
    header,
    heading,
    nice_scale,
    number,
    start,
)
from training.report.workbook.trial import TrialSheet
from training.results.run_folder import Results, averaged, counted

CHART_ROWS, CHART_SIZE, CHART_COLUMNS = 19, (17.6, 9.6), 8
LEAST_COLUMNS, COLUMN_WIDTH = 2 * CHART_COLUMNS, 11.5
MEASURES = (("accuracy", "test_accuracy", ACCURACY, "%"), ("loss", "test_loss", LOSS, "mean NLL"))
TEXT = (
    "Test accuracy and loss by epoch, each the mean over {}, from the trials' own sheets. "
    "The right chart leaves out trials far below the others and begins where curves settle."
)


def build(book: Book, run: Results, sheets: dict[str, TrialSheet]) -> Page:
    """Make the sheet: two charts and one table for each of accuracy and loss."""
    last_column = 1 + max(LEAST_COLUMNS, 1 + len(sheets))
    text = TEXT.format(averaged(run))
    page = start(book, CURVES, "Curves of all trials", text, last_column)
    page.widths.update(dict.fromkeys(range(2, last_column + 1), COLUMN_WIDTH))
    fit_text(page, text, last_column)
    left_out = outliers(last_accuracies(run))
    table = FIRST_ROW + 2 * (CHART_ROWS + 2)
    for place, (measure, name, form, unit) in enumerate(MEASURES):
        steps, lines, below = _table(page, sheets, measure, name, form, table)
        row = heading(page, FIRST_ROW + place * (CHART_ROWS + 2), f"Test {measure}")
        kept = [line for line in lines if line.name not in left_out]
        # The outliers come last, so that the others look the same in both charts.
        lines = kept + [line for line in lines if line.name in left_out]
        for column, (shown, settled) in enumerate(((lines, False), (kept, True))):
            values = _values(page, shown, settled)
            without = f" without {', '.join(sorted(left_out))}" if settled and left_out else ""
            title = f"{'Closer:' if settled else 'All trials:'} test {measure}{without}"
            axes, corner = ("epoch", unit), (row, 2 + CHART_COLUMNS * column)
            scale = nice_scale(values)
            page.charts.append(line_chart(title, steps, shown, axes, scale, corner, CHART_SIZE))
        table = below + 1
    return page


def _table(
    page: Page, sheets: dict[str, TrialSheet], measure: str, name: str, form: str, row: int
) -> tuple[tuple[int, int, int, int], list[Line], int]:
    """Epochs down, trials across; returns the column of epochs, the lines and the row below."""
    row = heading(page, row, f"Test {measure}, the mean by epoch")
    top = header(page, row, ["epoch", *sheets], height=32)
    longest = {
        trial: max(len(r.record.epochs) for r in counted(sheet.trial.results))
        for trial, sheet in sheets.items()
    }
    bottom = top + max(longest.values()) - 1
    for epoch in range(1, bottom - top + 2):
        page.put(top + epoch - 1, 2, epoch, number("0"))
        for column, (trial, sheet) in enumerate(sheets.items(), start=3):
            if epoch <= longest[trial]:
                formula, value = sheet.at_epoch(name, epoch)
                page.put(top + epoch - 1, column, value, number(form), formula)
    lines = [
        Line(trial, (top, column, bottom, column)) for column, trial in enumerate(sheets, start=3)
    ]
    return (top, 2, bottom, 2), lines, bottom + 1


def _values(page: Page, lines: list[Line], settled: bool) -> list[float]:
    """The numbers that the axis has to show; the first third may leave a settled picture."""
    values: list[float] = []
    for line in lines:
        column = [float(v) for v in page.values(line.area) if v is not None]
        values += column[len(column) // 3 :] if settled else column
    return values if values else [float(np.nan)]
