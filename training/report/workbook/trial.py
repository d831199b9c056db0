"""The sheet of one trial: its seeds, its curves as native charts, its mistakes, its history."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field

import numpy as np

from normviz.workbook.book.address import (
    Area,
    address,
    area_text,
    on_sheet,
)
from normviz.workbook.book.cells import (
    Book,
    Page,
    Picture,
    Value,
)
from normviz.workbook.book.charts import Line, line_chart
from normviz.workbook.book.styles import AXIS, LABEL
from training.experiments.claims import TARGET
from training.record.history import COLUMNS
from training.record.task_folder import Result
from training.report.embedding import digit_png
from training.report.workbook.parts import (
    ACCURACY,
    COUNTED_L1,
    CURVES,
    FIRST_ROW,
    LOSS,
    NUMBER_CELL,
    RATE,
    SECONDS,
    fit_text,
    header,
    heading,
    nice_scale,
    number,
    start,
)
from training.results.over_seeds import Overview, in_words
from training.results.run_folder import counted

LAST_COLUMN, COLUMN_WIDTH = 10, 11.5
CHART_ROWS, CHART_SIZE, CHART_COLUMNS = 15, (10.1, 7.4), 5
PICTURES_A_ROW, PICTURE_ROWS, PICTURE_PIXELS = 9, 2, 56
FORMS = dict(zip(COLUMNS, ("0", RATE, LOSS, ACCURACY, LOSS, ACCURACY, SECONDS, "0"), strict=True))
REACHED = len(COLUMNS)  # the column after the history: 1 where the accuracy is at the target
SEED_HEADINGS = (
    "seed", "last epoch, %", "best epoch, %", "at epoch", f"first at {TARGET} %", "training, s",
    "images a second", "mistakes",
)  # fmt: skip


@dataclass
class TrialSheet:
    """Where the other sheets find what: areas on the sheet of one trial."""

    trial: Overview
    page: Page
    histories: dict[int, int] = field(default_factory=dict)  # first row of each seed's history
    seeds_top: int = 0

    def column(self, seed: int, name: str) -> Area:
        """The column of a seed's history that is called ``name``."""
        rows = next(len(r.record.epochs) for r in self.trial.results if r.seed == seed)
        place = 2 + (REACHED if name == "reached" else COLUMNS.index(name))
        top = self.histories[seed]
        return top, place, top + rows - 1, place

    def at_epoch(self, name: str, epoch: int) -> tuple[str, float]:
        """The mean over the seeds of a column at an epoch: as a formula, and its value."""
        cells, values = [], []
        for result in counted(self.trial.results):
            if len(result.record.epochs) >= epoch:
                top, column = self.column(result.seed, name)[:2]
                cells.append(on_sheet(self.page.title, address(top + epoch - 1, column)))
                values.append(getattr(result.record.epochs[epoch - 1], name))
        return f"AVERAGE({','.join(cells)})", float(np.mean(values))

    def over_seeds(self, heading_name: str) -> str:
        """The column of the table of seeds under a heading, as another sheet has to write it."""
        column = 2 + SEED_HEADINGS.index(heading_name)
        bottom = self.seeds_top + len(self.trial.finished) - 1
        return on_sheet(self.page.title, area_text((self.seeds_top, column, bottom, column)))


def _title(book: Book, name: str) -> str:
    """What its sheet is called: 31 characters at most, none of those that Excel refuses."""
    plain = " ".join(re.sub(r"[\[\]:*?/\\']", " ", name).split())
    # Two sheets are made later, and "History" Excel keeps for itself.
    titles = (CURVES, COUNTED_L1, "History", *(page.title for page in book.pages))
    title, taken = plain[:31].rstrip(), {each.casefold() for each in titles}
    count = 1
    while title.casefold() in taken:
        count += 1
        title = f"{plain[: 29 - len(str(count))].rstrip()} {count}"
    return title


def build(book: Book, trial: Overview) -> TrialSheet:
    """Make the sheet of a trial that has at least one epoch."""
    text = f"{trial.config.summary}. {in_words(trial.config)}."
    if trial.config.published:
        text += f" Published, on MNIST: {trial.config.published.text}."
    page = start(book, _title(book, trial.name), trial.name, text, LAST_COLUMN)
    page.widths.update(dict.fromkeys(range(2, LAST_COLUMN + 1), COLUMN_WIDTH))
    fit_text(page, text, LAST_COLUMN)
    sheet = TrialSheet(trial, page)
    shown = [r for r in trial.results if r.record.epochs]
    # What stands above is made of the history below, so its rows are counted first.
    row = FIRST_ROW
    sheet.seeds_top = row + 2
    charts_top = sheet.seeds_top + len(trial.finished) + 1 if trial.finished else row
    gallery_top = charts_top + CHART_ROWS + 3
    history_top = _gallery(page, trial, gallery_top)
    for result in shown:
        history_top = _history(sheet, result, history_top)
    if trial.finished:
        heading(page, row, "Seeds")
        header(page, row + 1, SEED_HEADINGS)
        for place, result in enumerate(trial.finished):
            _seed_row(sheet, result, sheet.seeds_top + place)
    _charts(sheet, shown, charts_top)
    return sheet


