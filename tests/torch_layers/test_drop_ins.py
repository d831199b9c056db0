"""Our torch layers where torch's own would stand: signatures, precision, tracing, tools."""

import copy
import inspect
import pickle

import pytest
import torch
from torch import fx, nn

from normviz.torch_layers import (
    GhostBatchNorm2d,
    Norm,
    ReferenceNorm2d,
    RMSNorm2d,
    SyncBatchNorm2d,
)

LAYERS = {
    "GhostBatchNorm2d": lambda **s: GhostBatchNorm2d(6, 2, **s),
    "SyncBatchNorm2d": lambda **s: SyncBatchNorm2d(6, **s),
    "RMSNorm2d": lambda **s: RMSNorm2d(6, **s),
    "Norm": lambda **s: Norm("n [c] ...", (None, 6, None, None), affine="c", **s),
}
REFERENCE = {
    "batch_norm": {},
    "ghost_batch_norm": {"num_splits": 2},
    "group_norm": {"num_groups": 3},
    "pixel_norm": {},
}


PER_CHANNEL = {"normalized_shape": "num_features", "elementwise_affine": "affine"}
"""What torch calls it in layers of one weight per element, and in those of one per channel."""


def batch(*shape, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape or (4, 6, 3, 5), generator=generator).to(dtype)


def every_layer():
    yield from (make() for make in LAYERS.values())
    yield from (ReferenceNorm2d(op, 6, **sizes) for op, sizes in REFERENCE.items())


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (GhostBatchNorm2d, nn.BatchNorm2d),
        (SyncBatchNorm2d, nn.SyncBatchNorm),
        (RMSNorm2d, nn.RMSNorm),
    ],
)
def test_the_signature_has_all_of_torch_s(ours, theirs):
    found, wanted = (inspect.signature(c.__init__).parameters for c in (ours, theirs))
    wanted = {PER_CHANNEL.get(name, name): one for name, one in wanted.items()}
    assert set(wanted) <= set(found)
    for name, parameter in wanted.items():
        assert found[name].default == parameter.default, name
        assert found[name].kind == parameter.kind or parameter.default is inspect._empty, name


@pytest.mark.parametrize("name", ["GhostBatchNorm2d", "SyncBatchNorm2d", "Norm"])
def test_without_bias(name):
    layer = LAYERS[name](bias=False)
    assert layer.bias is None
    assert "bias" not in layer.state_dict()
    layer(batch()).sum().backward()
    assert layer.weight.grad.shape == (6,)


@pytest.mark.parametrize("name", LAYERS)
def test_device_and_dtype_are_those_asked_for(name):
    layer = LAYERS[name](device="meta", dtype=torch.float64)
    for value in layer.parameters():
        assert (value.device.type, value.dtype) == ("meta", torch.float64)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", LAYERS)
def test_mixed_precision_gives_x_s_dtype_and_the_parameters_their_own(name, dtype):
    layer, x = LAYERS[name](), batch(dtype=dtype).requires_grad_()
    y = layer(x)
    y.float().sum().backward()
    assert (y.dtype, x.grad.dtype) == (dtype, dtype)
    assert {p.grad.dtype for p in layer.parameters()} == {torch.float32}
    torch.testing.assert_close(y.float(), layer(x.float()), atol=0.05, rtol=0.05)


@pytest.mark.parametrize("shape", [(4, 5, 3, 3), (4, 6, 3), (6, 3, 3)], ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_another_rank_or_number_of_channels_is_refused_in_the_user_s_numbers(name, shape):
    with pytest.raises(ValueError, match=r"\(4, 5, 3, 3\)|4D|dimensions|any|N, 6, H, W"):
        LAYERS[name]()(batch(*shape))


def test_every_layer_is_one_node_of_a_traced_graph_and_keeps_its_mode():
    for layer in every_layer():
        model = nn.Sequential(nn.Conv2d(6, 6, 1), layer)
        traced = fx.symbolic_trace(model)
        x = batch()
        if not isinstance(layer, Norm):
            assert [n.op for n in traced.graph.nodes].count("call_module") == 2
        assert torch.equal(traced(x), model(x))
        assert torch.equal(traced.eval()(x), model.eval()(x))


def test_every_layer_is_copied_and_pickled():
    for layer in every_layer():
        x = batch()
        for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert type(twin) is type(layer)
            assert torch.equal(twin.eval()(x), layer.eval()(x))


@pytest.mark.parametrize(
    "layer",
    [GhostBatchNorm2d(6, 2, track_running_stats=False), RMSNorm2d(6), LAYERS["Norm"]()],
    ids=lambda layer: type(layer).__name__,
)
def test_vmap_is_the_layer_on_each(layer):
    x = batch(3, 4, 6, 3, 5)
    torch.testing.assert_close(torch.vmap(layer)(x), torch.stack([layer(part) for part in x]))


@pytest.mark.parametrize("momentum", [0.1, None])
def test_ghost_without_a_counter_is_torch_s_batch_norm_without_one(momentum):
    layers = GhostBatchNorm2d(6, 1, momentum=momentum), GhostBatchNorm2d(6, 2, momentum=momentum)
    plain = nn.BatchNorm2d(6, momentum=momentum)
    halves = batch(2, 6, 3, 5)
    x = torch.cat([halves, halves])  # both splits alike: the same means
    for layer in (*layers, plain):
        layer.num_batches_tracked = None
        layer(x)
    for layer in layers:
        torch.testing.assert_close(layer.running_mean, plain.running_mean)


@pytest.mark.parametrize("name", ["GhostBatchNorm2d", "RMSNorm2d", "Norm"])
def test_second_derivatives_are_right(name):
    layer = LAYERS[name]().double()
    x = batch(4, 6, 2, 1, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradgradcheck(layer, (x,))


def test_torch_s_conversion_makes_a_sync_batch_norm_of_a_ghost():
    """As the docstring says."""
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(GhostBatchNorm2d(6, 2))
    assert type(converted) is nn.SyncBatchNorm


@pytest.mark.parametrize("op", ["batch_norm", "ghost_batch_norm"])
def test_update_bn_fills_the_running_statistics_of_the_reference(op):
    layer = ReferenceNorm2d(op, 6, **REFERENCE[op])
    layer.running_mean.fill_(100.0)
    batches = [batch(seed=0), batch(seed=1) + 1]
    torch.optim.swa_utils.update_bn(batches, nn.Sequential(layer))
    expected = torch.stack([x.mean((0, 2, 3)) for x in batches]).mean(0)
    torch.testing.assert_close(layer.running_mean, expected)
    assert layer.momentum == 0.1


def test_a_reference_without_buffers_is_no_batch_norm_to_torch():
    layer = ReferenceNorm2d("group_norm", 6, num_groups=2)
    assert nn.SyncBatchNorm.convert_sync_batchnorm(layer) is layer
