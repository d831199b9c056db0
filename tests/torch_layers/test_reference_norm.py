"""ReferenceNorm2d and RMSNorm2d: the NumPy code as a torch module, against torch's own layers."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from normviz import NORMS
from normviz.torch_layers import GhostBatchNorm2d, Norm, ReferenceNorm2d, RMSNorm2d
from tests.reference.norm_calls import OPS

SHAPE = (4, 6, 5, 3)
SETTINGS = {"group_norm": {"num_groups": 3}, "ghost_batch_norm": {"num_splits": 2}}
TWINS = {
    "batch_norm": lambda **k: nn.BatchNorm2d(6, **k),
    "layer_norm": lambda **k: nn.GroupNorm(1, 6, **k),
    "group_norm": lambda **k: nn.GroupNorm(3, 6, **k),
    "instance_norm": lambda **k: nn.InstanceNorm2d(6, **k),
    "ghost_batch_norm": lambda **k: GhostBatchNorm2d(6, 2, **k),
    "rms_norm": lambda **k: RMSNorm2d(6, **k),
}


def twin_of(op, affine=True, **settings):
    """torch's layer of the same; of a norm that torch does not have, the pattern's."""
    if op in TWINS:
        return TWINS[op](affine=affine, **settings)
    axes = NORMS[op].affine if affine else ""
    told = {"centered": NORMS[op].centered, "bias": NORMS[op].bias}
    return Norm(NORMS[op].sets, (None, 6, None, None), affine=axes, **told, **settings)


def pair(op, dtype=torch.float64, **settings):
    """ReferenceNorm2d and its torch twin with the same random parameters."""
    layer = ReferenceNorm2d(op, 6, **SETTINGS.get(op, {}), **settings)
    if NORMS[op].eps is None:
        settings = {"eps": layer.eps} | settings
    twin = twin_of(op, **settings)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.copy_(torch.rand(parameter.shape, generator=generator) + 0.5)
    layer.load_state_dict(twin.state_dict())
    return layer.to(dtype), twin.to(dtype)


def batch(seed=0, dtype=torch.float64, shape=SHAPE):
    generator = torch.Generator().manual_seed(seed)
    return (2.0 * torch.randn(shape, generator=generator) + 1.0).to(dtype)


def assert_step(layer, twin, dtype, seed=0):
    tolerance = 1e-10 if dtype == torch.float64 else 1e-5
    results = []
    for module in (layer, twin):
        x = batch(seed, dtype).requires_grad_()
        module.zero_grad()
        y = module(x)
        y.backward(batch(seed + 100, dtype))
        gradients = {f"grad_{n}": p.grad for n, p in module.named_parameters()}
        buffers = {n: b.clone() for n, b in module.named_buffers()}
        results.append({"output": y, "grad_input": x.grad} | gradients | buffers)
    found, expected = results
    assert sorted(found) == sorted(expected)
    for name, value in expected.items():
        assert (found[name].dtype, found[name].shape) == (value.dtype, value.shape), name
        scale = float(value.detach().abs().max()) + 1e-3
        assert float((found[name] - value).detach().abs().max()) <= tolerance * scale, name


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("op", OPS)
def test_three_steps_and_evaluation(op, dtype):
    layer, twin = pair(op, dtype)
    for seed in range(3):
        assert_step(layer, twin, dtype, seed)
    assert_step(layer.eval(), twin.eval(), dtype, seed=7)


@pytest.mark.parametrize("op", OPS)
def test_without_parameters(op):
    layer, twin = pair(op, affine=False)
    assert list(layer.parameters()) == []
    assert_step(layer, twin, torch.float64)


@pytest.mark.parametrize("op", OPS)
def test_eps(op):
    layer, twin = pair(op, eps=0.3)
    assert_step(layer, twin, torch.float64)


@pytest.mark.parametrize("momentum", [0.0, 0.5, None])
@pytest.mark.parametrize("op", ["batch_norm", "ghost_batch_norm"])
def test_momentum(op, momentum):
    layer, twin = pair(op, momentum=momentum)
    for seed in range(3):
        assert_step(layer, twin, torch.float64, seed)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("op", OPS)
def test_gradcheck(op, training):
    settings = SETTINGS.get(op, {})
    layer = ReferenceNorm2d(op, 6, **settings).double().train(training)
    x = batch(shape=(2, 6, 2, 2)).requires_grad_()
    parameters = list(layer.parameters())
    names = [n for n, _ in layer.named_parameters()]

    def call(x, *values):
        given = copy.deepcopy(layer)
        state = dict(zip(names, values, strict=True))
        return torch.func.functional_call(given, state, (x,))

    assert torch.autograd.gradcheck(call, (x, *parameters))


@pytest.mark.parametrize("op", OPS)
def test_ten_optimizer_steps_lead_to_the_same_network(op):
    torch.manual_seed(0)
    layer, twin = pair(op)
    rest = nn.Conv2d(2, 6, 3, padding=1).double(), nn.Linear(6, 3).double()
    networks = [
        nn.Sequential(copy.deepcopy(rest[0]), norm, nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        .append(nn.Flatten())
        .append(copy.deepcopy(rest[1]))
        for norm in (layer, twin)
    ]
    targets = torch.tensor([0, 1, 2, 0])
    for network in networks:
        optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
        for step in range(10):
            optimizer.zero_grad()
            x = batch(step, shape=(4, 2, 5, 5))
            nn.functional.cross_entropy(network(x), targets).backward()
            optimizer.step()
    for a, b in zip(*(n.parameters() for n in networks), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("op", OPS)
def test_channels_last_input(op):
    layer, _ = pair(op)
    x = batch().contiguous(memory_format=torch.channels_last).requires_grad_()
    y = layer(x)
    torch.testing.assert_close(y, layer(batch()), check_stride=False)
    y.sum().backward()
    assert x.grad.shape == x.shape


@pytest.mark.parametrize("op", OPS)
def test_an_expanded_upstream_gradient(op):
    """sum() hands back a gradient without memory of its own."""
    layer, twin = pair(op)
    gradients = []
    for module in (layer, twin):
        x = batch().requires_grad_()
        module(x).sum().backward()
        gradients.append(x.grad)
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("op", OPS)
def test_frozen_parameters_get_no_gradient(op):
    layer, _ = pair(op)
    for parameter in layer.parameters():
        parameter.requires_grad_(False)
    x = batch().requires_grad_()
    layer(x).sum().backward()
    assert x.grad is not None
    assert all(p.grad is None for p in layer.parameters())


@pytest.mark.parametrize("op", OPS)
def test_nan_passes_through(op):
    layer, twin = pair(op)
    x = batch()
    x[0, 0, 0, 0] = float("nan")
    assert torch.equal(layer(x).isnan(), twin(x).isnan())


def test_no_grad_and_evaluation_leave_no_graph():
    layer, _ = pair("batch_norm")
    with torch.no_grad():
        assert not layer(batch()).requires_grad


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        ({"op": "batchnorm"}, "batchnorm.*did you mean batch_norm"),
        ({"op": "group_norm"}, "num_groups must be given for group_norm"),
        ({"op": "ghost_batch_norm"}, "num_splits must be given for ghost_batch_norm"),
        ({"op": "batch_norm", "num_groups": 2}, "num_groups must be None for batch_norm, got 2"),
        ({"op": "group_norm", "num_groups": 4}, "num_groups"),
    ],
)
def test_settings_are_checked(arguments, fragments):
    with pytest.raises(ValueError, match=fragments):
        ReferenceNorm2d(num_features=6, **arguments)(batch(dtype=torch.float32))


@pytest.mark.parametrize("shape", [(4, 6, 5), (4, 5, 5, 3)], ids=str)
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"x must have shape \(N, 6, H, W\), got"):
        ReferenceNorm2d("batch_norm", 6)(torch.ones(shape))


def test_extra_repr_names_the_op():
    assert repr(ReferenceNorm2d("group_norm", 6, num_groups=3)) == (
        "ReferenceNorm2d(group_norm, 6, num_groups=3, eps=1e-05)"
    )


@pytest.mark.parametrize("eps", [None, 1e-3])
def test_rms_norm_2d_is_rms_norm_with_a_weight_per_channel(eps):
    layer = RMSNorm2d(6, eps=eps).double()
    twin = nn.RMSNorm(SHAPE[1:], eps=eps).double()
    values = torch.linspace(0.5, 1.5, 6).double()
    with torch.no_grad():
        layer.weight.copy_(values)
        twin.weight.copy_(values.view(-1, 1, 1).expand(SHAPE[1:]))
    results = []
    for module in (layer, twin):
        x = batch().requires_grad_()
        y = module(x)
        y.backward(batch(1))
        results.append((y, x.grad, module.weight.grad))
    (y, dx, dw), (expected_y, expected_dx, expected_dw) = results
    torch.testing.assert_close(y, expected_y)
    torch.testing.assert_close(dx, expected_dx)
    torch.testing.assert_close(dw, expected_dw.sum((1, 2)))
    assert torch.autograd.gradcheck(layer, (batch(shape=(2, 6, 2, 2)).requires_grad_(),))


def test_numpy_state_is_torch_s_own_memory():
    """On the CPU the running buffers move in place: references to them stay good."""
    layer, _ = pair("batch_norm")
    buffer = layer.running_mean
    layer(batch())
    assert buffer is layer.running_mean
    assert not np.array_equal(buffer.numpy(), np.zeros(6))


@pytest.mark.parametrize("power", [1, 3])
def test_a_second_derivative_is_refused_and_not_zero(power):
    """With power 1 the incoming gradient is constant, and only x's own share is left."""
    layer = ReferenceNorm2d("batch_norm", 6).double()
    x = batch().requires_grad_()
    (grad,) = torch.autograd.grad((layer(x) ** power).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="NumPy code of batch_norm has no second derivative"):
        (grad**2).sum().backward()


def test_evaluation_differentiates_at_the_buffers_it_has_read():
    layer, twin = pair("batch_norm")
    layer.eval()
    x = batch().requires_grad_()
    y = layer(x)
    layer.running_var.mul_(4)
    y.sum().backward()
    expected = batch().requires_grad_()
    twin.eval()(expected).sum().backward()
    torch.testing.assert_close(x.grad, expected.grad)


@pytest.mark.parametrize(
    ("op", "setting", "message"),
    [
        ("group_norm", {"num_groups": 4}, "num_groups must divide the 6 channels"),
        ("group_norm", {"num_groups": 0}, "num_groups must be at least 1, got 0"),
        ("ghost_batch_norm", {"num_splits": 0}, "num_splits must be at least 1, got 0"),
    ],
)
def test_what_can_never_work_is_refused_when_the_layer_is_made(op, setting, message):
    with pytest.raises(ValueError, match=message):
        ReferenceNorm2d(op, 6, **setting)


def test_bfloat16_is_refused_with_a_remedy():
    layer = ReferenceNorm2d("batch_norm", 6).bfloat16()
    with pytest.raises(TypeError, match=r"got torch.bfloat16: convert .* with \.float\(\)"):
        layer(batch(dtype=torch.bfloat16))
