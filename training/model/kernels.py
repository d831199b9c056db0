"""Six normalizations, forward and backward, as loops over channels-last memory (Numba).

They differ only in which values share statistics, and two numbers say that: the batch is cut into
``splits`` runs of samples and the channels into ``groups`` runs of channels. BatchNorm is (1, C),
Ghost BatchNorm (splits, C), InstanceNorm (N, C), GroupNorm (N, groups), LayerNorm (N, 1), and
RMSNorm (N, 1) about zero instead of the mean.

Memory is the cost, so the loops also do what stands beside a normalization: on the way in they
raise x to ``floor`` (0 is ReLU, -inf nothing), on the way out they drop elements.

Arrays: x, y, dy, dx (N, P * C), P pixels one after the other, of one dtype, uint16 being the bits
of bfloat16; weight, bias and their gradients (C,) of that dtype too, or float32 with bfloat16; for
each set of values, in float64, mean, var, inv_std (splits, groups).

Everything compiled is in this file: Numba keeps machine code until the file of a loop changes.
"""

# Numba compiles for the types that come; annotations would say nothing.
# mypy: ignore-errors

from pickle import UnpicklingError

import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.extending import intrinsic, overload

# Sums run along so many pixels side by side: rows longer than a vector of the processor, and sums
# a sixteenth as long, which keep a digit more.
PIXELS = 16

# "contract": a multiplication and an addition may become one instruction, rounded once.
OPTIONS = {"nogil": True, "fastmath": {"contract"}}
COMPILES = not config.DISABLE_JIT  # NUMBA_DISABLE_JIT=1, for debugging, leaves nothing to be called
BFLOAT16_NAN, HALF = 0x7FC0, 0x7FFF
compiled = njit(**OPTIONS)


def kept_on_disk(function):
    """Compile ``function`` for good; where the disk fails, for this process."""
    try:
        kept = njit(cache=True, **OPTIONS)(function)
    except RuntimeError:  # no place to write, beside this file or in the user's cache
        return compiled(function)

    def call(*arguments):
        nonlocal kept
        try:
            return kept(*arguments)
        except (OSError, EOFError, ValueError, UnpicklingError):  # a full disk, a damaged file
            kept = compiled(function)
            return kept(*arguments)

    return call


@kept_on_disk
def forward(x, y, weight, bias, centered, eps, floor, scale, dropped, mean, var, inv_std):
    """Write y and the statistics of each set; return how many of ``dropped`` are different.

    Those come first in ``dropped`` then; y is 0 there and multiplied by ``scale`` elsewhere.
    """
    channels, (splits, groups) = weight.size, mean.shape
    in_split, in_group = len(x) // splits, channels // groups
    pixels = x.shape[1] // channels
    parts = in_split * in_group
    means, squares = np.empty((in_split, channels)), np.empty((in_split, channels))
    factors = np.empty((3, channels), weight.dtype)
    rows = np.empty((3, PIXELS * channels), weight.dtype)
    for s in range(splits):
        first = s * in_split
        for n in range(in_split):
            _moments(x[first + n], centered, floor, rows, means[n], squares[n])
        for group in range(groups):
            start, stop = group * in_group, (group + 1) * in_group
            # Parts of equal length: their means' mean is the mean (Chan et al., 1983, eq. 2.1).
            center, around = 0.0, 0.0
            for n in range(in_split):
                for c in range(start, stop):
                    center += means[n, c] / parts
            for n in range(in_split):
                for c in range(start, stop):
                    around += squares[n, c] + pixels * (means[n, c] - center) ** 2
            mean[s, group], var[s, group] = center, around / (parts * pixels)
            inv_std[s, group] = 1 / np.sqrt(var[s, group] + eps)
            for c in range(start, stop):
                slope = inv_std[s, group] * weight[c] * scale
                factors[0, c] = center
                factors[1, c] = slope
                # With what the mean lost when it was rounded to the dtype of x.
                factors[2, c] = bias[c] * scale + (factors[0, c] - center) * slope
        _repeat(factors, rows)
        for n in range(first, first + in_split):
            _standardize(x[n], y[n], floor, rows)
    return _drop(y.reshape(-1), dropped)


