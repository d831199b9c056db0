"""``--tensorboard``: scalars and histograms that TensorBoard itself reads back."""

import importlib.util
from dataclasses import replace

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from training.errors import TrainingError
from training.record.tensorboard import check_tensorboard
from training.run.one_task import OneTask

pytestmark = pytest.mark.usefixtures("use_tiny")


def read(folder):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0})
    events.Reload()
    return events


def run(task, **settings):
    OneTask(replace(task, settings=replace(task.settings, tensorboard=True, **settings))).run()
    return read(task.folder)


def test_scalars_and_histograms_are_those_of_the_history_and_the_layers(make_task):
    task = make_task("bn", epochs=2)
    events = run(task)
    record = OneTask(replace(task, settings=replace(task.settings, resume=True))).run()
    losses = events.Scalars("history/test_loss")
    assert [point.step for point in losses] == [1, 2]
    assert losses[-1].value == pytest.approx(record["last_loss"])
    histograms = events.Tags()["histograms"]
    wanted = ("what enters the norm", "weights", "gradients")
    assert set(histograms) == {f"block{n}/{name}" for n in range(1, 6) for name in wanted} | {
        f"{layer}/{name}" for layer in ("squeeze", "classify") for name in wanted[1:]
    }
    (_, weights) = events.Histograms("block1/weights")
    assert weights.histogram_value.num == 8 * 9
    (_, entered) = events.Histograms("block1/what enters the norm")
    mean = entered.histogram_value.sum / entered.histogram_value.num
    assert mean == pytest.approx(events.Scalars("block1/input_mean")[-1].value, rel=1e-4)


def test_without_records_there_are_scalars_alone(make_task):
    events = run(make_task("bn", epochs=1), record=False)
    assert events.Tags()["histograms"] == []
    assert "history/test_accuracy" in events.Tags()["scalars"]


def test_epochs_that_are_trained_again_are_shown_once(make_task, monkeypatch):
    """Killed in its second epoch, after that was shown and before it was kept."""
    task = make_task("bn", epochs=2)
    save = OneTask._save

    def die(self, trainer, epoch):
        if epoch == 2:
            raise TrainingError("killed")
        save(self, trainer, epoch)

    with monkeypatch.context() as dying:
        dying.setattr(OneTask, "_save", die)
        with pytest.raises(TrainingError, match="killed"):
            run(task)
    events = run(task, resume=True)
    assert [point.step for point in events.Scalars("history/lr")] == [1, 2]


def test_where_it_is_not_installed_that_is_one_sentence(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TrainingError, match=r"pip install 'normviz\[tensorboard\]'"):
        check_tensorboard()
