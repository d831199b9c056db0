"""The fast layers against their torch parents, alone and between ReLU and dropout."""

import copy

import numba
import pytest
import torch
from torch import nn

import normviz
from normviz import torch_layers
from training.experiments.config import BLOCK, block_words
from training.model import fast_norms, kernels
from training.model.fast_norms import (
    BatchNorm2d,
    GhostBatchNorm2d,
    GroupNorm,
    InstanceNorm2d,
    RMSNorm2d,
    RMSNormBeta2d,
)
from training.model.net import Block

CHANNELS = 6
PAIRS = {
    "batch": (lambda: BatchNorm2d(6), lambda: nn.BatchNorm2d(6)),
    "ghost": (lambda: GhostBatchNorm2d(6, 3), lambda: torch_layers.GhostBatchNorm2d(6, 3)),
    "group": (lambda: GroupNorm(2, 6), lambda: nn.GroupNorm(2, 6)),
    "layer": (lambda: GroupNorm(1, 6), lambda: nn.GroupNorm(1, 6)),
    "instance": (lambda: InstanceNorm2d(6), lambda: nn.InstanceNorm2d(6, affine=True)),
    "rms": (lambda: RMSNorm2d(6, 1e-5), lambda: torch_layers.RMSNorm2d(6, 1e-5)),
    "rms-beta": (
        lambda: RMSNormBeta2d(6, 1e-5),
        lambda: torch_layers.Norm(
            "n [c h w]", (None, 6, None, None), affine="c", centered=False, eps=1e-5
        ),
    ),
}
every_norm = pytest.mark.parametrize("name", PAIRS)


def images(dtype=torch.float64, shape=(6, CHANNELS, 4, 7), center=50.0):
    draws = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=draws, dtype=torch.float64) * 3 + center
    return x.to(dtype).contiguous(memory_format=torch.channels_last)


def prepared(layer, dtype=torch.float64):
    """The layer with parameters that are neither 0 nor 1."""
    layer = layer.to(dtype)
    weights = torch.linspace(0.5, 2, CHANNELS, dtype=dtype)
    with torch.no_grad():
        layer.weight.copy_(weights)
        if getattr(layer, "bias", None) is not None:
            layer.bias.copy_(weights.flip(0))
    return layer


def made_block(norm, dropout):
    conv = nn.Conv2d(3, CHANNELS, 3, bias=False)
    return Block(block_words(BLOCK), conv, norm, dropout)


def trained(layer, x):
    """Output, gradients and buffers after two steps."""
    layer(x * 2)
    x = x.clone().requires_grad_()
    y = layer(x)
    y.backward(torch.sin(torch.arange(x.numel()).to(x.dtype)).view(x.shape))
    return y.detach(), x.grad, *(p.grad for p in layer.parameters()), *layer.buffers()


@pytest.fixture
def no_kernel(monkeypatch):
    def refuse(*_arguments):
        raise AssertionError("the fast step ran")

    monkeypatch.setattr(kernels, "forward", refuse)


@every_norm
def test_equal_to_torch_in_float64(name):
    found = (trained(prepared(make()), images()) for make in PAIRS[name])
    for ours, torchs in zip(*found, strict=True):
        torch.testing.assert_close(ours, torchs, rtol=1e-9, atol=1e-9)


@every_norm
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_equal_to_the_reference_in_shorter_dtypes(name, dtype):
    """Far from zero too, where one pass for the variance would lose every digit."""
    layer = prepared(PAIRS[name][0](), torch.float32)
    for center in (0.0, 50.0):
        report = normviz.verify(layer, images(dtype, center=center))
        assert report, str(report)


@every_norm
def test_between_relu_and_dropout_equal_to_the_layers_one_by_one(name):
    block = made_block(prepared(PAIRS[name][0]()), 0.3).double()
    block = block.to(memory_format=torch.channels_last)
    alone = copy.deepcopy(block)
    alone.norm.register_forward_hook(lambda *_: None)  # watched: one layer after the other
    results = []
    for each in (block, alone):
        each.dropout.generator = torch.Generator().manual_seed(1)
        x = images(shape=(6, 3, 5, 8), center=0.0).requires_grad_()
        y = each(x)
        y.backward(torch.sin(torch.arange(y.numel(), dtype=y.dtype)).view(y.shape))
        results.append((y, x.grad, *(p.grad for p in each.parameters()), *each.buffers()))
    assert (y == 0).double().mean() > 0.2  # something was dropped
    for fused, layered in zip(*results, strict=True):
        torch.testing.assert_close(fused, layered, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "layer"), [("relu", nn.Identity()), ("dropout", nn.Dropout(0.0)), ("more", nn.Tanh())]
)
def test_a_block_that_was_changed_does_what_is_in_it(name, layer):
    block = made_block(BatchNorm2d(CHANNELS), 0.1).to(memory_format=torch.channels_last)
    block.dropout.p = 0.0
    setattr(block, name, layer)
    x = images(torch.float32, (6, 3, 5, 8), 0.0)
    expected = x
    for each in copy.deepcopy(block):
        expected = each(expected)
    torch.testing.assert_close(block(x), expected)


