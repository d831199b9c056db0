"""torch's optimizers, without torch's compiler.

Theirs import it at the first step, only to tell it that they are not to be compiled. That takes
three seconds and 150 MB of each process that trains, and here nothing is ever compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from training.experiments.config import TrialConfig


def _uncompiled(method: Any) -> Any:
    """The method of torch within what speaks to the compiler."""
    return getattr(method, "__wrapped__", method)


class _Uncompiled(torch.optim.Optimizer):
    add_param_group = _uncompiled(torch.optim.Optimizer.add_param_group)
    load_state_dict = _uncompiled(torch.optim.Optimizer.load_state_dict)
    state_dict = _uncompiled(torch.optim.Optimizer.state_dict)
    zero_grad = _uncompiled(torch.optim.Optimizer.zero_grad)


class Adam(_Uncompiled, torch.optim.Adam):
    """``torch.optim.Adam``."""

    step = torch.no_grad()(_uncompiled(torch.optim.Adam.step))


class SGD(_Uncompiled, torch.optim.SGD):
    """``torch.optim.SGD``."""

    step = torch.no_grad()(_uncompiled(torch.optim.SGD.step))


def build_optimizer(config: TrialConfig, model: nn.Module) -> torch.optim.Optimizer:
    """Return the trial's optimizer; weight decay acts on the parameters that ``decay_on`` names."""
    parameters: Any = list(model.parameters())
    if config.decay_on == "weights":
        parameters = [
            {"params": [p for p in parameters if p.dim() > 1]},
            {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
        ]
    makers: dict[str, Callable[[], torch.optim.Optimizer]] = {
        "adam": lambda: Adam(
            parameters, config.learning_rate, weight_decay=config.weight_decay, fused=True
        ),
        "sgd": lambda: SGD(
            parameters,
            config.learning_rate,
            momentum=config.momentum,
            nesterov=config.nesterov,
            weight_decay=config.weight_decay,
            fused=True,
        ),
    }
    return makers[config.optimizer]()
