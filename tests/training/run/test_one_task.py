import csv
import json
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from joblib.externals.loky.process_executor import TerminatedWorkerError

from training.errors import TrainingError
from training.experiments.trials import TRIALS
from training.files import locked
from training.record.task_folder import read_task
from training.report.page import conditions
from training.run import many_tasks as runner
from training.run.many_tasks import run_task, run_tasks
from training.run.one_network import Trainer
from training.run.one_task import OneTask
from training.run.task import Outcome

pytestmark = pytest.mark.usefixtures("use_tiny")
HISTORY = (
    "epoch,lr,train_loss,train_accuracy,test_loss,test_accuracy,train_seconds,images_per_second"
)


def metrics(folder):
    """The history without what a clock decides."""
    with (folder / "history.csv").open() as stream:
        return [
            {k: v for k, v in row.items() if "second" not in k} for row in csv.DictReader(stream)
        ]


def final_weights(folder):
    return torch.load(folder / "checkpoint.pt", weights_only=True)["model"]


def same_weights(first, second):
    first, second = final_weights(first), final_weights(second)
    return all(torch.equal(value, second[key]) for key, value in first.items())


DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
"""All that this machine has, so that where there is a GPU it is asked too."""


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_every_device_trains_and_looks_inside(device, precision, make_task):
    task = make_task("gbn", dropout_value=0.3)
    settings = replace(task.settings, device=device, precision=precision, recount=True)
    summary = OneTask(replace(task, settings=settings)).run()
    assert summary["epochs"] == 2
    assert (task.folder / "inside.csv").exists()


def test_a_run_on_disk(make_task):
    task = make_task("bn", seed=3)
    summary = OneTask(task).run()
    names = {path.name for path in task.folder.iterdir()}
    assert names - {".lock"} == {
        "config.json", "history.csv", "checkpoint.pt", "summary.json", "misclassified.png",
        "misclassified.npz", "inside.csv", "checkpoints",
    }  # fmt: skip
    assert task.folder.parts[-2:] == ("bn", "seed-3")
    assert (task.folder / "history.csv").read_text().splitlines()[0] == HISTORY
    rows = metrics(task.folder)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    config = json.loads((task.folder / "config.json").read_text())
    assert config["seed"] == 3
    assert config["threads"] == 1
    assert config["precision"] == "float32"
    assert config["data"]["name"] == "tiny"
    assert torch.__version__.startswith(config["environment"]["torch"])
    assert all(layer["report"]["passed"] for layer in config["verification"].values())
    assert json.loads((task.folder / "summary.json").read_text()) == summary
    assert summary["last_accuracy"] == float(rows[-1]["test_accuracy"])
    with np.load(task.folder / "misclassified.npz", allow_pickle=False) as mistakes:
        assert len(mistakes["index"]) == summary["misclassified"]
        assert mistakes["images"].shape[1:] == (28, 28)


def test_a_run_in_bfloat16_verifies_its_layers_so(make_task):
    task = make_task("gbn")
    task = replace(task, settings=replace(task.settings, precision="bfloat16"))
    OneTask(task).run()
    config = json.loads((task.folder / "config.json").read_text())
    assert config["precision"] == "bfloat16"
    reports = [layer["in_bfloat16"] for layer in config["verification"].values()]
    assert [(report["passed"], report["dtype"]) for report in reports] == [(True, "bfloat16")] * 5


def test_interrupted_after_an_epoch_it_continues_bit_for_bit(make_task, tmp_path, monkeypatch):
    whole = replace(make_task("bn-l1", epochs=3), run_folder=tmp_path / "whole")
    OneTask(whole).run()

    task = make_task("bn-l1", epochs=3)
    from training.run.one_network import Trainer

    steps = iter(range(100))
    original = Trainer.train_step

    def dying(self, x, y):
        if next(steps) == 4:  # three steps an epoch: in the middle of the second
            raise KeyboardInterrupt
        return original(self, x, y)

    monkeypatch.setattr(Trainer, "train_step", dying)
    with pytest.raises(KeyboardInterrupt):
        OneTask(task).run()
    assert len(metrics(task.folder)) == 1
    monkeypatch.setattr(Trainer, "train_step", original)
    resumed = replace(task, settings=replace(task.settings, resume=True))
    OneTask(resumed).run()
    assert metrics(task.folder) == metrics(whole.folder)
    assert same_weights(task.folder, whole.folder)


