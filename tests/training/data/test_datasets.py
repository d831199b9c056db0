"""Other data sets than MNIST: loaded, held to their digests, fetched, and never mixed."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets as torchvision_datasets

from tests.training.data.test_data import idx
from training.cli.commands import main
from training.data import datasets
from training.data import load as data
from training.data.datasets import (
    DATASETS,
    FASHION_MNIST,
    KMNIST,
    Dataset,
)
from training.errors import TrainingError
from training.experiments.trials import find_trial
from training.results.run_folder import read_run, refuse_other_data
from training.run.one_network import Trainer
from training.run.one_task import OneTask
from training.run.task import Settings, Task

ARRAYS = {
    "train-images-idx3-ubyte": np.arange(96 * 784, dtype=np.uint32).reshape(96, 28, 28) % 200,
    "train-labels-idx1-ubyte": np.arange(96) % 10,
    "t10k-images-idx3-ubyte": np.full((20, 28, 28), 255),
    "t10k-labels-idx1-ubyte": np.arange(20) % 10,
}


def little(packed: bool, folder: Path) -> Dataset:
    """Write a data set of 96 pictures and return it, as archives with MD5 or as plain files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, array in ARRAYS.items():
        content = idx(array.astype(np.uint8))
        if packed:
            name, content = f"{name}.gz", gzip.compress(content, mtime=0)
        (folder / name).write_bytes(content)
        files[name] = hashlib.new("md5" if packed else "sha256", content).hexdigest()
    return replace(KMNIST if packed else FASHION_MNIST, files=files)


@pytest.fixture(params=[False, True], ids=["plain files, SHA-256", "archives, MD5"])
def known(request, tmp_path, monkeypatch) -> Dataset:
    """A little data set in the place of a real one, in the folder ``data``."""
    which = KMNIST if request.param else FASHION_MNIST
    dataset = little(request.param, tmp_path / "data" / which.folder / "raw")
    monkeypatch.setitem(DATASETS, dataset.name, dataset)
    data._load.cache_clear()
    yield dataset
    data._load.cache_clear()


def test_a_data_set_names_itself_and_has_its_own_mean_and_deviation(known, tmp_path):
    loaded = data.load(str(tmp_path / "data"), known.name)
    assert loaded.describe() == f"{known.title} (96 training and 20 test images)"
    pixels = ARRAYS["train-images-idx3-ubyte"] / 255
    assert (loaded.mean, loaded.std) == (round(pixels.mean(), 4), round(pixels.std(), 4))
    assert (loaded.mean, loaded.std) != (data.MEAN, data.STD)
    assert torch.equal(loaded.test_labels, torch.arange(20) % 10)


def test_training_and_evaluation_use_its_own_mean_and_deviation(known, tmp_path):
    loaded = data.load(str(tmp_path / "data"), known.name)
    config = replace(find_trial("bn"), rotation=0.0, batch_size=96)
    x, _ = next(data.get_iterator(loaded, config, 0, 1))
    assert abs(x.mean()) < 1e-3
    assert abs(x.std() - 1) < 1e-3
    trainer, seen = Trainer(config, loaded), []
    trainer.model.block1.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
    trainer.test_scores()
    assert torch.all(seen[0] == (1 - loaded.mean) / loaded.std)


def test_a_trial_records_it_and_another_data_set_in_the_folder_is_refused(
    known, sample, tmp_path, capsys
):
    settings = Settings(data=str(tmp_path / "data"), dataset=known.name)
    config = replace(find_trial("bn"), epochs=1)
    run = tmp_path / "run"
    OneTask(Task(config, 0, settings, run)).run()
    details = read_run(run).results[0].details
    loaded = data.load(str(tmp_path / "data"), known.name)
    assert details["data"] == {
        "dataset": known.name, "is_sample": False, "name": known.title,
        "description": loaded.describe(), "mean": loaded.mean, "std": loaded.std,
    }  # fmt: skip
    refuse_other_data(run, loaded)
    with pytest.raises(TrainingError, match=rf"holds a run on {known.title} .* on sample of MNIST"):
        refuse_other_data(run, sample)
    assert main(["run", "gn", "--data", "sample", "--out", str(run), "--resume"]) == 2
    assert f"holds a run on {known.title}" in capsys.readouterr().err
    assert not (run / "gn").exists()


