"""Peak memory: at most twice the input beyond what goes in and what comes out."""

import gc
import tracemalloc

import numpy as np
import pytest

import normviz
from tests.reference.norm_calls import AFFINE, OPS, PLAIN, make_call, modes

SHAPE = (32, 64, 56, 56)
WARM = (2, 8, 4, 4)
ARGUMENTS = {"groups": 8, "splits": 4}


def peak_beyond(function):
    """The peak of what a call allocates, less what it returns, in bytes."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        result = function()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    arrays = result if isinstance(result, tuple) else (result,)
    returned = sum(a.nbytes for a in arrays if a is not None)
    assert peak - before >= returned, "the trace must see NumPy's memory"
    return peak - before - returned


@pytest.fixture(scope="module")
def big():
    rng = np.random.default_rng(0)
    return rng.standard_normal(SHAPE, np.float32), rng.standard_normal(SHAPE, np.float32)


def call_on(op, mode, arrays):
    x, grad_output = arrays
    call = make_call(op, (*WARM[:1], *SHAPE[1:]), "float32", mode, **ARGUMENTS)
    function, backward = getattr(normviz, op), getattr(normviz, f"{op}_backward")
    return (
        lambda: function(x, **call.arguments),
        lambda: backward(grad_output, x, **call.arguments),
    )


@pytest.mark.parametrize("op", OPS)
def test_peak_of_forward_and_backward(op, big):
    for function in call_on(op, modes(op)[0], big):
        assert peak_beyond(function) <= 2 * big[0].nbytes


@pytest.mark.parametrize("op", ["batch_norm", "group_norm"])
def test_peak_in_channels_last(op, big):
    laid_out = [np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1) for a in big]
    for function in call_on(op, modes(op)[0], laid_out):
        assert peak_beyond(function) <= 2 * big[0].nbytes


@pytest.mark.parametrize("op", ["batch_norm", "layer_norm"])
def test_peak_in_half_precision(op, big):
    """It is worked in float32, block by block, never as a whole."""
    half = [a.astype(np.float16) for a in big]
    for function in call_on(op, modes(op)[0], half):
        assert peak_beyond(function) <= 2 * half[0].nbytes


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("parameters", [PLAIN, AFFINE])
@pytest.mark.parametrize(
    "shape",
    [(64, 16, 26, 26), (8, 96, 14, 28), (16, 3, 128, 128), (8, 64, 400), (8, 3, 32, 32),
     (2, 1, 100, 100), (64, 2, 10, 10), (2, 2048, 4, 4), (1024, 16), (64, 512)],
)  # fmt: skip
def test_peak_of_pixel_norm(shape, parameters, dtype):
    """Its sets may be so small that their statistics are larger than themselves."""
    call = make_call("pixel_norm", shape, dtype, parameters=parameters)
    for function in (
        lambda: normviz.pixel_norm(call.x, **call.arguments),
        lambda: normviz.pixel_norm_backward(call.grad_output, call.x, **call.arguments),
    ):
        function()  # what is kept from one call to the next is none of its memory
        assert peak_beyond(function) <= 2 * call.x.nbytes


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("shape", [(16, 16), (512, 16), (256, 32), (4, 16, 8, 7), (1000, 3)])
def test_peak_of_pixel_norm_of_a_small_tensor(shape, dtype):
    """Where the time of every call counts more than memory there is still a bound: about 40 kB."""
    call = make_call("pixel_norm", shape, dtype, parameters=AFFINE)
    for function in (
        lambda: normviz.pixel_norm(call.x, **call.arguments),
        lambda: normviz.pixel_norm_backward(call.grad_output, call.x, **call.arguments),
    ):
        function()
        assert peak_beyond(function) <= max(2 * call.x.nbytes, 45_000)
