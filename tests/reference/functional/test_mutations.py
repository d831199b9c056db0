"""The comparison has teeth: a normalization that is wrong in one place fails it."""

from dataclasses import replace

import numpy as np
import pytest

from normviz.norms.declared import NORMS
from normviz.reference import call, core, sums
from tests.reference.norm_calls import BUFFERED, OPS, TRAINING, make_call
from tests.reference.oracle import assert_same, by_normviz, by_torch

WRONG = {
    "batch_norm": {"sets": "[n] c ..."},
    "layer_norm": {"centered": False},
    "group_norm": {"sets": "n (g k) [...]"},
    "instance_norm": {"sets": "[n] c [...]"},
    "ghost_batch_norm": {"sets": "([s] m) c [...]"},
    "rms_norm": {"centered": True},
    "pixel_norm": {"sets": "[n] c ..."},
}


def assert_caught(op):
    made = make_call(op, (4, 6, 3, 2), mode=TRAINING)
    with pytest.raises(AssertionError):
        assert_same(by_normviz(made), by_torch(made))


@pytest.mark.parametrize("op", OPS)
def test_wrong_sets_are_caught(monkeypatch, op):
    monkeypatch.setitem(
        NORMS, op, replace(NORMS[op], **WRONG.get(op, {"centered": not NORMS[op].centered}))
    )
    assert_caught(op)


@pytest.mark.parametrize("op", OPS)
def test_eps_outside_the_root_is_caught(monkeypatch, op):
    monkeypatch.setattr(core, "inverse_std", lambda var, eps: 1.0 / (np.sqrt(var) + eps))
    assert_caught(op)


@pytest.mark.parametrize("op", BUFFERED)
def test_a_biased_running_variance_is_caught(monkeypatch, op):
    right = call.update_running

    def biased(running_mean, running_var, moments, sets_, momentum):
        shrunk = core.Moments(moments.mean, moments.var * (sets_.size - 1) / sets_.size)
        right(running_mean, running_var, shrunk, sets_, momentum)

    monkeypatch.setattr("normviz.reference.call.update_running", biased)
    assert_caught(op)


@pytest.mark.parametrize("op", OPS)
def test_a_gradient_that_ignores_the_statistics_is_caught(monkeypatch, op):
    """The straight path alone, which is right in evaluation only."""
    add = sums.ParameterSums.add

    def add_and_forget(self, *args):
        return tuple(0.0 * part for part in add(self, *args))

    monkeypatch.setattr(sums.ParameterSums, "add", add_and_forget)
    assert_caught(op)