def test_a_norm_with_a_forward_of_its_own_is_not_passed_by():
    class Doubled(BatchNorm2d):
        def forward(self, x):
            return 2 * super().forward(x)

    x = images(torch.float32, (6, 3, 5, 8), 0.0)
    torch.manual_seed(0)
    plain = made_block(BatchNorm2d(CHANNELS), 0.0).to(memory_format=torch.channels_last)
    doubled = copy.deepcopy(plain)
    doubled.norm = Doubled(CHANNELS)
    torch.testing.assert_close(doubled(x), 2 * plain(x))


def test_a_watched_norm_sees_what_it_is_for():
    block = made_block(BatchNorm2d(CHANNELS), 0.0).to(memory_format=torch.channels_last)
    seen = []
    block.norm.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
    block(images(torch.float32, (6, 3, 5, 8), 0.0))
    assert seen[0].min() == 0  # after ReLU


def test_one_step_does_the_work_of_relu_and_dropout(monkeypatch):
    block = made_block(BatchNorm2d(CHANNELS), 0.5).to(memory_format=torch.channels_last)
    for layer in (block.relu, block.dropout):
        monkeypatch.setattr(layer, "forward", None)
    x = images(torch.float32, (6, 3, 5, 8), 0.0)
    assert block(x).requires_grad
    with pytest.raises(TypeError):  # in evaluation they work themselves
        block.eval()(x)


@pytest.mark.parametrize("layer", ["relu", "norm", "dropout"])
@pytest.mark.parametrize("kind", ["register_full_backward_hook", "register_full_backward_pre_hook"])
def test_a_layer_watched_in_the_backward_pass_is_called_back(layer, kind):
    block = made_block(BatchNorm2d(CHANNELS), 0.5).to(memory_format=torch.channels_last)
    block.relu.inplace = False  # torch's backward hooks refuse what is changed in place
    seen = []
    getattr(getattr(block, layer), kind)(lambda *_: seen.append(1))
    block(images(torch.float32, (6, 3, 5, 8), 0.0)).sum().backward()
    assert seen == [1]


def test_what_is_dropped_twice_counts_once(monkeypatch):
    """Of 8 positions drawn, at most 2 are different."""
    block = made_block(BatchNorm2d(CHANNELS), 0.5).to(memory_format=torch.channels_last)
    positions = torch.tensor([5, 9, 5, 5, 9, 9, 5, 9])
    monkeypatch.setattr(block.dropout, "draw", lambda _count: (positions.clone(), 2.0))
    x = images(torch.float32, (6, 3, 5, 8), 0.0)
    y = block(x)
    flat = y.detach().permute(0, 2, 3, 1).flatten()
    assert (flat == 0).nonzero().flatten().tolist() == [5, 9]
    weight = torch.sin(torch.arange(flat.numel(), dtype=flat.dtype))
    (y.permute(0, 2, 3, 1).flatten() * weight).sum().backward()
    kept = torch.ones_like(weight).index_fill(0, positions, 0) * weight * 2
    torch.testing.assert_close(block.norm.bias.grad, kept.view(-1, CHANNELS).sum(0))


@every_norm
def test_output_and_gradient_stay_channels_last(name):
    y, gradient, *_ = trained(prepared(PAIRS[name][0]()), images())
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert gradient.is_contiguous(memory_format=torch.channels_last)


@every_norm
def test_a_gradient_without_memory_of_its_own_gives_the_same(name):
    layer, x = prepared(PAIRS[name][0]()), images().requires_grad_()
    (found,) = torch.autograd.grad(layer(x).sum(), x)
    (expected,) = torch.autograd.grad(layer(x), x, torch.ones(x.shape, dtype=x.dtype))
    assert torch.equal(found, expected)


def test_a_gradient_of_another_layout_gives_the_same():
    x, dy = images().requires_grad_(), torch.randn(6, CHANNELS, 4, 7, dtype=torch.float64)
    layer = BatchNorm2d(CHANNELS).double()
    found = [
        torch.autograd.grad(layer(x), x, dy.contiguous(memory_format=layout))[0]
        for layout in (torch.channels_last, torch.contiguous_format)
    ]
    assert torch.equal(*found)


@pytest.mark.parametrize("shape", [(3, 6, 1, 2), (3, 6, 7, 9), (48, 6, 2, 3), (1, 6, 9, 9)])
def test_any_number_of_pixels(shape):
    found = (trained(prepared(make()), images(shape=shape)) for make in PAIRS["batch"])
    for ours, torchs in zip(*found, strict=True):
        torch.testing.assert_close(ours, torchs, rtol=1e-9, atol=1e-9)


def test_float32_keeps_the_digits_that_one_long_sum_loses():
    x = images(torch.float64, (64, CHANNELS, 26, 26)).relu()
    right = nn.BatchNorm2d(CHANNELS).double()(x)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several share a sum between them
    ours, torchs = (
        (layer(x.float()) - right).abs().max().item()
        for layer in (BatchNorm2d(CHANNELS), nn.BatchNorm2d(CHANNELS))
    )
    torch.set_num_threads(threads)
    assert ours < torchs / 5


