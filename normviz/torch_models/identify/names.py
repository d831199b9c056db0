"""What a found normalization is called: its parameters among the layer's, and a declared norm."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.torch_models.identify.formula import Affine
from normviz.torch_models.identify.partition import Partition, pattern_of

Tensor = torch.Tensor
State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Parameter:
    """γ or β as the layer makes it of its own tensors: in words, and as a function of them."""

    said: str
    value: Callable[[State], Tensor]
    drawn: Tensor  # what it was on the copy with drawn numbers, all different
    divisor: str = "m"
    of: str = ""  # the tensor it is made of, and how it grows with that: None is as itself
    slope: float | None = 1.0


def collapsed(values: Tensor, tolerance: float) -> Tensor:
    """The same with length 1 along every axis where nothing changes.

    >>> collapsed(torch.ones(2, 3) * torch.tensor([1.0, 2.0, 4.0]), 1e-9)
    tensor([[1., 2., 4.]])
    """
    for axis in range(values.dim()):
        first = values.narrow(axis, 0, 1)
        if bool(((values - first).abs() <= tolerance * (1.0 + first.abs())).all()):
            values = first
    return values


def find_gamma(shaken: Affine, state: State, size: int, tolerance: float) -> Parameter | None:
    """What γ is, from a copy whose parameters were drawn at random.

    A factor √((m − 1) / m) says that the variance was divided by m − 1.
    """
    found = collapsed(shaken.gamma, tolerance)
    factors = {
        "{}": 1.0,
        "m - 1": math.sqrt((size - 1) / size),
        "{} / √m": 1.0 / math.sqrt(size),
        "√m · {}": math.sqrt(size),
    }
    for form, factor in factors.items():
        unbiased = form == "m - 1"
        # Dividing by m − 1 is not part of γ: the divisor says it.
        kept = 1.0 if unbiased else factor
        for said, make, of in _forms(state):
            value = _arranged(make(state) * factor, found, tolerance)
            if value is None:
                continue
            if factor != 1.0 and not unbiased and said.startswith("1 + "):
                said = f"({said})"
            words = said if unbiased else form.format(said)
            return Parameter(
                {"1 / √m": "1/√m", "√m · 1": "√m"}.get(words, words),
                _maker(make, found, kept, tolerance),
                found,
                "m - 1" if unbiased else "m",
                of,
                None if "exp(" in said else kept,
            )
    return None


def find_beta(shaken: Affine, state: State, tolerance: float) -> Parameter | None:
    """What β is, likewise."""
    found = collapsed(shaken.beta, tolerance)
    zero = torch.zeros((), dtype=torch.float64)
    if float(found.abs().max()) <= tolerance:
        return Parameter("0", lambda _: zero, zero)
    for name in state:
        if _arranged(state[name], found, tolerance) is not None:
            return Parameter(name, _maker(_take(name), found, 1.0, tolerance), found)
    return None


def agreed(
    named: Parameter | None, fitted: Tensor, state: State, tolerance: float, allowed: float
) -> tuple[Parameter | None, Tensor]:
    """γ or β and its name; without one, as it was fitted, where the name says other numbers.

    What was drawn is positive throughout, and so |w| and relu(w) are w there.
    """
    if named is not None:
        value = named.value(state)
        if bool(((value - fitted).abs() <= allowed).all()):
            return named, value
    return None, collapsed(fitted, tolerance)


def _forms(state: State) -> Iterator[tuple[str, Callable[[State], Tensor], str]]:
    """Words, the function, and the tensor that it is of."""
    yield "1", lambda _: torch.ones((), dtype=torch.float64), ""
    for name in state:
        own = _take(name)
        yield name, own, name
        yield f"1 + {name}", lambda s, own=own: 1.0 + own(s), name  # type: ignore[misc]
        yield f"exp({name})", lambda s, own=own: torch.exp(own(s)), name  # type: ignore[misc]


def _take(name: str) -> Callable[[State], Tensor]:
    return lambda state: state[name]


def _arranged(value: Tensor, like: Tensor, tolerance: float) -> Tensor | None:
    """``value`` in the shape of ``like`` where it holds the same numbers: as it is, or repeated."""
    count, own = like.numel(), value.numel()
    if own == 0 or count % own:
        return None
    flat = value.flatten()
    for candidate in (flat.repeat(count // own), flat.repeat_interleave(count // own)):
        candidate = candidate.reshape(like.shape)
        if bool(((candidate - like).abs() <= tolerance * (1.0 + like.abs())).all()):
            return candidate
    return None


def _maker(
    make: Callable[[State], Tensor], like: Tensor, factor: float, tolerance: float
) -> Callable[[State], Tensor]:
    """γ or β from the state as it really is, arranged as the shaken copy's were."""

    def value(state: State) -> Tensor:
        own = make(state) * factor
        flat, times = own.flatten(), like.numel() // max(1, own.numel())
        # Which of the two arrangements it was is told by the shaken numbers, all different.
        if times > 1 and repeats(like, own.numel(), tolerance):
            return flat.repeat(times).reshape(like.shape)
        return flat.repeat_interleave(times).reshape(like.shape)

    return value


def repeats(values: Tensor, period: int, tolerance: float) -> bool:
    """Whether the flat values come again after ``period``."""
    rows = values.reshape(-1, period)
    return bool(((rows - rows[:1]).abs() <= tolerance * (1.0 + rows.abs())).all())


