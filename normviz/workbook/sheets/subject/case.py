"""What a workbook is about: its inputs, and what NumPy makes of them at every step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.norm import Norm
from normviz.norms.notation import divisors
from normviz.norms.partition import StatisticsSets
from normviz.norms.sizes import smallest_factor
from normviz.norms.words import listed
from normviz.reference.trace import Trace, trace
from normviz.workbook.draw.tensor import parameter_labels
from normviz.workbook.sheets.subject.kinds import KINDS, Kind, kind_called, norms_on, parts_taken

Array = npt.NDArray[np.float64]
Shape = tuple[int, ...]

MOST_ELEMENTS, MOST_IMAGES = 4_096, 200
"""A sheet of more can hardly be read, and a sum over more images makes too long a formula."""

GAMMA, BETA = (2.0, 0.5, -1.0, 1.5), (1.0, -1.0, 0.5, 2.0)


@dataclass(frozen=True)
class Settings:
    """What `normviz workbook` can be told.

    Raises:
        ValueError: with one sentence, for a setting that makes no workbook.
    """

    shape: Shape = (4, 4, 2, 2)
    groups: int = 0
    """0 is the smallest divisor, as of splits; it stays 0 where no norm takes any."""
    splits: int = 0
    eps: float = 1e-5
    seed: int = 0
    momentum: float = 0.1
    also: tuple[str, ...] = ()
    """Patterns of one's own that get a sheet each."""
    axes: tuple[str, ...] = ()
    """What the axes of x are called, where they are not the usual ones of so many dimensions."""

    def __post_init__(self) -> None:
        _check_shape(self.shape)
        kind = self.kind
        wholes = self.shape[kind.feature_axis], self.shape[0]
        names = zip(("groups", "splits"), kind.cut, wholes, strict=True)
        taken = parts_taken(self.shape, kind, self.also)
        for name, what, whole in names:
            if name not in taken:
                _check_left_out(name, getattr(self, name), kind)
                continue
            object.__setattr__(self, name, getattr(self, name) or smallest_factor(whole))
            _check_divides(name, getattr(self, name), what, whole)
        norms = norms_on(self.shape, kind, self.groups, self.splits, self.also)
        for norm in list(norms.values())[len(norms) - len(self.also) :]:
            norm.on(self.shape)
        if not (self.eps > 0 and math.isfinite(self.eps)):
            raise ValueError(f"eps must be positive, got {self.eps}: the usual value is 1e-5")
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more, got {self.seed}")

    @property
    def kind(self) -> Kind:
        """The kind of tensor that x is."""
        return kind_called(self.shape, self.axes)


