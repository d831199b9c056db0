"""Forward, every gradient and the running buffers equal torch's, over a wide grid of calls."""

import numpy as np
import pytest
import torch

import normviz
from normviz import NORMS
from tests.reference.norm_calls import (
    AFFINE,
    BIAS_ONLY,
    BUFFERED,
    EVALUATION,
    NO_BUFFERS,
    OPS,
    PLAIN,
    SHAPES,
    TRAILING,
    TRAINING,
    WEIGHT_ONLY,
    make_call,
    modes,
)
from tests.reference.oracle import (
    assert_same,
    by_normviz,
    by_torch,
    set_by_set,
    torch_function,
)
from tests.reference.truth import brute_labels


def of_one_value(op, shape):
    """Whether each element is a statistics set of its own, so that nothing but eps is left."""
    labels = brute_labels(op, shape, **make_call(op, shape).sizes)
    return labels.max() == labels.size


GRID = [
    pytest.param(op, rank, mode, parameters, id=f"{op}-{rank}D-{mode}-{parameters}")
    for op in OPS
    for rank in SHAPES
    for mode in modes(op)
    for parameters in (AFFINE, WEIGHT_ONLY, BIAS_ONLY, PLAIN)
    # torch refuses such an instance norm, and rms norm has no bias.
    if not (of_one_value(op, SHAPES[rank]) and mode != EVALUATION)
    and not (not NORMS[op].bias and parameters in (BIAS_ONLY, WEIGHT_ONLY))
]


@pytest.mark.parametrize("op", ["group_norm", "pixel_norm"])
def test_set_by_set_gives_what_torch_gives(op):
    """What a norm that torch does not have is held to."""
    call = make_call(op, (4, 6, 3, 2))
    given = {
        n: torch.as_tensor(v) if n in ("weight", "bias") else v for n, v in call.arguments.items()
    }
    x = torch.from_numpy(call.x)
    torch.testing.assert_close(set_by_set(op, x, **given), torch_function(op, x, given))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize(("op", "rank", "mode", "parameters"), GRID)
def test_same_as_torch(op, rank, mode, parameters, dtype):
    call = make_call(op, SHAPES[rank], dtype, mode, parameters)
    assert_same(by_normviz(call), by_torch(call))


@pytest.mark.parametrize(("op", "mode"), [(op, mode) for op in OPS for mode in modes(op)])
@pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")  # torch's rms_norm
def test_half_precision_input_with_single_precision_parameters(op, mode):
    call = make_call(op, (4, 6, 3, 2), "float16", mode, parameter_dtype="float32")
    assert_same(by_normviz(call), by_torch(call))


@pytest.mark.parametrize("eps", [1e-12, 1e-5, 1e-3, 0.5])
@pytest.mark.parametrize("op", OPS)
def test_eps(op, eps):
    call = make_call(op, (4, 6, 3, 2), eps=eps)
    assert_same(by_normviz(call), by_torch(call))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_eps_none_of_rms_norm_is_the_machine_epsilon(dtype):
    call = make_call("rms_norm", (4, 6, 3, 2), dtype, eps=None)
    # Values so small that eps decides the result.
    call.x[...] *= 1e-3 if dtype == "float16" else 1e-7
    assert_same(by_normviz(call), by_torch(call))


@pytest.mark.parametrize("op", [op for op in OPS if op not in BUFFERED])
def test_eps_zero_where_torch_allows_it(op):
    call = make_call(op, (4, 6, 3, 2), eps=0.0)
    assert_same(by_normviz(call), by_torch(call))


@pytest.mark.parametrize("op", BUFFERED)
def test_eps_zero_in_evaluation(op):
    call = make_call(op, (4, 6, 3, 2), mode=EVALUATION, eps=0.0)
    assert_same(by_normviz(call), by_torch(call))


@pytest.mark.parametrize("number", [float, np.float64, np.float32, np.float16])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_running_buffer_is_rounded_once_whatever_momentum_is_of(dtype, number):
    """As torch, which works it in double: no product is rounded to the buffer's dtype before."""
    # Half of a channel is 2 above its mean, half 2 below: every sum is exact in any order.
    x = (
        np.tile(np.array([2.0, -2.0], dtype), (4, 6, 3, 1))
        + np.arange(6, dtype=dtype)[:, None, None]
    )
    momentum, rng = number(0.01), np.random.default_rng(3)
    mean, var = (rng.uniform(0.5, 900.0, 6).astype(dtype) for _ in range(2))
    weight = float(momentum)
    expected = [
        ((1.0 - weight) * buffer.astype(np.float64) + weight * new).astype(dtype)
        for buffer, new in ((mean, np.arange(6)), (var, 4.0 * (24 / 23)))
    ]
    normviz.batch_norm(x, mean, var, training=True, momentum=momentum)
    np.testing.assert_array_equal([mean, var], expected)


@pytest.mark.parametrize("momentum", [0.0, 0.01, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("op", BUFFERED)
def test_momentum_weighs_the_new_value(op, momentum):
    call = make_call(op, (4, 6, 3, 2), momentum=momentum)
    assert_same(by_normviz(call), by_torch(call))


@pytest.mark.parametrize("groups", [1, 2, 3, 4, 6, 12])
@pytest.mark.parametrize("shape", [(3, 24), (3, 12, 5), (1, 12, 2, 3)], ids=str)
def test_groups(shape, groups):
    call = make_call("group_norm", shape, groups=groups, eps=1e-2)
    assert_same(by_normviz(call), by_torch(call))


@pytest.mark.parametrize("splits", [1, 2, 3, 4, 6, 12])
@pytest.mark.parametrize("mode", [TRAINING, NO_BUFFERS, EVALUATION])
def test_splits(splits, mode):
    call = make_call("ghost_batch_norm", (12, 3, 2, 3), mode=mode, splits=splits)
    assert_same(by_normviz(call), by_torch(call))


@pytest.mark.parametrize("length", [1, 2, 3, 4])
@pytest.mark.parametrize("op", TRAILING)
def test_normalized_shape_of_every_length(op, length):
    shape = (4, 3, 5, 2)
    call = make_call(op, shape, normalized_shape=shape[-length:])
    assert_same(by_normviz(call), by_torch(call))


@pytest.mark.parametrize("op", TRAILING)
def test_rank_one(op):
    call = make_call(op, (7,), normalized_shape=(7,))
    assert_same(by_normviz(call), by_torch(call))


@pytest.mark.parametrize("op", OPS)
def test_image_sized_input(op):
    call = make_call(op, (4, 6, 37, 41), "float32", groups=3)
    assert_same(by_normviz(call), by_torch(call))
