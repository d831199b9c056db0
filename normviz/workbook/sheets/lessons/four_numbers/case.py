"""What the lesson Four numbers is about, in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from normviz.reference.trace import Trace, trace

COUNT = 4
Row = npt.NDArray[np.float64]


class Made(NamedTuple):
    """What the graph has for each of the four values, and for all of them."""

    u: Row
    x_hat: Row
    r: float
    dx_hat: Row
    dvar: float
    du: Row


@dataclass(frozen=True)
class FourNumbers:
    """What the lesson is about: one channel of four values, and the gradient that reaches them."""

    x: Row
    grad_output: Row
    gamma: float = 2.0
    beta: float = 1.0
    eps: float = 1e-5
    nudged: int = 1
    h: float = 1e-4

    def output(self, x: Row) -> Row:
        """BatchNorm of the four values."""
        output: Row = self.steps(x)["output"].ravel()
        return output

    def steps(self, x: Row) -> Trace:
        """Every step on four values."""
        given = {"weight": np.array([self.gamma]), "bias": np.array([self.beta])}
        return trace("batch_norm", x.reshape(-1, 1), training=True, eps=self.eps, **given)

    @cached_property
    def traced(self) -> Trace:
        """Every step there and back."""
        return self.steps(self.x).backward(self.grad_output.reshape(-1, 1))

    @cached_property
    def made(self) -> Made:
        """The steps by the names of the graph, with the gradient of u, which two arrows reach."""
        steps = self.traced
        u, x_hat = steps["centered"].ravel(), steps["normalized"].ravel()
        r, dx_hat = float(steps["std"][0]), steps["grad_normalized"].ravel()
        dvar = float(steps["grad_variance"][0])
        return Made(u, x_hat, r, dx_hat, dvar, dx_hat / r + dvar / COUNT * 2 * u)

    def loss(self, x: Row) -> float:
        """A loss whose gradient for y is dy: the sum of dy times y."""
        return float((self.grad_output * self.output(x)).sum())

    def moved(self, by: float) -> Row:
        """x with the nudged value moved by so much."""
        moved: Row = self.x + by * (np.arange(1, COUNT + 1) == self.nudged)
        return moved

    @property
    def slope(self) -> float:
        """The slope of the loss between the two nudged x."""
        return (self.loss(self.moved(self.h)) - self.loss(self.moved(-self.h))) / (2 * self.h)

    @property
    def dx_there(self) -> float:
        """What the arrows give for the nudged one."""
        return float(self.traced["grad_input"].ravel()[self.nudged - 1])


CASE = FourNumbers(np.array([1.0, 3.0, 4.0, 8.0]), np.array([1.0, 0.0, -1.0, 2.0]))
