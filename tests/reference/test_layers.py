"""The stateful NumPy layers: defaults, state and modes as torch's."""

import numpy as np
import pytest
import torch
from torch import nn

import normviz
from normviz import torch_layers as own
from normviz.reference import layers
from tests.reference.layer_pairs import PAIRS, inputs_of, layer_of
from tests.reference.oracle import distance

MADE = {
    "BatchNorm1d": ((6,), (8, 6)),
    "BatchNorm2d": ((6,), (4, 6, 3, 2)),
    "BatchNorm3d": ((6,), (4, 6, 3, 2, 2)),
    "SyncBatchNorm": ((6,), (4, 6, 3, 2)),
    "GroupNorm": ((2, 6), (4, 6, 3, 2)),
    "LayerNorm": (((6, 3, 2),), (4, 6, 3, 2)),
    "InstanceNorm1d": ((6,), (4, 6, 3)),
    "InstanceNorm2d": ((6,), (4, 6, 3, 2)),
    "InstanceNorm3d": ((6,), (4, 6, 3, 2, 2)),
    "RMSNorm": (((6, 3, 2),), (4, 6, 3, 2)),
    "GhostBatchNorm2d": ((6, 2), (4, 6, 3, 2)),
}


def torch_class(name):
    return getattr(own if name == "GhostBatchNorm2d" else nn, name)


@pytest.mark.parametrize("name", MADE)
def test_defaults_are_torch_s(name):
    arguments, shape = MADE[name]
    layer, module = getattr(layers, name)(*arguments), torch_class(name)(*arguments)
    assert layer.training
    expected = module.state_dict()
    assert list(layer.state_dict()) == list(expected)
    for key, value in layer.state_dict().items():
        np.testing.assert_array_equal(value, expected[key].numpy())
        assert value.dtype == expected[key].numpy().dtype
    for setting in ("eps", "momentum", "track_running_stats", "normalized_shape"):
        assert getattr(layer, setting, None) == getattr(module, setting, None), setting
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    y = layer(x)
    assert y.dtype == np.float32
    assert distance(y, module(torch.from_numpy(x)).detach().numpy()) <= 1e-5


@pytest.mark.parametrize("name", MADE)
def test_state_goes_both_ways(name):
    arguments, shape = MADE[name]
    settings = {"affine": True, "track_running_stats": True} if "Instance" in name else {}
    rng = np.random.default_rng(0)
    xs = rng.standard_normal((3, *shape)).astype(np.float32)
    layer = getattr(layers, name)(*arguments, **settings)
    module = torch_class(name)(*arguments, **settings)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(0.5, 1.5)
    module(torch.from_numpy(xs[0]))
    layer.load_state_dict(module.state_dict())
    layer(xs[1])
    module.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in layer.state_dict().items()})
    for mode in (True, False):
        y = module.train(mode)(torch.from_numpy(xs[2])).detach().numpy()
        assert distance(layer.train(mode)(xs[2]), y) <= 1e-5


@pytest.mark.parametrize("momentum", [0.1, 0.5, None])
def test_buffers_over_several_steps(momentum):
    layer, module = layers.BatchNorm1d(3, momentum=momentum), nn.BatchNorm1d(3, momentum=momentum)
    rng = np.random.default_rng(0)
    for step in range(1, 6):
        x = (step * rng.standard_normal((5, 3)) + step).astype(np.float32)
        layer(x)
        module(torch.from_numpy(x))
        assert layer.num_batches_tracked == step
        for name in ("running_mean", "running_var"):
            assert distance(getattr(layer, name), getattr(module, name).numpy()) <= 1e-6


def test_cumulative_average_is_the_mean_over_the_batches():
    layer = layers.BatchNorm1d(3, momentum=None, dtype=np.float64)
    xs = np.random.default_rng(0).standard_normal((4, 5, 3))
    for x in xs:
        layer(x)
    np.testing.assert_allclose(layer.running_mean, xs.mean((0, 1)))
    np.testing.assert_allclose(layer.running_var, xs.var(1, ddof=1).mean(0))


def test_evaluation_does_not_move_the_state():
    layer = layers.BatchNorm1d(3)
    layer(np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32))
    before = {name: value.copy() for name, value in layer.eval().state_dict().items()}
    layer(np.ones((5, 3), np.float32))
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_loading_a_state_of_other_numbers():
    layer = layers.BatchNorm1d(2)
    state = {n: v.copy() for n, v in layer.state_dict().items()}
    layer.load_state_dict(state | {"weight": [2, 3], "num_batches_tracked": 7})
    np.testing.assert_array_equal(layer.weight, [2.0, 3.0])
    assert layer.weight.dtype == np.float32
    assert layer.num_batches_tracked == 7
    layer(np.eye(3, 2, dtype=np.float32))


def test_a_double_state_makes_a_double_layer():
    layer = layers.BatchNorm1d(3)
    layer.load_state_dict(nn.BatchNorm1d(3).double().state_dict())
    assert layer(np.eye(3)).dtype == np.float64


