"""bfloat16 in Numba: its 16 bits, which NumPy has no type for, are the upper half of a float32.

``widen`` and ``narrow`` are the identity for every other dtype, so one loop serves all. Numba keeps
compiled loops until their own file changes: after a change here, change kernels.py too.
"""

# Numba compiles for the types that come; annotations would say nothing.
# mypy: ignore-errors

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

NAN, HALF = 0x7FC0, 0x7FFF


@intrinsic
def _as_float(typingctx, bits):
    """Read a uint32 as a float32."""
    return types.float32(types.uint32), lambda _c, builder, _s, args: builder.bitcast(
        args[0], ir.FloatType()
    )


@intrinsic
def _as_bits(typingctx, value):
    """Read a float32 as a uint32."""
    return types.uint32(types.float32), lambda _c, builder, _s, args: builder.bitcast(
        args[0], ir.IntType(32)
    )


def widen(value):
    """Return the float32 of bfloat16 bits (uint16)."""


@overload(widen, inline="always")
def _widen(value):
    if value == types.uint16:
        return lambda value: _as_float(np.uint32(value) << np.uint32(16))
    return lambda value: value


def narrow(value, like):
    """Return ``value`` in the dtype of ``like``; as bfloat16 bits, rounded to the nearest even."""


@overload(narrow, inline="always")
def _narrow(value, like):
    if like == types.uint16:

        def rounded(value, like):
            number = np.float32(value)
            bits = _as_bits(number)
            odd = (bits >> np.uint32(16)) & np.uint32(1)
            up = (bits + np.uint32(HALF) + odd) >> np.uint32(16)
            return np.uint16(up) if number == number else np.uint16(NAN)

        return rounded
    return lambda value, like: value
