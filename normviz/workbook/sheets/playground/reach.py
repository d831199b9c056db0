"""What a set of the playground reaches over: five switches, of which every norm there is a setting.

x of shape (N, C, *spatial) has five axes that a set may reach over or not: N is splits of images, C
is groups of channels, and all pixels are one axis. What each declared norm reaches over is found by
trying: the switches whose labels are the norm's own on a shape where no two settings agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.norms.partition import StatisticsSets

Shape = tuple[int, ...]
OWN = "Your own"
"""The choice under which the switches are in force."""

AXES = ("images", "splits", "channels", "groups", "pixels")
AXIS_WORDS = {
    "images": "the images of a split",
    "splits": "the splits",
    "channels": "the channels of a group",
    "groups": "the groups",
    "pixels": "the pixels",
}

SPATIAL = ((), ("l",), ("h", "w"), ("d", "h", "w"))
"""What the axes of the pixels are called, by how many there are."""

_PROBE, _GROUPS, _SPLITS = (6, 15, 7, 5), 3, 2


@dataclass(frozen=True)
class Reach:
    """Which of the five axes a set reaches over; `interleaved` splits take every S-th image."""

    images: bool = False
    splits: bool = False
    channels: bool = False
    groups: bool = False
    pixels: bool = False
    interleaved: bool = False

    @property
    def switches(self) -> tuple[int, ...]:
        """The five as 1 or 0, in the order of AXES."""
        return tuple(int(getattr(self, axis)) for axis in AXES)

    @property
    def all(self) -> tuple[int, ...]:
        """The five, and whether splits are interleaved."""
        return (*self.switches, int(self.interleaved))

    @property
    def cuts(self) -> dict[str, bool]:
        """Whether the number of groups, and that of splits, makes a difference at all."""
        return {
            "groups": self.channels != self.groups,
            "splits": self.images != self.splits,
        }

    def pattern(self, spatial: Sequence[str] = ("h", "w")) -> str:
        """The same in the notation, `m` images in `s` splits and `k` channels in `g` groups.

        >>> Reach(channels=True, pixels=True).pattern()
        'n (g [k]) [h w]'
        >>> Reach(images=True, pixels=True, interleaved=True).pattern()
        '([m] s) c [h w]'
        """
        split, image = _marked("s", self.splits), _marked("m", self.images)
        order = (image, split) if self.interleaved else (split, image)
        first = f"({' '.join(order)})" if self.cuts["splits"] else _marked("n", self.images)
        group, channel = _marked("g", self.groups), _marked("k", self.channels)
        second = f"({group} {channel})" if self.cuts["groups"] else _marked("c", self.channels)
        return " ".join(
            [first, second, *([_marked(" ".join(spatial), self.pixels)] * bool(spatial))]
        )

    def norm(
        self, shape: Shape, groups: int, splits: int, centered: bool = True, bias: bool = True
    ) -> Norm:
        """The normalization over these sets, γ and β being one a channel.

        The numbers of groups and splits matter only where `cuts` says so, and divide then.
        """
        numbers = {"g": (groups, self.cuts["groups"]), "s": (splits, self.cuts["splits"])}
        return Norm(
            OWN,
            self.pattern(SPATIAL[len(shape) - 2]),
            "(g k)" if self.cuts["groups"] else "c",
            fixed={name: number for name, (number, cuts) in numbers.items() if cuts},
            centered=centered,
            bias=bias,
        )

    def sets(self, shape: Shape, groups: int, splits: int) -> StatisticsSets:
        """The statistics sets on a tensor."""
        return self.norm(shape, groups, splits).on(shape)


GHOST = Reach(images=True, pixels=True)
INTERLEAVED = "GhostBatchNorm with interleaved splits"
"""Two published layers cut a batch so; it is no norm of its own, and named all the same."""


@dataclass(frozen=True)
class PlayNorm:
    """A row of the table that the drop-down looks into."""

    title: str
    name: str
    reach: Reach
    centered: bool
    bias: bool
    words: str


def declared() -> tuple[PlayNorm, ...]:
    """The declared norms whose sets five switches can say."""
    return _declared(tuple(NORMS))


@lru_cache
def _declared(names: tuple[str, ...]) -> tuple[PlayNorm, ...]:
    found = []
    for norm in map(NORMS.__getitem__, names):
        reach = _reach_of(norm)
        if reach is not None:
            row = (norm.title, norm.name, reach, norm.centered, norm.bias, norm.sentence)
            found.append(PlayNorm(*row))
    return tuple(found)


def norm_called(name: str) -> PlayNorm | None:
    """The declared norm of a name or title; None for one's own."""
    return next((norm for norm in declared() if name in (norm.name, norm.title)), None)


def known_as(reach: Reach, shape: Shape, groups: int, splits: int) -> str:
    """The declared norm that has these very sets, in words; empty where none has."""
    labels = reach.sets(shape, groups, splits).labels()
    in_use = groups if reach.cuts["groups"] else 1
    outer = splits if reach.cuts["splits"] else 1
    inner = shape[0] // outer
    if reach.interleaved:
        outer, inner = inner, outer
    for norm in declared():
        if norm.centered and (norm.reach.sets(shape, in_use, outer).labels() == labels).all():
            return norm.title
    ghost = replace(GHOST, interleaved=True).sets(shape, in_use, inner)
    return INTERLEAVED if (ghost.labels() == labels).all() else ""


def refuses_one_value(name: str, images: int) -> bool:
    """Whether the reference, like torch, refuses sets of one value on a batch of this size."""
    norm, shape = NORMS[name], (images, 1, 1, 1)
    return norm.refusal(norm.on(shape, norm.sizes_of_parts(shape, 1, images))) is not None


def _reach_of(norm: Norm) -> Reach | None:
    try:
        labels = norm.on(_PROBE, norm.sizes_of_parts(_PROBE, _GROUPS, _SPLITS)).labels()
    except (TypeError, ValueError):
        return None  # declared for tensors of another kind
    for switches in product((False, True), repeat=len(AXES)):
        reach = Reach(*switches)
        if (reach.sets(_PROBE, _GROUPS, _SPLITS).labels() == labels).all():
            return reach
    return None


def _marked(name: str, shared: bool) -> str:
    return f"[{name}]" if shared else name
