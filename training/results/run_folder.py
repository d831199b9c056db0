"""A run folder read back: what every table, figure and report is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.data.datasets import DATASETS, MNIST
from training.data.load import Digits
from training.errors import TrainingError
from training.experiments.trials import TRIALS
from training.files import read_json
from training.record import asked
from training.record.task_folder import Result, read_object, read_task


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

    @property
    def is_sample(self) -> bool:
        """Whether any of it was trained on the digits of the package."""
        return any(r.details["data"]["is_sample"] for r in self.results)

    @property
    def is_mnist(self) -> bool:
        """Whether all of it was trained on full MNIST, which the published numbers are of."""
        data = [r.details["data"] for r in self.results]
        return not self.is_sample and all(d["dataset"] == MNIST.name for d in data)

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


def averaged(run: Results) -> str:
    """Return what the curves of a run are means over, in words: see `counted`."""
    trials = [[r.summary is not None for r in results] for results in run.by_trial().values()]
    some = any(any(finished) and not all(finished) for finished in trials)
    return "the seeds that finished" if some else "the seeds"


def holds_tasks(folder: Path) -> bool:
    """Whether tasks of a run lie in a folder itself."""
    return any(folder.glob("*/seed-*/config.json"))


def run_folders(folder: Path) -> list[Path]:
    """Return the run folders that ``folder`` is or, of a study over data sets, holds."""
    inner = sorted(folder / name for name in DATASETS if holds_tasks(folder / name))
    return inner if inner and not holds_tasks(folder) else [folder]


def sets_not_begun(folder: Path) -> list[str]:
    """Return the data sets that a study in ``folder`` was asked for and has no task of yet."""
    inner = {name: folder / name for name in sorted(DATASETS)}
    return [name for name, at in inner.items() if asked.read(at) and not holds_tasks(at)]


def tasks_left(folder: Path, results: Sequence[Result] = ()) -> int:
    """Return how many tasks of a run folder that were asked for, or began, have no result yet."""
    wanted = {config.parent for config in folder.glob("*/seed-*/config.json")}
    for trial, seeds in asked.read(folder).items():
        wanted |= {folder / trial / f"seed-{seed}" for seed in seeds}
    return len(wanted - {result.folder for result in results if result.counts})


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
        return str(read_object(failure, ("error",))["error"])
    except TrainingError as error:
        return str(error)


def refuse_other_data(folder: Path, digits: Digits, study: str = "") -> None:
    """Keep a run folder to one data set and one study, or none.

    Raises:
        TrainingError: when a task in it was trained on other data than ``digits``, or belongs to
            another study.
    """
    for config in sorted(folder.glob("*/seed-*/config.json")):
        try:
            details = read_json(config)
            found, name = details["decisive"]["data"], details["data"]["description"]
        except (TrainingError, KeyError, TypeError):
            continue  # damaged: its own task says so
        other = details.get("study", "")
        if other != study:
            raise TrainingError(
                f"{folder} holds a run of {_study(other)}, this one is of {_study(study)}; use "
                "another --out"
            )
        if found != digits.digest:
            raise TrainingError(
                f"{folder} holds a run on {name}, this one is on {digits.describe()}; "
                "use another --out"
            )


def refuse_layers(folder: Path, wanted: Sequence[Path]) -> None:
    """Keep tasks and folders of tasks, one a data set, from lying in one folder.

    Args:
        folder: what --out named.
        wanted: the run folders of this run: the folder itself, or some in it.

    Raises:
        TrainingError: when the folder holds the other kind.
    """
    inner = [path.name for path in run_folders(folder) if path != folder]
    if folder in wanted and inner:
        raise TrainingError(f"{folder} holds the runs {', '.join(inner)}; use another --out")
    if folder not in wanted and holds_tasks(folder):
        raise TrainingError(
            f"{folder} holds a run, this one has a folder for each data set; use another --out"
        )


def _study(words: str) -> str:
    return f"the study {words}" if words else "no study"
