"""Where tasks run: processes of this machine through joblib, or a Dask cluster."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from training.cli.arguments import default_jobs
from training.errors import TrainingError
from training.run import dask_cluster as cluster
from training.run.local import run_tasks
from training.run.task import Outcome, Task


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
        jobs = min(options.jobs, len(tasks)) if options.jobs else default_jobs(len(tasks))
        yield Engine(jobs, lambda: f"{jobs} at once", lambda tasks: run_tasks(tasks, jobs))
        return
    if options.jobs:
        raise TrainingError("--jobs is for this machine: the workers of a cluster are its jobs")
    with cluster.connect(options.scheduler) as client:
        workers = cluster.check_workers(client, folder)

        def where() -> str:
            now = len(client.scheduler_info(n_workers=-1)["workers"])
            return f"{now} of {workers} workers of {options.scheduler}"

        yield Engine(workers, where, lambda tasks: cluster.run_on_cluster(client, tasks))
