"""A normalization of one's own: its statistics sets as one line of notation.

>>> x = np.arange(8.0).reshape(1, 2, 4)  # two tokens of four features, in two heads
>>> normalize(x, "n t (h [d])", sizes={"h": 2}, eps=0.0)
array([[[-1.,  1., -1.,  1.],
        [-1.,  1., -1.,  1.]]])
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.norm import USUAL_EPS, Norm
from normviz.norms.notation import Size
from normviz.norms.sets import norm_for
from normviz.reference.call import backward, complete, forward
from normviz.reference.core import Gradients

Array = npt.NDArray[np.floating[Any]]


def normalize(
    x: Array,
    sets: str | Norm,
    *,
    sizes: Mapping[str, Size] | None = None,
    affine: str = "",
    weight: Array | None = None,
    bias: Array | None = None,
    centered: bool = True,
    eps: float | None = USUAL_EPS,
) -> Array:
    """Normalize x over statistics sets said by a pattern (:mod:`normviz.norms.notation`).

    ``y = (x - mean) / sqrt(var + eps) * weight + bias``; with ``centered=False`` the mean is taken
    as zero, as rms_norm does. eps is 1e-5, or what a declared norm has. ``sizes`` holds what the
    shape does not tell, such as the heads in "n t (h [d])"; ``affine`` names the axes that weight
    and bias have.

    Shapes: x as the pattern says; weight and bias the lengths of the affine axes in the pattern's
    order ("(g k)" is one axis of length g k). A set of one value is its own mean, as in torch's
    layer_norm.

    Raises:
        TypeError: x or a parameter is not a floating-point array of a dtype that goes together.
        ValueError: a pattern that cannot be read or does not fit x, with the place; a wrong shape,
            a negative eps.

    >>> normalize(np.array([[1.0, 3.0], [5.0, 9.0]]), "n [c]", eps=0.0)
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    norm, rest = _of(sets, sizes, affine, centered, weight, bias, eps)
    return forward(norm, x, **rest)


def normalize_backward(
    grad_output: Array,
    x: Array,
    sets: str | Norm,
    *,
    sizes: Mapping[str, Size] | None = None,
    affine: str = "",
    weight: Array | None = None,
    bias: Array | None = None,
    centered: bool = True,
    eps: float | None = USUAL_EPS,
) -> Gradients:
    """The gradients of :func:`normalize`; None for a parameter that was not given.

    Errors as the forward pass; also for a grad_output unlike x.

    >>> x = np.array([[1.0, 3.0], [5.0, 9.0]])
    >>> normalize_backward(np.ones((2, 2)), x, "n [c]", affine="c", bias=np.zeros(2)).grad_bias
    array([2., 2.])
    """
    norm, rest = _of(sets, sizes, affine, centered, weight, bias, eps)
    return backward(norm, grad_output, x, **rest)


def _of(
    sets: str | Norm,
    sizes: Mapping[str, Size] | None,
    affine: str,
    centered: bool,
    weight: Array | None,
    bias: Array | None,
    eps: float | None,
) -> tuple[Norm, dict[str, Any]]:
    norm = norm_for(sets, sizes=sizes, affine=affine, centered=centered)
    given = {"weight": weight, "bias": bias}
    given = {name: value for name, value in given.items() if value is not None}
    return norm, complete(norm, given if eps is USUAL_EPS else given | {"eps": eps})
