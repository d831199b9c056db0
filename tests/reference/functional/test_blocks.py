"""The cache block's size is a matter of speed alone, and every element is in one block."""

import numpy as np
import pytest

from normviz import statistics_sets
from normviz.reference import blockwise, sums
from tests.reference.norm_calls import OPS, TRAILING, make_call, modes
from tests.reference.oracle import assert_same, by_normviz

TINY = [1, 64, 1_000, 10_000]


@pytest.mark.parametrize("block_bytes", TINY)
@pytest.mark.parametrize("dtype", ["float64", "float16"])
@pytest.mark.parametrize(("op", "mode"), [(op, mode) for op in OPS for mode in modes(op)])
def test_tiny_blocks_give_the_same_results(monkeypatch, op, mode, dtype, block_bytes):
    call = make_call(op, (4, 6, 5, 3), dtype, mode, groups=3)
    whole = by_normviz(call)
    monkeypatch.setattr(blockwise, "BLOCK_BYTES", block_bytes)
    tolerance = 1e-14 if dtype == "float64" else 1e-3
    assert_same(by_normviz(call), whole, tolerance)


@pytest.mark.parametrize("op", OPS)
def test_tensors_larger_than_a_block(op):
    """About four blocks of the size as shipped; the whole in one block is the expected result."""
    call = make_call(op, (6, 10, 100, 140), "float64")
    assert call.x.nbytes > 2 * blockwise.BLOCK_BYTES
    found = by_normviz(call)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blockwise, "BLOCK_BYTES", 10 * call.x.nbytes)
        assert_same(found, by_normviz(call), tolerance=1e-13)


@pytest.mark.parametrize("block_bytes", [1, 200, 3_000, 10**9])
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("shape", [(6, 8), (4, 6, 5), (2, 2, 7, 3)], ids=str)
def test_blocks_cover_every_element_once_and_cut_no_set(monkeypatch, op, shape, block_bytes):
    monkeypatch.setattr(blockwise, "BLOCK_BYTES", block_bytes)
    arguments = {"num_groups": 2, "num_splits": 2}
    if op in TRAILING:
        arguments["normalized_shape"] = shape[1:]
    sets = statistics_sets(op, shape, **arguments)
    covered = np.zeros(sets.view, int)
    labels = sets.labels().reshape(sets.view)
    found = list(blockwise.blocks(sets, np.dtype(float)))
    uncut = labels.nbytes <= 2 * block_bytes and not sets.are_columns
    assert len(found) == 1 or not uncut
    for at in found:
        covered[at] += 1
        numbers = np.unique(labels[at])
        assert np.isin(labels, numbers).sum() == labels[at].size
        assert uncut or labels[at].nbytes <= max(block_bytes, 8 * sets.size)
    assert (covered == 1).all()


@pytest.mark.parametrize("length", [1, 7, 8, 4095, 4096, 4097, 8192, 10_000])
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_of_any_length(length, rows, dtype):
    """Runs of whole and part length: the sum of a product and of one factor alone."""
    rng = np.random.default_rng(length)
    a, b = (rng.uniform(0.5, 1.5, (rows, 2, length)).astype(dtype) for _ in range(2))
    rtol = 1e-6 if dtype == "float32" else 1e-14
    wide = a.astype(np.longdouble)
    for axes in ((2,), (0, 2)):
        expected = wide.sum(axes, keepdims=True)
        np.testing.assert_allclose(sums.total(a, None, axes), expected.astype(float), rtol)
        product = (wide * b).sum(axes, keepdims=True)
        np.testing.assert_allclose(sums.total(a, b, axes), product.astype(float), rtol)


def test_the_ufunc_buffer_and_error_state_are_put_back():
    before = np.getbufsize(), np.geterr()
    by_normviz(make_call("batch_norm", (4, 6, 5)))
    assert (np.getbufsize(), np.geterr()) == before
    with pytest.raises(ValueError, match="normalized_shape"):
        by_normviz(make_call("layer_norm", (4, 6, 5), normalized_shape=(6, 4)))
    assert (np.getbufsize(), np.geterr()) == before
