"""Whatever torch refuses is refused, side by side, with ValueError or TypeError."""

import numpy as np
import pytest
import torch

import normviz
from tests.reference.oracle import torch_function


def ones(*shape, dtype="float32"):
    return np.ones(shape, dtype)


def values(*shape, dtype="float32"):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


X, X2 = values(4, 6, 5), values(4, 6)
TRAIN = {"training": True}
BUFFERS = {"running_mean": ones(6), "running_var": ones(6)}
TORCH_REFUSES = (
    ValueError,
    TypeError,
    RuntimeError,
    IndexError,
    NotImplementedError,
    ZeroDivisionError,
)

CASES = {
    "integers": [
        ("batch_norm", X2.astype(np.int32), TRAIN),
        ("layer_norm", X2.astype(np.int64), {"normalized_shape": (6,)}),
        ("group_norm", X2.astype(np.int32), {"num_groups": 2}),
        ("rms_norm", X2.astype(np.int32), {"normalized_shape": (6,)}),
        ("instance_norm", X.astype(np.int32), {}),
        ("batch_norm", X2.astype(bool), TRAIN),
    ],
    "complex numbers": [
        ("batch_norm", X2.astype(np.complex64), TRAIN),
        ("group_norm", X2.astype(np.complex64), {"num_groups": 2}),
    ],
    "one value per set": [
        ("batch_norm", values(1, 6), TRAIN),
        ("batch_norm", values(1, 6, 1, 1), TRAIN | BUFFERS),
        ("instance_norm", X2, {}),
        ("instance_norm", values(4, 6, 1, 1), {}),
        ("group_norm", values(1, 6), {"num_groups": 6}),
        ("ghost_batch_norm", values(4, 6), TRAIN | {"num_splits": 4}),
    ],
    "too few dimensions": [
        ("batch_norm", values(6), TRAIN),
        ("batch_norm", values(6), BUFFERS),
        ("instance_norm", values(6), {}),
        ("group_norm", values(6), {"num_groups": 2}),
        ("layer_norm", np.array(1.0, np.float32), {"normalized_shape": ()}),
        ("layer_norm", values(6), {"normalized_shape": (1, 6)}),
    ],
    "missing buffers": [
        ("batch_norm", X, {}),
        ("batch_norm", X, {"running_mean": ones(6)}),
        ("batch_norm", X, {"running_mean": ones(6)} | TRAIN),
        ("instance_norm", X, {"use_input_stats": False}),
        ("instance_norm", X, {"running_var": ones(6)}),
    ],
    "wrong shapes": [
        ("batch_norm", X, TRAIN | {"weight": ones(5)}),
        ("batch_norm", X, TRAIN | {"weight": ones(1)}),
        ("batch_norm", X, TRAIN | {"bias": ones(4)}),
        ("batch_norm", X, TRAIN | {"running_mean": ones(4), "running_var": ones(4)}),
        ("instance_norm", X, {"weight": ones(4)}),
        ("group_norm", X, {"num_groups": 2, "weight": ones(2)}),
        ("group_norm", X, {"num_groups": 2, "bias": ones(2, 3)}),
        ("layer_norm", X, {"normalized_shape": (6, 5), "weight": ones(6)}),
        ("layer_norm", X, {"normalized_shape": (5,), "bias": ones(6, 5)}),
        ("rms_norm", X, {"normalized_shape": (6, 5), "weight": ones(5)}),
    ],
    "mixed dtypes": [
        ("batch_norm", X, TRAIN | {"weight": ones(6, dtype="float64")}),
        ("batch_norm", X.astype("float64"), TRAIN | {"weight": ones(6)}),
        ("batch_norm", X, {n: b.astype("float64") for n, b in BUFFERS.items()}),
        ("group_norm", X, {"num_groups": 2, "weight": ones(6, dtype="float64")}),
        ("layer_norm", X, {"normalized_shape": (5,), "bias": ones(5, dtype="float64")}),
        (
            "batch_norm",
            X.astype("float16"),
            TRAIN | {"weight": ones(6), "bias": ones(6, dtype="float16")},
        ),
    ],
    "groups": [
        ("group_norm", X, {"num_groups": 4}),
        ("group_norm", X, {"num_groups": 12}),
        ("group_norm", X, {"num_groups": 0}),
        ("group_norm", X, {"num_groups": -2}),
        ("group_norm", X, {"num_groups": 2.0}),
        ("group_norm", X, {"num_groups": True}),
        ("group_norm", X, {"num_groups": None}),
        ("group_norm", values(4, 0, 5), {"num_groups": 2}),
        ("group_norm", values(4, 6, 0), {"num_groups": 2}),
    ],
    "normalized_shape": [
        ("layer_norm", X, {"normalized_shape": (6,)}),
        ("layer_norm", X, {"normalized_shape": 5}),
        ("layer_norm", X, {"normalized_shape": ()}),
        ("layer_norm", X, {"normalized_shape": (5.0,)}),
        ("layer_norm", X, {"normalized_shape": None}),
        ("layer_norm", X, {"normalized_shape": (4, 6, 5, 1)}),
        ("rms_norm", X, {"normalized_shape": (6,)}),
        ("rms_norm", X, {"normalized_shape": 5}),
        ("rms_norm", X, {"normalized_shape": ()}),
    ],
    "eps": [
        ("batch_norm", X, TRAIN | {"eps": 0.0}),
        ("batch_norm", X, TRAIN | {"eps": -1e-5}),
        ("batch_norm", X, BUFFERS | {"eps": -1e-5}),
        ("batch_norm", X, TRAIN | {"eps": None}),
        ("batch_norm", X, TRAIN | {"eps": "1e-5"}),
        ("layer_norm", X, {"normalized_shape": (5,), "eps": "1e-5"}),
        ("layer_norm", X, {"normalized_shape": (5,), "eps": None}),
        ("rms_norm", X, {"normalized_shape": (5,), "eps": "1e-5"}),
        ("group_norm", X, {"num_groups": 2, "eps": [1e-5]}),
    ],
    "momentum": [
        ("batch_norm", X, TRAIN | BUFFERS | {"momentum": None}),
        ("batch_norm", X, TRAIN | BUFFERS | {"momentum": "0.1"}),
        ("instance_norm", X, BUFFERS | {"momentum": None}),
    ],
    "flags": [
        ("batch_norm", X, BUFFERS | {"training": 1}),
        ("batch_norm", X, BUFFERS | {"training": "no"}),
        ("batch_norm", X, BUFFERS | {"training": None}),
        ("instance_norm", X, BUFFERS | {"use_input_stats": 0.1}),
    ],
}
FLAT = [
    pytest.param(*case, id=f"{kind}-{i}-{case[0]}")
    for kind, cases in CASES.items()
    for i, case in enumerate(cases)
]


@pytest.mark.parametrize(("op", "x", "arguments"), FLAT)
def test_torch_refuses_and_so_do_we(op, x, arguments):
    tensors = {
        n: torch.from_numpy(v.copy()) if isinstance(v, np.ndarray) else v
        for n, v in arguments.items()
    }
    with pytest.raises(TORCH_REFUSES):
        torch_function(op, torch.from_numpy(x.copy()), tensors)
    before = {n: v.copy() for n, v in arguments.items() if isinstance(v, np.ndarray)}
    with pytest.raises((ValueError, TypeError)):
        getattr(normviz, op)(x, **arguments)
    with pytest.raises((ValueError, TypeError)):
        getattr(normviz, f"{op}_backward")(np.ones_like(x), x, **arguments)
    for name, value in before.items():
        np.testing.assert_array_equal(arguments[name], value)
