"""Any memory layout gives the same numbers, inputs stay as they are, results have x's form."""

import numpy as np
import pytest

import normviz
from tests.reference.norm_calls import BUFFERED, EVALUATION, OPS, make_call, modes
from tests.reference.oracle import BUFFERS, assert_same, by_normviz, copied

LAYOUTS = {
    "transposed": lambda a: np.ascontiguousarray(a.swapaxes(0, -1)).swapaxes(0, -1),
    "channels last": lambda a: np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1),
    "Fortran": np.asfortranarray,
    "every second": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "reversed": lambda a: np.ascontiguousarray(a[::-1, ..., ::-1])[::-1, ..., ::-1],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize(("op", "mode"), [(op, mode) for op in OPS for mode in modes(op)])
def test_memory_layout_does_not_matter(op, mode, dtype, layout):
    call = make_call(op, (4, 6, 5, 2), dtype, mode)
    laid_out = call.with_arrays(LAYOUTS[layout])
    assert not laid_out.x.flags.c_contiguous
    # Sums over another stride may round otherwise, and no more than that.
    rounding = float(np.finfo(dtype).eps)
    assert_same(by_normviz(laid_out), by_normviz(call), tolerance=16 * rounding)


@pytest.mark.parametrize("op", OPS)
def test_broadcast_input(op):
    call = make_call(op, (4, 6, 5, 2))
    one = call.with_arrays(lambda a: np.broadcast_to(a[:1], a.shape))
    whole = call.with_arrays(lambda a: np.repeat(a[:1], len(a), axis=0))
    assert_same(by_normviz(one), by_normviz(whole), tolerance=1e-14)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("op", OPS)
def test_results_have_the_shape_and_dtype_of_x(op, dtype):
    call = make_call(op, (4, 6, 5, 2), dtype)
    output = getattr(normviz, op)(call.x, **copied(call.arguments))
    gradients = getattr(normviz, f"{op}_backward")(call.grad_output, call.x, **call.arguments)
    for array in (output, gradients.grad_input):
        assert type(array) is np.ndarray
        assert (array.shape, array.dtype) == (call.x.shape, call.x.dtype)
    for name in ("weight", "bias"):
        gradient, parameter = getattr(gradients, f"grad_{name}"), call.arguments.get(name)
        if parameter is None:
            assert gradient is None
        else:
            assert (gradient.shape, gradient.dtype) == (parameter.shape, parameter.dtype)


@pytest.mark.parametrize(("op", "mode"), [(op, mode) for op in OPS for mode in modes(op)])
def test_inputs_are_never_written(op, mode):
    call = make_call(op, (4, 6, 5, 2), mode=mode)
    for array in (call.x, call.grad_output, *call.arguments.values()):
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    buffers = {n: call.arguments[n].copy() for n in BUFFERS if n in call.arguments}
    getattr(normviz, op)(call.x, **(call.arguments | buffers))
    getattr(normviz, f"{op}_backward")(call.grad_output, call.x, **call.arguments)


@pytest.mark.parametrize("fixed", BUFFERS)
@pytest.mark.parametrize("op", BUFFERED)
def test_a_buffer_that_cannot_move_is_refused_before_the_other_has(op, fixed):
    call = make_call(op, (4, 6, 5, 2))
    buffers = {name: call.arguments[name].copy() for name in BUFFERS}
    before = {name: value.copy() for name, value in buffers.items()}
    buffers[fixed].flags.writeable = False
    words = f"{fixed} must be writable in training, where it moves, got a read-only array"
    with pytest.raises(ValueError, match=words):
        getattr(normviz, op)(call.x, **(call.arguments | buffers))
    for name, value in buffers.items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("op", OPS)
def test_outputs_are_new_arrays(op):
    call = make_call(op, (4, 6, 5, 2), eps=1e-5)
    output = getattr(normviz, op)(call.x, **copied(call.arguments))
    gradients = getattr(normviz, f"{op}_backward")(call.grad_output, call.x, **call.arguments)
    given = [call.x, call.grad_output, *call.arguments.values()]
    for result in (output, *gradients):
        for array in given:
            if result is not None and isinstance(array, np.ndarray):
                assert not np.shares_memory(result, array)


@pytest.mark.parametrize("op", BUFFERED)
def test_forward_moves_the_buffers_in_place_and_backward_never(op):
    call = make_call(op, (4, 6, 5, 2))
    before = copied(call.arguments)
    getattr(normviz, f"{op}_backward")(call.grad_output, call.x, **call.arguments)
    for name in BUFFERS:
        np.testing.assert_array_equal(call.arguments[name], before[name])
    getattr(normviz, op)(call.x, **call.arguments)
    for name in BUFFERS:
        assert not np.array_equal(call.arguments[name], before[name])


@pytest.mark.parametrize("op", BUFFERED)
def test_evaluation_leaves_the_buffers_alone(op):
    call = make_call(op, (4, 6, 5, 2), mode=EVALUATION)
    before = copied(call.arguments)
    getattr(normviz, op)(call.x, **call.arguments)
    for name in BUFFERS:
        np.testing.assert_array_equal(call.arguments[name], before[name])


@pytest.mark.parametrize("op", BUFFERED)
def test_buffers_may_be_views(op):
    call = make_call(op, (4, 6, 5, 2))
    expected = by_normviz(call)
    store = np.stack([call.arguments[name] for name in BUFFERS], axis=1)
    views = {name: store[:, i] for i, name in enumerate(BUFFERS)}
    getattr(normviz, op)(call.x, **(call.arguments | views))
    np.testing.assert_array_equal(store, np.stack([expected[n] for n in BUFFERS], axis=1))


def test_a_file_mapped_into_memory(tmp_path):
    x = make_call("batch_norm", (4, 6, 5)).x
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    found = normviz.batch_norm(mapped, training=True)
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, normviz.batch_norm(x, training=True))
