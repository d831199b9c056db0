"""What :func:`normviz.identify` answers."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Reference(Protocol):
    """The formula that was proven: y of x, and dx of x and dy, float64 tensors."""

    def output(self, x: Any) -> Any:
        """y."""
        ...

    def gradient(self, x: Any, dy: Any) -> Any:
        """dx."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class Identity:
    """Which normalization a layer is; its truth value says that this is proven.

    - ``kind``: "normalization", "constants" (stored statistics, as in evaluation), "none" or
      "undecided". ``sentence`` says it in words; all else is None where nothing was found.
    - ``sets`` and ``sizes``: the statistics sets as a pattern (:mod:`normviz.norms.notation`);
      ``labels``: as ``set_labels``; ``affine``: the axes along which γ or β vary. ``name``: the
      declared norm, or None; ``same_on_this_x``: other declared norms with the same sets here.
    - ``centered``: whether the mean is taken away; ``divisor``: "m" or "m - 1" for the variance;
      ``eps`` and ``eps_where``: √(σ² + eps) "inside", σ + eps "outside", max(σ, eps) "max".
    - ``gamma`` and ``beta``: float64 arrays that broadcast over x; ``gamma_is`` and ``beta_is``:
      what they are among the layer's own tensors ("weight", "1 + weight"), or None. ``mean`` and
      ``variance``: the stored statistics of "constants".
    - ``precision``: the relative deviation that would have been seen; ``largest_difference``: the
      largest absolute one on x itself, in the layer's own dtype. ``reference``: the formula.
      ``gamma_of``: the parameter w that γ is made of, and dγ/dw (None: γ itself, as of exp(w)).
    """

    kind: str
    sentence: str
    layer: str
    shape: tuple[int, ...]
    dtype: str
    precision: float
    proven: bool = False
    sets: str | None = None
    sizes: dict[str, Any] | None = None
    labels: npt.NDArray[np.int64] | None = None
    affine: str = ""
    name: str | None = None
    same_on_this_x: tuple[str, ...] = ()
    centered: bool | None = None
    eps: float | None = None
    eps_where: str | None = None
    divisor: str | None = None
    gamma: Array | None = None
    beta: Array | None = None
    gamma_is: str | None = None
    beta_is: str | None = None
    mean: Array | None = None
    variance: Array | None = None
    mean_is: str | None = None
    variance_is: str | None = None
    largest_difference: float | None = None
    reference: Reference | None = field(default=None, repr=False)
    gamma_of: tuple[str, float | None] | None = field(default=None, repr=False)

    def __bool__(self) -> bool:
        return self.proven

    def __str__(self) -> str:
        return self.sentence

    def __repr__(self) -> str:
        """What was found; of arrays, which may be long, the dtype and shape."""
        found = ((each.name, getattr(self, each.name)) for each in fields(self) if each.repr)
        told = (
            f"{name}={_brief(value)}"
            for name, value in found
            if isinstance(value, np.ndarray) or value not in (None, "", ())
        )
        return f"{type(self).__name__}({', '.join(told)})"


def _brief(value: Any) -> str:
    return f"<{value.dtype} {value.shape}>" if isinstance(value, np.ndarray) else repr(value)


_EPS = {
    "inside": "eps = {} inside the root",
    "outside": "eps = {} added to the root",
    "max": "the root at least eps = {}",
}


def formula_in_words(made: Identity) -> str:
    """The formula that was found: its sets, mean and eps, and what γ and β are."""
    name = f"{made.name}, " if made.name else ""
    sizes = "".join(f", {axis} = {size}" for axis, size in (made.sizes or {}).items())
    parts = [f"{name}{made.sets}{sizes}"]
    if made.kind == "constants":
        parts.append(f"with stored statistics: mean {made.mean_is}, variance {made.variance_is}")
    else:
        parts.append("the mean taken away" if made.centered else "the mean taken as zero")
        if made.divisor == "m - 1":
            parts.append("the variance divided by m − 1")
    eps = f"{made.eps:.6g}" if made.eps else ""
    parts.append(_EPS[str(made.eps_where)].format(eps) if eps else "no eps")
    parts.append(f"γ = {made.gamma_is or 'found, but not among its tensors'}")
    parts.append(f"β = {made.beta_is or 'found, but not among its tensors'}")
    return "; ".join(parts)


def found_sentence(made: Identity, not_finite: bool = False) -> str:
    """What a layer was found to be, in words."""
    text = f"{made.layer} is {formula_in_words(made)}; proven to {made.precision:.0e} of y and dx "
    text += "on fresh numbers"
    if made.same_on_this_x:
        text += f"; on this shape the sets are also those of {' and '.join(made.same_on_this_x)}"
    if not_finite:
        text += f"; on this x its y is not finite in {made.dtype}"
    return text