class Case:
    """The inputs of a workbook and the traces of every op on them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        draw = np.random.default_rng(settings.seed)
        self.x = _lively_integers(draw, settings.shape, 4)
        self.grad_output = _lively_integers(draw, settings.shape, 3)
        self.kind = settings.kind
        channels = settings.shape[self.kind.feature_axis]
        self.gamma: Array = np.resize(np.array(GAMMA), channels)
        self.beta: Array = np.resize(np.array(BETA), channels)
        self.running_mean: Array = np.zeros(channels)
        self.running_var: Array = np.ones(channels)

    @cached_property
    def norms(self) -> dict[str, Norm]:
        """The norms of the workbook by name."""
        chosen = self.settings
        return norms_on(chosen.shape, self.kind, chosen.groups, chosen.splits, chosen.also)

    @cached_property
    def traces(self) -> dict[str, Trace | str]:
        """The trace of every op, or the sentence with which the reference refuses this x."""
        found: dict[str, Trace | str] = {}
        for op in self.norms:
            try:
                found[op] = self.trace(op)
            except ValueError as error:
                found[op] = self.kind.spoken(str(error))
        return found

    @property
    def shape(self) -> Shape:
        """The shape of x."""
        return self.settings.shape

    def arguments(self, op: str) -> dict[str, Any]:
        """The arguments that shape the sets of an op."""
        cut = self.settings.groups, self.settings.splits
        return self.norms[op].sizes_of_parts(self.shape, *cut)

    def sets(self, op: str) -> StatisticsSets:
        """The statistics sets of an op on x."""
        return self.norms[op].on(self.shape, self.arguments(op))

    @cached_property
    def other_parameters(self) -> dict[str, list[str]]:
        """The norms whose γ is another than one for each channel or feature, by what it is for.

        "for each element": the norms whose γ are alike, of which there may be several such groups.
        """
        found: dict[str, list[str]] = {}
        for op in self.norms:
            words = self._of_each(op)
            if words:
                found.setdefault(words, []).append(op)
        return found

    def shifted(self, words: str) -> list[str]:
        """Those of them that have a β."""
        return [op for op in self.other_parameters[words] if self.norms[op].bias]

    def gamma_of(self, op: str) -> str:
        """The end of the name that γ and β of a norm have on the sheet of inputs."""
        words = self._of_each(op)
        return words and "_" + words.replace(" ", "_").removeprefix("for_each_")

    def _of_each(self, op: str) -> str:
        """What a norm has a γ for, where that is not each channel or feature."""
        sets, axis = self.sets(op), self.kind.feature_axis
        affine = [f for f in sets.factors if f.name in {n for names in sets.affine for n in names}]
        places = {f.dimension + at for f in affine for at in range(len(f.lengths))}
        if not affine or (places == {axis} and sets.parameter_shape == self.shape[axis : axis + 1]):
            return ""
        if places == set(range(1, len(self.shape))) and sets.parameter_shape == self.shape[1:]:
            return "for each element"
        words, told = self.norms[op].words, []
        for factor in affine:
            others = [
                f for f in sets.factors if f.dimension == factor.dimension and f not in affine
            ]
            of = "".join(f" of a {words[f.name].one}" for f in others)
            told.append(words[factor.name].one.removesuffix(of) + of)
        return "for each " + listed(told)

    def trace(self, op: str) -> Trace:
        """Every step of an op on the inputs, forward and backward.

        Raises:
            ValueError: where the reference refuses the shape, as torch does (one value per set).
        """
        arguments = self.arguments(op) | {"weight": self.weight(op), "eps": self.settings.eps}
        norm = self.norms[op]
        if norm.bias:
            arguments["bias"] = self.bias(op)
        if norm.tracks:
            arguments[norm.flag] = True
            arguments["momentum"] = self.settings.momentum
            arguments["running_mean"] = self.running_mean
            arguments["running_var"] = self.running_var
        return trace(norm, self.x, **arguments).backward(self.grad_output)

    def weight(self, op: str) -> Array:
        """gamma in the shape the op wants: one a channel, or one an element."""
        return self.per_parameter(self.gamma, self.sets(op))

    def bias(self, op: str) -> Array:
        """beta likewise."""
        return self.per_parameter(self.beta, self.sets(op))

    def per_parameter(self, per_channel: Array, sets: StatisticsSets) -> Array:
        """One value a channel (or feature) in the shape of a norm's γ and β."""
        return per_channel[self.channel_of_parameter(sets)].reshape(sets.parameter_shape)

    def channel_of_parameter(self, sets: StatisticsSets) -> npt.NDArray[np.int64]:
        """The channel (or feature) of the first element of every parameter."""
        _, first = np.unique(parameter_labels(sets), return_index=True)
        return np.unravel_index(first, sets.shape)[self.kind.feature_axis]


def _check_shape(shape: Shape) -> None:
    if len(shape) not in {len(kind.axes) for kind in KINDS} or any(n < 1 for n in shape):
        layouts = "; ".join(dict.fromkeys(kind.layout for kind in KINDS))
        raise ValueError(f"shape must be positive whole numbers {layouts}, got {shape}")
    if math.prod(shape) > MOST_ELEMENTS or shape[0] > MOST_IMAGES:
        raise ValueError(
            f"shape must have at most {MOST_ELEMENTS} elements and {MOST_IMAGES} images to fit "
            f"on a sheet, got {shape} with {math.prod(shape)} elements and {shape[0]} images"
        )


def _check_left_out(name: str, parts: int, kind: Kind) -> None:
    if parts:
        raise ValueError(
            f"{name} must be left out for {kind.layout}, got {parts}: no norm of this workbook "
            "takes any"
        )


def _check_divides(name: str, parts: int, what: str, whole: int) -> None:
    if parts < 1 or whole % parts:
        raise ValueError(
            f"{name} must divide the {whole} {what}, got {parts}: use one of {divisors(whole)}"
        )


def _lively_integers(draw: np.random.Generator, shape: Shape, most: int) -> Array:
    """Small whole numbers in which no channel of an image is constant, so no variance is 0."""
    values = draw.integers(-most, most + 1, size=shape)
    blocks = values.reshape(shape[0] * shape[1], -1)
    if blocks.shape[1] > 1:
        for block in blocks:
            while (block == block[0]).all():
                block[:] = draw.integers(-most, most + 1, size=block.shape)
    return values.astype(np.float64)
