"""Calls of a normalization as data: an op, its x, an upstream gradient and its arguments."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz import NORMS

Array = npt.NDArray[Any]

OPS = tuple(NORMS)
DECLARED = dict(NORMS)
"""As they are, while a test puts a wrong one in place of one of them."""

CENTERED = tuple(op for op, norm in NORMS.items() if norm.centered)
BUFFERED = tuple(op for op, norm in NORMS.items() if norm.buffers)
TRAILING = tuple(op for op, norm in NORMS.items() if norm.takes("normalized_shape"))
SHAPES = {2: (6, 8), 3: (4, 6, 5), 4: (4, 6, 3, 2), 5: (4, 4, 2, 3, 2)}

TRAINING, NO_BUFFERS, EVALUATION = "training", "no buffers", "evaluation"
AFFINE, BIAS_ONLY, WEIGHT_ONLY, PLAIN = "affine", "bias only", "weight only", "plain"


@dataclass(frozen=True)
class Call:
    """One call; ``arguments`` are the function's keyword arguments."""

    op: str
    x: Array
    grad_output: Array
    arguments: dict[str, Any]

    @property
    def sizes(self) -> dict[str, Any]:
        """The arguments that, with x's shape, say which elements share statistics."""
        return {size.argument: self.arguments[size.argument] for size in NORMS[self.op].sizes}

    def with_arrays(self, change: Callable[[Array], Array]) -> "Call":
        """The same call with x and grad_output changed (in memory layout, for example)."""
        return replace(self, x=change(self.x), grad_output=change(self.grad_output))


def modes(op: str) -> tuple[str, ...]:
    """The modes an op has: three with running buffers, one without."""
    return (TRAINING, NO_BUFFERS, EVALUATION) if op in BUFFERED else (TRAINING,)


def make_call(
    op: str,
    shape: tuple[int, ...],
    dtype: str = "float64",
    mode: str = TRAINING,
    parameters: str = AFFINE,
    *,
    groups: int = 2,
    splits: int = 2,
    normalized_shape: tuple[int, ...] | None = None,
    eps: float | None = 1e-5,
    momentum: float = 0.1,
    parameter_dtype: str | None = None,
    offset: float = 0.7,
    seed: int = 0,
) -> Call:
    """A call of ``op`` on random numbers of spread 2 around ``offset``."""
    rng = np.random.default_rng(seed)
    trailing = shape[1:] if normalized_shape is None else normalized_shape
    sizes = {"normalized_shape": trailing, "num_groups": groups, "num_splits": splits}
    taken = {name: size for name, size in sizes.items() if NORMS[op].takes(name)}
    arguments: dict[str, Any] = {"eps": eps, **taken}
    parameter_shape = taken.get("normalized_shape", shape[1:2])

    def draw(center: float, spread: float) -> Array:
        values = center + spread * rng.uniform(-1.0, 1.0, parameter_shape)
        return np.asarray(values, parameter_dtype or dtype)

    if parameters in (AFFINE, WEIGHT_ONLY) and NORMS[op].affine:
        arguments["weight"] = draw(1.0, 0.5)
    if parameters in (AFFINE, BIAS_ONLY) and NORMS[op].affine and NORMS[op].bias:
        arguments["bias"] = draw(0.0, 0.5)
    if op in BUFFERED:
        arguments |= {NORMS[op].flag: mode != EVALUATION, "momentum": momentum}
        if mode != NO_BUFFERS:
            arguments |= {"running_mean": draw(offset, 0.5), "running_var": draw(3.0, 1.0)}
    x = np.asarray(offset + 2.0 * rng.standard_normal(shape), dtype)
    return Call(op, x, np.asarray(rng.standard_normal(shape), dtype), arguments)
