"""A trace: names and order of the steps, shapes, and the same numbers as the functions."""

import numpy as np
import pytest

import normviz
from normviz import NORMS
from tests.reference.norm_calls import (
    AFFINE,
    BIAS_ONLY,
    BUFFERED,
    EVALUATION,
    OPS,
    PLAIN,
    TRAINING,
    WEIGHT_ONLY,
    make_call,
    modes,
)
from tests.reference.oracle import BUFFERS, assert_same, by_normviz, copied
from tests.reference.truth import brute_labels

FORWARD = ["mean", "centered", "squared", "variance", "std", "normalized", "output"]
RMS_FORWARD = ["squared", "mean_square", "rms", "normalized", "output"]
EVALUATED = [name for name in FORWARD if name != "squared"]
BACKWARD = [
    "grad_output",
    "grad_bias",
    "grad_weight",
    "grad_normalized",
    "grad_variance",
    "grad_mean",
    "grad_input",
]
RMS_BACKWARD = [
    "grad_output",
    "grad_weight",
    "grad_normalized",
    "grad_mean_square",
    "grad_input",
]
EVALUATED_BACKWARD = [n for n in BACKWARD if n not in ("grad_variance", "grad_mean")]
EVERY_MODE = [(op, mode) for op in OPS for mode in modes(op)]


def traced(call):
    return normviz.trace(call.op, call.x, **copied(call.arguments))


def expected_names(op, mode):
    if not NORMS[op].centered:
        return RMS_FORWARD, RMS_BACKWARD
    if mode == EVALUATION:
        return EVALUATED, EVALUATED_BACKWARD
    return FORWARD, BACKWARD


@pytest.mark.parametrize(("op", "mode"), EVERY_MODE)
def test_names_and_order(op, mode):
    call = make_call(op, (4, 6, 5), mode=mode)
    trace = traced(call)
    forward, backward = expected_names(op, mode)
    assert list(trace) == forward
    assert trace.backward(call.grad_output) is trace
    assert list(trace) == forward + backward
    assert len(trace) == len(forward + backward)
    assert [step.name for step in trace.steps] == list(trace)


@pytest.mark.parametrize(
    ("parameters", "missing"),
    [
        (PLAIN, {"grad_weight", "grad_bias"}),
        (WEIGHT_ONLY, {"grad_bias"}),
        (BIAS_ONLY, {"grad_weight"}),
    ],
)
def test_a_parameter_that_is_not_there_has_no_step(parameters, missing):
    call = make_call("batch_norm", (4, 6, 5), parameters=parameters)
    trace = traced(call).backward(call.grad_output)
    assert list(trace) == FORWARD + [name for name in BACKWARD if name not in missing]


@pytest.mark.parametrize("parameters", [AFFINE, WEIGHT_ONLY, BIAS_ONLY, PLAIN])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize(("op", "mode"), EVERY_MODE)
def test_same_numbers_as_the_functions(op, mode, dtype, parameters):
    if not NORMS[op].bias and parameters == BIAS_ONLY:
        parameters = PLAIN
    call = make_call(op, (4, 6, 5, 2), dtype, mode, parameters)
    expected = by_normviz(call)
    trace = traced(call).backward(call.grad_output)
    found = {name: trace[name] for name in expected if name in trace}
    for name in ("output", "grad_input"):
        assert found[name].dtype == call.x.dtype, name
    assert_same(
        {n: v.astype(call.x.dtype) for n, v in found.items()},
        {n: v for n, v in expected.items() if n not in BUFFERS},
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("op", OPS)
def test_a_trace_far_from_zero_is_as_accurate_as_the_function(op, dtype):
    offset = 2e5 if dtype == "float64" else 2e3
    call = make_call(op, (8, 6, 7, 5), dtype, parameters=AFFINE, offset=offset)
    trace = traced(call).backward(call.grad_output)
    expected = by_normviz(call)
    tolerance = 1e-10 if dtype == "float64" else 2e-5
    for name in ("output", "grad_input"):
        assert_same({"output": trace[name]}, {"output": expected[name]}, tolerance)


@pytest.mark.parametrize(("op", "mode"), EVERY_MODE)
def test_shapes_and_dtype_of_every_kind(op, mode):
    call = make_call(op, (4, 6, 5, 2), "float32", mode)
    trace = traced(call).backward(call.grad_output)
    shapes = {
        "element": call.x.shape,
        "set": trace.sets.statistic_shape,
        "parameter": trace.sets.parameter_shape,
    }
    for step in trace.steps:
        assert step.value.shape == shapes[step.kind], step.name
        assert step.value.dtype == np.float32, step.name
        assert step.value is trace[step.name]


@pytest.mark.parametrize("op", OPS)
def test_statistics_have_one_value_per_set(op):
    call = make_call(op, (4, 6, 5, 2))
    sets = brute_labels(op, call.x.shape, **call.sizes).max()
    names = ("mean", "variance", "std") if NORMS[op].centered else ("mean_square", "rms")
    assert {traced(call)[name].size for name in names} == {sets}


def test_layer_norm_statistics_per_leading_index():
    call = make_call("layer_norm", (4, 6, 5), normalized_shape=(5,))
    assert traced(call)["mean"].shape == (4, 6)
    np.testing.assert_allclose(traced(call)["mean"], call.x.mean(-1))


@pytest.mark.parametrize(("op", "mode"), EVERY_MODE)
def test_every_numpy_expression_runs_and_gives_the_value_of_its_step(op, mode):
    call = make_call(op, (4, 6, 5, 2), mode=mode)
    trace = traced(call).backward(call.grad_output)
    view = trace.sets.view
    names = {"np": np, "x": call.x, "eps": trace.eps, "dY": call.grad_output.reshape(view)}
    names |= {n: v for n, v in trace.arguments.items() if isinstance(v, np.ndarray)}
    for line in trace.numpy_setup:
        exec(line, names)
    for step in trace.steps:
        exec(step.numpy, names)
        result = names[step.name]
        if step.kind == "set":  # stored statistics are one per channel, whatever the sets
            result = np.broadcast_to(result, trace.sets.broadcast_shape)
        np.testing.assert_allclose(
            result.reshape(step.value.shape), step.value, rtol=1e-9, atol=1e-12, err_msg=step.name
        )


@pytest.mark.parametrize("parameters", [WEIGHT_ONLY, BIAS_ONLY, PLAIN])
def test_numpy_expressions_name_only_the_parameters_there_are(parameters):
    call = make_call("group_norm", (4, 6, 5), parameters=parameters)
    trace = traced(call).backward(call.grad_output)
    text = "\n".join(step.numpy for step in trace.steps)
    for name in ("weight", "bias"):
        uses = [line for line in text.splitlines() if name in line.split("=", 1)[1]]
        assert bool(uses) == (name in call.arguments), name


@pytest.mark.parametrize(("op", "mode"), EVERY_MODE)
def test_every_step_has_its_words(op, mode):
    call = make_call(op, (4, 6, 5), mode=mode)
    for step in traced(call).backward(call.grad_output).steps:
        assert step.symbol, step.name
        assert step.formula.startswith(step.symbol) or " = " in step.formula, step.name
        assert step.sentence.endswith("."), step.name
        assert step.numpy.startswith(f"{step.name} = "), step.name
        assert "{" not in step.numpy + step.formula, step.name


@pytest.mark.parametrize("op", BUFFERED)
@pytest.mark.parametrize("momentum", [0.0, 0.1, 1.0])
def test_running_buffers_are_those_of_the_function(op, momentum):
    call = make_call(op, (4, 6, 5), momentum=momentum)
    given = copied(call.arguments)
    found = normviz.trace(op, call.x, **given).running_buffers()
    expected = by_normviz(call)
    assert sorted(found) == ["new_mean", "new_var", "running_mean", "running_var"]
    for name in BUFFERS:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12)
        mixed = (1 - momentum) * given[name] + momentum * found[name.replace("running", "new")]
        np.testing.assert_allclose(found[name], mixed, rtol=1e-12)
        np.testing.assert_array_equal(given[name], call.arguments[name])


