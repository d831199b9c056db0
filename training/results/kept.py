"""What is kept of a run when its folder is gone: ``summary.csv`` and ``histories.csv``.

A row of the first is a trial with one seed, of the second one epoch of it. Every claim and every
difference of two trials can be counted again from these two, by anybody.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from training.data.datasets import named
from training.errors import TrainingError
from training.experiments.trials import TRIALS
from training.files import write_whole
from training.record.history import COLUMNS, Epoch, Record
from training.record.task_folder import DIVERGED, Result
from training.results.run_folder import Results

REVISION = "revision"
SUMMARY, HISTORIES = "summary.csv", "histories.csv"
SUMMARY_COLUMNS = (
    "trial", "seed", "status", "data", "epochs", "last_accuracy", "best_accuracy", "best_epoch",
    "last_loss", "first_epoch_at_target", "seconds_to_target", "train_seconds",
    "images_per_second", "misclassified", "published_last", "published_best", REVISION,
)  # fmt: skip
HISTORY_COLUMNS = ("trial", "seed", *COLUMNS)
_NUMBERS = ("epochs", "last_accuracy", "best_accuracy", "first_epoch_at_target", "train_seconds")

Row = dict[str, str]


def write_summary(run: Results) -> None:
    """Write ``summary.csv``, one row for each trial and seed, and ``histories.csv``."""
    results = [result for results in run.by_trial().values() for result in results]
    _write(run.folder, map(_summary, results), (row for r in results for row in _history(r)))


def keep(run: Results, folder: Path) -> int:
    """Add the seeds of a run to ``summary.csv`` and ``histories.csv`` of a folder.

    Those that are finished, or diverged, which is a result; a seed that is there already is
    replaced. Only what may stand in one table is taken: published and own trials as they are, in
    float32, on the data set of the rows that are there.

    Returns:
        How many seeds were taken.

    Raises:
        TrainingError: when the run holds anything else, or nothing that is finished, or the files
            of the folder are damaged.
    """
    finished = [result for result in run.results if result.counts]
    if not finished:
        raise TrainingError(f"{run.folder} has no finished seed to keep")
    summary = _rows(folder / SUMMARY, SUMMARY_COLUMNS)
    histories = _rows(folder / HISTORIES, HISTORY_COLUMNS)
    for result in finished:
        _refuse_other(result, {row["data"] for row in summary}, folder)
    taken = {(result.config.name, str(result.seed)) for result in finished}
    summary = [row for row in summary if _seed(row) not in taken] + list(map(_summary, finished))
    histories = [row for row in histories if _seed(row) not in taken]
    histories += [row for result in finished for row in _history(result)]
    try:
        summary.sort(key=_place)
        histories.sort(key=_place)
    except ValueError as error:
        raise TrainingError(f"{folder} is damaged: {error}") from error
    _write(folder, summary, histories)
    return len(finished)


def read_summary(path: Path) -> Results:
    """Read a ``summary.csv`` that was kept without its run, and the ``histories.csv`` beside it.

    Raises:
        TrainingError: when it is missing or damaged, or has no finished seed of a known trial.
    """
    if not path.exists():
        raise TrainingError(f"{path} is missing")
    rows, results = _rows(path, SUMMARY_COLUMNS), []
    # A summary of another name is of other runs.
    beside = path.name == SUMMARY
    histories = _rows(path.with_name(HISTORIES), HISTORY_COLUMNS) if beside else []
    try:
        for row in rows:
            diverged = row["status"].startswith(DIVERGED)
            if not (row["status"] == "finished" or diverged) or row["trial"] not in TRIALS:
                continue
            title = row["data"]
            dataset, is_sample = named(title)
            data = {
                "dataset": dataset, "is_sample": is_sample, "name": title, "description": title,
            }  # fmt: skip
            config, seed = TRIALS[row["trial"]], int(row["seed"])
            task = path.parent / config.name / f"seed-{seed}"
            if diverged:
                failure = row["status"].partition(": ")[2]
                result = Result(task, config, seed, {"data": data}, Record(), None, failure, True)
            else:
                summary = {name: float(row[name]) if row[name] else None for name in _NUMBERS}
                record = _record(row, histories)
                result = Result(task, config, seed, {"data": data}, record, summary, None)
            results.append(result)
    except ValueError as error:
        raise TrainingError(f"{path} is damaged: {error}") from error
    if not results:
        raise TrainingError(f"{path} has no finished seed of a known trial")
    return Results(path.parent, results, [])


def _place(row: Row) -> tuple[int, str, int, int]:
    """Where a row stands: trials in the order of the list, those of another version last."""
    order, trial = list(TRIALS), row["trial"]
    first = order.index(trial) if trial in TRIALS else len(order)
    return first, trial, int(row["seed"]), int(row.get("epoch", 0))


def _refuse_other(result: Result, titles: set[str], folder: Path) -> None:
    name, details = result.config.name, result.details
    if TRIALS.get(name) != result.config:
        raise TrainingError(f"{result.folder} is not one of the trials of 'list'; none is kept")
    if details["precision"] != "float32":
        raise TrainingError(
            f"{result.folder} was trained in {details['precision']}; what is kept is in float32"
        )
    if titles - {details["data"]["name"]}:
        raise TrainingError(
            f"{folder} holds {' and '.join(sorted(titles))}, {result.folder} was trained on "
            f"{details['data']['name']}; keep it in another folder"
        )


def _summary(result: Result) -> Row:
    numbers = result.record.summary() if result.record.epochs and not result.diverged else {}
    numbers |= result.summary or {}
    published = result.config.published
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


def _rows(path: Path, columns: tuple[str, ...]) -> list[Row]:
    """Return the rows of a kept file; none where there is no such file."""
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            rows, found = list(reader), {*(reader.fieldnames or ()), REVISION}
    except (OSError, ValueError, csv.Error) as error:
        raise TrainingError(f"{path} is damaged: {error}") from error
    if not set(columns) <= found or any(None in row.values() for row in rows):
        raise TrainingError(f"{path} is damaged: its columns are not {', '.join(columns)}")
    return [{REVISION: "", **row} for row in rows]  # files older than this column lack it


def _write(folder: Path, summary: Iterable[Row], histories: Iterable[Row]) -> None:
    tables = ((SUMMARY, SUMMARY_COLUMNS, summary), (HISTORIES, HISTORY_COLUMNS, histories))
    for name, columns, rows in tables:
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(folder / name, text.getvalue())


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return format(value, ".10g") if isinstance(value, float) else str(value)
