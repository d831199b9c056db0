"""A layer whose every output hangs on its own input alone: stored statistics, or something else."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from normviz.norms.declared import NORMS
from normviz.torch_models.identify.formula import snapped
from normviz.torch_models.identify.identity import Identity, found_sentence
from normviz.torch_models.identify.names import collapsed
from normviz.torch_models.identify.partition import axis_names, one_per_index, pattern_of
from normviz.torch_models.identify.probe import Probe, Refused, normal_numbers

Tensor = torch.Tensor
State = Mapping[str, Tensor]

SHAKES = 3
"""What is true of so many drawn states by chance is not true of all."""


ROLES = ("mean", "variance", "gamma", "beta")


@dataclass(frozen=True)
class Line:
    """y = slope · x + shift for every element; ``residual`` is how far it is off."""

    slope: Tensor
    shift: Tensor
    residual: float

    def output(self, x: Tensor) -> Tensor:
        """y of x."""
        return self.slope * x + self.shift

    def gradient(self, _: Tensor, dy: Tensor) -> Tensor:
        """dx of Σ dy · y: stored statistics are constants."""
        return self.slope * dy


@dataclass(frozen=True)
class Stored:
    """The names of the tensors that a layer in evaluation is made of; "1" and "0" where none is."""

    mean: str
    variance: str
    gamma: str
    beta: str
    eps: float

    def line(self, state: State) -> Line:
        """The slope and shift that these tensors make."""
        gamma = _value(self.gamma, state)
        slope = gamma / torch.sqrt(state[self.variance] + self.eps)
        return Line(slope, _value(self.beta, state) - slope * state[self.mean], 0.0)

    def values(self, state: State) -> dict[str, Tensor]:
        """mean, variance, gamma and beta, whatever tensors they are made of."""
        return {name: _value(getattr(self, name), state) for name in ROLES}


def line_of(probe: Probe, shape: tuple[int, ...], generator: torch.Generator) -> Line:
    """The straight line through a layer's outputs, element by element."""

    def draw() -> Tensor:
        x = normal_numbers(shape, generator)
        return x.to(probe.dtype).double()

    zero = torch.zeros(shape, dtype=torch.float64)
    shift = probe(zero)
    slope = probe(zero + 1.0) - shift
    inputs = [draw(), 3.0 * draw(), -20.0 * draw().abs(), 20.0 * draw().abs()]
    off = max(
        float(((y := probe(x)) - slope * x - shift).abs().max() / (1.0 + y.abs().max()))
        for x in inputs
    )
    return Line(slope, shift, off if off == off else float("inf"))


def stored_statistics(
    probe: Probe, shape: tuple[int, ...], generator: torch.Generator
) -> tuple[Stored, int] | None:
    """The stored mean and variance, weight and bias that make the line, and their axis of x.

    Sought on copies with other numbers in every tensor, for those of a fresh layer are all 0 and 1.
    """
    seen: list[tuple[State, Tensor, Tensor]] = []
    axis = None
    for _ in range(SHAKES):
        probe.shake(generator)
        line = line_of(probe, shape, generator)
        if line.residual > probe.precision:
            return None
        slope, shift = collapsed(line.slope, 1e-6), collapsed(line.shift, 1e-6)
        wide = [a for a, n in enumerate(slope.shape) if n > 1]
        if len(wide) > 1:
            return None
        axis = wide[0] if wide else min(1, len(shape) - 1)
        count = slope.numel()
        if shift.numel() > count:
            return None
        own = {n: v.flatten() for n, v in probe.state().items() if v.numel() == count}
        seen.append((own, slope.flatten(), shift.flatten().expand(count)))
    found = _matched(seen, probe.precision)
    return None if found is None or axis is None else (found, axis)


