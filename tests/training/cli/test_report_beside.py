"""``normviz-train report`` of a folder that somebody else writes, or wrote strangely."""

import json
import shutil

import openpyxl
import pytest

from training.cli.commands import main
from training.run.one_network import Trainer
from training.run.one_task import OneTask

pytestmark = pytest.mark.usefixtures("use_tiny")


def test_a_report_beside_a_running_training_says_what_is_there_yet(make_task, monkeypatch):
    task, pages = make_task("bn"), []
    train = Trainer.train_epoch

    def reported(self, epoch):
        row = train(self, epoch)
        if epoch == 2:
            assert main(["report", str(task.run_folder)]) == 0
            pages.append((task.run_folder / "report.html").read_text())
        return row

    monkeypatch.setattr(Trainer, "train_epoch", reported)
    summary = OneTask(task).run()
    assert "bn, seed 0: unfinished, 1 of 2 epochs" in pages[0]
    assert summary["epochs"] == 2


def test_control_characters_of_a_stranger_are_replaced_everywhere(make_task, capsys):
    task = make_task("bn", epochs=1)
    OneTask(task).run()
    path = task.folder / "config.json"
    found = json.loads(path.read_text())
    found["trial"] |= {"name": "bn\x07\x1b[2J", "summary": "a\x00b"}
    found["command"] = "python\x1b[31m"
    found["data"]["description"] = "tiny\x08"
    path.write_text(json.dumps(found))
    assert main(["report", str(task.run_folder)]) == 0
    said = capsys.readouterr().out
    assert "bn��[2J" in said.replace("\n", "")
    page = (task.run_folder / "report.html").read_text()
    for text in (said, page):
        assert not set(text) & set("\x00\x07\x08\x1b")
    book = openpyxl.load_workbook(task.run_folder / "results.xlsx")
    texts = [str(cell.value) for sheet in book for row in sheet for cell in row]
    assert any("bn��[2J" in text for text in texts)


def test_what_an_earlier_report_compared_goes_where_there_is_nothing_to_compare(make_task):
    for name in ("bn", "gn"):
        OneTask(make_task(name, epochs=1)).run()
    folder = make_task("bn").run_folder
    assert main(["report", str(folder)]) == 0
    (folder / "claims.png").touch()
    made = [folder / name for name in ("differences.csv", "differences.png", "claims.png")]
    assert all(path.exists() for path in made)
    shutil.rmtree(folder / "gn")
    assert main(["report", str(folder)]) == 0
    assert not any(path.exists() for path in made)
