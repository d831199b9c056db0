"""A data set as tensors in memory: from its four IDX files, or the sample in this package.

What was loaded always names itself: a run on the sample never looks like a run on MNIST.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from normviz.tensors.limits import UnreadableError, opened, read_at_most
from training.data import augment
from training.data.datasets import DATASETS, DIVIDED, MEAN, MNIST, STD, Dataset, find_dataset
from training.data.seeding import INIT_EPOCH, generator
from training.errors import TrainingError
from training.experiments.config import TrialConfig, reads

SAMPLE = Path(__file__).with_name("sample.npz")
MOST_BYTES = 64 << 20  # of a file; MNIST's largest has 47 million
IDX_DIMENSIONS = {2049: 1, 2051: 3}  # magic number of labels, of images


@dataclass(frozen=True)
class Digits:
    """A training and a test set: uint8 images (N, 28, 28), int64 labels (N,)."""

    name: str  # "MNIST", "sample of MNIST", "Fashion-MNIST", ...
    digest: str  # SHA-256 over what was read
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    mean: float = MEAN  # of the training pixels in [0, 1]
    std: float = STD
    noun: str = "digits"
    dataset: str = MNIST.name  # as --dataset names it
    is_sample: bool = False  # the few digits of the package, not the whole set

    def describe(self) -> str:
        """Return e.g. ``MNIST (60,000 training and 10,000 test digits)``."""
        train, test = len(self.train_labels), len(self.test_labels)
        return f"{self.name} ({train:,} training and {test:,} test {self.noun})"


def load(source: str, dataset: str = MNIST.name) -> Digits:
    """Load ``"sample"``, or a data set from the folder that holds ``MNIST/raw/`` or its like.

    Raises:
        TrainingError: when a file is missing, damaged (its digest differs) or not IDX.
    """
    return _load(source, dataset)


# Apart from load, so that a default left out is no second copy in memory.
@functools.lru_cache(maxsize=2)
def _load(source: str, dataset: str) -> Digits:
    if source != "sample":
        return _load_folder(Path(source), find_dataset(dataset))
    if dataset != MNIST.name:
        raise TrainingError(
            f"the bundled sample holds digits of MNIST: --dataset {dataset} needs --data DIR"
        )
    return _load_sample()


def _load_sample() -> Digits:
    try:
        content = SAMPLE.read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            images = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise TrainingError(f"the bundled sample {SAMPLE.name} is damaged: {error}") from error
    return Digits(
        "sample of MNIST",
        hashlib.sha256(content).hexdigest(),
        images["train_images"],
        images["train_labels"].long(),
        images["test_images"],
        images["test_labels"].long(),
        is_sample=True,
    )


def _load_folder(folder: Path, dataset: Dataset) -> Digits:
    arrays = [_read_checked(find_file(folder, dataset, name), dataset) for name in dataset.files]
    tensors = [torch.from_numpy(array) for array in arrays]
    mean, std = dataset.mean, dataset.std
    if mean is None or std is None:
        mean, std = moments(tensors[0])
    return Digits(
        dataset.title,
        hashlib.sha256("".join(dataset.files.values()).encode()).hexdigest(),
        tensors[0],
        tensors[1].long(),
        tensors[2],
        tensors[3].long(),
        mean,
        std,
        dataset.noun,
        dataset.name,
    )


def drawn(digits: Digits, train_size: int, seed: int) -> Digits:
    """Return the same images, divided anew: ``train_size`` drawn by the seed train, the rest test.

    So a seed stands for a sample of the data too, and two trials with the same seed share it.
    With 0 the data set's own division stays.

    Raises:
        TrainingError: when there are not so many images.
    """
    if not train_size:
        return digits
    images = torch.cat((digits.train_images, digits.test_images))
    labels = torch.cat((digits.train_labels, digits.test_labels))
    _refuse_all(digits, train_size)
    order = torch.randperm(len(labels), generator=generator(seed, INIT_EPOCH, "division"))
    train, test = order[:train_size].sort().values, order[train_size:].sort().values
    return replace(
        digits,
        name=digits.name + DIVIDED,
        train_images=images[train],
        train_labels=labels[train],
        test_images=images[test],
        test_labels=labels[test],
    )


def _refuse_all(digits: Digits, train_size: int) -> None:
    count = len(digits.train_labels) + len(digits.test_labels)
    if train_size >= count:
        raise TrainingError(
            f"train_size={train_size} leaves no test image of the {count:,} of {digits.name}"
        )


def refuse_unfit(
    digits: Digits, config: TrialConfig, processes: int = 1, synchronize: bool = False
) -> None:
    """Refuse a trial that finds no batch to train on in these images, none to test on, or an image
    alone whose statistics BatchNorm would take for a batch's.

    Of several ``processes`` each has its part of every batch, and the statistics of that, unless
    they ``synchronize`` those of BatchNorm.

    Raises:
        TrainingError: saying which of its numbers does not fit.
    """
    _refuse_all(digits, config.train_size)
    count = config.train_size or len(digits.train_labels)
    splits = f"num_splits={config.splits}"
    if not _steps(count, config):
        raise TrainingError(
            f"{config.name} has no batch to train on: {splits} takes as many images at least, and "
            f"there are {count:,}"
        )
    least, most = processes * config.splits, min(config.batch_size, count)
    if most < least:
        raise TrainingError(
            f"batch_size={config.batch_size} has no batch to train on for {processes} processes of "
            f"{config.name}: with {splits} they take {least} images at least, and it has {most}"
        )
    of_batch = config.norm in ("batch", "ghost") and reads(config, "norm")
    if of_batch and not (synchronize and config.norm == "batch"):
        _refuse_alone(count, config, processes)


def _refuse_alone(count: int, config: TrialConfig, processes: int) -> None:
    """Refuse a batch, or the last, that leaves one image for a mean and variance."""
    last = count % config.batch_size
    for images, where in ((config.batch_size, ""), (last, "the last batch of ")):
        if _usable(images // processes, config) == config.splits:
            on = f", for each of {processes} processes" if processes > 1 else ""
            to_share = " or --sync-batch-norm" * (processes > 1 and config.norm == "batch")
            raise TrainingError(
                f"batch_size={config.batch_size} leaves one image of {count:,} to share statistics "
                f"in {where}{config.name}{on}; use another batch_size"
                f"{' or train_size' * bool(where and config.train_size)}{to_share}"
            )


def moments(images: Tensor) -> tuple[float, float]:
    """Return mean and standard deviation of uint8 pixels over [0, 1], to four decimals.

    >>> moments(torch.tensor([0, 255, 255, 0], dtype=torch.uint8))
    (0.5, 0.5)
    """
    counts = torch.bincount(images.flatten(), minlength=256).double() / images.numel()
    values = torch.arange(256, dtype=torch.float64) / 255
    mean = (counts * values).sum()
    variance = (counts * (values - mean).square()).sum()
    return round(mean.item(), 4), round(variance.sqrt().item(), 4)


def find_file(folder: Path, dataset: Dataset, name: str) -> Path:
    """Return where a file of a data set is: as torchvision lays it out, or simply in the folder.

    It may be packed (.gz), unless only the packed file has a published digest. Where there is none,
    the place it should have is returned.
    """
    names = (name,) if name.endswith(".gz") else (name, f"{name}.gz")
    places = (f"{dataset.folder}/raw", dataset.folder, "raw", "")
    found = [folder / place / file for place in places for file in names]
    return next((path for path in found if path.is_file()), folder / places[0] / name)


def _read_checked(path: Path, dataset: Dataset) -> np.ndarray:
    other = "" if dataset is MNIST else f" --dataset {dataset.name}"
    folder = path.parents[1] if path.parent.name == "raw" else path.parent
    folder = folder.parent if folder.name == dataset.folder else folder
    fetch = f"'normviz-train data{other} --out {folder}'"
    published = path.name in dataset.files  # its digest; else that of the unpacked file is
    try:
        with path.open("rb") if published else opened(path) as stream:
            content = read_at_most(stream, MOST_BYTES)
    except FileNotFoundError:
        raise TrainingError(
            f"{path} is missing: {fetch} fetches {dataset.title}, '--data sample' uses the bundled "
            "digits"
        ) from None
    except OSError as error:
        raise TrainingError(f"cannot read {path}: {error.strerror or error}") from error
    except UnreadableError as error:
        raise TrainingError(f"{path} is damaged: {error}; remove it and run {fetch}") from None
    digest = dataset.files[path.name if published else path.name.removesuffix(".gz")]
    found = _digest(dataset, content)
    if found != digest:
        for other_set in DATASETS.values():
            if other_set is dataset or _digest(other_set, content) not in other_set.files.values():
                continue
            raise TrainingError(
                f"{path} is of {other_set.title}, not of {dataset.title}: use --dataset "
                f"{other_set.name}, or --data with the folder of {dataset.title}"
            )
        raise TrainingError(
            f"{path} is damaged: its {dataset.digest_name} is {found[:16]}..., that of "
            f"{dataset.title} is {digest[:16]}...; remove it and run {fetch}"
        )
    return read_idx(gzip.decompress(content) if published and path.suffix == ".gz" else content)


def _digest(dataset: Dataset, content: bytes) -> str:
    return hashlib.new(dataset.algorithm, content, usedforsecurity=False).hexdigest()


def read_idx(content: bytes) -> np.ndarray:
    """Decode an IDX file of unsigned bytes (magic number, big-endian sizes, then the bytes).

    >>> read_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9])).tolist()
    [7, 8, 9]

    Raises:
        TrainingError: when the magic number or the length is wrong.
    """
    magic = int.from_bytes(content[:4], "big")
    if magic not in IDX_DIMENSIONS:
        raise TrainingError(f"not an IDX file of images or labels: its magic number is {magic}")
    end = 4 + 4 * IDX_DIMENSIONS[magic]
    shape = tuple(int.from_bytes(content[i : i + 4], "big") for i in range(4, end, 4))
    if len(content) - end != np.prod(shape):
        raise TrainingError(f"IDX file of shape {shape} holds {len(content) - end} values")
    return np.frombuffer(content, np.uint8, offset=end).reshape(shape).copy()


def normalize(images: Tensor, mean: float = MEAN, std: float = STD) -> Tensor:
    """Turn uint8 images (N, H, W) into (N, 1, H, W) float32 of mean 0 and variance 1."""
    return scale(images.unsqueeze(1).float() / 255, mean, std)


def scale(images: Tensor, mean: float = MEAN, std: float = STD) -> Tensor:
    """Turn images in [0, 1] into network input, as torchvision's Normalize does."""
    return (images - mean) / std


