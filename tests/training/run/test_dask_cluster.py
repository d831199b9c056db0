"""The same tasks on a Dask cluster: same numbers, a lost worker, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.conftest import PAIR, ROOT, same_numbers
from training.cli.commands import main
from training.errors import TrainingError
from training.run import dask_cluster as cluster
from training.run.dask_cluster import run_on_cluster
from training.run.task import Outcome


def test_a_killed_worker_costs_no_number(undisturbed, tmp_path):
    demo = tmp_path / "demo"
    words = [*PAIR, "--epochs", "2", "--seeds", "1", "--out", str(demo)]
    done = subprocess.run(
        [sys.executable, "-m", "training.cli.cluster_demo", *words],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "2 of 2 workers" in done.stdout
    assert "killing worker 1" in done.stdout
    assert (demo / "report.html").exists()
    assert same_numbers(demo, undisturbed)


def test_an_unreachable_scheduler_is_named(monkeypatch, capsys, tmp_path):
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "PATIENCE", "1s")
    words = ["run", "bn", "--data", "sample", "--out", str(tmp_path / "run")]
    assert main([*words, "--engine", "dask", "--scheduler", "tcp://127.0.0.1:9"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: --scheduler tcp://127.0.0.1:9 cannot be reached")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--engine", "dask"], "--scheduler"),
        (["--scheduler", "tcp://127.0.0.1:9"], "--engine dask"),
        (["--engine", "dask", "--scheduler", "tcp://127.0.0.1:9", "--jobs", "2"], "--jobs"),
    ],
    ids=["no scheduler", "no engine", "jobs"],
)
def test_options_that_contradict_each_other(words, told, capsys, tmp_path):
    assert main(["run", "bn", "--data", "sample", "--out", str(tmp_path / "run"), *words]) == 2
    assert told in capsys.readouterr().err


class Workers:
    """A client whose only worker answers as told."""

    def __init__(self, answer: tuple[dict[str, str], bool], threads: int = 1) -> None:
        self.answer, self.threads = answer, threads

    def scheduler_info(self, n_workers):
        return {"workers": {"tcp://10.0.0.7:40001": {"nthreads": self.threads}}}

    def run(self, function, token):
        assert Path(token).exists()
        assert Path(token).is_absolute()  # a worker may have been started in another folder
        return {"tcp://10.0.0.7:40001": self.answer}


def test_a_worker_with_another_torch_is_refused_by_name(tmp_path):
    versions = {**cluster.environment(), "torch": "1.0.0"}
    with pytest.raises(TrainingError, match=r"tcp://10\.0\.0\.7:40001 has torch 1\.0\.0, this"):
        cluster.check_workers(Workers((versions, True)), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_does_not_see_the_folder_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="does not see"):
        cluster.check_workers(Workers((cluster.environment(), False)), tmp_path)


def test_a_worker_of_several_threads_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="runs 4 tasks at once in one process"):
        cluster.check_workers(Workers((cluster.environment(), True), threads=4), tmp_path)


def test_workers_that_agree_are_counted(tmp_path):
    assert cluster.check_workers(Workers((cluster.environment(), True)), tmp_path) == 1


def test_what_a_folder_holds_is_not_continued_unasked(make_task):
    task = make_task("bn")
    task.folder.mkdir(parents=True)
    (task.folder / "config.json").write_text("{}")
    (outcome,) = run_on_cluster(None, [task])
    assert "holds a run already; --resume continues it" in outcome.error


class Sent:
    """A client that notes the task that it is given, and its future, which is there at once."""

    key, status = "bn", "finished"

    def map(self, function, tasks, **_options):
        (self.task,) = tasks
        return [self]

    def result(self):
        return Outcome(self.task.name)


def test_a_relative_path_is_sent_as_the_folder_that_it_is_here(make_task, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("distributed.as_completed", list)
    task, client = make_task("bn"), Sent()
    near = replace(task, run_folder=Path("near"), settings=replace(task.settings, data="digits"))
    assert list(run_on_cluster(client, [near])) == [Outcome(task.name)]
    assert client.task.run_folder == tmp_path / "near"
    assert client.task.settings.data == str(tmp_path / "digits")
    Path("near").mkdir()
    assert cluster.check_workers(Workers((cluster.environment(), True)), Path("near")) == 1