@every_norm
@pytest.mark.parametrize("value", [0.1, 777.7, 123456.7])
def test_a_constant_is_where_it_belongs_in_float32_too(name, value):
    """A mean that float32 cannot hold takes nothing from the deviations."""
    layer = prepared(PAIRS[name][0](), torch.float32)
    x = torch.full((6, CHANNELS, 26, 26), value).contiguous(memory_format=torch.channels_last)
    report = normviz.verify(layer, x)
    assert report, str(report)


@every_norm
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_finite_spreads_as_in_torch(name, value):
    x = images(torch.float32)
    x[2, 1, 3, 3] = value
    ours, torchs = (make() for make in PAIRS[name])
    assert torch.equal(ours(x).isnan(), torchs(x).isnan())
    fused, layered = (x.clone().requires_grad_() for _ in range(2))
    y, expected = ours.step(fused, relu=True), torchs(layered.relu())
    assert torch.equal(y.isnan(), expected.isnan())
    y.sum().backward()
    expected.sum().backward()
    assert torch.equal(fused.grad.isnan(), layered.grad.isnan())


@every_norm
def test_no_gradient_passes_where_relu_is_0(name):
    x = images(torch.float64, center=0.0).round().requires_grad_()
    assert (x == 0).double().mean() > 0.05
    ours, torchs = (prepared(make()) for make in PAIRS[name])
    weight = torch.sin(torch.arange(x.numel(), dtype=x.dtype)).view(x.shape)
    (found,) = torch.autograd.grad((ours.step(x, relu=True) * weight).sum(), x)
    (expected,) = torch.autograd.grad((torchs(x.relu()) * weight).sum(), x)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_without_a_place_for_its_cache_a_loop_is_compiled_anew(monkeypatch):
    def njit(cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return numba.njit(**options)

    monkeypatch.setattr(kernels, "njit", njit)
    assert kernels.kept_on_disk(lambda x: x + 1)(1) == 2


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), EOFError()])
def test_a_cache_that_fails_keeps_nothing_from_being_computed(monkeypatch, error):
    def njit(**_options):
        def fail(*_arguments):
            raise error

        return lambda _function: fail

    monkeypatch.setattr(kernels, "njit", njit)
    assert kernels.kept_on_disk(lambda x: x + 1)(1) == 2


@every_norm
def test_bfloat16_is_rounded_to_the_nearest(name):
    x = images(torch.bfloat16, center=0.0)
    layer = PAIRS[name][0]()
    ours, right = layer(x), copy.deepcopy(layer)(x.float()).bfloat16()
    assert ours.dtype == torch.bfloat16
    # Only where float32 itself is between two of them may one bit differ.
    assert (ours != right).double().mean() < 0.002
    torch.testing.assert_close(ours, right, rtol=2**-7, atol=1e-6)


@every_norm
@pytest.mark.parametrize("power", [1, 2])
def test_second_derivatives_are_refused_and_not_zero(name, power):
    """With power 1 the incoming gradient is constant, and only x's own share is left."""
    x = images().requires_grad_()
    layer = prepared(PAIRS[name][0]())
    (gradient,) = torch.autograd.grad((layer(x) ** power).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="a fast norm of the trainer has no second derivative"):
        gradient.sum().backward()


@every_norm
@pytest.mark.usefixtures("no_kernel")
def test_other_layouts_and_evaluation_are_left_to_torch(name):
    ours, torchs = (make() for make in PAIRS[name])
    x = images(torch.float32)
    assert torch.equal(ours(x.contiguous()), torchs(x.contiguous()))
    assert torch.equal(ours.half()(x.half()), torchs.half()(x.half()))
    assert ours.to("meta")(x.to("meta")).shape == x.shape
    ours, torchs = (make() for make in PAIRS[name])
    assert torch.equal(ours.eval()(x), torchs.eval()(x))


@pytest.mark.usefixtures("no_kernel")
def test_refuses_what_torch_refuses():
    layer = BatchNorm2d(CHANNELS)
    layer.eps = 0.0
    with pytest.raises(ValueError, match="eps must be positive"):
        layer(images(torch.float32))
    with pytest.raises(ValueError, match="expected 4D input"):
        BatchNorm2d(CHANNELS)(torch.zeros(6, CHANNELS))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        BatchNorm2d(CHANNELS)(images(torch.float32, (1, CHANNELS, 1, 1)))
    with pytest.raises(ValueError, match="num_splits must divide the 6 samples"):
        GhostBatchNorm2d(CHANNELS, 4)(images(torch.float32))
    with pytest.raises(RuntimeError, match="channels"):
        GroupNorm(2, 8)(images(torch.float32))


def test_state_is_torchs():
    for ours, torchs in PAIRS.values():
        assert ours().state_dict().keys() == torchs().state_dict().keys()
    assert fast_norms.BatchNorm2d(3).load_state_dict(nn.BatchNorm2d(3).state_dict())
