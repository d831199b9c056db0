"""``results.xlsx``: the run folder as a workbook with live formulas, charts and pictures.

It goes through the cells, the cached values and the lint of the explainer's own workbooks.
"""

from __future__ import annotations

from normviz.workbook.book.cells import Book
from normviz.workbook.xlsx.write import workbook_bytes
from training.files import write_whole
from training.report.claims import judged
from training.report.workbook import accumulated, claims, curves, differences, summary, trial
from training.results.comparisons import compare_all
from training.results.over_seeds import overviews
from training.results.run_folder import Results
from training.results.verdicts import judge_all


def write_results(run: Results) -> None:
    """Write ``results.xlsx`` into the run folder.

    Raises:
        TrainingError: when it cannot be written.
    """
    write_whole(run.folder / "results.xlsx", workbook_bytes(build(run)))


def build(run: Results) -> Book:
    """Return the workbook: summary, differences, claims, curves, the trials, accumulated L1.

    A sheet that would have nothing to say about this run is none of it.
    """
    book = Book(f"Normalization on {run.data_name}")
    trials = overviews(run)
    first = summary.begin(book, run)
    if compared := compare_all(run):
        differences.build(book, compared)
    judgments = judge_all(run)
    if judged(judgments):
        claims.build(book, judgments)
    place = len(book.pages)
    started = [t for t in trials if any(r.record.epochs for r in t.results)]
    sheets = {t.name: trial.build(book, t) for t in started}
    if sheets:
        curves.build(book, run, sheets)
        book.pages.insert(place, book.pages.pop())
    if any(t.config.l1 for t in trials):
        accumulated.build(book)
    summary.fill(first, run, trials, sheets)
    summary.link(first, book, sheets)
    return book
