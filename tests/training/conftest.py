"""Small data and quick trials for the tests of the trainer."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from training.cli.commands import main
from training.data import load as data
from training.data.load import Digits
from training.experiments.config import TrialConfig
from training.experiments.trials import find_trial
from training.record.history import Epoch, Record
from training.record.task_folder import Result
from training.results.run_folder import Results, read_run
from training.run.many_tasks import run_task
from training.run.task import Settings, Task

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def sample() -> Digits:
    return data.load("sample")


def few(sample: Digits) -> Digits:
    """A few digits: enough for steps, not for accuracy."""
    return Digits(
        "tiny",
        "tiny",
        sample.train_images[:320],
        sample.train_labels[:320],
        sample.test_images[:100],
        sample.test_labels[:100],
        is_sample=True,
    )


@pytest.fixture(scope="session")
def tiny(sample: Digits) -> Digits:
    return few(sample)


@pytest.fixture
def use_tiny(tiny: Digits, monkeypatch: pytest.MonkeyPatch) -> Digits:
    """Let every task load the tiny data."""
    monkeypatch.setattr(data, "load", lambda *_: tiny)
    return tiny


@pytest.fixture(scope="session")
def finished_bn(tiny: Digits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of bn with seed 0, two epochs on the tiny data."""

    def train(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(data, "load", lambda *_: tiny)
            config = replace(find_trial("bn"), epochs=2)
            outcome = run_task(Task(config, 0, Settings(data="sample"), folder))
        assert outcome.error is None

    return once(tmp_path_factory, "finished", train)


@pytest.fixture
def finished(finished_bn: Path, make_task: Callable[..., Task]) -> Task:
    """That run in the folder of the test, which may do with it what it likes."""
    task = make_task("bn")
    shutil.copytree(finished_bn, task.run_folder)
    return task


@pytest.fixture
def make_task(tmp_path: Path) -> Callable[..., Task]:
    def make(name: str = "bn", seed: int = 0, resume: bool = False, **changes: object) -> Task:
        config: TrialConfig = replace(find_trial(name), **{"epochs": 2, **changes})
        return Task(config, seed, Settings(data="sample", resume=resume), tmp_path / "run")

    return make


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "training", *map(str, words)]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


PAIR = ("bn", "ln")
QUICK = ("--data", "sample", "--epochs", "2", "--threads", "1")


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder made once for all processes that test side by side.

    Theirs is the folder above each one's own.
    """
    own = factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / name
    is_made = folder.with_suffix(".made")
    with FileLock(f"{folder}.lock"):
        if not is_made.exists():
            make(folder)
            is_made.touch()
    return folder


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of two trials, two epochs on the sample, one job, never killed."""

    def train(folder: Path) -> None:
        assert main(["run", *PAIR, *QUICK, "--jobs", "1", "--out", str(folder)]) == 0

    return once(tmp_path_factory, "undisturbed", train)


def metrics(folder: Path) -> list[dict[str, str]]:
    """The history of a task without what a clock decides."""
    with (folder / "history.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    return [{k: v for k, v in row.items() if "second" not in k} for row in rows]


def same_numbers(first: Path, second: Path, trials: tuple[str, ...] = PAIR) -> bool:
    """Whether two run folders have the same histories with seed 0."""
    tasks = [f"{trial}/seed-0" for trial in trials]
    return all(metrics(first / task) == metrics(second / task) for task in tasks)


def wait_for_epochs(folder: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until ``count`` epochs are on disk, and a little into the next one."""
    deadline = time.monotonic() + 900  # a machine may be busy
    while time.monotonic() < deadline and process.poll() is None:
        if (folder / "history.csv").exists() and len(metrics(folder)) >= count:
            time.sleep(0.2)
            return
        time.sleep(0.02)
    raise AssertionError(f"{count} epochs never came: {process.communicate(timeout=5)}")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``python -m training ...`` in its own process group; what is left is ended."""
    processes: list[subprocess.Popen[str]] = []

    def begin(*words: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command(*words),
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def small_run(tiny: Digits, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Four trials with two seeds on the tiny data: two finished, one failed, one on its way."""
    settings = Settings(data="sample", command="python -m training run <all> --seeds 2")

    def train(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(data, "load", lambda *_: tiny)
            for name in ("bn", "gn", "bn-l1-accumulated", "none"):
                for seed in (0, 1):
                    config = replace(find_trial(name), epochs=3)
                    with pytest.MonkeyPatch.context() as broken:
                        if (name, seed) == ("none", 1):
                            broken.setattr("training.run.schedules.learning_rate", lambda *_: 1e20)
                        run_task(Task(config, seed, settings, folder))
        for kept in ("summary.json", "misclassified.npz", "misclassified.png"):
            (folder / "gn" / "seed-1" / kept).unlink()

    return read_run(once(tmp_path_factory, "small", train))


@pytest.fixture(params=["after an epoch", "at once"])
def lost_run(small_run: Results, request: pytest.FixtureRequest) -> Results:
    """That run, of which "none" diverged with both seeds and bn with its second."""

    def lose(result: Result) -> Result:
        record = Record(result.record.epochs[:1] if request.param == "after an epoch" else [])
        return replace(result, summary=None, diverged=True, failure="lost", record=record)

    lost = [("bn", 1), ("none", 0), ("none", 1)]
    results = [lose(r) if (r.config.name, r.seed) in lost else r for r in small_run.results]
    return replace(small_run, results=results)


@pytest.fixture
def made_up_run(tmp_path: Path) -> Callable[[dict[str, list[list[float]]]], Results]:
    """Make a run with given test accuracies by trial, seed and epoch, that nobody trained."""
    return lambda accuracies: _made_up(tmp_path / "made-up", accuracies)


def _made_up(folder: Path, accuracies: dict[str, list[list[float]]]) -> Results:
    results = []
    for name, seeds in accuracies.items():
        for seed, values in enumerate(seeds):
            rows = [
                Epoch(epoch, 0.1, 0.5 / epoch, 90.0, 1 - value / 100, value, 2.0, 30000.0)
                for epoch, value in enumerate(values, start=1)
            ]
            record = Record(rows)
            config = replace(find_trial(name), epochs=len(values))
            words = "MNIST (60,000 and 10,000)"
            data_set = {"dataset": "mnist", "is_sample": False, "name": "MNIST"}
            details = {"data": data_set | {"description": words}}
            task = folder / name / f"seed-{seed}"
            results.append(Result(task, config, seed, details, record, record.summary(), None))
    return Results(folder, results, [])
