"""Statistics sets against their definition, element by element."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import normviz
from normviz import NORMS
from tests.reference.chosen import chosen
from tests.reference.norm_calls import OPS, TRAILING
from tests.reference.truth import brute_labels, key_by_pattern, set_key


def arguments_of(op, shape, divisor=2, length=None):
    trailing = shape[1:] if length is None else shape[-length:]
    sizes = {"normalized_shape": trailing, "num_groups": divisor, "num_splits": divisor}
    return {name: size for name, size in sizes.items() if NORMS[op].takes(name)}


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3), (2, 4, 3, 2), (2, 2, 2, 2, 3)], ids=str)
@pytest.mark.parametrize("op", OPS)
def test_labels_are_the_definition(op, shape):
    arguments = arguments_of(op, shape)
    labels = normviz.set_labels(op, shape, **arguments)
    np.testing.assert_array_equal(labels, brute_labels(op, shape, **arguments))
    assert labels.dtype == np.int64


@pytest.mark.parametrize("op", [op for op in OPS if op not in TRAILING])
def test_what_is_said_by_hand_is_what_the_pattern_says(op):
    """The reading of a pattern to which the tests hold a norm that nobody said by hand."""
    shape = (4, 6, 2, 3)
    arguments = arguments_of(op, shape)
    keys: dict[object, object] = {}
    for index in np.ndindex(*shape):
        by_hand = set_key(op, index, shape, arguments)
        assert keys.setdefault(key_by_pattern(op, index, shape, arguments), by_hand) == by_hand
    assert len(keys) == len({*keys.values()})


@chosen
@given(data=st.data())
def test_labels_of_any_shape(data):
    op = data.draw(st.sampled_from(OPS))
    shape = tuple(data.draw(st.lists(st.integers(1, 6), min_size=2, max_size=5)))
    counted = shape[0] if NORMS[op].takes("num_splits") else shape[1]
    divisor = data.draw(st.sampled_from([d for d in range(1, counted + 1) if counted % d == 0]))
    length = data.draw(st.integers(1, len(shape)))
    arguments = arguments_of(op, shape, divisor, length)
    labels = normviz.set_labels(op, shape, **arguments)
    np.testing.assert_array_equal(labels, brute_labels(op, shape, **arguments))


@pytest.mark.parametrize("op", OPS)
def test_labels_count_up_in_order_of_first_appearance(op):
    shape = (4, 6, 2, 3)
    labels = normviz.set_labels(op, shape, **arguments_of(op, shape)).ravel()
    _, first = np.unique(labels, return_index=True)
    assert list(labels[np.sort(first)]) == list(range(1, labels.max() + 1))


COUNTS = {
    "batch_norm": ((6,), 4 * 10),
    "layer_norm": ((4,), 6 * 10),
    "group_norm": ((4, 3), 2 * 10),
    "instance_norm": ((4, 6), 10),
    "ghost_batch_norm": ((2, 6), 2 * 10),
    "rms_norm": ((4,), 6 * 10),
    "pixel_norm": ((4, 2, 5), 6),
}


@pytest.mark.parametrize("op", COUNTS)
def test_count_size_and_statistic_shape_are_those_of_the_table(op):
    shape = (4, 6, 2, 5)
    divisor = 3 if op == "group_norm" else 2
    sets = normviz.statistics_sets(op, shape, **arguments_of(op, shape, divisor))
    statistic_shape, size = COUNTS[op]
    assert (sets.statistic_shape, sets.size) == (statistic_shape, size)
    assert sets.count == math.prod(statistic_shape)
    assert sets.count * sets.size == math.prod(shape)
    assert (np.bincount(sets.labels().ravel())[1:] == size).all()


def test_labels_of_an_empty_batch():
    assert normviz.set_labels("batch_norm", (0, 3, 2)).shape == (0, 3, 2)


def test_labels_take_a_call_s_other_arguments():
    labels = normviz.set_labels("group_norm", (1, 4), num_groups=2, eps=1e-3, weight=None)
    np.testing.assert_array_equal(labels, [[1, 1, 2, 2]])


def test_labels_take_a_list_and_numpy_integers():
    labels = normviz.set_labels("group_norm", [np.int64(1), 4], num_groups=np.int64(2))
    np.testing.assert_array_equal(labels, [[1, 1, 2, 2]])


@pytest.mark.parametrize(
    ("op", "wrong", "meant"),
    [
        ("batch_norm", {"num_splitz": 2}, "got 'num_splitz'"),
        ("ghost_batch_norm", {"num_splitz": 2}, "did you mean num_splits"),
        ("n (g [k])", {"sizes": {"g": 2}, "centred": False}, "did you mean centered"),
    ],
)
@pytest.mark.parametrize("ask", [normviz.set_labels, normviz.statistics_sets])
def test_an_argument_that_there_is_none_of_is_refused(ask, op, wrong, meant):
    with pytest.raises(TypeError, match=rf"argument of .* must be one of .*{meant}"):
        ask(op, (4, 4), **wrong)


def test_a_calls_own_arguments_can_be_handed_on_whole():
    given = {"weight": np.ones(4), "bias": None, "eps": 1e-3}
    assert normviz.set_labels("group_norm", (2, 4), num_groups=2, **given).max() == 4
    assert normviz.set_labels("n [c]", (2, 4), affine="c", **given).max() == 2
