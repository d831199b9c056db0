"""What training makes small: the cross entropy, and penalties on the parameters.

Among them is the L1 of a published loop that grew while it was added. That loop read, with ``lam``
the strength::

    reg = 0
    for parameter in model.parameters():
        reg = reg + parameter.abs().sum()
        loss = loss + lam * reg            # should stand after the loop

``reg`` is still growing when it is added, so of T tensors the first is penalized T times, the
second T - 1 times, the last once. Its authors concluded that L1 makes the network random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.experiments.config import TrialConfig

Penalty = Callable[[Iterable[nn.Parameter], float], Tensor]


def cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the mean negative log likelihood of the labels; the scores are log probabilities.

    It is what is measured on the test set, and with penalties what training makes small.

    >>> import torch
    >>> round(cross_entropy(torch.log(torch.tensor([[0.5, 0.5]])), torch.tensor([1])).item(), 4)
    0.6931
    """
    return F.nll_loss(scores, labels)


def l1_penalty(parameters: Iterable[nn.Parameter], strength: float) -> Tensor:
    """Return ``strength * sum_i |p_i|``, every parameter counted once.

    >>> import torch
    >>> a, b = nn.Parameter(torch.tensor([1.0, -2.0])), nn.Parameter(torch.tensor([4.0]))
    >>> l1_penalty([a, b], 0.5).item()
    3.5
    """
    return strength * _absolute_sums(parameters).sum()


def l1_penalty_accumulated(parameters: Iterable[nn.Parameter], strength: float) -> Tensor:
    """Return the penalty as published: ``strength * sum_i (T - i) |p_i|`` for i = 0 .. T - 1.

    The running sums that the loop adds are the cumulative sums over the tensors.

    >>> import torch
    >>> a, b = nn.Parameter(torch.tensor([1.0, -2.0])), nn.Parameter(torch.tensor([4.0]))
    >>> l1_penalty_accumulated([a, b], 0.5).item()  # 0.5 * (2 * 3 + 1 * 4)
    5.0
    """
    return strength * _absolute_sums(parameters).cumsum(0).sum()


def accumulated_factors(model: nn.Module) -> dict[str, int]:
    """Return how many times the accumulated penalty counts each parameter tensor of ``model``.

    >>> accumulated_factors(nn.Linear(2, 3))
    {'weight': 2, 'bias': 1}
    """
    names = [name for name, _ in model.named_parameters()]
    return {name: len(names) - index for index, name in enumerate(names)}


def with_penalties(loss: Tensor, parameters: Iterable[nn.Parameter], config: TrialConfig) -> Tensor:
    """Return what a step of training makes smaller; weight decay is the optimizer's."""
    if not config.l1:
        return loss
    return loss + L1_FORMS[config.l1_form](parameters, config.l1)


L1_FORMS: dict[str, Penalty] = {"correct": l1_penalty, "accumulated": l1_penalty_accumulated}


def _absolute_sums(parameters: Iterable[nn.Parameter]) -> Tensor:
    """Return (T,) sums of absolute values, one for each of T tensors."""
    sums = [torch.linalg.vector_norm(p, 1) for p in parameters]
    return torch.stack(sums) if sums else torch.zeros(0)
