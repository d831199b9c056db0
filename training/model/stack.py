"""A network's layers as words, so that an architecture is data of a trial.

``"conv 8"``     a block to 8 channels, without padding
``"same 8"``     a block to 8 channels, padded by 1, so that the size stays
``"squeeze 8"``  a bare 1 by 1 convolution to 8 channels
``"pool"``       the maximum of every 2 by 2 pixels
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from torch import nn

WORDS = re.compile(r"(conv|same|squeeze) ([1-9]\d*)|pool")


class MakesBlock(Protocol):
    """Makes one block: a 3 by 3 convolution and what follows it."""

    def __call__(self, inputs: int, outputs: int, padding: int) -> nn.Module:
        """Return the block from ``inputs`` to ``outputs`` channels."""


class Layer(NamedTuple):
    """One layer, the name a checkpoint knows it by, and the channels behind it."""

    name: str
    module: nn.Module
    channels: int


def build(layers: Sequence[str], block: MakesBlock, channels: int = 1) -> Iterator[Layer]:
    """Yield the layers that the words mean, first to last, for an input of ``channels``.

    Blocks are numbered from 1; of the others only those after the first are.

    Raises:
        ValueError: for a word that means no layer, naming those that do.

    >>> plain = lambda inputs, outputs, padding: nn.Conv2d(inputs, outputs, 3, padding=padding)
    >>> [(name, channels) for name, _, channels in build(["conv 8", "pool", "same 4"], plain)]
    [('block1', 8), ('pool', 8), ('block2', 4)]
    """
    counts: Counter[str] = Counter()

    def named(name: str) -> str:
        counts[name] += 1
        return f"{name}{counts[name]}" if name == "block" or counts[name] > 1 else name

    for words in layers:
        match = WORDS.fullmatch(words)
        if match is None:
            raise ValueError(
                f"layer {words!r} is not one of 'conv C', 'same C', 'squeeze C', 'pool' with C "
                "channels"
            )
        if words == "pool":
            yield Layer(named("pool"), nn.MaxPool2d(2), channels)
            continue
        kind, inputs, channels = match[1], channels, int(match[2])
        if kind == "squeeze":
            yield Layer(named("squeeze"), nn.Conv2d(inputs, channels, 1, bias=False), channels)
        else:
            yield Layer(named("block"), block(inputs, channels, int(kind == "same")), channels)
