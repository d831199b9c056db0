"""What a trace refuses, and in which words."""

import numpy as np
import pytest

import normviz

X = np.arange(12.0).reshape(2, 6)


def test_unknown_op_names_the_nearest():
    with pytest.raises(ValueError, match=r"op must be one of .*'batchnorm'.*batch_norm\?"):
        normviz.trace("batchnorm", X)


def test_unknown_argument_names_the_nearest():
    with pytest.raises(TypeError, match=r"group_norm.*'num_group'.*num_groups\?"):
        normviz.trace("group_norm", X, num_group=2)


def test_x_is_no_keyword():
    with pytest.raises(TypeError):
        normviz.trace("group_norm", X, x=X, num_groups=2)


@pytest.mark.parametrize(
    ("op", "name"),
    [
        ("group_norm", "num_groups"),
        ("ghost_batch_norm", "num_splits"),
        ("layer_norm", "normalized_shape"),
        ("rms_norm", "normalized_shape"),
    ],
)
def test_missing_argument_is_named(op, name):
    with pytest.raises(TypeError, match=f"{op}.*{name}"):
        normviz.trace(op, X)


def test_unknown_step_names_the_nearest():
    trace = normviz.trace("group_norm", X, num_groups=2)
    with pytest.raises(KeyError, match=r"'varianc'.*variance\?"):
        trace["varianc"]
    assert "varianc" not in trace
    assert trace.get("varianc") is None


def test_grad_output_is_never_broadcast():
    trace = normviz.trace("group_norm", X, num_groups=2)
    with pytest.raises(ValueError, match=r"grad_output.*\(2, 6\).*\(1, 6\)"):
        trace.backward(np.ones((1, 6)))
    with pytest.raises(TypeError, match=r"grad_output.*float64.*float32"):
        trace.backward(np.ones((2, 6), np.float32))
    assert "grad_output" not in trace


def test_errors_of_the_function_come_through():
    with pytest.raises(ValueError, match="num_groups must divide"):
        normviz.trace("group_norm", X, num_groups=4)
    with pytest.raises(TypeError, match="int64"):
        normviz.trace("group_norm", X.astype(np.int64), num_groups=2)
    with pytest.raises(ValueError, match="more than 1 value"):
        normviz.trace("batch_norm", X[:1])
