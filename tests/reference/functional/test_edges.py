"""Empty batches, single values and constant sets: whatever torch makes of them."""

from dataclasses import replace

import numpy as np
import pytest

import normviz
from tests.reference.norm_calls import (
    AFFINE,
    BUFFERED,
    CENTERED,
    EVALUATION,
    NO_BUFFERS,
    OPS,
    PLAIN,
    TRAILING,
    make_call,
    modes,
)
from tests.reference.oracle import assert_same, by_normviz, by_torch, copied

EVERY_MODE = [(op, mode) for op in OPS for mode in modes(op)]


@pytest.mark.parametrize(("op", "mode"), EVERY_MODE)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_empty_batch(op, mode, dtype):
    # torch's chunk cannot split an empty batch, so ghost batch norm is compared with one split; and
    # its instance norm of an empty batch falls over its own weight and buffers.
    if op == "instance_norm":
        mode = NO_BUFFERS
    parameters = PLAIN if op == "instance_norm" else AFFINE
    call = make_call(op, (0, 6, 3, 2), dtype, mode, parameters, splits=1)
    assert_same(by_normviz(call), by_torch(call))


@pytest.mark.parametrize("mode", modes("ghost_batch_norm"))
def test_empty_batch_in_several_splits(mode):
    found = by_normviz(make_call("ghost_batch_norm", (0, 6, 3, 2), mode=mode, splits=3))
    one = by_normviz(make_call("ghost_batch_norm", (0, 6, 3, 2), mode=mode, splits=1))
    assert_same(found, one)


@pytest.mark.parametrize(("op", "mode"), [pair for pair in EVERY_MODE if pair[0] != "group_norm"])
def test_empty_space(op, mode):
    call = make_call(op, (4, 6, 0), mode=mode)
    assert_same(by_normviz(call), by_torch(call))


@pytest.mark.parametrize("op", BUFFERED)
def test_no_channels(op):
    call = make_call(op, (4, 0, 3), mode=NO_BUFFERS, parameters=PLAIN)
    assert_same(by_normviz(call), by_torch(call))


@pytest.mark.parametrize("op", TRAILING)
def test_one_value_per_set_of_a_sample(op):
    call = make_call(op, (4, 6, 1), normalized_shape=(1,))
    assert_same(by_normviz(call), by_torch(call), tolerance=1e-9)


def test_one_value_per_group_of_several_samples():
    call = make_call("group_norm", (2, 6), groups=6)
    found = by_normviz(call)
    assert_same(found, by_torch(call))
    np.testing.assert_array_equal(found["output"], np.tile(call.arguments["bias"], (2, 1)))


@pytest.mark.parametrize("op", BUFFERED)
def test_one_value_per_set_in_evaluation(op):
    call = make_call(op, (1, 6, 1, 1), mode=EVALUATION, splits=1)
    assert_same(by_normviz(call), by_torch(call))


def test_two_values_per_channel_are_enough():
    call = make_call("batch_norm", (2, 6), eps=1e-2)
    assert_same(by_normviz(call), by_torch(call))


def test_evaluation_of_ghost_batch_norm_does_not_ask_splits_to_divide():
    call = make_call("ghost_batch_norm", (5, 6, 3), mode=EVALUATION, splits=2)
    assert_same(by_normviz(call), by_torch(call))


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0])
@pytest.mark.parametrize("op", OPS)
def test_constant_input(op, value):
    call = make_call(op, (4, 6, 4, 4))
    call.x[...] = value
    # torch folds the mean into the shift, and 1 / sqrt(eps) magnifies the rounding of that.
    assert_same(by_normviz(call), by_torch(call), tolerance=1e-8)


@pytest.mark.parametrize("constant", [0.1, 1 / 3, 1e6 / 7])
@pytest.mark.parametrize("op", CENTERED)
def test_constant_input_gives_the_bias_alone(op, constant):
    call = make_call(op, (4, 6, 3, 5))
    call.x[...] = constant
    bias = call.arguments["bias"]
    beside_x = bias if op == "layer_norm" else bias[:, None, None]
    output = by_normviz(call)["output"]
    np.testing.assert_allclose(output, np.broadcast_to(beside_x, output.shape), atol=1e-6)


@pytest.mark.parametrize("scale", [1e-90, 1e-30, 1e30, 1e90])
@pytest.mark.parametrize("op", OPS)
def test_very_small_and_very_large_values(op, scale):
    call = make_call(op, (4, 6, 3, 5), eps=0.0 if op not in BUFFERED else 1e-5)
    call.x[...] *= scale
    assert_same(by_normviz(call), by_torch(call))


@pytest.mark.parametrize("op", ["layer_norm", "group_norm"])
def test_gradient_as_large_as_torch_can_tell(op):
    call = make_call(op, (4, 6, 3, 5), eps=0.0)
    call.x[...] *= 1e-150
    assert_same(by_normviz(call), by_torch(call))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("op", "mode"), EVERY_MODE)
def test_nan_and_infinity_pass_through_quietly(op, mode, value):
    call = make_call(op, (4, 6, 3, 5), "float32", mode)
    call.x[1, 2, 0, 3] = value
    found, expected = by_normviz(call), by_torch(call)
    for name in ("output", "grad_input", "grad_weight"):
        np.testing.assert_array_equal(
            np.isfinite(found[name]), np.isfinite(expected[name]), err_msg=name
        )
        finite = np.isfinite(expected[name])
        np.testing.assert_allclose(
            found[name][finite], expected[name][finite], rtol=1e-4, atol=1e-5, err_msg=name
        )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_infinity_and_nan_stay_in_their_own_set(op, value, dtype):
    call = make_call(op, (4, 6, 3, 2), dtype)
    call.x[1, 2, 0, 1] = value
    call.x[:, 3] += 1000.0  # a set far from zero, which takes another path
    found, expected = by_normviz(call), by_torch(call)
    assert sorted(found) == sorted(expected)
    tolerance = 1e-4 if dtype == "float32" else 1e-9
    for name, wanted in expected.items():
        np.testing.assert_allclose(found[name], wanted, tolerance, tolerance, err_msg=name)


@pytest.mark.parametrize(("op", "mode"), EVERY_MODE)
def test_what_float16_cannot_hold_is_infinite_without_a_warning(op, mode):
    """The numbers themselves fit; sums, squares, gradients and buffers made of them do not."""
    call = make_call(op, (4, 6, 3, 2), "float16", mode).with_arrays(at_the_largest)
    large = {
        n: at_the_largest(call.arguments[n]) for n in ("weight", "bias") if n in call.arguments
    }
    call = replace(call, arguments=call.arguments | large)
    found = by_normviz(call)  # a warning is an error here
    assert any(np.isinf(value).any() for value in found.values())
    normviz.trace(op, call.x, **copied(call.arguments)).backward(call.grad_output)


def at_the_largest(array):
    """The same signs, each number as far from zero as float16 goes."""
    return np.where(array < 0, -65504, 65504).astype(np.float16)