def _matched(seen: list[tuple[State, Tensor, Tensor]], precision: float) -> Stored | None:
    names = list(seen[0][0])
    for variance, gamma in itertools.product(names, ["1", *names, *(f"1 + {n}" for n in names)]):
        # slope = γ / √(v + eps) with one eps for all.
        eps = torch.cat([(_value(gamma, s) / a) ** 2 - s[variance] for s, a, _ in seen])
        typical = float(eps.median())
        if not -precision <= typical < 1.0 or float((eps - typical).abs().max()) > precision * 10:
            continue
        for mean, beta in itertools.product(names, ["0", *names]):
            off = max(
                float((b - _value(beta, s) + a * s[mean]).abs().max() / (1.0 + b.abs().max()))
                for s, a, b in seen
            )
            if off <= precision * 10:
                return Stored(mean, variance, gamma, beta, snapped(max(0.0, typical), 1e-2))
    return None


def _value(name: str, state: State) -> Tensor:
    if name in ("0", "1"):
        return torch.full((), float(name), dtype=torch.float64)
    if name in state:
        return state[name]
    return 1.0 + state[name.removeprefix("1 + ")]


@dataclass(frozen=True)
class Given:
    """A layer, the x that it was shown, its output, and how exact that is."""

    probe: Probe
    x: Tensor
    output: Tensor
    tolerance: float


def constants_on(
    shape: tuple[int, ...],
    given: Given,
    shaken: Probe,
    generator: torch.Generator,
    blank: Identity,
) -> Identity:
    """The identity of stored statistics, where every output hangs on its own input.

    The search runs on `shape`; `shaken` is the layer with other parameters.

    Raises:
        Refused: for an activation, a scale, or a gradient that is not that of constants.
    """
    probe, x, output = given.probe, given.x.detach().double().cpu(), given.output
    line = line_of(probe, shape, generator)
    if not line.residual <= probe.precision:
        raise Refused(
            "every output depends on its own input alone and not in a straight line, as an "
            "activation's does (behind stored statistics, perhaps)"
        )
    found = stored_statistics(shaken, shape, generator)
    if found is None:
        raise Refused(
            "every output is its own input times a number plus a number, which no stored mean "
            "and variance among its tensors make"
        )
    stored, axis = found
    probe(torch.zeros(shape, dtype=torch.float64))
    state = {n: v.flatten() for n, v in probe.state().items()}
    line = stored.line(state)
    full = [-1 if a == axis else 1 for a in range(x.dim())]
    slope, shift = line.slope.reshape(full), line.shift.reshape(full)
    gap = (output - slope * x - shift).abs()
    allowed = given.tolerance * (1.0 + (slope * x).abs() + shift.abs())
    finite = output.isfinite() & x.isfinite()
    off = float(torch.where(finite, gap, 0.0).max())
    dy = torch.ones(tuple(x.shape), dtype=torch.float64)
    gradient = probe.gradient(normal_numbers(dy.shape, generator), dy)
    if gradient is None or not torch.allclose(gradient, slope.expand_as(dy), rtol=1e-6):
        raise Refused("its output is that of stored statistics, but its gradient is not")
    if bool((finite & (gap > allowed)).any()):
        raise Refused(f"on this x it deviates by up to {off:.3g} from stored statistics")
    values = {name: value.reshape(full).numpy() for name, value in stored.values(state).items()}
    norm = NORMS["batch_norm"] if axis == 1 and x.dim() > 1 else None
    partition = one_per_index(tuple(x.shape), axis)
    sets, sizes = (norm.sets, {}) if norm else pattern_of(partition)
    made = replace(
        blank,
        kind="constants",
        proven=True,
        sets=sets,
        sizes=sizes,
        labels=partition.labels().numpy(),
        affine=norm.affine if norm else axis_names(x.dim())[axis],
        name=norm.name if norm else None,
        centered=True,
        eps=stored.eps,
        eps_where="inside",
        divisor="m",
        mean=values["mean"],
        variance=values["variance"],
        mean_is=stored.mean,
        variance_is=stored.variance,
        gamma=values["gamma"],
        beta=values["beta"],
        gamma_is=stored.gamma,
        beta_is=stored.beta,
        largest_difference=off,
        reference=Line(slope, shift, 0.0),
        gamma_of=(stored.gamma.removeprefix("1 + "), 1.0),
    )
    return replace(made, sentence=found_sentence(made))
