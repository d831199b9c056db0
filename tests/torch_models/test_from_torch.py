"""The NumPy twin of every torch layer: settings, state, and the same numbers step by step."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import normviz
from normviz.reference import layers
from normviz.torch_layers import SyncBatchNorm2d
from tests.reference.layer_pairs import PAIRS, inputs_of, layer_of
from tests.reference.oracle import TOLERANCE, distance


def run_both(module, twin, x):
    """One step of both: output, gradients and the state afterwards, by name."""
    grad_output = np.random.default_rng(3).standard_normal(x.shape).astype(x.dtype)
    tensor = torch.from_numpy(x).requires_grad_()
    module.zero_grad()
    y = module(tensor)
    y.backward(torch.from_numpy(grad_output))
    expected = {"output": y.detach(), "grad_input": tensor.grad}
    expected |= {f"grad_{n}": p.grad for n, p in module.named_parameters()}
    expected |= module.state_dict()
    found = {"output": twin(x)}
    gradients = twin.backward(grad_output)._asdict()
    found |= {name: g for name, g in gradients.items() if g is not None}
    return found | twin.state_dict(), {n: v.numpy().copy() for n, v in expected.items()}


def assert_step(module, twin, x):
    found, expected = run_both(module, twin, x)
    assert sorted(found) == sorted(expected)
    for name, value in expected.items():
        assert found[name].shape == value.shape, name
        assert distance(found[name], value) <= TOLERANCE[str(x.dtype)], name


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", PAIRS)
def test_three_steps_of_training_then_evaluation(name, dtype):
    module = layer_of(name, dtype)
    twin = normviz.from_torch(module)
    for x in inputs_of(name, dtype, steps=3):
        assert_step(module, twin, x)
    module.eval()
    assert twin.eval() is twin
    for x in inputs_of(name, dtype):
        assert_step(module, twin, x)
    assert_step(module.train(), twin.train(), inputs_of(name, dtype)[0])


@pytest.mark.parametrize("name", PAIRS)
def test_the_twin_of_a_layer_in_evaluation_evaluates(name):
    module = layer_of(name).eval()
    twin = normviz.from_torch(module)
    assert not twin.training
    assert_step(module, twin, inputs_of(name)[0])


@pytest.mark.parametrize("name", [n for n in PAIRS if not n.startswith("ReferenceNorm2d")])
def test_the_twin_has_the_class_and_the_keys(name):
    module = layer_of(name)
    twin = normviz.from_torch(module)
    assert type(twin) is getattr(layers, type(module).__name__)
    assert list(twin.state_dict()) == list(module.state_dict())


@pytest.mark.parametrize("name", ["BatchNorm2d", "InstanceNorm2d-tracked", "GhostBatchNorm2d"])
def test_the_twin_shares_no_memory(name):
    module = layer_of(name)
    before = copy.deepcopy(module.state_dict())
    twin = normviz.from_torch(module)
    twin(inputs_of(name)[0])
    twin.weight[...] = 0.0
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key]), key


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ["BatchNorm2d", "InstanceNorm2d-tracked", "GhostBatchNorm2d"])
def test_tracking_switched_off_after_construction(name, training):
    module = layer_of(name).train(training)
    module.track_running_stats = False
    assert_step(module, normviz.from_torch(module), inputs_of(name)[0])


def test_a_subclass_has_the_twin_of_its_base():
    class Mine(nn.GroupNorm):
        pass

    module = Mine(2, 6).double()
    assert type(normviz.from_torch(module)) is layers.GroupNorm


def test_sync_batch_norm_2d_on_one_process_is_batch_norm():
    module = SyncBatchNorm2d(6).double()
    twin = normviz.from_torch(module)
    assert type(twin) is layers.BatchNorm2d
    for x in inputs_of("BatchNorm2d", steps=2):
        assert_step(module, twin, x)


@pytest.mark.parametrize("module", [nn.Linear(2, 2), nn.ReLU(), nn.Sequential(), 3, None])
def test_other_modules_are_refused_by_name(module):
    with pytest.raises(TypeError, match=rf"BatchNorm1d.*{type(module).__name__}"):
        normviz.from_torch(module)


def test_half_precision_layer():
    module = nn.LayerNorm(16).half()
    x = np.random.default_rng(0).standard_normal((4, 16)).astype(np.float16)
    expected = module(torch.from_numpy(x)).detach().numpy()
    assert distance(normviz.from_torch(module)(x), expected) <= TOLERANCE["float16"]


def test_another_library_s_rms_norm_is_refused_by_name():
    class RMSNorm(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.weight, self.eps = nn.Parameter(torch.ones(dim)), 1e-6

    with pytest.raises(TypeError, match="or a subclass, got RMSNorm"):
        normviz.from_torch(RMSNorm(4))


def test_bfloat16_is_refused_with_what_would_do():
    with pytest.raises(TypeError, match=r"NumPy has no bfloat16: .*\.float\(\)"):
        normviz.from_torch(nn.BatchNorm2d(3).bfloat16())