@dataclass(frozen=True)
class Declared:
    """A declared norm whose sets are those that were found, and the arguments that make it so."""

    norm: Norm
    arguments: dict[str, Any]
    sizes: dict[str, Any]


def declared_norms(partition: Partition, centered: bool) -> list[Declared]:
    """Every declared norm with these sets on this shape."""
    labels = partition.labels().numpy()
    found = []
    for norm in NORMS.values():
        if norm.centered != centered:
            continue
        for arguments in _arguments(norm, partition):
            try:
                sets = norm.on(partition.shape, arguments)
            except (ValueError, TypeError):
                continue
            if sets.size == partition.size and bool((sets.labels() == labels).all()):
                sizes = {s.axis: arguments[s.argument] for s in norm.sizes}
                found.append(Declared(norm, arguments, sizes))
                break
    return found


def _arguments(norm: Norm, partition: Partition) -> Iterator[dict[str, Any]]:
    """The values that a norm's size arguments may have for these sets."""
    if not norm.sizes:
        yield {}
        return
    size = norm.sizes[0]
    if not size.divides:
        shape = partition.shape
        for first in range(len(shape) - 1, -1, -1):
            yield {size.argument: shape[first:]}
        return
    lengths = {1}
    for axis in partition.axes:
        lengths |= {length for length, shared in axis if not shared}
    for length in sorted(lengths):
        yield {size.argument: length}


def choose(
    candidates: list[Declared],
    sets_on: Callable[[tuple[int, ...]], Partition | None],
    partition: Partition,
    affine_axes: set[int],
) -> Declared | None:
    """The declared norm that a layer is; where several coincide on x, other shapes decide.

    The weight must vary along axes that the norm's weight has.
    """
    fitting = [c for c in candidates if affine_axes <= _affine_dimensions(c, partition)]
    if len(fitting) < 2 and 1 not in partition.shape:
        return fitting[0] if fitting else None
    scores = dict.fromkeys(range(len(fitting)), 0.0)
    for shape in _other_shapes(partition.shape):
        try:
            found = sets_on(shape)
        except Exception:  # noqa: BLE001  a shape that the layer does not take says little
            found, taken = None, False
        else:
            taken = True
        for at, candidate in enumerate(fitting):
            same_rank = len(shape) == len(partition.shape)
            scores[at] += _agreement(candidate, shape, found, taken, same_rank)
        if len(fitting) == 1 and scores[0] > 0:
            break  # the only one, and so on another shape too
    highest = max(scores.values(), default=-math.inf)
    if highest <= _OTHERWISE / 2:
        return None  # on another shape it is none of them
    best = [fitting[at] for at in scores if scores[at] == highest]
    named = [c for c in best if affine_axes == _affine_dimensions(c, partition)]
    # What needs no argument is the plainer reading: instance norm, not a group for each channel.
    return min(named or best, key=lambda c: len(c.sizes))


_OTHERWISE = -10.0


def _agreement(
    candidate: Declared,
    shape: tuple[int, ...],
    found: Partition | None,
    taken: bool,
    same_rank: bool,
) -> float:
    try:
        sets = candidate.norm.on(shape, candidate.arguments)
    except (ValueError, TypeError):
        return -1.0 if taken else 0.0
    if not taken:  # modules refuse other ranks for reasons of their own
        return -0.25 if same_rank else 0.0
    if found is None or found.size == 1:
        return 0.0
    same = sets.size == found.size and bool((sets.labels() == found.labels().numpy()).all())
    return 0.5 if same else _OTHERWISE


def _other_shapes(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Shapes on which norms that coincide on this one may differ."""
    grown = tuple(3 if n == 1 else n for n in shape)
    shapes = [grown] if grown != shape else []
    shapes += [(*grown[:-1], 2 * grown[-1]), (*grown, 3), (grown[0], 3, *grown[1:])]
    return [s for s in shapes if math.prod(s) <= 200_000]


def _affine_dimensions(candidate: Declared, partition: Partition) -> set[int]:
    """The axes of x along which the weight of a declared norm varies."""
    sets = candidate.norm.on(partition.shape, candidate.arguments)
    names = {name for part in sets.affine for name in part}
    found = set()
    for factor in sets.factors:
        if factor.name in names:
            found |= set(range(factor.dimension, factor.dimension + len(factor.lengths)))
    return {axis for axis in found if partition.shape[axis] > 1}


def affine_of_pattern(partition: Partition, *parameters: Tensor) -> str:
    """The axes of the notation along which γ or β vary."""
    text, _ = pattern_of(partition)
    groups = [
        part.replace("[", "").replace("]", "").strip("() ").split()
        for part in re.findall(r"\([^)]*\)|\S+", text)
    ]
    found = []
    for axis, (names, factors) in enumerate(zip(groups, partition.axes, strict=True)):
        varying = set()
        for values in parameters:
            if values.dim() > axis and values.shape[axis] > 1:
                varying |= _varying_factors(values, axis, [n for n, _ in factors])
        kept = [name for at, name in enumerate(names) if at in varying]
        if kept:
            found.append(kept[0] if len(kept) == 1 else f"({' '.join(kept)})")
    return " ".join(found)


def _varying_factors(values: Tensor, axis: int, lengths: list[int]) -> set[int]:
    """The factors of an axis along which values vary."""
    before, after = values.shape[:axis], values.shape[axis + 1 :]
    split = values.reshape(*before, *lengths, *after)
    return {
        at
        for at in range(len(lengths))
        if not torch.allclose(split, split.narrow(axis + at, 0, 1).expand_as(split), rtol=1e-6)
    }
