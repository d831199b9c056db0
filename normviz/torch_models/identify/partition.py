"""Which elements share statistics, found by changing one element and seeing which outputs move."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch

from normviz.torch_models.identify.probe import normal_numbers

Tensor = torch.Tensor
Layer = Callable[[Tensor], Tensor]
Factors = tuple[tuple[int, bool], ...]
"""An axis as factors from outside in: the length of each, and whether its elements share."""

PROBED = 4
"""So many elements are changed; each of two more members of its set must tell the same set."""


@dataclass(frozen=True)
class Partition:
    """The statistics sets of a tensor of some shape, axis by axis."""

    axes: tuple[Factors, ...]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of x."""
        return tuple(math.prod(n for n, _ in axis) for axis in self.axes)

    @cached_property
    def view(self) -> tuple[int, ...]:
        """The shape in which a set is all of ``shared`` at one index of the other axes."""
        return tuple(n for axis in self.axes for n, _ in axis)

    @cached_property
    def shared(self) -> tuple[int, ...]:
        """The axes of the view that are reduced."""
        flags = [shared for axis in self.axes for _, shared in axis]
        return tuple(i for i, shared in enumerate(flags) if shared)

    @cached_property
    def size(self) -> int:
        """How many elements share one mean and one variance."""
        return math.prod(self.view[a] for a in self.shared)

    def mean(self, x: Tensor) -> Tensor:
        """The mean of every set, for every element."""
        return self.each(x, lambda view: view.mean(self.shared, keepdim=True))

    def each(self, x: Tensor, statistic: Callable[[Tensor], Tensor]) -> Tensor:
        """A statistic of every set, for every element."""
        if not self.shared:
            return x
        return statistic(x.reshape(self.view)).expand(self.view).reshape(self.shape)

    def labels(self) -> Tensor:
        """1, 2, ... for every element, in row-major order of first appearance."""
        kept = [1 if a in self.shared else n for a, n in enumerate(self.view)]
        numbers = torch.arange(1, math.prod(kept) + 1).reshape(kept)
        return numbers.expand(self.view).reshape(self.shape)

    def extended(self, shape: tuple[int, ...]) -> Partition | None:
        """The same on a larger shape, where that is told: no axis that grows is composed."""
        axes = []
        for factors, length, own in zip(self.axes, shape, self.shape, strict=True):
            if own != length and len(factors) > 1:
                return None
            axes.append(factors if own == length else ((length, factors[0][1]),))
        return Partition(tuple(axes))


def one_per_index(shape: tuple[int, ...], axis: int) -> Partition:
    """A set for each index of one axis."""
    return Partition(tuple(((n, a != axis),) for a, n in enumerate(shape)))


def sets_of(
    layer: Layer,
    shape: tuple[int, ...],
    generator: torch.Generator,
    precision: float,
    probed: int = PROBED,
) -> Partition | None:
    """The sets of a layer on tensors of ``shape``; None where they are no pattern at all.

    ``probed`` elements, and another of each one's set, must tell the same. A partition into single
    elements says that every output hangs on its own input alone, also when all others change.
    """
    moved = Moved(layer, shape, generator, precision)
    found: list[tuple[int, Tensor]] = []
    for _ in range(probed):
        element = moved.any_element()
        members = moved.by(element)
        found.append((element, members))
        others = members.flatten().nonzero().flatten()
        if len(others) > 1:
            other = int(others[int(torch.randint(len(others), (), generator=generator))])
            found.append((other, moved.by(other)))
    partition = factored(found[0][1])
    if partition is None or (partition.size == 1 and moved.by_others()):
        return None
    labels = partition.labels().flatten()
    for element, members in found:
        if not torch.equal(labels == labels[element], members.flatten()):
            return None
    return partition


class Moved:
    """Answers which outputs move when one element of the input does."""

    def __init__(
        self, layer: Layer, shape: tuple[int, ...], generator: torch.Generator, precision: float
    ) -> None:
        self.layer, self.shape, self.generator = layer, shape, generator
        self.count = math.prod(shape)
        self.threshold = min(precision, 1e-2)
        self.bases: list[tuple[Tensor, Tensor]] = []
        for _ in range(2):
            self.add_base()

    def add_base(self) -> None:
        """One more input that elements are changed in."""
        x = normal_numbers(self.shape, self.generator)
        self.bases.append((x, self.layer(x)))

    def any_element(self) -> int:
        """A place drawn at random."""
        return int(torch.randint(self.count, (), generator=self.generator))

    def by(self, element: int) -> Tensor:
        """A mask of the outputs that move with this element."""
        # Large enough that every member of its set feels it.
        far = 3.0 + math.sqrt(self.count)
        moved = torch.zeros(self.shape, dtype=torch.bool)
        for (x, y), step in zip(self.bases, (far, -0.7 * far) * len(self.bases), strict=False):
            changed = x.clone()
            changed.view(-1)[element] += step
            difference = (self.layer(changed) - y).abs()
            moved |= difference > self.threshold * (1.0 + y.abs())
        return moved

    def by_others(self) -> bool:
        """Whether an output moves though its own input does not.

        Where few elements carry the statistics, those that were changed may all be others.
        """
        for x, y in self.bases[:2]:
            half = torch.rand(self.shape, generator=self.generator) < 0.5
            for kept in (half, ~half):
                changed = torch.where(kept, x, 5.0 * normal_numbers(self.shape, self.generator))
                difference = (self.layer(changed) - y).abs()
                if bool((kept & (difference > self.threshold * (1.0 + y.abs()))).any()):
                    return True
        return False


