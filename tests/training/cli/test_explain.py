"""`python -m training explain`: a trained layer, its own weights and statistics, as a workbook."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import torch

from training.cli.commands import main
from training.cli.explain import digits_batch
from training.data import load as data
from training.data.load import Digits
from training.errors import TrainingError
from training.run.task import Task


@pytest.fixture
def run(use_tiny: Digits, finished: Task) -> Path:
    return finished.run_folder


def numbers(path: Path, title: str) -> list[float]:
    sheet = openpyxl.load_workbook(path, data_only=True)[title]
    return [c.value for row in sheet.iter_rows() for c in row if isinstance(c.value, float)]


def test_the_sheet_has_the_trained_weights_and_statistics(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "layer.xlsx"
    words = ["explain", str(run), "bn", "--layer", "block2.norm", "--batch", "16"]
    assert main([*words, "--eval", "--channels", "0:4", "-o", str(target)]) == 0
    assert capsys.readouterr().out == f"{target}\n"
    path = run / "bn" / "seed-0" / "checkpoint.pt"
    state = torch.load(path, weights_only=True)["model"]
    found = numbers(target, "Inputs")
    for name in ("weight", "bias", "running_mean", "running_var"):
        for value in state[f"block2.norm.{name}"][:4].double().numpy():
            assert np.abs(np.array(found) - value).min() < 1e-12
    contents = openpyxl.load_workbook(target)["Contents"]
    texts = [str(c.value) for row in contents.iter_rows() for c in row]
    assert "block2.norm: BatchNorm2d" in texts
    assert any("shape (16, 16, 24, 24)" in text for text in texts)
    assert any("evaluation" in text for text in texts)


def test_the_layer_as_it_was_after_any_epoch(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["explain", str(run), "bn", "--layer", "block2.norm", "--batch", "4", "--eval"]
    seen = []
    for epoch in (1, 2):
        assert main([*words, "--channels", "0:4", "--epoch", str(epoch)]) == 0
        said = capsys.readouterr()
        assert said.out == f"bn-block2.norm-epoch-{epoch}.xlsx\n"
        assert f"the network after epoch {epoch} of 2" in said.err
        path = run / "bn" / "seed-0" / "checkpoints" / f"epoch-{epoch}.pt"
        seen.append(torch.load(path, weights_only=True)["model"]["block2.norm.running_mean"])
        found = np.array(numbers(tmp_path / f"bn-block2.norm-epoch-{epoch}.xlsx", "Inputs"))
        for value in seen[-1][:4].double().numpy():
            assert np.abs(found - value).min() < 1e-12
    assert not torch.equal(*seen)
    assert main([*words, "--epoch", "3"]) == 2
    assert "has no checkpoint of epoch 3; there are 1, 2 (older runs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gn", "--layer", "block2.norm"], "has no trial 'gn'; there are bn"),
        (["BN", "--layer", "block2.norm"], "has no trial 'BN'; there are bn: did you mean bn?"),
        (["bn", "--layer", "block2.nrom"], "did you mean block2.norm"),
        (
            ["bn", "--layer", "block2.conv"],
            "must be a normalization layer: Conv2d is no normalization",
        ),
        (["bn", "--layer", "block2.norm", "--seed", "1"], "has no seed 'seed-1'; there are seed-0"),
        (["bn", "--layer", "block2.norm", "-o", "no/x.xlsx"], "in a folder that exists"),
        (["bn", "--layer", "block2.norm", "-o", "x.pdf"], "a file that ends in .xlsx or .html"),
        (["bn", "--layer", "block2.norm", "--samples", "99"], "samples must be indices from 0"),
    ],
    ids=["trial", "case", "layer", "no norm", "seed", "folder", "medium", "slice"],
)
def test_bad_input_ends_with_one_line(
    words: list[str],
    said: str,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    assert main(["explain", str(run), *words]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("error: ")
    assert said in err
    assert set(tmp_path.iterdir()) == before


def test_other_digits_than_those_of_training_are_said(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run / "bn" / "seed-0" / "config.json"
    words = ["explain", str(run), "bn", "--layer", "block1.norm", "--samples", "0:2"]
    details = json.loads(path.read_text())
    details["decisive"]["data"] = "other"
    path.write_text(json.dumps(details))
    assert main([*words, "-o", str(tmp_path / "a.xlsx")]) == 2  # the checkpoint is another's
    capsys.readouterr()
    checkpoint = torch.load(path.with_name("checkpoint.pt"), weights_only=True)
    checkpoint["settings"]["data"] = "other"
    torch.save(checkpoint, path.with_name("checkpoint.pt"))
    assert main([*words, "-o", str(tmp_path / "a.xlsx")]) == 0
    assert "; it was trained on tiny" in capsys.readouterr().err


def test_a_name_in_html_makes_a_page(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "layer.html"
    words = ["explain", str(run), "bn", "--layer", "block2.norm", "--batch", "4"]
    assert main([*words, "--channels", "0:2", "-o", str(target)]) == 0
    assert "<html" in target.read_text(encoding="utf-8")[:1000]


def test_the_digits_are_of_the_trial_s_own_data_set() -> None:
    known: dict[str, object] = {"dataset": "fashion-mnist", "name": "Fashion-MNIST"}
    known |= {"description": "", "mean": 0.3, "std": 0.3}
    with pytest.raises(TrainingError, match="digits of MNIST: --dataset fashion-mnist needs"):
        digits_batch("sample", 4, {"data": known, "decisive": {"data": ""}, "trial": {}})


def test_the_digits_are_not_those_that_a_seed_drew_to_train_on() -> None:
    whole = data.load("sample")
    known: dict[str, object] = {"dataset": "mnist", "name": "", "description": ""}
    known |= {"mean": whole.mean, "std": whole.std}
    details = {"data": known, "decisive": {"data": whole.digest}, "seed": 3}
    x, labels, words = digits_batch("sample", 8, details | {"trial": {"train_size": 4000}})
    drawn = data.drawn(whole, 4000, 3)
    assert torch.equal(x, data.normalize(drawn.test_images[:8], whole.mean, whole.std))
    assert torch.equal(labels, drawn.test_labels[:8])
    assert "divided by the seed" in words
    own, *_ = digits_batch("sample", 8, details | {"trial": {"train_size": 0}})
    assert torch.equal(own, data.normalize(whole.test_images[:8], whole.mean, whole.std))


def test_a_config_that_lacks_an_entry(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run / "bn" / "seed-0" / "config.json"
    details = json.loads(path.read_text())
    del details["seed"]
    path.write_text(json.dumps(details))
    assert main(["explain", str(run), "bn", "--layer", "block1.norm"]) == 2
    assert "config.json is damaged, or of another version" in capsys.readouterr().err
