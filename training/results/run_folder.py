"""A run folder read back: what every table, figure and report is made from."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.data.load import Digits
from training.errors import TrainingError
from training.experiments.trials import TRIALS, TrialConfig
from training.files import read_json, write_whole
from training.run.history import Record

# What is read back from each file, so what must be there.
CONFIG_KEYS = {
    "trial": dict,
    "seed": int,
    "data": dict,
    "command": str,
    "precision": str,
    "device": str,
    "threads": int,
    "backend": str,
    "parameters": int,
    "environment": dict,
    "verification": dict,
    "decisive": dict,
}
DATA_KEYS = {"name": str, "description": str, "mean": float, "std": float}
SUMMARY_KEYS = (
    *("epochs", "last_accuracy", "last_loss", "best_accuracy", "best_epoch", "train_seconds"),
    *("first_epoch_at_target", "seconds_to_target", "images_per_second"),
    *("misclassified", "confusion"),
)
MISTAKE_ARRAYS = ("index", "true", "predicted", "confidence", "images")


@dataclass(frozen=True)
class Result:
    """One trial with one seed, as far as it got."""

    folder: Path
    config: TrialConfig
    seed: int
    details: dict[str, Any]  # config.json
    record: Record  # may be empty
    summary: dict[str, Any] | None  # None: not finished
    failure: str | None

    @property
    def status(self) -> str:
        """ "finished", or how far it got and why it stopped."""
        if self.summary is not None:
            return "finished"
        done = f"{len(self.record.epochs)} of {self.config.epochs} epochs"
        return f"failed after {done}: {self.failure}" if self.failure else f"unfinished, {done}"

    def mistakes(self) -> dict[str, np.ndarray] | None:
        """Return the arrays of ``misclassified.npz``, or None before the trial is finished."""
        path = self.folder / "misclassified.npz"
        return _read_mistakes(path) if path.exists() else None


@dataclass(frozen=True)
class Results:
    """A whole run folder."""

    folder: Path
    results: list[Result]
    problems: list[str]  # tasks that could not be read, in words

    @property
    def data_name(self) -> str:
        """What the run used, e.g. "MNIST (60,000 training and 10,000 test digits)"."""
        return " and ".join(sorted({r.details["data"]["description"] for r in self.results}))

    def by_trial(self) -> dict[str, list[Result]]:
        """Return the results of each trial over its seeds, trials in the order of the table."""
        order = {name: place for place, name in enumerate(TRIALS)}
        names = sorted({r.config.name for r in self.results}, key=lambda n: (order.get(n, 999), n))
        return {
            name: sorted((r for r in self.results if r.config.name == name), key=lambda r: r.seed)
            for name in names
        }


def counted(results: Sequence[Result]) -> list[Result]:
    """Return the seeds of a trial that its curves are of: the finished ones, if there are any.

    One that is on its way would cut the others' curves, or bend their mean where it ends.
    """
    finished = [r for r in results if r.summary is not None]
    return finished or [r for r in results if r.record.epochs]


def read_run(folder: Path) -> Results:
    """Read every task of a run folder; one that cannot be read is a problem, not an end.

    Raises:
        TrainingError: when the folder does not exist or holds no task at all.
    """
    if not folder.is_dir():
        raise TrainingError(f"{folder} is not a folder; a run folder is what --out named")
    results, problems = [], []
    for config in sorted(folder.glob("*/seed-*/config.json")):
        try:
            results.append(read_task(config.parent))
        except TrainingError as error:
            problems.append(str(error))
    problems += [
        f"{failure.parent} failed before it began: {_reason(failure)}"
        for failure in sorted(folder.glob("*/seed-*/failure.json"))
        if not failure.with_name("config.json").exists()
    ]
    if not results:
        reason = problems[0] if problems else "it holds no TRIAL/seed-K/config.json"
        raise TrainingError(f"{folder} holds no readable trial: {reason}")
    return Results(folder, results, problems)


def _reason(failure: Path) -> str:
    try:
        return str(_read_object(failure, ("error",))["error"])
    except TrainingError as error:
        return str(error)


def read_task(folder: Path) -> Result:
    """Read the folder of one trial with one seed, all that a table or report will ask of it.

    Raises:
        TrainingError: when a file of it is damaged, or was written by another version.
    """
    details, config = read_config(folder)
    record = Record()
    if (folder / "history.csv").exists():
        record = Record.read_csv(folder / "history.csv")
    summary = failure = None
    if (folder / "summary.json").exists():
        summary = _read_object(folder / "summary.json", SUMMARY_KEYS)
        if len(record.epochs) != summary["epochs"]:
            raise TrainingError(
                f"{folder / 'history.csv'} is damaged: it has {len(record.epochs)} of the "
                f"{summary['epochs']} epochs of summary.json"
            )
        _read_mistakes(folder / "misclassified.npz")
    elif (folder / "failure.json").exists():
        failure = str(_read_object(folder / "failure.json", ("error",))["error"])
    return Result(folder, config, details["seed"], details, record, summary, failure)


def read_config(folder: Path) -> tuple[dict[str, Any], TrialConfig]:
    """Read ``config.json`` of one trial with one seed, and the trial in it.

    Raises:
        TrainingError: when it is damaged, or was written by another version.
    """
    path = folder / "config.json"
    details = _read_object(path, CONFIG_KEYS)
    _check_types(path, details, CONFIG_KEYS)
    _check_types(path, details["data"], DATA_KEYS)
    details.setdefault("resumed", [])  # from which epoch on in another environment, if any
    _check_types(path, details["decisive"], {"data": str})
    try:
        return details, TrialConfig.from_dict(details["trial"])
    except (TrainingError, TypeError, ValueError) as error:
        raise TrainingError(f"{path} is damaged, or of another version: {error}") from error


def _check_types(path: Path, found: dict[str, Any], types: dict[str, type]) -> None:
    for key, kind in types.items():
        if not isinstance(found.get(key), kind):
            raise TrainingError(
                f"{path} is damaged, or of another version: {key!r} is {found.get(key)!r}, not "
                f"{kind.__name__}"
            )


def _read_object(path: Path, keys: Collection[str]) -> dict[str, Any]:
    """Read a JSON object that has these keys."""
    found = read_json(path)
    if not isinstance(found, dict):
        raise TrainingError(f"{path} is damaged: it holds {type(found).__name__}, not an object")
    for key in keys:
        if key not in found:
            raise TrainingError(f"{path} is damaged, or of another version: it has no {key!r}")
    return found


def _read_mistakes(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except FileNotFoundError:
        raise TrainingError(f"{path} is missing") from None
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise TrainingError(f"{path} is damaged: {str(error) or type(error).__name__}") from error
    missing = sorted(set(MISTAKE_ARRAYS) - set(found))
    if missing:
        raise TrainingError(f"{path} is damaged: it has no {missing[0]!r}")
    return found


def refuse_other_data(folder: Path, digits: Digits) -> None:
    """Keep a run folder to one data set.

    Raises:
        TrainingError: when a task in it was trained on other data than ``digits``.
    """
    for config in sorted(folder.glob("*/seed-*/config.json")):
        try:
            details = read_json(config)
            found, name = details["decisive"]["data"], details["data"]["description"]
        except (TrainingError, KeyError, TypeError):
            continue  # damaged: its own task says so
        if found != digits.digest:
            raise TrainingError(
                f"{folder} holds a run on {name}, this one is on {digits.describe()}; "
                "use another --out"
            )


SUMMARY_COLUMNS = (
    "trial", "seed", "status", "data", "epochs", "last_accuracy", "best_accuracy", "best_epoch",
    "last_loss", "first_epoch_at_target", "seconds_to_target", "train_seconds",
    "images_per_second", "misclassified", "published_last", "published_best",
)  # fmt: skip


def write_summary(run: Results) -> None:
    """Write ``summary.csv``: one row for each trial and seed, finished or not."""
    text = io.StringIO()
    writer = csv.DictWriter(text, SUMMARY_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for results in run.by_trial().values():
        for result in results:
            numbers = result.record.summary() if result.record.epochs else {}
            numbers |= result.summary or {}
            published = result.config.published
            row = {
                **{k: v for k, v in numbers.items() if k in SUMMARY_COLUMNS and v is not None},
                "trial": result.config.name,
                "seed": result.seed,
                "status": result.status,
                "data": result.details["data"]["name"],
            }
            if published:
                known = {"published_last": published.last, "published_best": published.best}
                row |= {k: v for k, v in known.items() if v is not None}
            writer.writerow({k: _plain(v) for k, v in row.items()})
    write_whole(run.folder / "summary.csv", text.getvalue())


def _plain(value: Any) -> Any:
    return format(value, ".10g") if isinstance(value, float) else value
