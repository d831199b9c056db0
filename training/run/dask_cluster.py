"""The same tasks on a Dask cluster: processes on many machines that share the run folder.

A task is idempotent and resumable, so Dask's own way with a lost worker is all that is needed: it
gives the task to another one, which goes on after the last checkpoint.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from training.errors import TrainingError, first_line
from training.run.machine import environment
from training.run.many_tasks import resuming, run_task
from training.run.one_task import refuse_unasked
from training.run.task import Outcome, Task

PATIENCE = "20s"  # for the scheduler to answer
MUST_AGREE = ("normviz", "torch", "numba")
LOST_AT_MOST = 10  # workers that may die under one task before it counts as failed


@contextmanager
def connect(scheduler: str) -> Iterator[Any]:
    """A client of the cluster at ``scheduler`` (tcp://HOST:PORT).

    Raises:
        TrainingError: when dask.distributed is not installed, the scheduler cannot be reached, or
            it has no workers.
    """
    try:
        import dask
        from distributed import Client
    except ModuleNotFoundError:
        raise TrainingError(
            "--engine dask needs dask.distributed: pip install 'normviz[cluster]'"
        ) from None
    settings = {
        "distributed.scheduler.allowed-failures": LOST_AT_MOST,
        "distributed.comm.timeouts.connect": PATIENCE,
    }
    with dask.config.set(settings):
        try:
            client = Client(scheduler, timeout=PATIENCE)
        except (OSError, ValueError, TimeoutError) as error:
            raise TrainingError(
                f"--scheduler {scheduler} cannot be reached: start one with 'dask scheduler' and "
                "give its address, for example tcp://127.0.0.1:8786"
            ) from error
        with client:
            if not client.scheduler_info(n_workers=-1)["workers"]:
                raise TrainingError(
                    f"--scheduler {scheduler} has no workers: start some with 'dask worker "
                    f"{scheduler} --nthreads 1'"
                )
            yield client


def check_workers(client: Any, folder: Path) -> int:
    """Return how many workers there are, after asking each whether it can do the work.

    Raises:
        TrainingError: naming a worker with another version of torch or normviz, one that does not
            see the run folder, or one that would run several tasks in one process.
    """
    here = environment()
    # A worker started in another folder would look for a relative path there.
    token = folder.resolve() / f".seen-{uuid.uuid4().hex}"
    token.touch()
    try:
        found = client.run(_look, str(token))
    finally:
        token.unlink()
    for address, worker in client.scheduler_info(n_workers=-1)["workers"].items():
        if worker["nthreads"] > 1:
            raise TrainingError(
                f"worker {address} runs {worker['nthreads']} tasks at once in one process, which "
                "would share torch's random numbers and threads: start it with --nthreads 1"
            )
    for address, (versions, sees) in sorted(found.items()):
        for package in MUST_AGREE:
            if versions[package] != here[package]:
                raise TrainingError(
                    f"worker {address} has {package} {versions[package]}, this machine has "
                    f"{here[package]}: install the same version there"
                )
        if not sees:
            raise TrainingError(
                f"worker {address} does not see {folder}: the run folder must be on a disk that "
                "all machines share, under the same path"
            )
    return len(found)


def _look(token: str) -> tuple[dict[str, Any], bool]:
    return environment(), Path(token).exists()


def run_on_cluster(client: Any, tasks: Sequence[Task]) -> Iterator[Outcome]:
    """Run all tasks on the cluster, yielding each outcome as it comes."""
    from distributed import as_completed

    ready = []
    for task in tasks:
        try:
            refuse_unasked(task)
        except TrainingError as error:
            yield Outcome(task.name, error=str(error))
        else:
            ready.append(task)
    if not ready:
        return
    # From here on a task resumes: where its worker died, another one finds a checkpoint.
    everywhere = [resuming(_absolute(task)) for task in ready]
    futures = client.map(run_task, everywhere, key=[_key(task) for task in ready], pure=False)
    names = dict(zip((future.key for future in futures), ready, strict=True))
    for future in as_completed(futures):
        if future.status == "finished":
            yield future.result()
        else:
            reason = first_line(future.exception())
            yield Outcome(names[future.key].name, error=f"lost by the cluster: {reason}")


def _absolute(task: Task) -> Task:
    data = task.settings.data
    if data != "sample":
        data = str(Path(data).resolve())
    settings = replace(task.settings, data=data)
    return replace(task, settings=settings, run_folder=task.run_folder.resolve())


def _key(task: Task) -> str:
    return f"{task.name}-{uuid.uuid4().hex[:8]}"
