"""Every random choice of a trial, derived from (seed, epoch, purpose).

Nothing is drawn from a generator that lives longer than one epoch. So an epoch can be replayed
alone: a resumed trial needs no stored generator state to continue bit for bit. Two trials with the
same seed see the same digits in the same order at the same angles, and end no more alike for it:
only where the seed draws the training images are they compared as a pair.
"""

from __future__ import annotations

import zlib

import numpy as np
import torch

INIT_EPOCH = 0  # epochs count from 1; 0 is "before training"


def derived_seed(seed: int, epoch: int, purpose: str) -> int:
    """Return a 63-bit seed for one purpose in one epoch.

    >>> derived_seed(0, 1, "order") == derived_seed(0, 1, "order")
    True
    >>> derived_seed(0, 1, "order") == derived_seed(0, 1, "dropout")
    False
    """
    entropy = np.random.SeedSequence([seed, epoch, zlib.crc32(purpose.encode())])
    return int(entropy.generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator(seed: int, epoch: int, purpose: str) -> torch.Generator:
    """Return a fresh torch generator for one purpose in one epoch."""
    return torch.Generator().manual_seed(derived_seed(seed, epoch, purpose))