def _seed_row(sheet: TrialSheet, result: Result, row: int) -> None:
    """The numbers of one seed, each a formula over its history where there is one."""
    record, seed = result.record, result.seed
    area = {
        name: area_text(sheet.column(seed, name))
        for name in ("epoch", "test_accuracy", "train_seconds", "reached")
    }
    accuracy, best = area["test_accuracy"], address(row, 4)
    first: Value = record.first_above(TARGET)
    summary = result.summary or {}
    cells: list[tuple[Value, str, str | None]] = [
        (seed, "0", None),
        (record.last.test_accuracy, ACCURACY, f"INDEX({accuracy},COUNT({accuracy}))"),
        (record.best.test_accuracy, ACCURACY, f"MAX({accuracy})"),
        (record.best.epoch, "0", f"INDEX({area['epoch']},MATCH({best},{accuracy},0))"),
        (
            "never" if first is None else first,
            "0",
            f'IFERROR(INDEX({area["epoch"]},MATCH(1,{area["reached"]},0)),"never")',
        ),
        (
            float(np.sum([e.train_seconds for e in record.epochs])),
            SECONDS,
            f"SUM({area['train_seconds']})",
        ),
        (summary["images_per_second"], "0", None),
        (summary["misclassified"], "0", None),
    ]
    for column, (value, form, formula) in enumerate(cells, start=2):
        sheet.page.put(row, column, value, number(form), formula)


def _history(sheet: TrialSheet, result: Result, row: int) -> int:
    """One row an epoch, and whether it is at the target; returns the row below."""
    page = sheet.page
    label = f"History of seed {result.seed}"
    row = heading(page, row, label if result.summary else f"{label}: {result.status}")
    names = [name.replace("_", " ") for name in COLUMNS]
    row = header(page, row, [*names, f"at {TARGET} %"])
    sheet.histories[result.seed] = row
    accuracy = 2 + COLUMNS.index("test_accuracy")
    for epoch in result.record.epochs:
        for column, (name, value) in enumerate(dataclasses.asdict(epoch).items(), start=2):
            page.put(row, column, value, number(FORMS[name]))
        reached = int(epoch.test_accuracy >= TARGET)
        formula = f"IF({address(row, accuracy)}>={TARGET},1,0)"
        page.put(row, 2 + REACHED, reached, NUMBER_CELL, formula)
        row += 1
    return row + 1


def _charts(sheet: TrialSheet, shown: list[Result], row: int) -> None:
    """Test accuracy and loss of every seed; with one seed, training beside testing."""
    page = sheet.page
    heading(page, row, "Curves")
    longest = max(shown, key=lambda r: len(r.record.epochs))
    steps = sheet.column(longest.seed, "epoch")
    for place, (measure, unit) in enumerate((("accuracy", "%"), ("loss", "mean NLL"))):
        lines = [
            Line(f"seed {r.seed}" if len(shown) > 1 else "test", sheet.column(r.seed, name))
            for r in shown
            for name in [f"test_{measure}"]
        ]
        if len(shown) == 1:
            lines.append(Line("training", sheet.column(shown[0].seed, f"train_{measure}")))
        values = np.concatenate([page.numbers(line.area) for line in lines])
        title = f"{'Test ' if len(shown) > 1 else ''}{measure}".capitalize()
        axes, scale = ("epoch", unit), nice_scale(values.tolist())
        corner = (row + 1, 2 + CHART_COLUMNS * place)
        page.charts.append(line_chart(title, steps, lines, axes, scale, corner, CHART_SIZE))


def _gallery(page: Page, trial: Overview, row: int) -> int:
    """The most confident mistakes of the first finished seed; returns the row below."""
    found = ((r, r.mistakes()) for r in trial.finished)
    result, mistakes = next(((r, m) for r, m in found if m is not None), (None, None))
    if result is None or mistakes is None:
        return row
    text = f"Mistakes of seed {result.seed}, the most confident first: {len(mistakes['index']):,}"
    page.breaks.append(row - 1)  # printed, the heading goes where its pictures go
    row = heading(page, row, text)
    images = mistakes["images"][: PICTURES_A_ROW * PICTURE_ROWS]
    for place, image in enumerate(images):
        top = row + 3 * (place // PICTURES_A_ROW)
        column = 2 + place % PICTURES_A_ROW
        page.heights[top] = 0.75 * (PICTURE_PIXELS + 6)
        size = (PICTURE_PIXELS, PICTURE_PIXELS)
        page.pictures.append(Picture(digit_png(image), top, column, *size))
        said = f"{mistakes['true'][place]} as {mistakes['predicted'][place]}"
        page.put(top + 1, column, said, LABEL)
        confidence = float(mistakes["confidence"][place])
        page.put(top + 2, column, confidence, AXIS.but(number="0.0%", horizontal="left"))
    return row + 3 * -(-len(images) // PICTURES_A_ROW) + 1
