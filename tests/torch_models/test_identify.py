"""identify says what a layer is, is never wrong about it, and touches nothing of the user's."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import normviz
from normviz import torch_layers
from tests.torch_models.not_norms import NOT_NORMS
from tests.torch_models.shown import IMAGES, TOKENS, drawn, x_of


class Llama(nn.Module):
    """The RMSNorm of language models: float32 inside, whatever comes."""

    def __init__(self, size=8, eps=1e-6, one_plus=False):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps, self.one_plus = eps, one_plus

    def forward(self, x):
        wide = x.to(torch.float32)
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)
        weight = 1.0 + self.weight if self.one_plus else self.weight
        return weight * wide.to(x.dtype)


class ChannelsFirst(nn.LayerNorm):
    def forward(self, x):
        x = F.layer_norm(x.movedim(1, -1), self.normalized_shape, self.weight, self.bias, self.eps)
        return x.movedim(-1, 1)


def by_length(x):
    return F.normalize(x, dim=-1)


def with_bessel(x):
    return (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-3)


NORMS = {
    "BatchNorm2d": (nn.BatchNorm2d(6), IMAGES, "batch_norm", "[n] c [...]", {}, 1e-5),
    "BatchNorm1d": (nn.BatchNorm1d(4), TOKENS, "batch_norm", "[n] c [...]", {}, 1e-5),
    "LayerNorm": (nn.LayerNorm(8), TOKENS, "layer_norm", "... [d]", {"d": (8,)}, 1e-5),
    "LayerNorm, all": (
        nn.LayerNorm((6, 4, 5)),
        IMAGES,
        "layer_norm",
        "... [d]",
        {"d": (6, 4, 5)},
        1e-5,
    ),
    "GroupNorm": (nn.GroupNorm(3, 6), IMAGES, "group_norm", "n (g [k]) [...]", {"g": 3}, 1e-5),
    "GroupNorm, one": (nn.GroupNorm(1, 6), IMAGES, "group_norm", "n (g [k]) [...]", {"g": 1}, 1e-5),
    "InstanceNorm2d": (nn.InstanceNorm2d(6), IMAGES, "instance_norm", "n c [...]", {}, 1e-5),
    "RMSNorm": (nn.RMSNorm(8, eps=1e-3), TOKENS, "rms_norm", "... [d]", {"d": (8,)}, 1e-3),
    "RMSNorm, eps None": (nn.RMSNorm(8), TOKENS, "rms_norm", "... [d]", {"d": (8,)}, 2.0**-23),
    "GhostBatchNorm2d": (
        torch_layers.GhostBatchNorm2d(6, 2),
        (4, 6, 4, 5),
        "ghost_batch_norm",
        "(s [m]) c [...]",
        {"s": 2},
        1e-5,
    ),
    "Llama": (Llama(), TOKENS, "rms_norm", "... [d]", {"d": (8,)}, 1e-6),
    "heads": (Llama(), (2, 3, 4, 8), "rms_norm", "... [d]", {"d": (8,)}, 1e-6),
    "function": (
        lambda x: F.layer_norm(x, (8,)),
        TOKENS,
        "layer_norm",
        "... [d]",
        {"d": (8,)},
        1e-5,
    ),
}


@pytest.mark.parametrize("name", NORMS)
def test_a_normalization_is_recognized(name):
    layer, shape, op, sets, sizes, eps = NORMS[name]
    found = normviz.identify(drawn(layer) if isinstance(layer, nn.Module) else layer, x_of(*shape))
    assert found, found.sentence
    assert (found.kind, found.name, found.sets, found.sizes) == ("normalization", op, sets, sizes)
    assert (found.eps, found.eps_where, found.divisor) == (eps, "inside", "m")
    assert found.centered == (op != "rms_norm")
    arguments = {n.argument: sizes[n.axis] for n in normviz.NORMS[op].sizes}
    np.testing.assert_array_equal(found.labels, normviz.set_labels(op, shape, **arguments))
    assert found.largest_difference < 1e-5
    for word in (op, sets, f"{eps:.6g}"):
        assert word in found.sentence


@pytest.mark.parametrize("name", NOT_NORMS)
def test_nothing_else_is_claimed_to_be_one(name):
    found = normviz.identify(NOT_NORMS[name], x_of(3, 4, 8))
    assert not found, found.sentence
    assert found.kind in ("none", "undecided")
    assert found.sentence


@pytest.mark.parametrize("name", ["relu", "silu", "gelu", "leaky_relu", "tanh"])
def test_an_activation_behind_is_named(name):
    found = normviz.identify(nn.Sequential(nn.LayerNorm(8), _module(name)), x_of(3, 4, 8))
    assert f"it is {name} of a normalization over n t [d]" in found.sentence


def _module(name):
    kinds = {"relu": nn.ReLU, "silu": nn.SiLU, "gelu": nn.GELU, "leaky_relu": nn.LeakyReLU}
    return kinds.get(name, nn.Tanh)()


def test_gamma_and_beta_broadcast_over_x():
    layer = drawn(nn.BatchNorm2d(6))
    found = normviz.identify(layer, x_of(*IMAGES))
    np.testing.assert_array_equal(
        found.gamma, layer.weight.detach().double().numpy()[None, :, None, None]
    )
    np.testing.assert_array_equal(
        found.beta, layer.bias.detach().double().numpy()[None, :, None, None]
    )
    assert (found.gamma_is, found.beta_is, found.affine) == ("weight", "bias", "c")


def test_one_plus_weight():
    layer = drawn(Llama(one_plus=True))
    found = normviz.identify(layer, x_of(*TOKENS))
    assert found.gamma_is == "1 + weight"
    np.testing.assert_allclose(found.gamma.ravel(), 1.0 + layer.weight.detach().numpy(), rtol=1e-6)


def test_channels_first_is_not_the_width_even_where_they_are_equal():
    found = normviz.identify(drawn(ChannelsFirst(4)), x_of(2, 4, 4, 4))
    assert found
    assert found.sets.startswith("n [c]")
    assert found.affine == "c"


def test_the_length_of_a_vector_is_an_rms_norm_with_a_least_root():
    found = normviz.identify(by_length, x_of(4, 8))
    assert (found.name, found.eps_where, found.gamma_is) == ("rms_norm", "max", "1/√m")
    assert found.eps == pytest.approx(1e-12 / np.sqrt(8))


def test_the_divisor_and_an_eps_outside_the_root():
    found = normviz.identify(with_bessel, x_of(4, 8))
    assert (found.divisor, found.eps_where) == ("m - 1", "outside")
    assert found.eps == pytest.approx(1e-3)


@pytest.mark.parametrize("layer", [nn.BatchNorm2d(6), nn.InstanceNorm2d(6, True, True)], ids=repr)
def test_stored_statistics_are_found_among_the_buffers(layer):
    layer = nn.BatchNorm2d(6).eval()
    layer.running_mean.copy_(torch.linspace(-1, 1, 6))
    layer.running_var.copy_(torch.linspace(1, 2, 6))
    found = normviz.identify(drawn(layer), x_of(*IMAGES))
    assert (found.kind, found.name, bool(found)) == ("constants", "batch_norm", True)
    np.testing.assert_array_equal(found.mean.ravel(), layer.running_mean.double().numpy())
    np.testing.assert_array_equal(found.variance.ravel(), layer.running_var.double().numpy())
    assert "mean running_mean, variance running_var" in found.sentence


def test_frozen_batch_norm():
    from torchvision.ops import FrozenBatchNorm2d

    found = normviz.identify(FrozenBatchNorm2d(6), x_of(*IMAGES))
    assert (found.kind, bool(found)) == ("constants", True)


@pytest.mark.parametrize("size", [1, 2])
def test_sets_of_one_or_two_are_undecided(size):
    found = normviz.identify(nn.LayerNorm(size), x_of(5, size))
    assert (found.kind, bool(found)) == ("undecided", False)


def test_interleaved_groups_are_a_pattern_of_their_own():
    def layer(x):
        view = x.unflatten(1, (4, 2))
        return F.layer_norm(view.transpose(1, 2), (4,)).transpose(1, 2).flatten(1, 2)

    found = normviz.identify(layer, x_of(3, 8))
    assert found
    assert (found.name, found.sets) == (None, "n ([k] g)")
    labels = normviz.set_labels(found.sets, (3, 8), sizes=found.sizes)
    np.testing.assert_array_equal(found.labels, labels)


def test_a_weight_shared_by_heads():
    weight = torch.linspace(0.5, 2.0, 4)

    def layer(x):
        return (F.rms_norm(x.unflatten(-1, (2, 4)), (4,), eps=1e-6) * weight).flatten(-2)

    found = normviz.identify(layer, x_of(3, 5, 8))
    assert (found.sets, found.sizes, found.affine) == ("n t (g [k])", {"g": 2}, "k")
    assert found.gamma_is == "weight"


@pytest.mark.parametrize("zeros", [4, 8])
def test_a_weight_of_zeros_hides_nothing(zeros):
    layer = nn.LayerNorm(8)
    with torch.no_grad():
        layer.weight[:zeros] = 0
    found = normviz.identify(layer, x_of(*TOKENS))
    assert (found.name, found.eps) == ("layer_norm", 1e-5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16], ids=str)
def test_other_dtypes(dtype):
    for layer in (Llama(), nn.LayerNorm(8), nn.RMSNorm(8, eps=1e-6)):
        found = normviz.identify(copy.deepcopy(layer).to(dtype), x_of(*TOKENS, dtype=dtype))
        assert found, found.sentence
        assert found.dtype == str(dtype).removeprefix("torch.")


def test_axes_of_length_one_are_settled_on_another_shape():
    assert normviz.identify(Llama(64), x_of(1, 1, 64)).name == "rms_norm"
    assert normviz.identify(nn.BatchNorm2d(3), x_of(4, 3, 1, 1)).name == "batch_norm"
    assert normviz.identify(nn.GroupNorm(1, 8), x_of(3, 8, 1, 1)).name == "group_norm"


def test_what_coincides_on_this_x_is_listed():
    found = normviz.identify(nn.LayerNorm(8), x_of(5, 8))
    assert found.name == "layer_norm"
    assert "group_norm" in found.same_on_this_x


def test_renaming_a_class_changes_nothing():
    class BatchNorm2d(nn.LayerNorm):
        pass

    own, renamed = (
        normviz.identify(drawn(kind(8)), x_of(*TOKENS)) for kind in (nn.LayerNorm, BatchNorm2d)
    )
    assert (own.name, own.sets, own.eps) == (renamed.name, renamed.sets, renamed.eps)


def test_a_large_x_is_searched_in_part_and_proven_in_whole():
    found = normviz.identify(nn.BatchNorm2d(16), x_of(8, 16, 20, 20))
    assert found.name == "batch_norm"
    assert found.labels.shape == (8, 16, 20, 20)


def test_what_was_found_is_written_in_a_line_however_large_the_layer_is():
    found = normviz.identify(nn.LayerNorm(4096), x_of(2, 4096))
    assert "gamma=<float64 (1, 4096)>, beta=<float64 (1, 4096)>" in repr(found)
    assert len(repr(found)) < 1000
    assert "\n" not in repr(found)
