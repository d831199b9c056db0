"""Gradients against central differences of the forward pass alone: no torch, no formula."""

import numpy as np
import pytest

import normviz
from tests.reference.norm_calls import OPS, make_call, modes
from tests.reference.oracle import by_normviz, copied

STEP = 1e-5


def loss(call, name, value):
    """sum(grad_output * output) with one input replaced."""
    arguments = copied(call.arguments)
    x = value if name == "input" else call.x
    if name != "input":
        arguments[name] = value
    return float(np.sum(call.grad_output * getattr(normviz, call.op)(x, **arguments)))


def central_differences(call, name):
    base = call.x if name == "input" else call.arguments[name]
    gradient = np.zeros_like(base)
    for index in np.ndindex(base.shape):
        moved = base.copy()
        moved[index] += STEP
        above = loss(call, name, moved)
        moved[index] -= 2 * STEP
        gradient[index] = (above - loss(call, name, moved)) / (2 * STEP)
    return gradient


@pytest.mark.parametrize(("op", "mode"), [(op, mode) for op in OPS for mode in modes(op)])
def test_gradients_are_the_slopes_of_the_forward_pass(op, mode):
    call = make_call(op, (4, 4, 3), mode=mode, eps=1e-3)
    found = by_normviz(call)
    for name in ("input", "weight", "bias"):
        if f"grad_{name}" in found:
            expected = central_differences(call, name)
            np.testing.assert_allclose(
                found[f"grad_{name}"], expected, rtol=1e-6, atol=1e-7, err_msg=name
            )


@pytest.mark.parametrize("op", OPS)
def test_gradient_is_linear_in_the_upstream_gradient(op):
    call = make_call(op, (4, 4, 3))
    backward = getattr(normviz, f"{op}_backward")
    once = backward(call.grad_output, call.x, **call.arguments)
    thrice = backward(3.0 * call.grad_output, call.x, **call.arguments)
    for a, b in zip(once, thrice, strict=True):
        if a is not None:
            np.testing.assert_allclose(3.0 * a, b, rtol=1e-12, atol=1e-13)