def factored(members: Tensor) -> Partition | None:
    """The partition of which ``members`` (a mask) is one set, where there is one.

    >>> mask = torch.zeros(2, 6, dtype=torch.bool)
    >>> mask[0, 2:4] = True
    >>> factored(mask).axes
    (((2, False),), ((3, False), (2, True)))
    """
    places = members.nonzero()
    if len(places) == 0:
        return None
    axes = []
    for axis, length in enumerate(members.shape):
        factors = _digits(sorted(set(places[:, axis].tolist())), length)
        if factors is None:
            return None
        axes.append(factors)
    partition = Partition(tuple(axes))
    return partition if partition.size == len(places) else None


def _digits(indices: list[int], length: int) -> Factors | None:
    """An axis as factors, from the indices along it that one set has.

    >>> _digits([1, 3, 5], 6), _digits([4, 5], 6), _digits([0, 1, 3], 6)
    (((3, True), (2, False)), ((3, False), (2, True)), None)
    """
    if len(indices) == 1:
        return ((length, False),)
    if len(indices) == length:
        return ((length, True),)
    offsets = {i - indices[0] for i in indices}
    reached, runs = {0}, []
    while len(reached) < len(offsets):
        stride = min(offsets - reached)
        run = 1
        while all(r + run * stride in offsets for r in reached):
            run += 1
        if run == 1:
            return None
        reached = {r + k * stride for r in reached for k in range(run)}
        runs.append((stride, run))
    factors: list[tuple[int, bool]] = []
    inside = 1
    for stride, run in runs:
        if stride % inside:
            return None
        if stride > inside:
            factors.append((stride // inside, False))
        factors.append((run, True))
        inside = stride * run
    if length % inside or reached != offsets:
        return None
    if length > inside:
        factors.append((length // inside, False))
    return tuple(reversed(factors))


def pattern_of(partition: Partition) -> tuple[str, dict[str, int]]:
    """A partition as a line of notation, and the sizes that the shape does not tell.

    >>> pattern_of(Partition((((4, False),), ((3, False), (2, True)), ((5, True),))))
    ('n (g [k]) [d]', {'g': 3})
    """
    texts: list[str] = []
    sizes: dict[str, int] = {}
    composed = [len(factors) > 1 for factors in partition.axes]
    for at, (name, factors) in enumerate(
        zip(axis_names(len(composed)), partition.axes, strict=True)
    ):
        if not composed[at]:
            texts.append(f"[{name}]" if factors[0][1] else name)
            continue
        names = _factor_names(factors, at, alone=sum(composed) == 1)
        parts = [f"[{n}]" if shared else n for n, (_, shared) in zip(names, factors, strict=True)]
        texts.append(f"({' '.join(parts)})")
        last = max(i for i, (_, shared) in enumerate(factors) if shared)
        sizes |= {
            n: length
            for i, (n, (length, _)) in enumerate(zip(names, factors, strict=True))
            if i != last
        }
    return " ".join(texts), sizes


def _factor_names(factors: Factors, axis: int, alone: bool) -> list[str]:
    """Names for the factors of a composed axis: splits of samples, groups of channels."""
    kept, shared = ("s", "m") if axis == 0 else ("g", "k")
    plain = alone and len(factors) == 2
    return [
        (shared if is_shared else kept) + ("" if plain else f"{axis}{at}")
        for at, (_, is_shared) in enumerate(factors)
    ]


def axis_names(rank: int) -> tuple[str, ...]:
    """What the axes of a tensor are called, by its rank.

    >>> axis_names(4)
    ('n', 'c', 'h', 'w')
    """
    known = {
        1: ("d",),
        2: ("n", "d"),
        3: ("n", "t", "d"),
        4: ("n", "c", "h", "w"),
        5: ("n", "c", "z", "h", "w"),
    }
    return known.get(rank) or tuple(f"a{i}" for i in range(rank))
