"""What the lesson Why is about: a stack of random layers, with a norm and without, in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.reference.trace import Trace, trace

LAYERS, SAMPLES, FEATURES = 8, 4, 4
SHAPE = (SAMPLES, FEATURES)
SEED = 371
"""With these weights ReLU leaves no sample all zero, which no norm brings back."""
EPS = 1e-5
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pass:
    """What one stack computes: for each layer the sums z, what leaves the norm, and gradients."""

    sums: list[Array]
    outputs: list[Array]
    grad_outputs: list[Array]
    grad_sums: list[Array]

    def spreads(self) -> tuple[Array, Array]:
        """The root mean square of outputs and of gradients, layer by layer."""
        return _sizes(self.outputs), _sizes(self.grad_outputs)


@dataclass(frozen=True)
class WhyCase:
    """The stack: its input, its weights, the gradient that reaches its end, and the settings."""

    scale: float = 0.6
    norm: str | None = "batch_norm"
    seed: int = SEED

    @property
    def declared(self) -> Norm | None:
        """The norm after each layer, if any."""
        return None if self.norm is None else NORMS[self.norm]

    @cached_property
    def weights(self) -> list[Array]:
        """One matrix a layer, (out, in), as torch has it; about as large as He et al. advise."""
        draw = np.random.default_rng(self.seed)
        return [
            draw.normal(0, np.sqrt(2 / FEATURES), (FEATURES, FEATURES)).round(1)
            for _ in range(LAYERS)
        ]

    @cached_property
    def x(self) -> Array:
        """What enters the first layer."""
        return np.random.default_rng(self.seed + 1).normal(0, 1, SHAPE).round(1)

    @cached_property
    def grad(self) -> Array:
        """The gradient at the output of the last layer."""
        return np.random.default_rng(self.seed + 2).normal(0, 1, SHAPE).round(1)

    def run(self, norm: Norm | None) -> Pass:
        """Forward and backward through all layers."""
        hidden = self.x
        sums: list[Array] = []
        outputs: list[Array] = []
        traces: list[Trace | None] = []
        for weight in self.weights:
            z = self.scale * product(hidden, weight)
            steps = None if norm is None else trace(norm, z, **arguments(norm))
            a = z if steps is None else steps["output"]
            sums.append(z)
            outputs.append(a)
            traces.append(steps)
            hidden = np.maximum(a, 0)
        grads, grad_sums = [self.grad], []
        for at in reversed(range(LAYERS)):
            steps = traces[at]
            dz = grads[-1] if steps is None else steps.backward(grads[-1])["grad_input"]
            grad_sums.append(dz)
            if at:
                back = self.scale * product(dz, self.weights[at].T)
                grads.append(back * (outputs[at - 1] > 0))
        return Pass(sums, outputs, grads[::-1], grad_sums[::-1])


def product(rows: Array, weight: Array) -> Array:
    """rows times weight transposed, summed in a fixed order: the last digit is no library's."""
    total = np.zeros((len(rows), len(weight)))
    for k in range(rows.shape[1]):
        total = total + rows[:, k : k + 1] * weight[:, k]
    return total


def arguments(norm: Norm) -> dict[str, object]:
    """How a norm is called on the rows of this sheet."""
    sizes = norm.sizes_for(SHAPE, {"num_groups": 2, "num_splits": 2})
    training = {norm.flag: True} if norm.flag else {}
    return {**sizes, **training, "eps": EPS}


def case_steps(case: WhyCase, sums: Array) -> tuple[Array, Array]:
    """Distance from the mean and divisor of every element, where the norm sees ``sums``."""
    norm = case.declared
    if norm is None:
        return sums, np.ones(SHAPE)
    steps = trace(norm, sums, **arguments(norm))
    divisor = np.asarray(steps[steps.sets.spread]).ravel()
    sets = norm.on(SHAPE, arguments(norm))
    return np.asarray(steps.get("centered", sums)), divisor[sets.labels() - 1]


def offered() -> list[Norm]:
    """The norms that rows of features allow: more than two values a set.

    Of two, x̂ is 1 and −1 whatever they are, and no gradient passes.
    """
    fitting = [n for n in NORMS.values() if n.fits(SHAPE)]
    return [n for n in fitting if n.on(SHAPE, arguments(n)).size > 2]


def _sizes(tensors: list[Array]) -> Array:
    return np.array([np.sqrt(np.mean(t * t)) for t in tensors])
