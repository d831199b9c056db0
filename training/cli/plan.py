"""What the options of ``run`` come to: the tasks, and where they run."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from training.cli.parser import parse_seeds
from training.data.datasets import MNIST, find_dataset
from training.errors import TrainingError
from training.experiments.config import TrialConfig
from training.experiments.study import Study, read_study
from training.experiments.trials import TRIALS, find_trial
from training.experiments.variants import grid, parse_settings
from training.files import read_json
from training.record.tensorboard import check_tensorboard
from training.results.study_table import StudyTable, conditions
from training.run import dask_cluster, torchrun
from training.run.machine import usable_cores
from training.run.many_tasks import default_jobs, run_tasks
from training.run.one_network import refuse_unbuildable
from training.run.task import PRECISIONS, Outcome, Settings, Task

MOST_UNASKED = 500  # tasks
LONGEST_NAME = 255  # bytes of a folder's name, which a trial's is


@dataclass(frozen=True)
class Plan:
    """The tasks of one run and its folder; of a study also its table."""

    folder: Path
    tasks: list[Task]
    study: Study | None = None
    table: StudyTable | None = None

    @property
    def run_folders(self) -> list[Path]:
        """The folders that get a report each: one, or one a data set of a study."""
        return list(dict.fromkeys(task.run_folder for task in self.tasks)) or [self.folder]


def make_plan(options: Namespace) -> Plan:
    """Return what the options ask for.

    Raises:
        TrainingError: for an unknown trial, field or seed, or options that do not go together.
    """
    _refuse_alone(options)
    if options.out == "":
        raise TrainingError("--out must name a folder, got an empty name")
    study = read_study(options.experiment) if options.experiment else None
    if study:
        said = ("trials", "set", "scale_lr", "epochs", *(("dataset",) if study.datasets else ()))
        for option in said:
            if getattr(options, option):
                raise TrainingError(
                    f"--experiment says what runs: leave out {option.replace('_', '-')}, or change "
                    "a copy of the file"
                )
    elif options.table:
        raise TrainingError("--table is for a study: it goes with --experiment")
    folder = Path(options.out or f"runs/{_name(options, study)}")
    table = (
        StudyTable(Path(options.table or folder / f"{study.name}.csv"), study) if study else None
    )
    tasks = _study_tasks(options, study, folder, table) if study else _tasks(options, folder)
    _refuse_many(len(tasks), options)
    if options.tensorboard:
        check_tensorboard()
    for config in dict.fromkeys(task.config for task in tasks):
        _refuse_long_name(config.name)
        refuse_unbuildable(config, options.backend)
    if options.sync_batch_norm and not any(
        task.config.norm == "batch" or task.is_begun for task in tasks
    ):
        raise TrainingError(
            "--sync-batch-norm shares the statistics of BatchNorm, which none of these trials has: "
            "leave it out"
        )
    _refuse_existing(tasks)
    tasks = torchrun.share(_with_settings(tasks, options, table.precision if table else None))
    if table:
        table.refuse_others({conditions(task.settings) for task in tasks} or _asked(options, table))
    return Plan(folder, tasks, study, table)


def _refuse_alone(options: Namespace) -> None:
    """Refuse an option that would change nothing without another."""
    if options.sync_batch_norm and torchrun.size() == 1:
        raise TrainingError(
            "--sync-batch-norm is for several processes, and this is one: start more with torchrun"
        )
    if options.sync_batch_norm and options.backend != "torch":
        raise TrainingError(f"--sync-batch-norm is torch's, leave out --backend {options.backend}")


def _asked(options: Namespace, table: StudyTable) -> set[str]:
    """The conditions of a run that has no task left: its table must answer to them all the same."""
    precision = options.precision or table.precision or PRECISIONS[0]
    return {conditions(replace(_settings(options), precision=precision))}


def _name(options: Namespace, study: Study | None) -> str:
    if study:
        return study.name
    return "sample" if options.data == "sample" else options.dataset or MNIST.name


def _tasks(options: Namespace, folder: Path) -> list[Task]:
    """Return trial by trial, seed by seed."""
    configs = [find_trial(name) for name in dict.fromkeys(options.trials)] or list(TRIALS.values())
    if options.epochs:
        configs = [replace(config, epochs=options.epochs) for config in configs]
    changes = parse_settings(options.set)
    if options.epochs and "epochs" in changes:
        raise TrainingError("--epochs and --set epochs= both say how many: leave one out")
    if options.scale_lr and "batch_size" not in changes:
        raise TrainingError(
            "--scale-lr follows a changed batch size: it goes with --set batch_size="
        )
    configs = grid(configs, changes, options.scale_lr)
    seeds = parse_seeds(options.seeds or "1")
    _refuse_many(len(configs) * len(seeds), options)
    settings = _settings(options)
    return [Task(config, seed, settings, folder) for config in configs for seed in seeds]


def _refuse_many(count: int, options: Namespace) -> None:
    """Refuse more tasks than anybody means to run, before they are made."""
    if count > MOST_UNASKED and not options.yes:
        raise TrainingError(f"these are {count:,} tasks: --yes runs more than {MOST_UNASKED}")


def _refuse_long_name(name: str) -> None:
    """Say before the first task what its folder would fail at."""
    if (size := len(name.encode())) > LONGEST_NAME:
        raise TrainingError(
            f"{name[:40]}... is a name of {size} bytes, and a folder's has {LONGEST_NAME} at most: "
            "change fewer fields, or name an [[arm]] of a file"
        )


def _study_tasks(
    options: Namespace, study: Study, folder: Path, table: StudyTable | None
) -> list[Task]:
    """Return seed by seed, so that what is finished can be compared, without what the table has."""
    names = study.datasets or (options.dataset or MNIST.name,)
    if options.data == "sample":
        names = ("mnist",)
    seeds = parse_seeds(options.seeds) if options.seeds else study.seeds
    tasks = []
    for seed in seeds:
        for name in names:
            settings = replace(
                _settings(options),
                dataset=find_dataset(name).name,
                study=f"{study.name} {study.digest}",
                recount=study.recounts,
            )
            where = folder / name if len(names) > 1 else folder
            tasks += [Task(config, seed, settings, where) for config in study.arms.values()]
    return [task for task in tasks if table is None or not table.has(task)]


def _settings(options: Namespace) -> Settings:
    return Settings(
        data=options.data,
        dataset=options.dataset or MNIST.name,
        device=options.device,
        backend=options.backend,
        resume=options.resume,
        processes=torchrun.size(),
        synchronize=options.sync_batch_norm,
        record=not options.no_record,
        tensorboard=options.tensorboard,
        command=shlex.join(["python", "-m", "training", *options.words]),
    )


def _refuse_existing(tasks: Sequence[Task]) -> None:
    """Say once what would otherwise be said of every task."""
    begun = [task for task in tasks if task.is_begun and not task.settings.resume]
    if begun:
        count = f"{len(begun)} of these {len(tasks)} tasks" if len(tasks) > 1 else "this task"
        raise TrainingError(
            f"{begun[0].run_folder} holds a run already, with {count}; --resume continues it, "
            "another --out starts a new one"
        )


def _with_settings(
    tasks: list[Task], options: Namespace, precision_before: str | None
) -> list[Task]:
    """Give every task precision and threads: as asked, as it or its run began, or the default."""
    if options.backend == "reference" and options.precision == "bfloat16":
        raise TrainingError(
            "--backend reference cannot compute in bfloat16, which NumPy does not have: "
            "use --precision float32"
        )
    jobs = options.jobs or default_jobs(len(tasks)) if options.engine == "joblib" else 1
    together = max(1, min(jobs, len(tasks)) * torchrun.size())
    shared = 1 if options.engine == "dask" else max(1, usable_cores() // together)
    done = []
    for task in tasks:
        precision = options.precision or _begun(task, "precision", PRECISIONS.__contains__)
        threads = options.threads or _begun(task, "threads", lambda value: isinstance(value, int))
        precision = precision or precision_before or PRECISIONS[0]
        settings = replace(task.settings, precision=precision, threads=threads or shared)
        done.append(replace(task, settings=settings))
    return done


def _begun(task: Task, key: str, fits: Callable[[Any], bool]) -> Any:
    """What the task began with, else all other tasks of its run if they agree, else None."""
    own = _recorded(task.folder / "config.json", key, fits)
    if own is not None:
        return own
    others = {_recorded(p, key, fits) for p in task.run_folder.glob("*/seed-*/config.json")}
    others.discard(None)
    return others.pop() if len(others) == 1 else None


def _recorded(path: Path, key: str, fits: Callable[[Any], bool]) -> Any:
    try:
        config = read_json(path)
    except TrainingError:  # missing, or damaged: who needs the file will say so
        return None
    value = config.get(key) if isinstance(config, dict) else None
    return value if value is not None and fits(value) else None


def changed_batches(configs: Sequence[TrialConfig]) -> list[str]:
    """Return those whose batch size is not their trial's, at its rate or that of another batch.

    What an arm with a name of its own was made of is told by its recipe.
    """
    batches: dict[tuple[str, float], set[int]] = {}  # that share a rate, of a trial or a recipe
    origins = []
    for config in configs:
        trial = TRIALS.get(config.name.partition(" ")[0])
        trials = [trial] if trial else [t for t in TRIALS.values() if t.recipe == config.recipe]
        origins.append((trial.name if trial else config.recipe, {t.batch_size for t in trials}))
        for one in (config, *trials):
            batches.setdefault((origins[-1][0], one.learning_rate), set()).add(one.batch_size)
    return [
        config.name
        for config, (origin, own) in zip(configs, origins, strict=True)
        if config.batch_size not in own and len(batches[origin, config.learning_rate]) > 1
    ]


@dataclass(frozen=True)
class Engine:
    """Runs tasks; ``jobs`` says how many at once, ``where`` in words how things stand there."""

    jobs: int
    where: Callable[[], str]
    run: Callable[[Sequence[Task]], Iterator[Outcome]]


@contextmanager
def open_engine(options: Namespace, tasks: Sequence[Task], folder: Path) -> Iterator[Engine]:
    """The engine that the options ask for.

    Raises:
        TrainingError: for options that contradict each other; for a cluster that cannot be used.
    """
    if (options.engine == "dask") != bool(options.scheduler):
        raise TrainingError(
            "--engine dask and --scheduler tcp://HOST:PORT go together: give both or neither"
        )
    if options.engine == "joblib":
        jobs = min(options.jobs or default_jobs(len(tasks)), max(1, len(tasks)))
        yield Engine(jobs, lambda: f"{jobs} at once", lambda tasks: run_tasks(tasks, jobs))
        return
    if options.jobs:
        raise TrainingError("--jobs is for this machine: the workers of a cluster are its jobs")
    with dask_cluster.connect(options.scheduler) as client:
        workers = dask_cluster.check_workers(client, folder)

        def where() -> str:
            now = len(client.scheduler_info(n_workers=-1)["workers"])
            return f"{now} of {workers} workers of {options.scheduler}"

        yield Engine(workers, where, lambda tasks: dask_cluster.run_on_cluster(client, tasks))
