"""Many tasks to processes of this machine, through joblib.

With one job the tasks run in this process, one after the other; a task's numbers are the same
either way, because everything that decides them is in the task.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError

from normviz.cli.ending import say
from training.errors import TrainingError
from training.run import torchrun as parallel
from training.run.machine import usable_cores
from training.run.one_network import DivergedError
from training.run.one_task import OneTask
from training.run.task import Outcome, Task

TRACKER = "ignore:resource_tracker"  # for its warnings, see -W
ATTEMPTS = 3  # how often a task is started whose worker dies


def run_task(task: Task) -> Outcome:
    """Run one task and say how it ended; a failure is an outcome, not an exception."""
    return _outcome(task, lambda: OneTask(task).run())


def _outcome(task: Task, work: Callable[[], dict[str, Any]]) -> Outcome:
    try:
        return Outcome(task.name, summary=work())
    except DivergedError as error:
        return Outcome(task.name, error=str(error), diverged=True)
    except TrainingError as error:
        return Outcome(task.name, error=str(error))
    except Exception as error:  # noqa: BLE001 - one trial's bug must not end the others
        return Outcome(task.name, error=f"{type(error).__name__}: {' '.join(str(error).split())}")


def run_together(task: Task) -> Outcome:
    """Run one task on all processes of torchrun; process 0 tells how it ended.

    That a task diverged all of them see, in the same epoch.

    Raises:
        TrainingError: when process 0 fails on the way; the others wait for it and must end too.
    """
    trial = OneTask(task)
    if parallel.rank() > 0:
        with suppress(DivergedError):
            trial.follow()
        return Outcome(task.name)
    outcome = _outcome(task, trial.run)
    if not trial.begun:
        parallel.share(None)  # finished before, or refused: the others go on to the next task
    elif outcome.error and not outcome.diverged:
        raise TrainingError(f"{outcome.task}: {outcome.error}")
    return outcome


def run_tasks(tasks: Sequence[Task], jobs: int = 1) -> Iterator[Outcome]:
    """Run all tasks, ``jobs`` at a time, yielding each outcome as it comes.

    A worker that dies (killed, out of memory) takes no other task with it: those it interrupted are
    started again and resume, one after the other, so that one that always dies is found out.
    """
    if parallel.size() > 1:
        yield from map(run_together, tasks)
        return
    if jobs > 1 and not processes_can_start():
        say("note: no worker processes can be started here, so tasks run one after the other")
        jobs = 1
    if jobs == 1:
        yield from map(run_task, tasks)
        return
    left = {task.name: task for task in tasks}
    while left:
        try:
            for outcome in _parallel(list(left.values()), jobs):
                del left[outcome.task]
                yield outcome
        except TerminatedWorkerError:
            left = {name: resuming(task) for name, task in left.items()}
            # joblib starts tasks in their order and waits for none: who was running is among the
            # first ``jobs`` that are left.
            for task in list(left.values())[:jobs]:
                del left[task.name]
                yield from _alone(task)


def _alone(task: Task) -> Iterator[Outcome]:
    """Run a task that was running when a worker died, by itself."""
    for _again in range(ATTEMPTS - 1):
        try:
            yield from _parallel([task], 2)  # of one, joblib would make this very process do it
        except TerminatedWorkerError:
            continue
        return
    yield Outcome(task.name, error=f"its worker process died {ATTEMPTS} times")


def _parallel(tasks: list[Task], jobs: int) -> Iterator[Outcome]:
    calls = (delayed(_in_worker)(task, os.getpid()) for task in tasks)
    # A worker keeps freed memory on purpose (see threads), which loky takes for a leak: it replaces
    # such a worker between two tasks, where that costs nothing.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    pool = Parallel(n_jobs=jobs, backend="loky", return_as="generator_unordered", batch_size=1)
    try:
        with _deaf_to_interrupts(), _quiet_about_semaphores():
            outcomes = pool(calls)
        yield from outcomes
    except BaseException:
        # Ctrl-C included: workers ignore it, so that they end here and not in a traceback each.
        get_reusable_executor().shutdown(wait=False, kill_workers=True)
        raise


@contextmanager
def _quiet_about_semaphores() -> Iterator[None]:
    """Within it joblib's tracker starts, which cleans up after a killed run: without a word."""
    said = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = f"{said},{TRACKER}" if said else TRACKER
    try:
        yield
    finally:
        if said is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = said


def processes_can_start() -> bool:
    """Whether joblib can share work among processes, which needs semaphores of the system.

    Without a writable /dev/shm, or with JOBLIB_MULTIPROCESSING=0, it would run the tasks as threads
    of this process, and they are not made for that.
    """
    if os.environ.get("JOBLIB_MULTIPROCESSING") == "0":
        return False
    try:
        multiprocessing.get_context("spawn").Semaphore()
    except (ImportError, OSError):
        return False
    return True


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Start processes and threads that never see Ctrl-C, which this one gets afterwards.

    A worker that is still importing would answer it with a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _in_worker(task: Task, parent: int) -> Outcome:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with(parent)
    return run_task(task)


def _die_with(parent: int) -> None:
    """End this worker soon after its parent has gone: a killed run leaves nobody writing."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    if not any(thread.name == "parent-watch" for thread in threading.enumerate()):
        threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def resuming(task: Task) -> Task:
    """The same task, continuing what its folder holds."""
    return replace(task, settings=replace(task.settings, resume=True))


def default_jobs(tasks: int) -> int:
    """Return how many tasks to run at once: one a core, no more than there are."""
    return max(1, min(tasks, usable_cores()))