def test_running_buffers_of_a_trace_that_has_none():
    assert traced(make_call("layer_norm", (4, 6, 5))).running_buffers() == {}
    assert traced(make_call("batch_norm", (4, 6, 5), mode=EVALUATION)).running_buffers() == {}
    assert normviz.trace("batch_norm", np.eye(3), training=True).running_buffers() == {}


def test_a_trace_trains_where_there_are_no_buffers():
    x = make_call("batch_norm", (4, 6, 5)).x
    for op, more in (("batch_norm", {}), ("ghost_batch_norm", {"num_splits": 2})):
        trace = normviz.trace(op, x, **more)
        assert trace.training
        expected = getattr(normviz, op)(x, **more, training=True)
        np.testing.assert_allclose(trace["output"], expected, atol=1e-12)


def test_a_second_backward_replaces_the_first():
    call = make_call("group_norm", (4, 6, 5), mode=TRAINING)
    trace = traced(call)
    first = trace.backward(call.grad_output)["grad_input"].copy()
    names = list(trace)
    second = trace.backward(2.0 * call.grad_output)
    assert list(second) == names
    np.testing.assert_allclose(second["grad_input"], 2.0 * first, rtol=1e-12)


def test_arguments_have_the_defaults_filled_in():
    trace = normviz.trace("rms_norm", np.ones((2, 3), np.float32), normalized_shape=(3,))
    assert trace.eps == np.finfo(np.float32).eps
    trace = normviz.trace("group_norm", np.ones((2, 4, 3)), num_groups=2)
    assert trace.arguments == {"num_groups": 2, "weight": None, "bias": None, "eps": 1e-5}


@pytest.mark.parametrize(("op", "mode"), EVERY_MODE)
def test_nan_passes_through_quietly(op, mode):
    call = make_call(op, (4, 6, 5), mode=mode)
    call.x[0, 0, 0], call.x[1, 1, 1] = np.nan, np.inf
    trace = traced(call).backward(call.grad_output)
    expected = by_normviz(call)
    for name in ("output", "grad_input"):
        np.testing.assert_array_equal(np.isnan(trace[name]), np.isnan(expected[name]))


@pytest.mark.parametrize("op", ["layer_norm", "group_norm", "rms_norm"])
def test_eps_zero_of_a_constant_set_passes_through_quietly(op):
    call = make_call(op, (4, 6, 5), eps=0.0)
    call.x[...] = 0.0
    assert np.isnan(traced(call).backward(call.grad_output)["output"]).all()


@pytest.mark.parametrize(("op", "mode"), EVERY_MODE)
def test_empty_batch(op, mode):
    call = make_call(op, (0, 6, 5), mode=mode)
    trace = traced(call).backward(call.grad_output)
    assert trace["output"].shape == call.x.shape
    for name in ("grad_weight", "grad_bias"):
        if name in trace:
            np.testing.assert_array_equal(trace[name], 0.0)
