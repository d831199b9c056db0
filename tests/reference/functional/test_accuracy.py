"""Far from zero no digit is lost that torch keeps, measured against a more precise truth."""

from dataclasses import replace

import numpy as np
import pytest
from numpy import longdouble

from tests.reference.norm_calls import (
    BUFFERED,
    CENTERED,
    EVALUATION,
    NO_BUFFERS,
    OPS,
    TRAINING,
    make_call,
)
from tests.reference.oracle import by_normviz, by_torch, distance
from tests.reference.truth import by_definition

OFFSETS = {"float64": 1e5, "float32": 1e3}
SHAPES = [(8, 6, 7, 5), (4, 6, 40, 40), (64, 6)]


def far_from_zero(op, shape, dtype, mode=TRAINING, seed=0):
    """Spread 1, mean as far away as the dtype's offset, and running buffers of that size."""
    call = make_call(op, shape, dtype, mode, offset=2.0 * OFFSETS[dtype], seed=seed)
    return replace(call, x=(call.x / 2).astype(dtype))


def errors(call):
    """The error of normviz and of torch for every tensor, against the truth."""
    truth = by_definition(call)
    found, torchs = by_normviz(call), by_torch(call)
    assert sorted(found) == sorted(truth)
    return {
        name: (distance(found[name], value), distance(torchs[name], value))
        for name, value in truth.items()
    }


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", OFFSETS)
@pytest.mark.parametrize("op", CENTERED)
def test_not_less_accurate_than_torch(op, dtype, shape):
    if op == "instance_norm" and len(shape) == 2:
        shape = (8, 6, 8)
    rounding = float(np.finfo(dtype).eps)
    for name, (own, torchs) in errors(far_from_zero(op, shape, dtype)).items():
        assert own <= 1.5 * torchs + 8 * rounding, name


@pytest.mark.parametrize("dtype", OFFSETS)
@pytest.mark.parametrize("op", CENTERED)
def test_the_error_is_that_of_rounding(op, dtype):
    allowed = 32 * float(np.finfo(dtype).eps)
    for name, (own, _) in errors(far_from_zero(op, (8, 6, 7, 5), dtype)).items():
        assert own <= allowed, name


@pytest.mark.parametrize("dtype", OFFSETS)
@pytest.mark.parametrize("op", BUFFERED)
def test_evaluation_far_from_zero(op, dtype):
    rounding = float(np.finfo(dtype).eps)
    for name, (own, torchs) in errors(far_from_zero(op, (8, 6, 7, 5), dtype, EVALUATION)).items():
        assert own <= 1.5 * torchs + 8 * rounding, name


def test_the_textbook_variance_would_fail_here():
    """E[x^2] - E[x]^2 has lost every digit at this distance; two passes have lost none."""
    call = make_call("batch_norm", (64, 3, 5), mode=NO_BUFFERS, offset=1e8)
    naive = (call.x**2).mean((0, 2)) - call.x.mean((0, 2)) ** 2
    exact = call.x.astype(longdouble).var((0, 2))
    assert np.max(np.abs(naive - exact)) > 0.1
    own, _ = errors(call)["output"]
    assert own <= 1e-12


@pytest.mark.parametrize("op", OPS)
def test_long_sums_in_single_precision(op):
    """A set of a quarter of a million elements, all of one sign: sums must not drift."""
    call = make_call(op, (2, 2, 512, 256), "float32", offset=3.0)
    rounding = float(np.finfo("float32").eps)
    for name, (own, torchs) in errors(call).items():
        assert own <= max(1.5 * torchs, 16 * rounding), name
