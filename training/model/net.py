"""The network of the experiments: 5,632 convolution weights, and 128 of BatchNorm make 5,760.

A network is a stack of layers, a layer is a block or one of the few things between blocks, and
both are data of a trial. Its ``layers`` are words:

``"conv 8"``     a block to 8 channels, without padding
``"same 8"``     a block to 8 channels, padded by 1, so that the size stays
``"squeeze 8"``  a bare 1 by 1 convolution to 8 channels
``"pool"``       the maximum of every 2 by 2 pixels

So is its ``block``: "conv relu norm dropout" is what every published trial trains.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, cast

from torch import Tensor, nn
from torch.nn import functional as F

from training.experiments.config import AVERAGE, BLOCK, LAYERS, NORMS, block_words
from training.model.dropout import SparseDropout
from training.model.fast_norms import FastNorm
from training.model.norms import BACKENDS, make_norm

FLAGS = {"layer": "layer_norm", "group": "group_norm", "ghost": "ghost_norm"}


class Net(nn.Module):
    """A CNN for 28 by 28 digits; (N, 1, 28, 28) to log-probabilities (N, 10).

    Args:
        dropout_value: probability of a dropped element after each normalization; 0: no dropout.
        dropout_in: "all" blocks, or the "last" one alone.
        batch_norm, layer_norm, group_norm, ghost_norm: the normalization, one of them.
        group_norm_groups: groups of GroupNorm; must divide 8, 16, 12 and 14, so 1 or 2.
        num_splits: splits of the batch for Ghost BatchNorm.
        norm: the normalization by name instead: "batch", "layer", "group", "ghost", "instance",
            "rms", "rms-beta", "pixel" or "none".
        backend: "torch", or "reference" for the NumPy code of normviz.
        layers: all layers before the average pooling, in the words of :mod:`training.model.net`.
        average: side of the average pooling, which must leave one value a channel; behind it
            comes a bare 1 by 1 convolution to the 10 digits.
        block: what a block is made of, in its order.
        bias: whether the convolutions in blocks have one.

    Raises:
        ValueError: when two choices contradict each other or a value cannot be.

    >>> sum(p.numel() for p in Net().parameters())
    5760
    >>> Net(batch_norm=False, group_norm=True).norm
    'group'
    """

    def __init__(
        self,
        dropout_value: float = 0.01,
        dropout_in: str = "all",
        batch_norm: bool = True,
        layer_norm: bool = False,
        group_norm: bool = False,
        group_norm_groups: int = 2,
        ghost_norm: bool = False,
        num_splits: int = 2,
        norm: str | None = None,
        backend: str = "torch",
        layers: Sequence[str] = LAYERS,
        average: int = AVERAGE,
        block: str = BLOCK,
        bias: bool = False,
    ) -> None:
        super().__init__()
        chosen = {"layer": layer_norm, "group": group_norm, "ghost": ghost_norm}
        self.norm = choose_norm(norm, batch_norm, chosen)
        self.backend = backend
        if backend not in BACKENDS:
            raise ValueError(f"backend={backend!r} is not one of {', '.join(BACKENDS)}")
        if not 0 <= dropout_value < 1:
            raise ValueError(f"dropout_value={dropout_value} must be in [0, 1)")

        words = block_words(block)
        blocks = sum(layer.startswith(("conv", "same")) for layer in layers)
        count = itertools.count(1)

        def make_block(inputs: int, outputs: int, padding: int) -> Block:
            layer = None
            dropout = dropout_value if next(count) == blocks or dropout_in == "all" else 0.0
            if self.norm != "none" and "norm" in words:
                layer = make_norm(self.norm, outputs, group_norm_groups, num_splits, backend)
            conv = nn.Conv2d(inputs, outputs, 3, padding=padding, bias=bias)
            return Block(words, conv, layer, dropout)

        # Registered in the order in which they work, for forward to follow.
        made = list(build(layers, make_block))
        refuse_other_side(layers, average)
        for name, layer, _ in made:
            self.add_module(name, layer)
        self.average = nn.AvgPool2d(average)
        self.classify = nn.Conv2d(made[-1].channels, 10, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = layer(x)
        return F.log_softmax(x.flatten(1).float() if x.dtype.itemsize < 4 else x.flatten(1), dim=1)

    def norm_layers(self) -> dict[str, nn.Module]:
        """Return the normalization layers by their names in the network; empty for "none"."""
        return {
            f"{name}.norm": cast(nn.Module, layer.norm)
            for name, layer in self.named_children()
            if hasattr(layer, "norm")
        }

    def dropout_layers(self) -> list[SparseDropout]:
        """Return the dropout layers, first to last."""
        return [layer for layer in self.modules() if isinstance(layer, SparseDropout)]


def choose_norm(norm: str | None, batch_norm: bool, others: dict[str, bool]) -> str:
    """Return the one normalization that the arguments of ``Net`` mean.

    ``batch_norm`` is on by default, so beside ``norm`` being on says nothing; being off does.

    Raises:
        ValueError: when they mean two, naming both.
    """
    on = [name for name, chosen in others.items() if chosen]
    if norm is None:
        if batch_norm and on:
            flag = FLAGS[on[0]]
            raise ValueError(
                f"batch_norm=True and {flag}=True contradict each other: "
                f"for {on[0]} norm write Net(batch_norm=False, {flag}=True)"
            )
        if len(on) > 1:
            raise ValueError(
                f"{FLAGS[on[0]]}=True and {FLAGS[on[1]]}=True contradict each other: choose one"
            )
        return "batch" if batch_norm else (on[0] if on else "none")
    if norm not in NORMS:
        raise ValueError(f"norm={norm!r} is not one of {', '.join(NORMS)}")
    if norm == "batch" and not batch_norm:
        raise ValueError("norm='batch' and batch_norm=False contradict each other: choose one")
    for name in on:
        if name != norm:
            raise ValueError(
                f"norm={norm!r} and {FLAGS[name]}=True contradict each other: choose one"
            )
    return norm


WORDS = re.compile(r"(conv|same|squeeze) ([1-9]\d{0,3})|pool")
SIDE = 28  # pixels, of the images


def refuse_other_side(layers: Sequence[str], average: int) -> None:
    """Refuse layers behind which the average pooling leaves other than one value a channel.

    Every value behind it would be a class of its own: with four a channel there are 40.

    Raises:
        ValueError: saying what the layers leave.
    """
    side = SIDE
    for words in layers:
        side = side // 2 if words == "pool" else side - 2 * words.startswith("conv")
        if side < 1:
            raise ValueError(f"layers={'+'.join(layers)}: {words!r} leaves nothing of the image")
    if not layers:
        raise ValueError("layers must name at least one, such as 'conv 8'")
    if (values := side // average) != 1:
        raise ValueError(
            f"average={average} leaves {values} by {values} values a channel of the {side} by "
            f"{side} pixels behind layers={'+'.join(layers)}; one is needed, as average={side} "
            "leaves it"
        )


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
                f"layer {words!r} is not one of 'conv C', 'same C', 'squeeze C', 'pool' with C, "
                "from 1 to 9999, channels"
            )
        if words == "pool":
            yield Layer(named("pool"), nn.MaxPool2d(2), channels)
            continue
        kind, inputs, channels = match[1], channels, int(match[2])
        if kind == "squeeze":
            yield Layer(named("squeeze"), nn.Conv2d(inputs, channels, 1, bias=False), channels)
        else:
            yield Layer(named("block"), block(inputs, channels, int(kind == "same")), channels)


class Block(nn.Sequential):
    """A 3 by 3 convolution and what stands with it, in the order of ``words``.

    ``norm`` and dropout stand there unless None and 0. In training a fast norm does the work of its
    neighbors in its own loop, with the same result. Where one of them was replaced, stands
    elsewhere, or is watched with hooks, they run one after the other.
    """

    def __init__(
        self, words: Sequence[str], conv: nn.Conv2d, norm: nn.Module | None, dropout: float
    ) -> None:
        super().__init__()
        parts: dict[str, nn.Module | None] = {
            "conv": conv,
            "relu": nn.ReLU(inplace=True),
            "norm": norm,
            "dropout": SparseDropout(dropout) if dropout > 0 else None,
        }
        for word in words:
            if (part := parts[word]) is not None:
                self.add_module(word, part)

    def forward(self, x: Tensor) -> Tensor:
        """From (N, C, H, W) to (N, C', H', W'), as the convolution makes it."""
        conv, *others = self
        x = conv(x)
        norm = _stands_for(others)
        if norm is not None and norm.takes(x):
            dropout = cast(SparseDropout, others[2]) if len(others) > 2 else None
            return norm.step(x, relu=True, dropout=dropout)
        for layer in others:
            x = layer(x)
        return x


def _stands_for(layers: Sequence[nn.Module]) -> FastNorm | None:
    """Return the norm whose step does what all the layers do, if nobody watches one of them."""
    norm = layers[1] if len(layers) > 1 else None
    if not isinstance(norm, FastNorm) or type(norm).forward is not FastNorm.forward:
        return None
    kinds = [type(layer) for layer in layers]
    known = kinds in ([nn.ReLU, type(norm)], [nn.ReLU, type(norm), SparseDropout])
    return norm if known and not any(map(_watched, layers)) else None


def _watched(layer: nn.Module) -> bool:
    forward = layer._forward_pre_hooks or layer._forward_hooks
    return bool(forward or layer._backward_pre_hooks or layer._backward_hooks)
