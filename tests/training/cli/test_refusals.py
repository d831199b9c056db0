"""Bad input to a command of the experiments is one line, status 2, and no file."""

import pytest

from tests.training.conftest import QUICK
from training.cli.commands import main
from training.files import locked


def refusal(capsys, *words):
    """Run a command that must fail; return its one line on standard error."""
    assert main([str(word) for word in words]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "bm", "--data", "sample"], "unknown trial 'bm'; there are bn-l1"),
        (["run", "instans", "--data", "sample"], ": did you mean instance?"),
        (["run", "bn", "--set", "lr=0.1"], ": did you mean learning_rate?"),
        (["run", "bn", "--sed", "3"], "unrecognized arguments: --sed: did you mean --seeds"),
        (["rnu", "bn"], "invalid choice: 'rnu'"),
        (["rnu", "bn"], ": did you mean run?"),
        (
            ["run", "bn", "--data", "nowhere"],
            "train-images-idx3-ubyte is missing",
        ),
        (["run", "bn", "--data", "sample", "--seeds", "many"], "'many' is not a seed"),
        (["run", "bn", "--data", "sample", "--seeds", "3,3"], "a seed is given twice"),
        (["run", "bn", "--data", "sample", "--seeds", "0"], "from 1 to 100,000 seeds"),
        (["run", "bn", "--data", "sample", "--seeds", "-1"], "'-1' is not a seed"),
        (["run", "bn", "--seeds", "300", "--set", "batch_size=2,4"], "these are 600 tasks: --yes"),
        (["run", "--seeds", "100000"], "00,000 tasks: --yes runs more than 500"),
        (["run", "bn", "--data", "sample", "--epochs", "0"], "'0' is not a whole number"),
        (["run", "bn", "--data", "sample", "--epochs", "9" * 20], "from 1 to 100,000"),
        (["run", "bn", "--data", "sample", "--jobs", "two"], "'two' is not a whole number"),
        (["run", "bn", "--data", "sample", "--device", "meta"], "device 'meta' cannot be"),
        (
            ["run", "bn", "--backend", "reference", "--precision", "bfloat16"],
            "--backend reference cannot compute in bfloat16",
        ),
        (["run", "bn", "--data", "sample", "--device", "toaster"], "device 'toaster' cannot be"),
        (["run", "bn", "--data", "sample", "--precision", "int8"], "invalid choice: 'int8'"),
        (
            [
                "run",
                "gbn",
                "--data",
                "sample",
                "--set",
                "batch_size=12000",
                "--set",
                "num_splits=6000",
            ],
            "has no batch to train on: num_splits=6000 takes as many images",
        ),
        (["run", "bn", "--data", "sample", "--set", "train_size=6000"], "leaves no test image"),
        (["run", "bn", "--data", "sample", "--set", "train_size=1"], "one image of 1 to share"),
        (
            ["run", "bn", "gn", "--data", "sample", "--set", "train_size=65"],
            "batch_size=64 leaves one image of 65 to share statistics in the last batch of bn",
        ),
        (
            ["run", "gbn", "--data", "sample", "--set", "train_size=67"],
            "leaves one image of 67 to share statistics in the last batch of gbn train_size=67",
        ),
        (["report", "nowhere"], "nowhere is not a folder"),
        (["report", "."], "holds no readable trial"),
        (["dance"], "invalid choice: 'dance'"),
        ([], "COMMAND"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_status_2(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refusal(capsys, *words)
    assert list(tmp_path.iterdir()) == []


TOGETHER = {
    "an image each": ("bn batch_size=2", "batch_size=2 leaves one image of 5,000 to share "
        "statistics in bn batch_size=2, for each of 2 processes; use another batch_size or --sync"),
    "an image a split": ("gbn batch_size=4", "leaves one image of 5,000 to share statistics in "
        "gbn batch_size=4, for each of 2 processes; use another batch_size"),
    "an image each at the end": ("bn train_size=66", "in the last batch of bn train_size=66, for"),
    "an image a split at the end": ("gbn train_size=69", "in the last batch of gbn train_size=69"),
    "too few for each": ("gn batch_size=1", "batch_size=1 has no batch to train on for 2 processes "
        "of gn batch_size=1: with num_splits=1 they take 2 images at least, and it has 1"),
    "too few for each split": ("gbn train_size=3", "they take 4 images at least, and it has 3"),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "message"), TOGETHER.values(), ids=TOGETHER)
def test_processes_that_would_have_an_image_alone_are_refused(
    asked, message, capsys, tmp_path, monkeypatch
):
    """Each checked the whole batch, trained on its part, and called InstanceNorm BatchNorm."""
    monkeypatch.setattr("training.run.torchrun.size", lambda: 2)
    monkeypatch.setattr("training.run.torchrun.share", lambda value=None: value)
    trial, setting = asked.split()
    words = ["run", trial, "--data", "sample", "--set", setting, "--out", tmp_path / "run"]
    assert message in refusal(capsys, *words)
    assert list(tmp_path.iterdir()) == []


def test_a_run_folder_in_use_is_refused(capsys, tmp_path):
    with locked(tmp_path / "run"):
        line = refusal(capsys, "run", "bn", "--data", "sample", "--out", tmp_path / "run")
    assert "is in use by another process" in line


def test_an_existing_run_needs_resume(undisturbed, capsys):
    line = refusal(capsys, "run", "bn", *QUICK, "--out", undisturbed)
    assert "--resume continues it" in line


def test_a_file_where_the_folder_should_be(capsys, tmp_path):
    (tmp_path / "run").write_text("here first")
    line = refusal(capsys, "run", "bn", "--data", "sample", "--out", tmp_path / "run")
    assert str(tmp_path / "run") in line
    assert (tmp_path / "run").read_text() == "here first"


def test_a_seed_that_is_no_number_of_64_bits(capsys):
    assert main(["run", "bn", "--seeds", "9" * 5000]) == 2
    assert "is not a seed; give how many (5)" in capsys.readouterr().err
    assert main(["run", "bn", "--seeds", "9999999"]) == 2
    assert "from 1 to 100,000 seeds" in capsys.readouterr().err
    assert main(["run", "bn", "--out", ""]) == 2
    assert "--out must name a folder" in capsys.readouterr().err