@kept_on_disk
def backward(x, dy, dx, weight, centered, floor, scale, dropped, mean, inv_std, dweight, dbias):
    """Write the gradients of x, weight and bias; ``dropped`` holds every position once.

    With z = max(x, floor), z_hat = (z - mean) * inv_std and v = dy * scale * weight, dx is
    (v - mean(v) - z_hat * mean(v * z_hat)) * inv_std (Ioffe & Szegedy, 2015, p. 4), without
    mean(v) about zero, and 0 where x is not above floor.
    """
    channels, (splits, groups) = weight.size, mean.shape
    in_split, in_group = len(x) // splits, channels // groups
    count = in_split * in_group * (x.shape[1] // channels)
    flat_x, flat_dy, flat_dx = x.reshape(-1), dy.reshape(-1), dx.reshape(-1)
    factors = np.empty((splits, 4, channels), weight.dtype)
    rows = np.empty((4, PIXELS * channels), weight.dtype)
    for s in range(splits):
        for c in range(channels):
            factors[s, 0, c] = mean[s, c // in_group]
    # The sums of dy, and of dy times the deviation; what was dropped is counted below, so not here.
    sums = np.zeros((splits, 2, channels))
    for at in dropped:
        s, c = at // x.shape[1] // in_split, at % channels
        value = widen(flat_dy[at])
        sums[s, 0, c] -= value
        sums[s, 1, c] -= value * (_raise(widen(flat_x[at]), floor) - factors[s, 0, c])
    dweight[:], dbias[:] = 0, 0
    for s in range(splits):
        first = s * in_split
        _repeat(factors[s, :1], rows)
        for n in range(first, first + in_split):
            _products(x[n], dy[n], floor, rows, sums[s])
        for group in range(groups):
            channels_of_group = range(group * in_group, (group + 1) * in_group)
            inv = inv_std[s, group]
            v, v_z_hat = 0.0, 0.0
            for c in channels_of_group:
                lost = factors[s, 0, c] - mean[s, group]  # when the mean was rounded
                of_dy = sums[s, 0, c] * scale
                of_product = (sums[s, 1, c] + sums[s, 0, c] * lost) * scale * inv
                dbias[c] += of_dy
                dweight[c] += of_product
                v += of_dy * weight[c] / count
                v_z_hat += of_product * weight[c] / count
            for c in channels_of_group:
                lost = factors[s, 0, c] - mean[s, group]
                factors[s, 1, c] = weight[c] * scale * inv
                factors[s, 2, c] = -v_z_hat * inv * inv
                factors[s, 3, c] = (-v * inv if centered else 0.0) - v_z_hat * inv * inv * lost
        _repeat(factors[s], rows)
        for n in range(first, first + in_split):
            _gradient(x[n], dy[n], dx[n], floor, rows)
    for at in dropped:
        z, f = widen(flat_x[at]), factors[at // x.shape[1] // in_split, :, at % channels]
        found = f[2] * (z - f[0]) + f[3]
        flat_dx[at] = narrow(np.float32(0) if z <= floor else found, flat_dx[at])


@compiled
def _moments(x, centered, floor, rows, mean, squares):
    """Write the mean (C,) of a sample's channels and their sums of squared deviations (C,).

    Not ``centered``, the mean is taken to be 0.
    """
    channels, width, pixels = mean.size, rows.shape[1], x.size // mean.size
    sums, center, rest = rows[0], rows[1], rows[2]
    mean[:], center[:], sums[:], rest[:] = 0, 0, 0, 0
    if centered:
        for start in range(0, x.size, width):
            part = x[start : start + width]
            for j in range(part.size):
                sums[j] += _raise(widen(part[j]), floor)
        _fold(sums, mean)
        for c in range(channels):
            center[c] = mean[c] / pixels
        _spread(center, channels)
        sums[:] = 0
    for start in range(0, x.size, width):
        part = x[start : start + width]
        for j in range(part.size):
            deviation = _raise(widen(part[j]), floor) - center[j]
            sums[j] += deviation * deviation
            rest[j] += deviation
    squares[:] = 0
    _fold(sums, squares)
    if centered:
        # The deviations were from a rounded mean; theirs is what it lacks.
        mean[:] = 0
        _fold(rest, mean)
        for c in range(channels):
            mean[c] /= pixels
            squares[c] -= pixels * mean[c] ** 2
            mean[c] += center[c]


@compiled
def _standardize(x, y, floor, rows):
    """Write one sample of y."""
    width = rows.shape[1]
    for start in range(0, x.size, width):
        part, out = x[start : start + width], y[start : start + width]
        for j in range(part.size):
            deviation = _raise(widen(part[j]), floor) - rows[0, j]
            out[j] = narrow(deviation * rows[1, j] + rows[2, j], out[j])


@compiled
def _products(x, dy, floor, rows, sums):
    """Add to ``sums`` (2, C) one sample's sums of dy and of dy times the deviation of x."""
    width = rows.shape[1]
    rows[1:3] = 0
    for start in range(0, x.size, width):
        part, of_y = x[start : start + width], dy[start : start + width]
        for j in range(part.size):
            value = widen(of_y[j])
            rows[1, j] += value
            rows[2, j] += value * (_raise(widen(part[j]), floor) - rows[0, j])
    for k in range(2):
        _fold(rows[1 + k], sums[k])


@compiled
def _gradient(x, dy, dx, floor, rows):
    """Write one sample of dx."""
    width = rows.shape[1]
    for start in range(0, x.size, width):
        part, of_y = x[start : start + width], dy[start : start + width]
        out = dx[start : start + width]
        for j in range(part.size):
            z = widen(part[j])
            found = widen(of_y[j]) * rows[1, j] + (z - rows[0, j]) * rows[2, j] + rows[3, j]
            out[j] = narrow(np.float32(0) if z <= floor else found, out[j])


@compiled
def _drop(y, positions):
    """Make y 0 at the positions; move each different one to the front and return their number."""
    different = 0
    for at in positions:
        value = widen(y[at])
        if value == value:  # once seen, it is marked as not a number
            y[at] = narrow(value * np.nan, y[at])
            positions[different] = at
            different += 1
    for at in positions[:different]:
        y[at] = 0
    return different


@compiled
def _repeat(factors, rows):
    """Write each row of ``factors`` (K, C) as often one after the other as ``rows`` are long."""
    channels = factors.shape[1]
    for k in range(len(factors)):
        for c in range(channels):
            rows[k, c] = factors[k, c]
        _spread(rows[k], channels)


@compiled
def _spread(row, channels):
    """Repeat the first pixel of ``row`` (pixels * C) in all others."""
    for j in range(channels, row.size):
        row[j] = row[j - channels]


@compiled
def _fold(row, sums):
    """Add the sums over the pixels of ``row`` (pixels * C) to ``sums`` (C,), in float64."""
    for start in range(0, row.size, sums.size):
        for c in range(sums.size):
            sums[c] += row[start + c]


@compiled
def _raise(z, floor):
    """Return z, at least ``floor``; what is not a number stays so."""
    return floor if z < floor else z


def widen(value):
    """Return the float32 of bfloat16 bits (uint16), every other dtype as it is."""


def narrow(value, like):
    """Return ``value`` in the dtype of ``like``; as bfloat16 bits, rounded to the nearest even."""


@overload(widen, inline="always")
def _widen(value):
    if value == types.uint16:
        return lambda value: _as_float(np.uint32(value) << np.uint32(16))
    return lambda value: value


@overload(narrow, inline="always")
def _narrow(value, like):
    if like == types.uint16:

        def rounded(value, like):
            number = np.float32(value)
            bits = _as_bits(number)
            odd = (bits >> np.uint32(16)) & np.uint32(1)
            up = (bits + np.uint32(HALF) + odd) >> np.uint32(16)
            return np.uint16(up) if number == number else np.uint16(BFLOAT16_NAN)

        return rounded
    return lambda value, like: value


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
