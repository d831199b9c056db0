"""verify on torch's own layers drawn at random: no false alarm, and no fault goes unseen."""

import pytest
import torch

import normviz
from tests.torch_models.random_layers import random_layer

MANY, AT_ONCE = 1000, 100
EACH = 40
"""Layers that have a fault. A third are of a class of one's own, in which another meaning of its
settings is looked for when it fails, which takes most of the time; the others pass for torch's."""


@pytest.mark.parametrize("first", range(0, MANY, AT_ONCE))
def test_a_layer_of_torch_never_fails(first):
    for seed in range(first, first + AT_ONCE):
        layer, x = random_layer(seed)
        report = normviz.verify(layer, x)
        assert report, f"seed {seed}, {layer}, strides {x.stride()}: {report}"
        used = [d for d in report.differences if d.cause]
        assert all("rounding" in d.cause for d in used)


def scaled(layer, x, y):
    return 1.001 * y


def one_number(layer, x, y):
    moved = torch.zeros_like(y)
    moved.view(-1)[0] = 0.1 * y.detach().abs().max() + 0.1
    return y + moved


def gradient(layer, x, y):
    return y + 0.01 * (y - y.detach())


def residual(layer, x, y):
    return y + 0.01 * x


def clipped(layer, x, y):
    largest = float(y.detach().max())
    return y.clamp(max=largest - 0.3 * abs(largest) - 0.1)


def not_a_number(layer, x, y):
    return torch.where(torch.arange(y.numel()).view(y.shape) == y.numel() - 1, torch.nan, y)


def buffers(layer, x, y):
    if layer.training and getattr(layer, "running_mean", None) is not None:
        layer.running_mean.add_(0.1 * layer.running_mean.abs().max() + 0.1)
        return y
    return 1.01 * y


def weight(layer, x, y):
    """The weight's gradient comes twice."""
    if getattr(layer, "weight", None) is None:
        return 1.01 * y
    grown = y + 0.0 * layer.weight.sum()
    return grown + (layer.weight - layer.weight.detach()).sum()


FAULTS = [scaled, one_number, gradient, residual, clipped, not_a_number, buffers, weight]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_in_such_a_layer_fails(fault):
    """Each in layers of its own, so that all of them meet as many kinds as one alone would."""
    first = 1000 + EACH * FAULTS.index(fault)
    for seed in range(first, first + EACH):
        layer, x = random_layer(seed, far=False)
        kind = type(layer)

        def forward(self, x, kind=kind):
            return fault(self, x, kind.forward(self, x))

        module = __name__ if seed % 3 == 0 else kind.__module__
        layer.__class__ = type(kind.__name__, (kind,), {"forward": forward, "__module__": module})
        report = normviz.verify(layer, x)
        assert not report, f"seed {seed}, {layer}: {report}"