def summary_of(task):
    return json.loads((task.folder / "summary.json").read_text())


def test_a_finished_trial_is_not_run_again(finished, make_task, monkeypatch):
    monkeypatch.setattr(
        "training.run.one_task.OneTask._train", lambda _: pytest.fail("trained again")
    )
    assert OneTask(make_task("bn", resume=True)).run() == summary_of(finished)


def test_a_folder_that_holds_a_run_needs_resume(finished):
    task = finished
    before = (task.folder / "history.csv").read_bytes()
    with pytest.raises(TrainingError, match="holds a run already; --resume continues it"):
        OneTask(task).run()
    assert (task.folder / "history.csv").read_bytes() == before


@pytest.mark.parametrize(
    "lost", ["misclassified.png", "misclassified.npz", "history.csv", "config.json"]
)
def test_what_a_finished_trial_lost_is_made_again_without_training(
    finished, make_task, monkeypatch, lost
):
    task, first = finished, summary_of(finished)
    before = metrics(task.folder)
    (task.folder / lost).unlink()
    monkeypatch.setattr(
        "training.run.one_network.Trainer.train_epoch", lambda *_: pytest.fail("again")
    )
    assert OneTask(make_task("bn", resume=True)).run() == first
    assert (task.folder / lost).stat().st_size > 0
    assert metrics(task.folder) == before


def test_a_lost_picture_is_no_reason_to_train_again(finished, make_task, monkeypatch):
    task, first = finished, summary_of(finished)
    for name in ("misclassified.png", "checkpoint.pt"):
        (task.folder / name).unlink()
    monkeypatch.setattr(
        "training.run.one_task.OneTask._train", lambda _: pytest.fail("trained again")
    )
    assert OneTask(make_task("bn", resume=True)).run() == first


def test_lost_numbers_without_a_checkpoint_are_said_and_nothing_is_overwritten(finished, make_task):
    task = finished
    for name in ("history.csv", "checkpoint.pt"):
        (task.folder / name).unlink()
    before = (task.folder / "summary.json").read_bytes()
    with pytest.raises(TrainingError, match=r"history\.csv is damaged: it has 0 of the 2 epochs"):
        OneTask(make_task("bn", resume=True)).run()
    assert (task.folder / "summary.json").read_bytes() == before


@pytest.mark.parametrize("kept", ["checkpoint.pt", "summary.json"])
def test_a_checkpoint_or_summary_alone_is_a_run_too(finished, kept):
    task = finished
    for path in task.folder.glob("*.*"):
        if path.name not in (kept, ".lock"):
            path.unlink()
    with pytest.raises(TrainingError, match="holds a run already; --resume continues it"):
        OneTask(task).run()


def test_weights_ruined_by_the_last_step_of_an_epoch_are_not_kept(make_task):
    task = make_task("none", epochs=1)
    config = replace(task.config, learning_rate=1e30, batch_size=320)
    outcome = run_task(replace(task, config=config))
    assert "the test loss of none became nan in epoch 1 at learning rate 1e+30" in outcome.error
    assert not (task.folder / "checkpoint.pt").exists()


def test_resuming_under_other_settings_is_refused(finished, make_task):
    with pytest.raises(TrainingError, match="a run with epochs=2, this one has epochs=5"):
        OneTask(make_task("bn", resume=True, epochs=5)).run()


def test_a_damaged_checkpoint_fails_that_trial_only(finished, make_task):
    bad, good = make_task("bn", resume=True), make_task("gn", resume=True)
    (bad.folder / "summary.json").unlink()
    (bad.folder / "checkpoint.pt").write_bytes(b"PK")
    history = (bad.folder / "history.csv").read_bytes()
    outcomes = {outcome.task: outcome for outcome in run_tasks([bad, good])}
    assert "checkpoint.pt is damaged" in outcomes[bad.name].error
    assert outcomes[good.name].error is None
    assert (bad.folder / "history.csv").read_bytes() == history
    assert (bad.folder / "checkpoint.pt").read_bytes() == b"PK"
    assert "damaged" in json.loads((bad.folder / "failure.json").read_text())["error"]


