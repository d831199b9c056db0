"""The batch norms of the trainer against torch's, in the layout that the trainer uses."""

import pytest
import torch
from torch import nn

from normviz import torch_layers
from training.batch_norm import BatchNorm2d, GhostBatchNorm2d, _Normalize

PAIRS = {
    "batch": (lambda: BatchNorm2d(5), lambda: nn.BatchNorm2d(5)),
    "ghost": (lambda: GhostBatchNorm2d(5, 3), lambda: torch_layers.GhostBatchNorm2d(5, 3)),
}


def images(dtype=torch.float64, shape=(6, 5, 4, 7)):
    draws = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=draws, dtype=dtype) * 3 + 50
    return x.contiguous(memory_format=torch.channels_last)


def trained(layer, x):
    """Output, gradients and buffers of two steps."""
    weights = torch.linspace(0.5, 2, 5, dtype=x.dtype)
    layer = layer.to(x.dtype)
    layer.weight.data, layer.bias.data = weights.clone(), weights.flip(0).clone()
    layer(x * 2)
    x = x.clone().requires_grad_()
    y = layer(x)
    y.backward(torch.sin(torch.arange(x.numel(), dtype=x.dtype)).view(x.shape))
    return y.detach(), x.grad, layer.weight.grad, layer.bias.grad, *layer.buffers()


@pytest.mark.parametrize("name", PAIRS)
def test_equal_to_torch_in_float64(name):
    for ours, torchs in zip(*(trained(make(), images()) for make in PAIRS[name]), strict=True):
        torch.testing.assert_close(ours, torchs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", PAIRS)
def test_output_and_gradient_stay_channels_last(name):
    y, gradient, *_ = trained(PAIRS[name][0](), images())
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert gradient.is_contiguous(memory_format=torch.channels_last)


def test_a_gradient_of_another_layout_gives_the_same():
    x, dy = images().requires_grad_(), torch.randn(6, 5, 4, 7, dtype=torch.float64)
    layer = BatchNorm2d(5).double()
    found = [
        torch.autograd.grad(layer(x), x, dy.contiguous(memory_format=layout))[0]
        for layout in (torch.channels_last, torch.contiguous_format)
    ]
    assert torch.equal(*found)


@pytest.mark.parametrize("shape", [(3, 5, 1, 1), (3, 5, 7, 9), (48, 5, 2, 3)])
def test_any_number_of_pixels(shape):
    x = images(shape=shape)
    for ours, torchs in zip(*(trained(make(), x) for make in PAIRS["batch"]), strict=True):
        torch.testing.assert_close(ours, torchs, rtol=1e-10, atol=1e-10)


def test_float32_keeps_the_digits_that_one_long_sum_loses():
    x = images(torch.float64, (64, 5, 26, 26)).relu()
    right = nn.BatchNorm2d(5).double()(x)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several share a sum between them
    ours, torchs = (
        (layer(x.float()) - right).abs().max().item()
        for layer in (BatchNorm2d(5), nn.BatchNorm2d(5))
    )
    torch.set_num_threads(threads)
    assert ours < torchs / 5


@pytest.mark.parametrize("name", PAIRS)
def test_second_derivatives_are_refused(name):
    x = images().requires_grad_()
    layer = PAIRS[name][0]().double()
    (gradient,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


@pytest.mark.parametrize("name", PAIRS)
def test_other_layouts_evaluation_and_mixed_precision_are_left_to_torch(name, monkeypatch):
    ours, torchs = (make() for make in PAIRS[name])
    monkeypatch.setattr(_Normalize, "apply", None)
    x = images(torch.float32)
    for case in (x.contiguous(), x.bfloat16()):
        assert torch.equal(ours(case), torchs(case))
    assert torch.equal(ours.eval()(x), torchs.eval()(x))


def test_refuses_what_torch_refuses():
    with pytest.raises(ValueError, match="expected 4D input"):
        BatchNorm2d(5)(torch.zeros(6, 5))
    with pytest.raises(ValueError, match="num_splits must divide the 6 samples"):
        GhostBatchNorm2d(5, 4)(images(torch.float32))
