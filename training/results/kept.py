"""What is kept of a run when its folder is gone: ``summary.csv`` and two files beside it.

A row of it is a trial with one seed, of ``histories.csv`` one epoch of it; ``wrong.csv`` says which
test images it got wrong, by their places in the test set, from 0. Every claim and every difference
of two trials can be counted again from these, by anybody.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from training.data.datasets import named
from training.errors import TrainingError
from training.experiments.trials import TRIALS
from training.files import PATIENCE_SECONDS, locked, write_whole
from training.record.history import COLUMNS, Epoch, Record
from training.record.task_folder import DIVERGED, Result, Wrong
from training.results.run_folder import Results, holds_tasks

REVISION = "revision"
SUMMARY, HISTORIES, WRONG = "summary.csv", "histories.csv", "wrong.csv"
SUMMARY_COLUMNS = (
    "trial", "seed", "status", "data", "epochs", "last_accuracy", "best_accuracy", "best_epoch",
    "last_loss", "first_epoch_at_target", "seconds_to_target", "train_seconds",
    "images_per_second", "misclassified", "published_last", "published_best", REVISION,
)  # fmt: skip
HISTORY_COLUMNS = ("trial", "seed", *COLUMNS)
WRONG_COLUMNS = ("trial", "seed", "images", "wrong")
COLUMNS_OF = {SUMMARY: SUMMARY_COLUMNS, HISTORIES: HISTORY_COLUMNS, WRONG: WRONG_COLUMNS}
_NUMBERS = ("epochs", "last_accuracy", "best_accuracy", "first_epoch_at_target", "train_seconds")

Row = dict[str, str]


def write_summary(run: Results) -> None:
    """Write ``summary.csv``, one row for each trial and seed, and ``histories.csv``."""
    results = [result for results in run.by_trial().values() for result in results]
    _write(run.folder / SUMMARY, map(_summary, results))
    _write(run.folder / HISTORIES, (row for r in results for row in _history(r)))


def keep(run: Results, folder: Path) -> int:
    """Add the seeds of a run to ``summary.csv``, ``histories.csv`` and ``wrong.csv`` of a folder.

    Those that are finished, or diverged, which is a result; a seed that is there already is
    replaced. Only what may stand in one table is taken: published and own trials as they are, by
    one process each with the layers of torch, on the CPU in float32, on the data set of the rows
    that are there.

    Returns:
        How many seeds were taken.

    Raises:
        TrainingError: when the run holds anything else, or nothing that is finished, or the files
            of the folder are damaged.
    """
    finished = [result for result in run.results if result.counts]
    if not finished:
        raise TrainingError(f"{run.folder} has no finished seed to keep")
    if holds_tasks(folder):
        raise TrainingError(f"{folder} is a run folder itself; --keep takes another")
    for result in finished:
        _refuse_other(result)
    with locked(folder, PATIENCE_SECONDS, SUMMARY, "--keep"):
        _add(finished, folder)
    return len(finished)


def _add(finished: list[Result], folder: Path) -> None:
    """Add results to the files of a folder that is held: none is lost to another that adds."""
    tables = {name: _rows(folder / name) for name in COLUMNS_OF}
    for result in finished:
        _refuse_other_data(result, {row["data"] for row in tables[SUMMARY]}, folder)
    taken = {(result.config.name, str(result.seed)) for result in finished}
    for name, rows_of in ((SUMMARY, _summaries), (HISTORIES, _history), (WRONG, _wrong)):
        tables[name] = [row for row in tables[name] if _seed(row) not in taken]
        tables[name] += [row for result in finished for row in rows_of(result)]
    try:
        for rows in tables.values():
            rows.sort(key=_place)
    except ValueError as error:
        raise TrainingError(f"{folder} is damaged: {error}") from error
    for name, rows in tables.items():
        _write(folder / name, rows)


def read_summary(path: Path) -> Results:
    """Read a ``summary.csv`` that was kept without its run, and the files beside it.

    Rows that are of no known trial, or of a seed that did not end, are problems of the results.

    Raises:
        TrainingError: when it is missing or damaged, has no finished seed of a known trial, or lies
            in the run folder that it was made of, which knows more.
    """
    if not path.exists():
        raise TrainingError(f"{path} is missing")
    if holds_tasks(path.parent):
        raise TrainingError(f"{path} is made of the run around it: report {path.parent}")
    # A summary of another name is of other runs than the files beside it.
    histories, wrong = ([], [])
    if path.name == SUMMARY:
        histories, wrong = (_rows(path.with_name(name)) for name in (HISTORIES, WRONG))
    results, left_out = [], []
    try:
        for row in _rows(path, SUMMARY_COLUMNS):
            if row["trial"] in TRIALS and row["status"].startswith(("finished", DIVERGED)):
                results.append(_result(path.parent, row, histories, wrong))
            else:
                left_out.append(f"{row['trial']} with seed {row['seed']}")
    except ValueError as error:
        raise TrainingError(f"{path} is damaged: {error}") from error
    if not results:
        raise TrainingError(f"{path} has no finished seed of a known trial")
    words = f"{', '.join(left_out)}: not an ended seed of one of the trials of 'list'"
    return Results(path.parent, results, [words] if left_out else [])


def _result(folder: Path, row: Row, histories: list[Row], wrong: list[Row]) -> Result:
    """Return a row of the summary as the result that it was."""
    title, config, seed = row["data"], TRIALS[row["trial"]], int(row["seed"])
    dataset, is_sample = named(title)
    data = {"dataset": dataset, "is_sample": is_sample, "name": title, "description": title}
    task = folder / config.name / f"seed-{seed}"
    if row["status"].startswith(DIVERGED):
        done, _, failure = row["status"].partition(": ")
        of_epochs = re.search(r" of (\d+) epochs$", done)
        config = replace(config, epochs=int(of_epochs[1])) if of_epochs else config
        return Result(task, config, seed, {"data": data}, Record(), None, failure, True)
    summary = {name: float(row[name]) if row[name] else None for name in _NUMBERS}
    record, kept = _record(row, histories), _kept(row, wrong)
    return Result(task, config, seed, {"data": data}, record, summary, None, kept=kept)


def _place(row: Row) -> tuple[int, str, int, int]:
    """Where a row stands: trials in the order of the list, those of another version last."""
    order, trial = list(TRIALS), row["trial"]
    first = order.index(trial) if trial in TRIALS else len(order)
    return first, trial, int(row["seed"]), int(row.get("epoch", 0))


def _refuse_other(result: Result) -> None:
    name, details = result.config.name, result.details
    if TRIALS.get(name) != result.config:
        raise TrainingError(f"{result.folder} is not one of the trials of 'list'; none is kept")
    if details["precision"] != "float32":
        raise TrainingError(
            f"{result.folder} was trained in {details['precision']}; what is kept is in float32"
        )
    if details["device"] != "cpu":
        raise TrainingError(
            f"{result.folder} was trained on {details['device']}; what is kept was on the CPU"
        )
    if details.get("processes", 1) > 1 or details["backend"] != "torch":
        raise TrainingError(
            f"{result.folder} was trained by {details.get('processes', 1)} process(es) with layers "
            f"of {details['backend']}; what is kept is by one with those of torch"
        )


def _refuse_other_data(result: Result, titles: set[str], folder: Path) -> None:
    title = result.details["data"]["name"]
    if titles - {title}:
        raise TrainingError(
            f"{folder} holds {' and '.join(sorted(titles))}, {result.folder} was trained on "
            f"{title}; keep it in another folder"
        )


def _summaries(result: Result) -> Iterable[Row]:
    yield _summary(result)


def _summary(result: Result) -> Row:
    numbers = result.record.summary() if result.record.epochs and not result.diverged else {}
    numbers |= result.summary or {}
    # Beside accuracies on other data the published ones would only mislead.
    on_mnist = Results(result.folder, [result], []).is_mnist
    published = result.config.published if on_mnist else None
    row: dict[str, Any] = {
        **numbers,
        "trial": result.config.name,
        "seed": result.seed,
        "status": result.status,
        "data": result.details["data"]["name"],
        REVISION: _short(result.details["environment"].get("git") or ""),
    }
    if published:
        row |= {"published_last": published.last, "published_best": published.best}
    return {name: _plain(row.get(name)) for name in SUMMARY_COLUMNS}


def _short(revision: str) -> str:
    """A commit as ``git describe`` says it, shorter; what was not committed stays said."""
    name, changed, _ = revision.partition("-dirty")
    return name.rpartition("-g")[2][:7] + changed


def _history(result: Result) -> Iterable[Row]:
    for epoch in result.record.epochs:
        numbers = {name: _plain(value) for name, value in dataclasses.asdict(epoch).items()}
        yield {"trial": result.config.name, "seed": str(result.seed), **numbers}


def _wrong(result: Result) -> Iterable[Row]:
    wrong = result.wrong()
    if wrong:
        yield {
            "trial": result.config.name,
            "seed": str(result.seed),
            "images": str(wrong.images),
            "wrong": " ".join(map(str, wrong.indices)),
        }


def _kept(row: Row, wrong: list[Row]) -> Wrong | None:
    """Return which images a row of the summary got wrong; None where that was not kept."""
    for line in wrong:
        if _seed(line) == _seed(row):
            indices, images = tuple(map(int, line["wrong"].split())), int(line["images"])
            count = len({index for index in indices if 0 <= index < images})
            if not count == len(indices) == int(row["misclassified"]):
                raise ValueError(
                    f"{WRONG} has {count} different images of {images} that {row['trial']} with "
                    f"seed {row['seed']} got wrong, which got {row['misclassified']} wrong"
                )
            return Wrong(indices, images)
    return None


def _record(row: Row, histories: list[Row]) -> Record:
    """Return the history of a row of the summary; empty where it was not kept."""
    rows = [line for line in histories if _seed(line) == _seed(row)]
    record = Record([Epoch(int(r["epoch"]), *(float(r[c]) for c in COLUMNS[1:])) for r in rows])
    epochs = [epoch.epoch for epoch in record.epochs]
    if epochs and epochs != list(range(1, int(row["epochs"]) + 1)):
        raise ValueError(
            f"histories.csv has epochs {epochs} of {row['trial']} with seed {row['seed']}, which "
            f"has {row['epochs']}"
        )
    return record


def _seed(row: Row) -> tuple[str, str]:
    return row["trial"], row["seed"]


def _rows(path: Path, columns: tuple[str, ...] = ()) -> list[Row]:
    """Return the rows of a kept file; none where there is no such file."""
    if not path.exists():
        return []
    columns = columns or COLUMNS_OF[path.name]
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            rows, found = list(reader), {*(reader.fieldnames or ()), REVISION}
    except (OSError, ValueError, csv.Error) as error:
        raise TrainingError(f"{path} is damaged: {error}") from error
    if not set(columns) <= found or any(None in row.values() for row in rows):
        raise TrainingError(f"{path} is damaged: its columns are not {', '.join(columns)}")
    return [{REVISION: "", **row} for row in rows]  # files older than this column lack it


def _write(path: Path, rows: Iterable[Row]) -> None:
    text = io.StringIO()
    columns = COLUMNS_OF[path.name]
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue())


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return format(value, ".10g") if isinstance(value, float) else str(value)