def test_a_nan_keeps_what_was_before_it(make_task):
    task = make_task("none", epochs=3)
    outcome = run_task(replace(task, config=replace(task.config, learning_rate=1e20)))
    assert "training loss of none became" in outcome.error
    assert not (task.folder / "checkpoint.pt").exists()
    assert not (task.folder / "summary.json").exists()


def test_a_seed_that_diverged_is_not_trained_again_under_the_same_settings(make_task, monkeypatch):
    first = run_task(make_task("none", epochs=1, learning_rate=1e20))
    again = make_task("none", resume=True, epochs=1, learning_rate=1e20)
    monkeypatch.setattr(Trainer, "train_epoch", None)
    assert run_task(again) == first
    assert first.diverged
    other = run_task(make_task("none", resume=True, epochs=1))
    assert "a run with learning_rate=1e+20, this one has" in other.error
    (again.folder / "config.json").unlink()  # nobody knows of which settings it was
    assert "TypeError" in run_task(again).error


def test_a_locked_trial_is_left_alone(make_task):
    task = make_task("bn")
    with locked(task.folder):
        outcome = run_task(task)
    assert f"is in use by another process ({os.getpid()})" in outcome.error
    assert not (task.folder / "failure.json").exists()


def test_a_bug_is_an_outcome_with_its_type(make_task, monkeypatch):
    def broken(_self, _epoch):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("training.run.one_network.Trainer.train_epoch", broken)
    task = make_task("bn")
    assert run_task(task).error == "ZeroDivisionError: oops"
    assert "Traceback" in json.loads((task.folder / "failure.json").read_text())["traceback"]


def test_a_task_whose_worker_always_dies_takes_no_other_with_it(make_task, monkeypatch):
    tasks = [make_task(name) for name in ("bn", "gn", "ln", "none", "rms")]
    starts = []

    def in_order(tasks, jobs):
        """Two at once, where the second of them ends first."""
        started = list(tasks[:jobs])
        starts.extend(task.name for task in started)
        for task in (*tasks[jobs:], None):
            if any(t.config.name == "gn" for t in started):
                raise TerminatedWorkerError
            done = started.pop()
            yield Outcome(done.name)
            if task is not None:
                started.append(task)
                starts.append(task.name)
        yield from (Outcome(task.name) for task in started)

    monkeypatch.setattr(runner, "_parallel", in_order)
    outcomes = {outcome.task: outcome.error for outcome in run_tasks(tasks, jobs=2)}
    assert outcomes.pop("gn/seed-0") == "its worker process died 3 times"
    assert set(outcomes.values()) == {None}
    assert len(outcomes) == 4
    assert starts.count("gn/seed-0") == 3


def test_another_seed_under_other_settings_is_refused(make_task):
    OneTask(make_task("bn", epochs=1)).run()
    other = replace(make_task("bn", epochs=2), seed=1)
    with pytest.raises(TrainingError, match=r"seed-0/config.json belongs to a run with epochs=1"):
        OneTask(other).run()
    assert not (other.folder / "config.json").exists()


def test_where_the_rest_of_a_resumed_trial_was_trained_is_noted(make_task, monkeypatch):
    task = make_task("bn", resume=True, epochs=2)
    train_epoch = Trainer.train_epoch

    def one_epoch(trainer, epoch):
        if epoch == 2:
            raise TrainingError("interrupted")
        return train_epoch(trainer, epoch)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_epoch", one_epoch)
        assert run_task(task).error == "interrupted"
    details = json.loads((task.folder / "config.json").read_text())
    here = details["environment"]
    details["environment"] = {**here, "torch": "2.9.0"}
    (task.folder / "config.json").write_text(json.dumps(details))
    assert run_task(task).error is None
    found = read_task(task.folder).details
    assert found["environment"]["torch"] == "2.9.0"
    assert found["resumed"] == [{"epoch": 2, "environment": here}]
    assert conditions([read_task(task.folder)])["torch"] == ["2.9.0", here["torch"]]


@pytest.mark.parametrize("name", TRIALS)
def test_every_trial_from_end_to_end(name, make_task):
    task = make_task(name, epochs=1)
    summary = OneTask(task).run()
    assert summary["epochs"] == 1
    assert 0 <= summary["last_accuracy"] <= 100
    result = read_task(task.folder)
    assert result.status == "finished"
    assert result.details["verification"] or result.config.norm == "none"
    assert (task.folder / "misclassified.png").stat().st_size > 0