@pytest.mark.parametrize("change", ["missing", "unexpected"])
def test_loading_refuses_other_keys(change):
    layer = layers.BatchNorm1d(3)
    state = dict(layer.state_dict())
    if change == "missing":
        del state["running_var"]
        name = "running_var"
    else:
        state["gamma"] = np.ones(3)
        name = "gamma"
    with pytest.raises(KeyError, match=name):
        layer.load_state_dict(state)


def test_loading_refuses_another_shape_and_changes_nothing():
    layer = layers.BatchNorm1d(3)
    state = {n: v + 1 for n, v in layer.state_dict().items()} | {"running_var": np.ones(4)}
    with pytest.raises(ValueError, match=r"running_var must have shape \(3,\), got \(4,\)"):
        layer.load_state_dict(state)
    np.testing.assert_array_equal(layer.weight, np.ones(3))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.BatchNorm1d(3), (2, 3, 4, 4)),
        (layers.BatchNorm2d(3), (2, 3, 4)),
        (layers.BatchNorm3d(3), (2, 3, 4, 4)),
        (layers.InstanceNorm1d(3), (3,)),
        (layers.InstanceNorm2d(3), (2, 3, 4, 4, 4)),
        (layers.GhostBatchNorm2d(3, 2), (2, 3, 4)),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, tuple) else str(value),
)
def test_wrong_rank_is_refused_as_torch_does(layer, shape):
    name = type(layer).__name__
    module = torch_class(name)(*([3, 2] if name == "GhostBatchNorm2d" else [3]))
    with pytest.raises(ValueError, match="expected"):
        module(torch.ones(shape))
    with pytest.raises(ValueError, match=rf"must be .*D for {name}, got {len(shape)}D"):
        layer(np.ones(shape, np.float32))


def test_backward_needs_a_forward_pass():
    with pytest.raises(RuntimeError, match="forward pass first"):
        layers.BatchNorm1d(3).backward(np.ones((2, 3)))


@pytest.mark.parametrize("groups", [0, 4, -1])
def test_group_norm_refuses_groups_that_do_not_divide(groups):
    with pytest.raises((ValueError, ZeroDivisionError, RuntimeError)):
        nn.GroupNorm(groups, 6)(torch.ones(2, 6, 2))
    with pytest.raises(ValueError, match=f"num_groups={groups} and num_channels=6"):
        layers.GroupNorm(groups, 6)


def test_the_gradient_in_evaluation_is_of_the_statistics_that_normalized():
    x = np.random.default_rng(0).standard_normal((5, 3))
    layer = layers.BatchNorm1d(3, dtype=np.float64).eval()
    layer(x)
    before = layer.backward(x)
    layer.running_var[...] = 100
    np.testing.assert_array_equal(layer.backward(x).grad_input, before.grad_input)


def test_rms_norm_2d_takes_what_its_torch_twin_takes():
    layer = layers.RMSNorm2d(num_features=4, eps=1e-3, affine=False)
    assert layer.weight is None
    assert layer(np.ones((2, 4, 3, 3), np.float32)).shape == (2, 4, 3, 3)
    for shape in ((2, 5, 3, 3), (2, 4, 3), (4,)):
        with pytest.raises(ValueError, match=r"must be \(N, 4, H, W\), got shape"):
            layer(np.ones(shape, np.float32))


def test_a_numpy_integer_is_a_normalized_shape():
    assert layers.LayerNorm(np.int64(3)).normalized_shape == (3,)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", PAIRS)
def test_what_changes_after_the_call_does_not_change_its_gradients(name, training):
    x, dy = inputs_of(name, steps=2)
    found = []
    for change in (False, True):
        layer, given = normviz.from_torch(layer_of(name).train(training)), x.copy()
        layer(given)
        for value in [given, *layer.state_dict().values()] if change else []:
            value *= 0
        found.append(layer.backward(dy))
    for once, again in zip(*found, strict=True):
        assert (once is None) == (again is None)
        assert once is None or np.array_equal(once, again)


def test_after_a_call_that_was_refused_there_is_no_gradient():
    layer = layers.BatchNorm1d(3)
    layer(np.ones((2, 3), np.float32))
    with pytest.raises(ValueError, match="more than 1 value"):
        layer(np.ones((1, 3), np.float32))
    with pytest.raises(RuntimeError, match="forward pass first"):
        layer.backward(np.ones((2, 3), np.float32))


def test_complex_numbers_are_refused_and_lose_no_imaginary_part():
    layer, x = layers.BatchNorm1d(3), np.ones((2, 3), np.float32)
    with pytest.raises(TypeError, match="weight must hold real numbers, got dtype complex128"):
        layer.load_state_dict({**layer.state_dict(), "weight": np.ones(3) * 1j})
    np.testing.assert_array_equal(layer.weight, np.ones(3))
    for wrong in ({"eps": 1e-5 + 1j}, {"eps": np.complex64(1)}, {"momentum": np.complex64(1)}):
        with pytest.raises(TypeError, match=f"{next(iter(wrong))} must be a float"):
            normviz.batch_norm(x, training=True, **wrong)
