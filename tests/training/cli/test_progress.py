"""The display of tasks: within an epoch too, and from nothing but the run folder."""

import io
import json

import pytest
from rich.console import Console

from training.cli.progress import Display
from training.data import load as data
from training.record import history
from training.record.history import Epoch, Record, Teller, part_of_epoch
from training.run.one_network import Trainer
from training.run.one_task import OneTask


def tell(folder, epoch, part):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "progress.json").write_text(json.dumps({"epoch": epoch, "part": part}))


@pytest.mark.parametrize(
    ("content", "part"),
    [('{"epoch": 2, "part": 0.25}', 0.25), ('{"epoch": 1, "part": 0.25}', 0.0),
     ('{"epoch": 2, "part": 7}', 1.0), ('{"epoch": 2}', 0.0), ("[]", 0.0), ("{", 0.0)],
)  # fmt: skip
def test_what_is_not_known_of_an_epoch_is_nothing(content, part, tmp_path):
    (tmp_path / "progress.json").write_text(content)
    assert part_of_epoch(tmp_path, 2) == part
    assert part_of_epoch(tmp_path / "nowhere", 2) == 0


def test_every_step_is_told(make_task, tiny):
    trainer = Trainer(make_task("bn").config, tiny)
    told = []
    trainer.told = told.append
    for epoch in (1, 2):
        trainer.train_epoch(epoch)
    assert told == [*range(1, 6)] * 2


def test_a_task_tells_how_far_it_is_and_cleans_up(use_tiny, make_task, monkeypatch):
    monkeypatch.setattr(history, "TELL_SECONDS", 0.0)
    task, seen = make_task("bn"), []
    batches = data.get_iterator

    def watched(*arguments):
        for batch in batches(*arguments):
            seen.append(part_of_epoch(task.folder, arguments[-1]))
            yield batch

    monkeypatch.setattr(data, "get_iterator", watched)
    OneTask(task).run()
    assert {0.2, 0.4, 0.6, 0.8} <= set(seen)
    assert not (task.folder / "progress.json").exists()


def test_a_disk_that_refuses_ends_no_training(tmp_path):
    (tmp_path / "file").write_text("")
    Teller(tmp_path / "file", 10)(3)
    assert (tmp_path / "file").read_text() == ""


def test_the_bar_moves_within_an_epoch(make_task, tmp_path):
    task = make_task("bn", epochs=4)
    Record([Epoch(1, 0.1, 0.5, 90.0, 0.1, 97.5, 2.0, 100.0)]).write_csv(task.folder / "history.csv")
    (task.folder / "config.json").write_text("{}")
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=140)
    with Display(console, [task], 60.0) as display:
        tell(task.folder, 2, 0.5)
        display.look()
        bar = display._progress.tasks[1]
        assert bar.completed == 1.5
        assert bar.fields["words"].startswith("epoch 2 of 4, 50 %, loss 0.5000, test 97.50 %")
        assert display._progress.tasks[0].completed == 1.5
        assert display._estimate.epochs == 0.5
