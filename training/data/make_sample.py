"""Write ``sample.npz``, the digits that ship with the package, from full MNIST.

    python -m training.data.make_sample data

The first 500 training and the first 100 test digits of each class, in MNIST's order: real digits,
as many of each. Labeled "sample of MNIST" wherever they are used.
"""

from __future__ import annotations

import io
import sys

import numpy as np
import torch
from torch import Tensor

from training.data.load import SAMPLE, load
from training.files import write_whole

TRAIN_PER_CLASS, TEST_PER_CLASS = 500, 100


def balanced(labels: Tensor, per_class: int) -> Tensor:
    """Return, ascending, the indices of the first ``per_class`` digits of each class."""
    firsts = [(labels == digit).nonzero().squeeze(1)[:per_class] for digit in range(10)]
    return torch.cat(firsts).sort().values


def main(folder: str) -> None:
    """Write the sample of the MNIST in ``folder``."""
    digits = load(folder)
    train = balanced(digits.train_labels, TRAIN_PER_CLASS)
    test = balanced(digits.test_labels, TEST_PER_CLASS)
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        train_images=digits.train_images[train].numpy(),
        train_labels=digits.train_labels[train].numpy().astype(np.uint8),
        test_images=digits.test_images[test].numpy(),
        test_labels=digits.test_labels[test].numpy().astype(np.uint8),
    )
    write_whole(SAMPLE, stream.getvalue())
    print(f"{SAMPLE.name}: {len(train):,} + {len(test):,} digits, {SAMPLE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
