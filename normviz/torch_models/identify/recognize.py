"""Propose, then prove: the search that :func:`normviz.identify` makes on copies of a layer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from normviz.torch_models.identify import names, nearest
from normviz.torch_models.identify.constants import Given, constants_on
from normviz.torch_models.identify.formula import (
    Formula,
    affine_of,
    eps_of,
    formula_of,
    snapped,
    standardized,
)
from normviz.torch_models.identify.identity import Identity, found_sentence
from normviz.torch_models.identify.isolate import changed_by_hooks
from normviz.torch_models.identify.partition import (
    Partition,
    pattern_of,
    sets_of,
)
from normviz.torch_models.identify.probe import (
    PRECISION,
    Probe,
    Refused,
    depends_on_calls,
    device_of,
    draws_random_numbers,
    normal_numbers,
)
from normviz.torch_models.identify.proof import off_on, proven

Tensor = torch.Tensor

LARGE = 30_000
"""Above so many elements the search runs on a part of x, and only the proof on all of it."""


class Recognizer:
    """A layer and an x, and what is found out about them."""

    def __init__(self, layer: Any, x: Tensor, seed: int) -> None:
        self.layer, self.x = layer, x
        self.generator = torch.Generator().manual_seed(seed)
        self.seen: dict[tuple[int, ...], Partition | None] = {}
        self.device = device_of(layer, x)
        self.title = getattr(layer, "__name__", None) or type(layer).__name__
        self.native = Probe(layer, x.dtype, self.device, wide=False)
        self.output = self.native(x)
        self.tolerance = self.native.precision  # of the layer as it is, in its own dtype
        self.probe = self._wide() or self.native
        self.blank = Identity(
            "none",
            "",
            self.title,
            tuple(x.shape),
            str(x.dtype).removeprefix("torch."),
            self.probe.precision,
        )

    def _wide(self) -> Probe | None:
        """The layer in float64, where it can, and gives there what it gives as it is."""
        z = normal_numbers(self.x.shape, self.generator)
        z = z.to(self.x.dtype).double()
        try:
            wide = Probe(self.layer, self.x.dtype, self.device, wide=True)
            found, own = wide(z), self.native(z)
        except Exception:  # noqa: BLE001  whatever a layer has against float64, it has it
            return None
        finite = own.isfinite()  # float16 may burst where float64 does not
        if not bool(finite.any()):
            return None
        off = float((found - own)[finite].abs().max()) / (1.0 + float(own[finite].abs().max()))
        if self.tolerance < off <= PRECISION[torch.float32]:
            self.tolerance = PRECISION[torch.float32]  # it casts to float32 inside
        return wide if off <= self.tolerance else None

    def answer(self) -> Identity:
        """The identity; where it is not proven, that of the first shape that was tried."""
        if draws_random_numbers(self.native, self.x):
            return self._none("it draws random numbers, as dropout does")
        if depends_on_calls(self.layer, self.x, self.device, self.probe.wide):
            return self._none("a call changes what the next one gives")
        first: Identity | None = None
        for shape in _parts(tuple(self.x.shape)):
            try:
                found = self._at(shape)
            except Refused as refused:
                found = self._none(str(refused))
            except Exception:
                if shape == tuple(self.x.shape):
                    raise
                continue  # a part that the layer does not take
            if found:
                return self._with_hooks(found)
            first = first or found
        assert first is not None
        return first

    def _none(self, why: str, kind: str = "none") -> Identity:
        said = "is no normalization" if kind == "none" else "cannot be told"
        return replace(self.blank, kind=kind, sentence=f"{self.title} {said}: {why}")

    def _at(self, shape: tuple[int, ...]) -> Identity:
        """What the layer is on x of this shape: all of x's, or that of a part of it."""
        precision = self.probe.precision
        shaken = self._shaken()
        partition = sets_of(self.probe, shape, self.generator, precision)
        hidden = False
        if partition is None:
            # γ = 0 hides sets: with other parameters they may be seen.
            partition, hidden = sets_of(shaken, shape, self.generator, precision), True
        if partition is not None and partition.size == 1:
            given = Given(self.probe, self.x, self.output, self.tolerance)
            return constants_on(shape, given, shaken, self.generator, self.blank)
        if partition is not None and partition.size == 2:
            why = "its statistics sets have two elements, whose normalized values are always ±1"
            return self._none(f"{why}; give an x with larger sets", "undecided")
        if partition is None:
            return self._nothing_shared(shape)
        fitted = self._fit(partition, shaken, hidden)
        if isinstance(fitted, Identity):
            return fitted
        return self._proven(partition, fitted, shaken, hidden)

    def _shaken(self) -> Probe:
        probe = Probe(self.layer, self.x.dtype, self.device, self.probe.wide)
        probe.shake(self.generator)
        return probe

    def _nothing_shared(self, shape: tuple[int, ...]) -> Identity:
        """No pattern was seen: nothing moves, or something else than a normalization."""
        draws = [normal_numbers(shape, self.generator) for _ in "ab"]
        if torch.equal(self.probe(draws[0]), self.probe(draws[1])):
            return self._none("its output does not depend on x", "undecided")
        partition = nearest.loose_sets(self.probe, shape, self.generator, self.probe.precision)
        if partition is None:
            return self._none("what moves with one of its inputs is no statistics set")
        return self._deviating(partition)

    def _deviating(self, partition: Partition) -> Identity:
        # A hint alone: a layer may have a tensor of them, or a method called so.
        eps = getattr(self.layer, "eps", 0.0)
        eps = float(eps) if isinstance(eps, (int, float)) else 0.0
        state = self.probe.state()
        near = nearest.nearest_to(self.probe, partition, state, eps, self.generator)
        return self._none(str(near))

    def _fit(self, partition: Partition, shaken: Probe, hidden: bool) -> _Found | Identity:
        """The formula in full, its parameters named; or what is wrong."""
        probe, generator, precision = self.probe, self.generator, self.probe.precision
        formula, residual = formula_of(probe, partition, generator, probe.dtype)
        if not residual <= precision:
            return self._deviating(partition)
        drawn = affine_of(shaken, partition, generator, probe.dtype)
        if hidden or float(formula.gamma.abs().max()) == 0.0:
            eps, where = eps_of(shaken, drawn, partition, generator, probe.dtype)
            formula = replace(formula, eps=eps, eps_where=where, centered=drawn.centered)
        gamma = beta = None
        if drawn.residual <= precision and drawn.centered == formula.centered:
            state = shaken.state()
            gamma = names.find_gamma(drawn, state, partition.size, max(precision, 1e-7))
            beta = names.find_beta(drawn, state, max(precision, 1e-7))
        self.probe(
            torch.zeros(partition.shape, dtype=torch.float64)
        )  # so that its state is its own
        state = self.probe.state()
        ratio = partition.size / (partition.size - 1)
        if gamma is not None and gamma.divisor == "m - 1":
            power = 1.0 if formula.eps_where == "inside" else 0.5
            formula = replace(formula, divisor="m - 1", eps=formula.eps * ratio**power)
            formula = replace(formula, gamma=formula.gamma * math.sqrt(ratio))
        size = 1.0 + float(formula.gamma.abs().max() + formula.beta.abs().max())
        allowed = 4.0 * max(precision, 1e-7) * size
        gamma, own_gamma = names.agreed(gamma, formula.gamma, state, precision, allowed)
        beta, own_beta = names.agreed(beta, formula.beta, state, precision, allowed)
        formula = replace(
            formula,
            eps=snapped(formula.eps, max(precision, 1e-7)),
            gamma=_for_rank(own_gamma, len(partition.shape)),
            beta=_for_rank(own_beta, len(partition.shape)),
        )
        return _Found(formula, gamma, beta)

    def _proven(self, partition: Partition, found: _Found, shaken: Probe, hidden: bool) -> Identity:
        whole = partition.extended(tuple(self.x.shape))
        if whole is None:
            return self._none("its sets are others on a part of x")
        formula = found.formula
        wide = [set(_varying(v)) for v in (formula.gamma, formula.beta)]
        if any(partition.shape[a] != whole.shape[a] for axes in wide for a in axes):
            return self._none("its parameters are others on a part of x")
        on_all = replace(formula, partition=whole)
        verdict = proven(on_all, self.probe, self.generator)
        if not verdict:
            return self._not_proven(partition, verdict)
        native = replace(on_all, eps=self._native_eps(formula))
        x = self.x.detach().double().cpu()
        off, too_much = off_on(x, self.output, native, self.tolerance, on_all, self.probe)
        if too_much:
            said = f"on fresh numbers it is a normalization over {pattern_of(whole)[0]}"
            missed = self._none(f"{said}, but on this x it deviates by up to {off:.3g}")
            return replace(missed, largest_difference=off)
        whole = self._settled(whole, partition.shape)
        return self._identity(partition, whole, native, found, wide[0] | wide[1], off)

    def _sets_on(self, shape: tuple[int, ...]) -> Partition | None:
        """The sets on another shape, asked once and of one element: only a name hangs on them."""
        if shape not in self.seen:
            precision = self.probe.precision
            self.seen[shape] = sets_of(self.probe, shape, self.generator, precision, probed=1)
        return self.seen[shape]

    def _settled(self, partition: Partition, part: tuple[int, ...]) -> Partition:
        """The same partition; on axes of length 1 a longer part tells whether they are shared."""
        shape = partition.shape
        grown = tuple(3 if n == 1 else n for n in part)
        if 1 not in shape or math.prod(grown) > 10 * LARGE:
            return partition
        try:
            found = self._sets_on(grown)
        except Exception:  # noqa: BLE001  a shape that the layer does not take
            return partition
        if found is None or any(
            len(f) > 1 for f, n in zip(found.axes, shape, strict=True) if n == 1
        ):
            return partition
        axes = [
            ((1, found.axes[at][0][1]),) if n == 1 else factors
            for at, (n, factors) in enumerate(zip(shape, partition.axes, strict=True))
        ]
        return Partition(tuple(axes))

    def _not_proven(self, partition: Partition, verdict: Any) -> Identity:
        if not verdict.has_gradient:
            return self._none("it gives no gradient of x")
        if verdict.output <= verdict.precision:
            return self._none(
                f"its output is that of a normalization over {pattern_of(partition)[0]}, but its "
                f"gradient of x deviates by up to {verdict.gradient:.3g} of it, as where a "
                "statistic is taken for a constant"
            )
        return self._none(
            f"the nearest is a normalization over {pattern_of(partition)[0]}, from which its "
            f"output deviates by up to {verdict.output:.3g} of it on other numbers than those "
            "that were fitted, as where it clips"
        )

    def _native_eps(self, formula: Formula) -> float:
        """eps in x's own dtype, on which it may depend (torch's RMSNorm with eps=None)."""
        if not self.probe.wide or self.x.dtype == torch.float64 or not formula.eps:
            return formula.eps
        partition, dtype = formula.partition, self.x.dtype
        z = normal_numbers(partition.shape, self.generator)
        z = standardized(z, partition, formula.centered) * formula.small
        z = z.to(dtype).double()
        own, wanted = self.native(z), formula.output(z)
        size = (1.0 + wanted.abs()).max()
        if float((own - wanted).abs().max() / size) < 0.05 and float(z.abs().max()) > 0:
            return formula.eps
        affine = affine_of(self.native, partition, self.generator, dtype)
        eps, where = eps_of(self.native, affine, partition, self.generator, dtype)
        # The same number, or one that the fit in a short dtype can tell from it.
        return snapped(eps, 2e-2) if eps and where == formula.eps_where else formula.eps

    def _identity(
        self,
        partition: Partition,
        whole: Partition,
        formula: Formula,
        found: _Found,
        varying: set[int],
        off: float,
    ) -> Identity:
        candidates = names.declared_norms(partition, formula.centered)
        chosen = names.choose(candidates, self._sets_on, partition, varying)
        if chosen is not None and partition != whole:
            # The arguments may be lengths of x.
            again = names.declared_norms(whole, formula.centered)
            chosen = next((c for c in again if c.norm is chosen.norm), None)
        if chosen is None:
            sets, sizes = pattern_of(whole)
            drawn = [
                fitted if named is None else named.drawn
                for fitted, named in ((formula.gamma, found.gamma), (formula.beta, found.beta))
            ]
            affine = names.affine_of_pattern(partition, *drawn)
        else:
            sets, sizes = chosen.norm.sets, chosen.sizes
            affine = chosen.norm.affine if varying else ""
        made = replace(
            self.blank,
            kind="normalization",
            proven=True,
            sets=sets,
            sizes=sizes,
            labels=whole.labels().numpy(),
            affine=affine,
            name=None if chosen is None else chosen.norm.name,
            same_on_this_x=tuple(
                c.norm.name for c in candidates if chosen is None or c.norm is not chosen.norm
            ),
            centered=formula.centered,
            eps=formula.eps,
            eps_where=formula.eps_where,
            divisor=formula.divisor,
            gamma=formula.gamma.numpy(),
            beta=formula.beta.numpy(),
            gamma_is=None if found.gamma is None else found.gamma.said,
            beta_is=None if found.beta is None else found.beta.said,
            largest_difference=off,
            reference=formula,
            gamma_of=None if found.gamma is None else (found.gamma.of, found.gamma.slope),
        )
        not_finite = bool(self.x.isfinite().all()) and not bool(self.output.isfinite().all())
        return replace(made, sentence=found_sentence(made, not_finite))

    def _with_hooks(self, found: Identity) -> Identity:
        """The same, unless a hook of the user's changes what the layer gives."""
        changed = changed_by_hooks(self.layer, self.x.to(self.device), self.generator)
        if not changed:
            return found
        said = f"without its hooks it is ({found.sentence}), but a hook changes its {changed}"
        return self._none(said)


@dataclass(frozen=True)
class _Found:
    formula: Formula
    gamma: names.Parameter | None
    beta: names.Parameter | None


def _parts(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Smaller shapes to search on, and at last all of x."""
    if math.prod(shape) > LARGE and len(shape) > 1:
        few = (min(2 if len(shape) > 2 else 6, shape[0]), *shape[1:])
        if len(shape) > 3:
            yield (*few[:2], *(min(6, n) for n in shape[2:]))
        if len(shape) == 3:
            yield (few[0], min(6 if shape[2] < 1000 else 3, shape[1]), shape[2])
        if few != shape:
            yield few
    yield shape


def _varying(values: Tensor) -> list[int]:
    return [axis for axis, length in enumerate(values.shape) if length > 1]


def _for_rank(values: Tensor, rank: int) -> Tensor:
    """A number as an array that broadcasts over x."""
    return values.reshape([1] * rank) if values.numel() == 1 else values
