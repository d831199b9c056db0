"""``python -m training run``: a folder that holds everything, and what is said where it cannot."""

import csv
import errno
import re
from dataclasses import replace

from tests.training.conftest import PAIR
from training.cli.commands import main, revision_of
from training.experiments.trials import TRIALS, find_trial
from training.files import read_json, write_json
from training.record.task_folder import read_task


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
    monkeypatch.setitem(TRIALS, "none", replace(find_trial("none"), learning_rate=1e30))
    monkeypatch.setattr("training.cli.commands.write_summary", full_disk)
    words = ["run", "bn", "none", "--epochs", "1", "--jobs", "1", "--out", str(tmp_path / "run")]
    assert main(words) == 2
    said = capsys.readouterr()
    assert "none/seed-0: the training loss of none became nan" in said.err
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
