"""``python -m training run``: a folder that holds everything, and what is said where it cannot."""

import csv
import errno
import re
import shutil
from dataclasses import replace

import pytest

from tests.training.conftest import PAIR, metrics
from training.cli.commands import announcement, main, revision_of
from training.cli.plan import Plan
from training.errors import TrainingError
from training.experiments.trials import TRIALS, find_trial
from training.files import read_json, write_json
from training.record.task_folder import read_task
from training.run.many_tasks import run_tasks
from training.run.one_network import Trainer
from training.run.one_task import OneTask


def test_the_run_folder_is_complete(undisturbed):
    names = {path.name for path in undisturbed.iterdir()}
    assert {"summary.csv", "claims.csv", "accuracy.png", "loss.png", *PAIR} <= names
    with (undisturbed / "summary.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["trial"] for row in rows] == list(PAIR)
    assert {row["data"] for row in rows} == {"sample of MNIST"}
    for row in rows:
        result = read_task(undisturbed / row["trial"] / f"seed-{row['seed']}")
        assert float(row["last_accuracy"]) == result.record.last.test_accuracy > 50


def full_disk(*_):
    raise OSError(errno.ENOSPC, "No space left on device", "summary.csv")


def test_what_failed_is_said_also_where_no_report_can_be_written(
    tmp_path, monkeypatch, capsys, use_tiny
):
    train = OneTask._train

    def fails(task):
        if task.task.config.name == "none":
            raise TrainingError("no memory is left")
        return train(task)

    monkeypatch.setattr(OneTask, "_train", fails)
    monkeypatch.setattr("training.cli.commands.write_summary", full_disk)
    words = ["run", "bn", "none", "--epochs", "1", "--jobs", "1", "--out", str(tmp_path / "run")]
    assert main(words) == 2
    said = capsys.readouterr()
    assert "none/seed-0: no memory is left" in said.err
    assert "error: summary.csv: No space left on device" in said.err
    assert re.search(r"bn +. +1 ", said.out)  # its row of the table


def test_a_row_of_a_study_has_the_revision_that_its_task_began_with(finished):
    path = finished.folder / "config.json"
    details = read_json(path)
    details["environment"]["git"] = "an earlier one"
    write_json(path, details)
    assert revision_of(finished) == "an earlier one"


MINE = """
title = "Mine"
trials = ["bn", "gn"]
seeds = 2
scale_lr = "sqrt"

[set]
batch_size = [500, 1000]
epochs = 1

[[test]]
text = "GroupNorm / BatchNorm with 500: above 1"
low = 0.0
[test.weights]
"gn batch_size=500 epochs=1 learning_rate=0.279508" = 1
"bn batch_size=500 epochs=1 learning_rate=0.279508" = -1
"""


def test_a_file_of_ones_own_runs_to_its_answers(tmp_path, capsys):
    file, out = tmp_path / "mine.toml", tmp_path / "out"
    file.write_text(MINE, encoding="utf-8")
    asked = ["run", "--experiment", str(file), "--data", "sample", "--out", str(out), "--jobs", "1"]
    assert main(asked) == 0
    said = capsys.readouterr().out
    assert "fits another learning rate" not in said
    assert "no interval" in said  # of two seeds
    with (out / "mine.csv").open(encoding="utf-8") as table:
        assert len(list(csv.DictReader(table))) == 8
    assert {"mine-verdicts.csv", "mine.png", "report.html"} <= {p.name for p in out.iterdir()}


TWO_SETS = """
trials = ["bn", "gn"]
seeds = 1
datasets = ["mnist", "fashion-mnist"]

[set]
epochs = 1
"""


@pytest.fixture
def two_sets(tmp_path, use_tiny):
    """The command that runs a study over two data sets, and its folder, where it ran."""
    file, out = tmp_path / "two.toml", tmp_path / "out"
    file.write_text(TWO_SETS, encoding="utf-8")
    words = ["run", "--experiment", str(file), "--data", "data", "--out", str(out), "--jobs", "1"]
    assert main(words) == 0
    return words, out


def test_a_study_over_two_data_sets_is_reported_again_by_its_folder(two_sets, tmp_path, capsys):
    _, out = two_sets
    pages = [out / name / "report.html" for name in ("fashion-mnist", "mnist")]
    for page in pages:
        assert "What is missing" not in page.read_text(encoding="utf-8")
        page.unlink()
    capsys.readouterr()
    assert main(["report", str(out)]) == 0
    assert "claim" not in capsys.readouterr().out
    assert all(page.exists() for page in pages)
    assert main(["report", str(out), "--keep", str(tmp_path / "kept")]) == 2
    assert "--keep takes one run folder, and" in capsys.readouterr().err


def test_runs_and_folders_of_runs_do_not_mix(two_sets, tmp_path, capsys):
    words, out = two_sets
    trial = ["run", "bn", "--data", "data", "--epochs", "1", "--jobs", "1", "--out"]
    assert main([*trial, str(out)]) == 2
    assert "holds the runs fashion-mnist, mnist; use another --out" in capsys.readouterr().err
    other = str(tmp_path / "other")
    assert main([*trial, other]) == 0
    capsys.readouterr()
    assert main([*words, "--out", other]) == 2
    assert "this one has a folder for each data set; use another --out" in capsys.readouterr().err
    assert main([*words, "--resume"]) == 0  # its table has all of it


def test_a_run_whose_every_seed_diverged_has_a_report(tmp_path, monkeypatch, capsys, use_tiny):
    monkeypatch.setitem(TRIALS, "none", replace(find_trial("none"), learning_rate=1e30))
    out = tmp_path / "run"
    words = ["run", "none", "--epochs", "1", "--jobs", "1", "--out", str(out)]
    assert main(words) == 0
    said = capsys.readouterr()
    assert "1/1 none/seed-0: diverged: the training loss of none became nan" in said.out
    assert said.err == ""
    monkeypatch.setattr(Trainer, "train_epoch", None)  # it would diverge again
    assert main([*words, "--resume"]) == 0
    assert "diverged: the training loss of none became nan" in capsys.readouterr().out
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "none, seed 0: diverged after 0 of 1 epochs" in page
    assert (out / "results.xlsx").exists()


def test_the_report_of_half_a_run_says_what_has_not_begun(tmp_path, monkeypatch, use_tiny):
    out = tmp_path / "run"

    def only_the_first(tasks, _jobs=1):
        yield from run_tasks(tasks[:1])

    monkeypatch.setattr("training.cli.plan.run_tasks", only_the_first)
    words = ["bn", "gn", "--seeds", "3", "--epochs", "1", "--jobs", "1", "--out", str(out)]
    assert main(["run", *words]) == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "bn, seeds 1, 2: not begun" in page
    assert "gn, seeds 0, 1, 2: not begun" in page
    monkeypatch.undo()
    monkeypatch.setattr("training.data.load.load", lambda *_: use_tiny)
    assert main(["run", *words, "--resume"]) == 0
    assert "not begun" not in (out / "report.html").read_text(encoding="utf-8")


def test_the_report_of_half_a_study_names_the_data_sets_that_have_not_begun(
    tmp_path, monkeypatch, capsys, use_tiny
):
    file, out = tmp_path / "two.toml", tmp_path / "out"
    file.write_text(TWO_SETS, encoding="utf-8")
    words = ["run", "--experiment", str(file), "--data", "data", "--out", str(out), "--jobs", "1"]
    with monkeypatch.context() as half:
        half.setattr("training.cli.plan.run_tasks", lambda tasks, _jobs: run_tasks(tasks[:1]))
        assert main(words) == 0
    page = out / "mnist" / "report.html"
    assert "fashion-mnist: not begun" in page.read_text(encoding="utf-8")
    page.unlink()
    capsys.readouterr()
    assert main(["report", str(out)]) == 0
    assert "fashion-mnist: not begun" in page.read_text(encoding="utf-8")
    said = capsys.readouterr().out
    assert "fashion-mnist: not begun" in said
    assert "tasks left: 3; --resume runs them" in said
    assert main([*words, "--resume"]) == 0
    assert "not begun" not in page.read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(["report", str(out)]) == 0
    assert "tasks left" not in capsys.readouterr().out


def test_what_several_processes_do_not_record_is_said(planned_bn, monkeypatch):
    assert "is not kept" not in announcement(planned_bn, "here", 1.0)
    monkeypatch.setattr("training.cli.commands.parallel.size", lambda: 2)
    said = announcement(planned_bn, "here", 1.0)
    assert "inside a network that several processes train is not kept" in said


@pytest.fixture
def planned_bn(make_task):
    task = make_task("bn")
    return Plan(task.run_folder, [task])


DIVERGES = """
trials = ["none"]
seeds = 1

[set]
learning_rate = [0.01, 1e30]
epochs = 1
"""


def test_of_a_study_a_seed_that_diverged_is_a_result(tmp_path, capsys, use_tiny):
    file, out = tmp_path / "rates.toml", tmp_path / "out"
    file.write_text(DIVERGES, encoding="utf-8")
    words = ["run", "--experiment", str(file), "--data", "sample", "--out", str(out), "--jobs", "1"]
    assert main(words) == 0
    said = capsys.readouterr()
    assert "none learning_rate=1e+30 epochs=1/seed-0: diverged" in said.out
    assert said.err == ""
    with (out / "rates.csv").open(encoding="utf-8") as table:
        assert len(list(csv.DictReader(table))) == 2


def test_a_variant_for_other_epochs_is_said_unless_its_name_does(tmp_path, use_tiny):
    out = tmp_path / "run"
    words = ["--set", "batch_size=64,32", "--epochs", "1", "--jobs", "1", "--out", str(out)]
    assert main(["run", "bn", *words]) == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "run for other than the epochs of their recipe: bn, bn batch_size=32" in page
    named = tmp_path / "named"
    assert main(["run", "bn", "--set", "epochs=1", "--jobs", "1", "--out", str(named)]) == 0
    assert "other than the epochs" not in (named / "report.html").read_text(encoding="utf-8")


def test_a_run_of_an_older_version_is_reported_and_goes_on(tmp_path, use_tiny):
    """Without asked.json, checkpoints of its epochs, and the last column of inside.csv."""
    out = tmp_path / "run"
    words = ["run", "bn", "--epochs", "2", "--jobs", "1", "--out", str(out)]
    assert main(words) == 0
    task, first = out / "bn" / "seed-0", metrics(out / "bn" / "seed-0")
    (out / "asked.json").unlink()
    shutil.rmtree(task / "checkpoints")
    older = [line.rpartition(",")[0] for line in (task / "inside.csv").read_text().splitlines()]
    (task / "inside.csv").write_text("\n".join(older) + "\n")
    (task / "summary.json").unlink()
    assert main(["report", str(out)]) == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "bn, seed 0: unfinished, 2 of 2 epochs" in page
    assert main([*words, "--resume"]) == 0
    assert metrics(task) == first
    assert "unfinished" not in (out / "report.html").read_text(encoding="utf-8")


def test_a_task_that_failed_at_once_has_begun(tmp_path, use_tiny):
    out = tmp_path / "run"
    words = ["run", "bn", "gn", "--epochs", "1", "--jobs", "1", "--out", str(out)]
    assert main(words) == 0
    (out / "gn" / "seed-0" / "config.json").write_text("{")
    assert main(["report", str(out)]) == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "config.json is damaged" in page
    assert "not begun" not in page


def test_a_folder_of_other_runs_is_no_study(tmp_path, undisturbed, capsys):
    shutil.copytree(undisturbed, tmp_path / "runs" / "try")
    assert main(["report", str(tmp_path / "runs")]) == 2
    assert "holds no readable trial" in capsys.readouterr().err
