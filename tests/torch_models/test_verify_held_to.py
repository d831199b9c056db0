"""The report of verify says which formula a layer was recognized as and held to."""

import json

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import normviz
from normviz.torch_models.verify.standard_layers import standard_layers
from tests.torch_models.test_verify import OfNoKnownClass, Raises, channels_first, drawn


class OnePlusWeight(nn.BatchNorm2d):
    def forward(self, x):
        gamma = 1.0 + self.weight
        return F.batch_norm(x, self.running_mean, self.running_var, gamma, self.bias, self.training)


class Subclass(nn.GroupNorm):
    """Of another name: the twin of torch's class is what it is held to."""


HELD_TO = {
    "no known class": (
        OfNoKnownClass,
        (4, 8),
        "rms_norm, ... [d], d = (8,); the mean taken as zero; eps = 1e-06 inside the root; "
        "γ = weight; β = 0",
    ),
    "stored statistics": (
        lambda: OnePlusWeight(6).eval(),
        (4, 6, 5, 3),
        "batch_norm, [n] c [...]; with stored statistics: mean running_mean, variance "
        "running_var; eps = 1e-05 inside the root; γ = 1 + weight; β = bias",
    ),
    "channels first": (
        lambda: channels_first(nn.LayerNorm),
        (4, 6, 5, 3),
        "pixel_norm, n [c] ...; the mean taken away; eps = 1e-05 inside the root; γ = weight; "
        "β = bias",
    ),
}


@pytest.mark.parametrize("layer", HELD_TO)
def test_what_a_layer_was_recognized_as_is_said_in_the_words_of_identify(layer):
    make, shape, words = HELD_TO[layer]
    module, x = make(), drawn(*shape)
    report = normviz.verify(module, x)
    assert report, str(report)
    assert str(report).splitlines()[1] == f"  held to {words}"
    assert json.loads(json.dumps(report.as_dict()))["held_to"] == words
    assert words in normviz.identify(module, x).sentence


@pytest.mark.parametrize("make", [nn.GroupNorm, Subclass, Raises])
def test_of_the_twin_of_its_class_nothing_is_said(make):
    report = normviz.verify(make(2, 6), drawn(4, 6, 5))
    assert report.held_to == ""
    assert "held to" not in str(report)


def test_the_table_of_the_command_is_of_twins():
    """It has no place for what a layer was recognized as, and needs none."""
    for _, module, x in standard_layers("float32"):
        assert normviz.verify(module, x).held_to == ""


class Scaled(torch.autograd.Function):
    """x / r · γ, whose gradient of γ is ``factor`` times too large."""

    @staticmethod
    def forward(ctx, x, weight, factor):
        ctx.save_for_backward(x, weight)
        ctx.factor = factor
        return root_mean_square(x, weight)

    @staticmethod
    def backward(ctx, grad):
        with torch.enable_grad():
            x, weight = (t.detach().requires_grad_() for t in ctx.saved_tensors)
            of_x, of_weight = torch.autograd.grad(root_mean_square(x, weight), (x, weight), grad)
        return of_x, None if ctx.factor is None else ctx.factor * of_weight, None


def root_mean_square(x, weight):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * weight


