"""One parameter per channel for ops that have one per element (layer_norm, rms_norm).

In a convolutional network the size of an image varies, so its norms have one weight and bias per
channel. Spread over (C, H, W) they are what layer_norm and rms_norm want; the gradient is summed
back.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def spread(parameter: Array, shape: tuple[int, ...]) -> Array:
    """One value per channel (C,) as an array of ``shape`` (C, *spatial).

    >>> spread(np.array([1.0, 2.0]), (2, 3))
    array([[1., 1., 1.],
           [2., 2., 2.]])
    """
    column = parameter.reshape(-1, *(1,) * (len(shape) - 1))
    return np.ascontiguousarray(np.broadcast_to(column, shape))


def gather(gradient: Array) -> Array:
    """The gradient of a spread parameter, summed back to one value per channel (C,)."""
    return np.asarray(gradient.sum(axis=tuple(range(1, gradient.ndim))))