def get_iterator(
    digits: Digits, config: TrialConfig, seed: int, epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the training batches of one epoch: shuffled, augmented, normalized.

    Order, angles and shifts depend on the seed and the number of the pass over the data alone. The
    last batch is smaller where the batch size does not divide the data, as in torch's DataLoader;
    for Ghost BatchNorm it is cut to a multiple of ``num_splits`` (at most num_splits - 1 images of
    a pass are not seen).
    """
    for number in range((epoch - 1) * config.passes, epoch * config.passes):
        yield from _one_pass(digits, config, seed, number + 1)


def _one_pass(
    digits: Digits, config: TrialConfig, seed: int, epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    order = torch.randperm(len(digits.train_labels), generator=generator(seed, epoch, "order"))
    movements = augment.draw(len(order), config, generator(seed, epoch, "augmentation"))
    matrices = augment.matrices(movements)
    # Batch by batch and not all at once: a batch stays in the processor's cache until it is used.
    for start in range(0, len(order), config.batch_size):
        part = slice(start, start + _usable(min(config.batch_size, len(order) - start), config))
        if part.stop > start:
            # Ten times as fast as indexing.
            images = digits.train_images.index_select(0, order[part]).unsqueeze(1).float() / 255
            moved = augment.warp(images, matrices[part], config.interpolation)
            yield scale(moved, digits.mean, digits.std), digits.train_labels[order[part]]


def steps_per_epoch(digits: Digits, config: TrialConfig) -> int:
    """Return how many batches ``get_iterator`` yields."""
    return config.passes * _steps(len(digits.train_labels), config)


def _steps(count: int, config: TrialConfig) -> int:
    """Return how many batches one pass over so many images yields."""
    full, rest = divmod(count, config.batch_size)
    return full + (_usable(rest, config) > 0)


def _usable(count: int, config: TrialConfig) -> int:
    """Return how many of ``count`` images the normalization can take in one batch."""
    return count // config.splits * config.splits
