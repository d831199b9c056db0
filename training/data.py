"""MNIST as tensors in memory: full MNIST from its four IDX files, or the sample in this package.

What was loaded always names itself: a run on the sample never looks like a run on MNIST.
"""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training import augment
from training.config import TrialConfig
from training.errors import TrainingError
from training.seeding import generator

MEAN, STD = 0.1307, 0.3081
SAMPLE = Path(__file__).with_name("sample.npz")
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
IDX_DIMENSIONS = {2049: 1, 2051: 3}  # magic number of labels, of images


@dataclass(frozen=True)
class Digits:
    """A training and a test set: uint8 images (N, 28, 28), int64 labels (N,)."""

    name: str  # "MNIST" or "sample of MNIST"
    digest: str  # SHA-256 over what was read
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor

    def describe(self) -> str:
        """Return e.g. ``MNIST (60,000 training and 10,000 test digits)``."""
        train, test = len(self.train_labels), len(self.test_labels)
        return f"{self.name} ({train:,} training and {test:,} test digits)"


@functools.lru_cache(maxsize=2)
def load(source: str) -> Digits:
    """Load ``"sample"`` or the folder that holds ``MNIST/raw/``.

    Raises:
        TrainingError: when a file is missing, damaged (its SHA-256 differs) or not IDX.
    """
    return _load_sample() if source == "sample" else _load_folder(Path(source))


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
    )


def _load_folder(folder: Path) -> Digits:
    raw = folder / "MNIST" / "raw"
    arrays = [_read_checked(raw / name, digest) for name, digest in SHA256.items()]
    tensors = [torch.from_numpy(array) for array in arrays]
    digest = hashlib.sha256("".join(SHA256.values()).encode()).hexdigest()
    return Digits("MNIST", digest, tensors[0], tensors[1].long(), tensors[2], tensors[3].long())


def _read_checked(path: Path, digest: str) -> np.ndarray:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise TrainingError(
            f"{path} is missing: 'make data' fetches MNIST, '--data sample' uses the bundled digits"
        ) from None
    except OSError as error:
        raise TrainingError(f"cannot read {path}: {error.strerror or error}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise TrainingError(
            f"{path} is damaged: its SHA-256 is {found[:16]}..., that of MNIST is {digest[:16]}...;"
            " remove it and run 'make data'"
        )
    return read_idx(content)


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


def normalize(images: Tensor) -> Tensor:
    """Turn uint8 images (N, H, W) into (N, 1, H, W) float32 of mean 0 and variance 1."""
    return scale(images.unsqueeze(1).float() / 255)


def scale(images: Tensor) -> Tensor:
    """Turn images in [0, 1] into network input, as torchvision's Normalize does."""
    return (images - MEAN) / STD


def get_iterator(
    digits: Digits, config: TrialConfig, seed: int, epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the training batches of one epoch: shuffled, augmented, normalized.

    Order, angles and shifts depend on (seed, epoch) alone. The last batch is smaller where the
    batch size does not divide the data, as in torch's DataLoader; for Ghost BatchNorm it is cut to
    a multiple of ``num_splits`` (at most num_splits - 1 images of an epoch are not seen).
    """
    order = torch.randperm(len(digits.train_labels), generator=generator(seed, epoch, "order"))
    movements = augment.draw(len(order), config, generator(seed, epoch, "augmentation"))
    # Batch by batch and not all at once: a batch stays in the processor's cache until it is used.
    for start in range(0, len(order), config.batch_size):
        part = slice(start, start + _usable(min(config.batch_size, len(order) - start), config))
        if part.stop > start:
            images = digits.train_images[order[part]].unsqueeze(1).float() / 255
            moved = augment.move(images, movements[part], config.interpolation)
            yield scale(moved), digits.train_labels[order[part]]


def steps_per_epoch(digits: Digits, config: TrialConfig) -> int:
    """Return how many batches ``get_iterator`` yields."""
    full, rest = divmod(len(digits.train_labels), config.batch_size)
    return full + (_usable(rest, config) > 0)


def _usable(count: int, config: TrialConfig) -> int:
    """Return how many of ``count`` images the normalization can take in one batch."""
    return count // config.num_splits * config.num_splits if config.norm == "ghost" else count
