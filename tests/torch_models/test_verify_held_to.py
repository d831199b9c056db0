"""The report of verify says which formula a layer was recognized as and held to."""

import json

import pytest
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
