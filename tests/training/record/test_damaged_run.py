"""A run folder of which one file is damaged, or of another version: the rest is reported."""

import json
import shutil

import pytest

from training.cli.commands import main
from training.record.task_folder import CONFIG_KEYS
from training.results.run_folder import read_run
from training.run.one_task import OneTask

pytestmark = pytest.mark.usefixtures("use_tiny")


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory):
    """A run folder with two finished trials of one epoch."""
    from training.data import load as data
    from training.experiments.trials import find_trial
    from training.run.task import Settings, Task

    folder = tmp_path_factory.mktemp("runs") / "finished"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "load", lambda *_: tiny)
        for name in ("bn", "gn"):
            config = find_trial(name)
            config = type(config)(**(config.__dict__ | {"epochs": 1}))
            OneTask(Task(config, 0, Settings("tiny"), folder)).run()
    return folder


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def without(*keys):
    def change(path):
        found = json.loads(path.read_text())
        for key in keys:
            del found[key]
        path.write_text(json.dumps(found))

    return change


def replaced(key, value):
    def change(path):
        path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))

    return change


def say(text):
    return lambda path: path.write_text(text)


DAMAGE = {
    "a truncated gallery": ("misclassified.npz", lambda p: p.write_bytes(p.read_bytes()[:99])),
    "an empty gallery": ("misclassified.npz", say("")),
    "no gallery": ("misclassified.npz", lambda path: path.unlink()),
    "no history": ("history.csv", lambda path: path.unlink()),
    "a history of no epochs": ("history.csv", lambda p: say(p.read_text().split("\n")[0])(p)),
    "a history with a NaN": (
        "history.csv",
        lambda p: say(p.read_text().replace("0.1,", "nan,"))(p),
    ),
    "an empty summary": ("summary.json", say("{}")),
    "a summary that is a list": ("summary.json", say("[]")),
    **{f"a config without {key}": ("config.json", without(key)) for key in CONFIG_KEYS},
    "a config whose environment is a list": ("config.json", replaced("environment", [])),
    "a config whose data has no mean": ("config.json", replaced("data", {"name": "a"})),
    "a config that is a list": ("config.json", say("[]")),
}


@pytest.mark.parametrize(("name", "change"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_trial_is_left_out_and_named(run, name, change):
    change(run / "bn" / "seed-0" / name)
    found = read_run(run)
    assert [result.config.name for result in found.results] == ["gn"]
    (problem,) = found.problems
    assert str(run / "bn" / "seed-0") in problem
    assert "damaged" in problem or "missing" in problem


def test_a_damaged_reason_of_failure_is_left_out_too(run):
    folder = run / "bn" / "seed-0"
    (folder / "summary.json").unlink()
    (folder / "failure.json").write_text("[]")
    assert "failure.json is damaged" in read_run(run).problems[0]


def test_the_report_is_written_without_it(run, capsys):
    (run / "bn" / "seed-0" / "summary.json").write_text("{}")
    assert main(["report", str(run)]) == 0
    assert "left out: " in capsys.readouterr().out
    assert "summary.json is damaged" in (run / "report.html").read_text()
    assert (run / "results.xlsx").exists()


def test_what_looks_like_markup_in_a_reason_of_failure_is_shown_as_it_is(run, capsys):
    folder = run / "bn" / "seed-0"
    (folder / "summary.json").unlink()
    (folder / "failure.json").write_text(json.dumps({"error": "bad [/x] thing"}))
    assert main(["report", str(run)]) == 0
    assert "[/x]" in capsys.readouterr().out


def test_what_failed_before_it_began_is_named(run):
    folder = run / "bn" / "seed-0"
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "failure.json").write_text(json.dumps({"error": "the disk was full"}))
    assert read_run(run).problems == [f"{folder} failed before it began: the disk was full"]
