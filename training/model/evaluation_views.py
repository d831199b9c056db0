"""Several looks at each image: a network sees it as it is and a pixel to each side.

Max pooling sees only every second position, so a shift by one pixel changes what it passes on. The
probabilities of the five views, averaged, are steadier than those of one; the network, its training
and its parameters are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

SHIFTS = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))  # pixels down and to the right


def shifted(images: Tensor, down: int, right: int, fill: float) -> Tensor:
    """Return (N, C, H, W) images moved by whole pixels; ``fill`` is what comes in from outside.

    >>> shifted(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), 0, 1, fill=9)
    tensor([[[[9., 1.],
              [9., 3.]]]])
    """
    # A negative padding cuts off what leaves the picture.
    return F.pad(images, (right, -right, down, -down), value=fill)


def log_probabilities(
    network: Callable[[Tensor], Tensor], images: Tensor, views: int, fill: float
) -> Tensor:
    """Return the logarithm of the mean probabilities over the first ``views`` of ``SHIFTS``.

    Args:
        network: from (N, C, H, W) to log-probabilities (N, K).
        images: (N, C, H, W).
        views: how many; with 1 this is ``network(images)`` itself.
        fill: the value of black in ``images``.
    """
    if views == 1:
        return network(images)
    scores = [network(shifted(images, *shift, fill)) for shift in SHIFTS[:views]]
    return torch.stack(scores).logsumexp(0) - math.log(views)
