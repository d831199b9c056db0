from dataclasses import replace

import numpy as np
import pytest
import torch

from training.data import load as data
from training.data.datasets import MNIST
from training.errors import TrainingError
from training.experiments.trials import find_trial


def test_sample_is_small_balanced_and_says_what_it_is(sample):
    assert data.SAMPLE.stat().st_size <= 1_500_000
    assert sample.describe() == "sample of MNIST (5,000 training and 1,000 test digits)"
    assert torch.bincount(sample.train_labels).tolist() == [500] * 10
    assert torch.bincount(sample.test_labels).tolist() == [100] * 10
    assert sample.train_images.dtype == torch.uint8


def test_an_epoch_shows_every_digit_once(tiny):
    config = replace(find_trial("bn"), rotation=0.0)
    batches = list(data.get_iterator(tiny, config, seed=0, epoch=1))
    assert [len(y) for _, y in batches] == [64] * 5
    assert len(batches) == data.steps_per_epoch(tiny, config)
    seen = torch.cat([x for x, _ in batches]).flatten(1).sum(1).sort().values
    expected = data.normalize(tiny.train_images).flatten(1).sum(1).sort().values
    torch.testing.assert_close(seen, expected)


def test_labels_stay_with_their_images(tiny):
    config = replace(find_trial("bn"), rotation=0.0)
    known = {x.tobytes(): y for x, y in zip(
        data.normalize(tiny.train_images).numpy(), tiny.train_labels.tolist(), strict=True
    )}  # fmt: skip
    for x, y in data.get_iterator(tiny, config, seed=5, epoch=2):
        assert [known[image.tobytes()] for image in x.numpy()] == y.tolist()


def test_order_and_angles_depend_on_seed_and_epoch_alone(tiny):
    config = find_trial("best")

    def first(seed, epoch):
        return next(data.get_iterator(tiny, config, seed, epoch))[0]

    assert torch.equal(first(0, 1), first(0, 1))
    assert not torch.equal(first(0, 1), first(0, 2))
    assert not torch.equal(first(0, 1), first(1, 1))


def test_normalization_is_that_of_mnist(sample):
    x = data.normalize(sample.train_images)
    assert abs(x.mean()) < 0.02
    assert abs(x.std() - 1) < 0.02
    assert x.shape == (5000, 1, 28, 28)


@pytest.mark.parametrize(("splits", "sizes"), [(2, [128, 128, 64]), (3, [126, 126, 63])])
def test_ghost_batches_are_multiples_of_their_splits(tiny, splits, sizes):
    config = replace(find_trial("gbn"), batch_size=sizes[0], num_splits=splits)
    batches = [len(y) for _, y in data.get_iterator(tiny, config, 0, 1)]
    assert all(size % splits == 0 for size in batches)
    assert sum(batches) > 320 - splits
    assert len(batches) == data.steps_per_epoch(tiny, config)


def idx(array):
    magic = {1: 2049, 3: 2051}[array.ndim]
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return magic.to_bytes(4, "big") + sizes + array.tobytes()


def test_two_processes_that_share_statistics_need_an_image_each(sample):
    bn, rms = (replace(find_trial(name), batch_size=2) for name in ("bn", "rms"))
    for config, processes, synchronize in ((bn, 1, False), (bn, 2, True), (rms, 2, False)):
        data.refuse_unfit(sample, config, processes, synchronize)
    with pytest.raises(TrainingError, match=r"or --sync-batch-norm$"):
        data.refuse_unfit(sample, bn, 2, synchronize=False)
    with pytest.raises(TrainingError, match="no batch to train on for 3 processes"):
        data.refuse_unfit(sample, bn, 3, synchronize=True)


def test_idx_round_trip():
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(data.read_idx(idx(array)), array)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"not an idx file", "magic number"), (idx(np.zeros(5, np.uint8))[:-1], "holds 4 values")],
)
def test_broken_idx_is_refused(content, message):
    with pytest.raises(TrainingError, match=message):
        data.read_idx(content)


def test_missing_file_names_the_ways_out(tmp_path):
    fetch = rf"'normviz-train data --out {tmp_path}' fetches MNIST, '--data sample'"
    with pytest.raises(TrainingError, match=f"is missing: {fetch}"):
        data.load(str(tmp_path))


def test_damaged_file_is_refused_by_its_checksum(tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in MNIST.files:
        (raw / name).write_bytes(b"\0" * 100)
    with pytest.raises(TrainingError, match="train-images-idx3-ubyte is damaged: its SHA-256 is"):
        data.load(str(tmp_path))


def test_damaged_sample_is_refused(tmp_path, monkeypatch):
    broken = tmp_path / "sample.npz"
    broken.write_bytes(data.SAMPLE.read_bytes()[:1000])
    monkeypatch.setattr(data, "SAMPLE", broken)
    with pytest.raises(TrainingError, match=r"the bundled sample sample\.npz is damaged"):
        data._load_sample()