class OwnBackward(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.weight, self.factor = nn.Parameter(torch.rand(8) + 0.5), factor

    def forward(self, x):
        return Scaled.apply(x, self.weight, self.factor)


@pytest.mark.parametrize(("factor", "passes"), [(1.0, True), (3.0, False), (None, False)])
def test_the_gradient_of_what_gamma_is_is_held_too(factor, passes):
    layer = OwnBackward(factor)
    report = normviz.verify(layer, torch.randn(4, 5, 8))
    assert bool(report) is passes
    assert [d.tensor for d in report.differences] == ["output", "grad_input", "grad_weight"]
    assert [d.passed for d in report.differences] == [True, True, passes]
    layer.weight.requires_grad_(False)
    frozen = normviz.verify(layer, torch.randn(4, 5, 8))
    assert frozen
    assert [d.tensor for d in frozen.differences] == ["output", "grad_input"]


class Half(torch.autograd.Function):
    """A number whose gradient comes half."""

    @staticmethod
    def forward(ctx, value):
        return value.clone()

    @staticmethod
    def backward(ctx, grad):
        return 0.5 * grad


MADE_OF_WEIGHT = {
    "1 + weight": lambda w: 1 + w,
    "exp(weight)": torch.exp,
    "√m · weight": lambda w: 4.0 * w,
    "weight / √m": lambda w: w / 4.0,
    "√m · exp(weight)": lambda w: 4.0 * w.exp(),
    "(1 + weight) / √m": lambda w: (1 + w) / 4.0,
}


@pytest.mark.parametrize("said", MADE_OF_WEIGHT)
@pytest.mark.parametrize("right", [True, False])
def test_the_gradient_of_what_gamma_is_made_of_is_held(said, right):
    class Made(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(0.1 * drawn(16) + 0.3)

        def forward(self, x):
            weight = self.weight if right else Half.apply(self.weight)
            return F.layer_norm(x, (16,)) * MADE_OF_WEIGHT[said](weight)

    layer, x = Made(), drawn(6, 16)
    assert normviz.identify(layer, x).gamma_is == said
    report = normviz.verify(layer, x)
    assert bool(report) is right, str(report)
    assert [d.tensor for d in report.differences][2:] == ["grad_weight"]


def test_one_number_for_all_of_gamma_is_no_gradient_of_gamma():
    """ScaleNorm (Nguyen & Salazar, 2019): g · x / |x|, which is RMSNorm with γ = g / √m."""

    class ScaleNorm(nn.Module):
        def __init__(self):
            super().__init__()
            self.g = nn.Parameter(torch.tensor([1.7]))

        def forward(self, x):
            return self.g * x / x.norm(dim=-1, keepdim=True).clamp(min=1e-5)

    report = normviz.verify(ScaleNorm(), drawn(8, 16))
    assert report, str(report)
    assert [d.tensor for d in report.differences][:2] == ["output", "grad_input"]


def test_of_one_parameter_in_two_places_no_gradient_is_asked():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.rand(8) + 0.5)

        def forward(self, x):
            return root_mean_square(x - x.mean(-1, keepdim=True), self.weight) + self.weight

    report = normviz.verify(Tied(), torch.randn(4, 5, 8))
    assert report
    assert "grad_weight" not in {d.tensor for d in report.differences}


class ByOneNumber(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.g = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.normalize(x, dim=-1) * self.g


class ByItsSize(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.linspace(-1.0, 2.0, 12))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(x, (12,)) * self.w.abs()


@pytest.mark.parametrize(("layer", "name"), [(ByOneNumber(), "g"), (ByItsSize(), "w")])
def test_a_gradient_that_was_not_compared_is_named(layer: nn.Module, name: str) -> None:
    x = torch.randn(3, 7, 12, generator=torch.manual_seed(0))
    report = normviz.verify(layer, x)
    assert report
    assert report.note == f"gradient of {name}: not compared"
    assert report.note in str(report)
    assert not normviz.verify(nn.LayerNorm(12), x).note


@pytest.mark.parametrize("scale", [1.0, 3.0])
@pytest.mark.parametrize(("dim", "sets"), [(1, "n [c] h w"), (2, "n c [h] w"), (0, "[n] c h w")])
def test_one_number_over_sets_without_a_declared_norm(dim, sets, scale, tmp_path) -> None:
    def layer(x: torch.Tensor) -> torch.Tensor:
        return F.normalize(x, dim=dim) * scale

    x = torch.randn(4, 6, 5, 5, generator=torch.manual_seed(0))
    assert sets in str(normviz.identify(layer, x).sets)
    assert normviz.verify(layer, x)
    assert normviz.explain(layer, x[:, :4, :3, :3], tmp_path / "book.xlsx").exists()
