"""A trace whose root is made in another way than torch's, against torch's arithmetic by hand."""

import numpy as np
import pytest
import torch

from normviz.reference.spread import Spread
from normviz.reference.trace import trace_with

PLACES = {
    "inside": lambda power, eps: torch.sqrt(power + eps),
    "outside": lambda power, eps: torch.sqrt(power) + eps,
    "max": lambda power, eps: torch.clamp(torch.sqrt(power), min=eps),
}
X = np.random.default_rng(0).normal(1.0, 2.0, (5, 6))
X[1] *= 0.05  # its root is below eps
DY = np.random.default_rng(1).normal(size=X.shape)


@pytest.mark.parametrize("centered", [True, False])
@pytest.mark.parametrize("divisor", ["m", "m - 1"])
@pytest.mark.parametrize("where", PLACES)
def test_output_and_gradient_are_those_of_autograd(where, divisor, centered):
    spread = Spread(where, divisor)
    made = trace_with(spread, "n [c]", X, {"centered": centered, "eps": 0.5}).backward(DY)
    x = torch.from_numpy(X).requires_grad_()
    u = x - x.mean(1, keepdim=True) if centered else x
    power = u.square().sum(1, keepdim=True) / (6 if divisor == "m" else 5)
    y = u / PLACES[where](power, 0.5)
    y.backward(torch.from_numpy(DY))
    np.testing.assert_allclose(made["output"], y.detach(), rtol=1e-12)
    np.testing.assert_allclose(made["grad_input"], x.grad, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("centered", [True, False])
@pytest.mark.parametrize("divisor", ["m", "m - 1"])
@pytest.mark.parametrize("where", PLACES)
def test_the_numpy_lines_run_as_they_stand(where, divisor, centered):
    made = trace_with(
        Spread(where, divisor), "n [c]", X, {"centered": centered, "eps": 0.5}
    ).backward(DY)
    names = {"np": np, "x": X, "eps": 0.5, "dY": DY.reshape(made.sets.view)}
    for line in made.numpy_setup:
        exec(line, names)
    for step in made.steps:
        exec(step.numpy, names)
        np.testing.assert_allclose(names[step.name].ravel(), step.value.ravel(), rtol=1e-12)


def test_the_words_are_those_of_the_arithmetic():
    made = trace_with(Spread("outside", "m - 1"), "n [c]", X, {"eps": 0.5}).backward(DY)
    said = {step.name: step.formula for step in made.steps}
    assert said["variance"] == "s² = Σ u² / (m − 1)"
    assert said["std"] == "r = s + ε"
    assert said["grad_variance"] == "ds² = Σ dx̂ · u · (−1/2) · r⁻² / s"
    assert said["grad_input"] == "dx = dx̂ / r + ds² · 2u / (m − 1) + dμ / m"
