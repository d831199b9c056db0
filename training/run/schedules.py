"""Learning rates as pure functions of the step, so that resuming needs no schedule state.

Each equals torch's scheduler of the same idea (tested): StepLR, ExponentialLR, OneCycleLR.
"""

from __future__ import annotations

import math

from training.experiments.config import TrialConfig

# Parts of the highest learning rate: OneCycleLR's div_factor=10 and final_div_factor=100.
ONECYCLE_START = 1 / 10
ONECYCLE_END = ONECYCLE_START / 100


def learning_rate(config: TrialConfig, step: int, steps_per_epoch: int) -> float:
    """Return the learning rate of optimizer step ``step`` (from 0) of the whole trial.

    constant     lr
    exponential  lr * gamma ** epoch
    step         lr * gamma ** (epoch // step_size)
    onecycle     half a cosine up to lr over the first ``warmup`` of all steps, half a cosine down

    >>> from training.experiments.trials import find_trial
    >>> [round(learning_rate(find_trial("bn"), epoch * 10, 10), 6) for epoch in (0, 7, 8, 16)]
    [0.1, 0.1, 0.001, 1e-05]
    """
    epoch = step // steps_per_epoch
    if config.schedule == "exponential":
        return _scaled(config, epoch)
    if config.schedule == "step":
        return _scaled(config, epoch // config.step_size)
    if config.schedule == "onecycle":
        return _one_cycle(config, step, config.epochs * steps_per_epoch)
    return config.learning_rate


def _scaled(config: TrialConfig, times: int) -> float:
    try:
        return config.learning_rate * config.gamma**times
    except OverflowError:  # a rate that grows: the loss says so, one way or the other
        return math.inf


def _one_cycle(config: TrialConfig, step: int, total_steps: int) -> float:
    top = config.learning_rate
    turn = config.warmup * total_steps - 1
    if step <= turn:  # of one step of warmup the first is the last
        return _half_cosine(top * ONECYCLE_START, top, step / turn if turn else 1.0)
    return _half_cosine(top, top * ONECYCLE_END, (step - turn) / (total_steps - 1 - turn))


def _half_cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
