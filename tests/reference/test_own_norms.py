"""Whatever can be declared is one arithmetic in the function, in the trace and in its buffers."""

from inspect import signature
from itertools import product

import numpy as np
import pytest

import normviz
from normviz import Norm
from normviz.reference import layers
from normviz.reference.call import backward, complete, forward
from normviz.reference.spread import Spread
from normviz.reference.trace import trace_with

RNG = np.random.default_rng(0)
X, DY = RNG.normal(1.0, 2.0, (2, 4, 3, 5))
PATTERNS = {"[n] c ...": "c", "n c [...]": "c", "n [c] ...": "", "[n c] w": "w"}
FLAGS = {"training": False, "use_input_stats": True}
DECLARATIONS = [
    {"sets": sets, "affine": affine, "bias": bias, "buffers": buffers}
    | ({"flag": flag, "flag_default": FLAGS[flag]} if buffers else {})
    for (sets, affine), bias, buffers in product(PATTERNS.items(), (True, False), (True, False))
    for flag in (FLAGS if buffers else [""])
    if affine or not buffers
]
UNCENTERED = [own | {"centered": False} for own in DECLARATIONS if not own["buffers"]]


def calls(own):
    """The norm, and the arguments of a call of it in each of its modes."""
    norm = Norm("mine", **own)
    shape = norm.on(X.shape).parameter_shape
    given = {n: RNG.uniform(0.5, 2.0, shape) for n in ("weight", "bias") if norm.has(n)}
    for own_statistics in (True, False) if norm.buffers else (True,):
        buffers = {n: RNG.uniform(0.5, 2.0, shape) for n in BUFFERS if norm.buffers}
        flag = {norm.flag: own_statistics} if norm.flag else {}
        yield norm, given | buffers | flag


BUFFERS = ("running_mean", "running_var")


@pytest.mark.parametrize("own", DECLARATIONS + UNCENTERED, ids=str)
def test_the_trace_is_the_function_in_every_mode(own):
    for norm, arguments in calls(own):
        moved = {n: v.copy() if n in BUFFERS else v for n, v in arguments.items()}
        trace = normviz.trace(norm, X, **arguments).backward(DY)
        output = forward(norm, X, **complete(norm, moved))
        grads = backward(norm, DY, X, **complete(norm, arguments))
        np.testing.assert_allclose(trace["output"], output, rtol=1e-12)
        np.testing.assert_allclose(trace["grad_input"], grads.grad_input, rtol=1e-9, atol=1e-12)
        for name in ("weight", "bias"):
            if getattr(grads, f"grad_{name}") is not None:
                found, wanted = trace[f"grad_{name}"], getattr(grads, f"grad_{name}")
                np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
        for name, value in trace.running_buffers().items():
            if name in BUFFERS:
                np.testing.assert_allclose(value, moved[name], rtol=1e-12)


def test_running_statistics_of_a_norm_without_a_mean_are_refused():
    with pytest.raises(ValueError, match=r"centered must be True with buffers=True.*rms_batch"):
        Norm("rms_batch", "[n] c", "c", centered=False, buffers=True, flag="training")


@pytest.mark.parametrize("buffers", [True, False], ids=["buffers", "no buffers"])
@pytest.mark.parametrize(
    ("sets", "affine", "shape"),
    [("[n] c", "c", (1, 3)), ("n [c] w", "w", (4, 1, 3)), ("n c [...]", "c", (2, 3, 1))],
)
def test_one_value_per_set_is_refused_where_running_statistics_are_kept(
    sets, affine, shape, buffers
):
    norm = Norm("mine", sets, affine, buffers=True, flag="training")
    parameter = norm.on(shape).parameter_shape
    given = {n: np.ones(parameter) for n in BUFFERS if buffers}
    for run in (
        lambda: forward(norm, np.ones(shape), **complete(norm, given | {"training": True})),
        lambda: normviz.trace(norm, np.ones(shape), training=True, **given),
    ):
        with pytest.raises(ValueError, match=r"more than 1 value per statistics set.*mine"):
            run()
    if buffers:
        whole = complete(norm, given | {"training": False})
        assert np.isfinite(forward(norm, np.ones(shape), **whole)).all()


def test_an_unbiased_variance_of_one_value_is_no_number():
    trace = trace_with(Spread(divisor="m - 1"), "n [c]", np.ones((2, 1)), {})
    assert np.isnan(trace["variance"]).all()


DECLARED = {
    "eps": Norm("mine", "n [c] w", affine="c", eps=1e-2),
    "no bias": Norm("mine", "n [c] w", affine="c", bias=False, centered=False),
    "eps of the dtype": Norm("mine", "n [c] w", affine="c", eps=None),
}


@pytest.mark.parametrize("kind", DECLARED)
def test_a_declared_norms_own_settings_hold_in_the_function_the_trace_and_the_layer(kind):
    norm, x = DECLARED[kind], 1e-2 * X
    trace = normviz.trace(norm, x).backward(DY)
    layer = layers.Norm(norm, x.shape, dtype=np.float64)
    for y in (normviz.normalize(x, norm), layer(x)):
        np.testing.assert_allclose(y, trace["output"], rtol=1e-12)
    for grads in (normviz.normalize_backward(DY, x, norm), layer.backward(DY)):
        np.testing.assert_allclose(grads.grad_input, trace["grad_input"], rtol=1e-9, atol=1e-12)
    assert layer.eps == norm.eps
    assert (layer.bias is None) == (not norm.bias)


def test_an_eps_that_is_given_counts_beside_a_declared_norms():
    mine = DECLARED["eps"]
    given = normviz.normalize(X, mine, eps=0.5)
    np.testing.assert_array_equal(given, normviz.normalize(X, mine.sets, eps=0.5))
    assert layers.Norm(mine, X.shape, eps=0.5).eps == 0.5
    usual = normviz.normalize(X, mine, eps=1e-5)
    np.testing.assert_array_equal(usual, normviz.normalize(X, mine.sets))
    assert signature(normviz.normalize).parameters["eps"].default == 1e-5
    assert layers.Norm(mine.sets, X.shape).eps == 1e-5


def test_a_bias_for_a_norm_that_is_declared_without_is_refused():
    with pytest.raises(TypeError, match="'bias'"):
        normviz.normalize(X, DECLARED["no bias"], bias=np.zeros(3))