def test_a_damaged_file_is_refused_by_its_digest(known, tmp_path):
    name = next(iter(known.files))
    (tmp_path / "data" / known.folder / "raw" / name).write_bytes(b"\0" * 100)
    kind = "MD5" if name.endswith(".gz") else "SHA-256"
    with pytest.raises(
        TrainingError, match=rf"{name} is damaged: its {kind} .* {known.name} --out"
    ):
        data.load(str(tmp_path / "data"), known.name)


def test_a_good_file_of_another_data_set_is_not_called_damaged(tmp_path, monkeypatch):
    found, asked = little(False, tmp_path), replace(little(False, tmp_path / "b"), title="Others")
    asked = replace(asked, files=dict.fromkeys(asked.files, "0" * 64))
    monkeypatch.setattr(data, "DATASETS", {"asked": asked, found.name: found})
    with pytest.raises(TrainingError, match=rf"is of {found.title}, not of Others: use --dataset"):
        data._load_folder(tmp_path, asked)


def test_the_sample_is_of_mnist_alone(capsys, tmp_path):
    words = ["--data", "sample", "--dataset", "kmnist", "--out", str(tmp_path / "run")]
    assert main(["run", "bn", *words]) == 2
    assert "--dataset kmnist needs --data DIR" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_an_unknown_data_set_is_refused(capsys):
    assert main(["run", "bn", "--dataset", "cifar"]) == 2
    assert "invalid choice: 'cifar'" in capsys.readouterr().err
    with pytest.raises(TrainingError, match="there are mnist, fashion-mnist, kmnist"):
        datasets.find_dataset("cifar")


def test_what_decides_a_run_on_mnist_has_not_changed():
    """Runs that began before there were other data sets go on."""
    task = Task(find_trial("bn"), 0, Settings(data="data"), Path("run"))
    assert "dataset" not in task.decisive("digest")
    joined = "".join(datasets.MNIST.files.values()).encode()
    assert hashlib.sha256(joined).hexdigest().startswith("c6558067")


def test_folders_and_archives_are_those_of_torchvision():
    for dataset in DATASETS.values():
        assert getattr(torchvision_datasets, dataset.folder).__name__ == dataset.folder
    assert dict(torchvision_datasets.KMNIST.resources) == dict(KMNIST.files)


@pytest.mark.parametrize("place", ["FashionMNIST/raw", "FashionMNIST", "raw", "."])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_a_folder_as_people_have_it(place, packed, tmp_path, monkeypatch):
    dataset = little(False, tmp_path / place)
    monkeypatch.setitem(DATASETS, dataset.name, dataset)
    data._load.cache_clear()
    if packed:
        for name in dataset.files:
            file = tmp_path / place / name
            (tmp_path / place / f"{name}.gz").write_bytes(gzip.compress(file.read_bytes()))
            file.unlink()
    assert len(data.load(str(tmp_path), dataset.name).train_labels) == 96


@pytest.mark.parametrize("content", [b"", b"no archive", gzip.compress(bytes(65 << 20))])
def test_an_archive_that_is_none_or_grows(content, tmp_path, monkeypatch):
    dataset = little(False, tmp_path)
    monkeypatch.setitem(DATASETS, dataset.name, dataset)
    data._load.cache_clear()
    name = "t10k-labels-idx1-ubyte"
    (tmp_path / name).unlink()
    (tmp_path / f"{name}.gz").write_bytes(content)
    with pytest.raises(TrainingError, match=rf"{name}\.gz is damaged"):
        data.load(str(tmp_path), dataset.name)
