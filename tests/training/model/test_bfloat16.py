"""The bits of bfloat16 in Numba against torch's own conversions."""

import numba
import numpy as np
import pytest
import torch

from training.model.kernels import narrow, widen

EVERY = np.arange(2**16, dtype=np.uint32).astype(np.uint16)


@numba.njit
def widened(bits, out):
    for i in range(bits.size):
        out[i] = widen(bits[i])


@numba.njit
def narrowed(values, out):
    for i in range(values.size):
        out[i] = narrow(values[i], out[i])


def test_every_bfloat16_is_the_float32_that_torch_makes_of_it():
    found = np.empty(EVERY.size, np.float32)
    widened(EVERY, found)
    expected = torch.from_numpy(EVERY).view(torch.bfloat16).float().numpy()
    np.testing.assert_array_equal(found, expected)  # NaN equals NaN here


def test_rounding_is_torchs_ties_and_infinities_included():
    upper = EVERY.astype(np.uint32) << 16
    lower = np.array([0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF], np.uint32)
    values = (upper[:, None] | lower).reshape(-1).view(np.float32)
    found = np.empty(values.size, np.uint16)
    narrowed(values, found)
    ours = torch.from_numpy(found).view(torch.bfloat16).float().numpy()
    np.testing.assert_array_equal(ours, torch.from_numpy(values).bfloat16().float().numpy())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_other_dtypes_pass_as_they_are(dtype):
    values = np.array([1 / 3, np.inf, -0.0, np.nan], dtype)
    for convert in (widened, narrowed):
        found = np.empty(values.size, dtype)
        convert(values, found)
        np.testing.assert_array_equal(found, values)
