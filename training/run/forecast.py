"""How long a run will take: a few steps of each trial, measured before it starts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import torch

from training.data import load as data
from training.data.load import Digits
from training.experiments.trials import TrialConfig
from training.run.history import epochs_so_far
from training.run.task import Settings, Task
from training.run.threads import prepare
from training.run.trainer import Trainer

WARM_STEPS, TIMED_STEPS = 2, 6
# Measured: one view of a test digit costs a quarter of training on one; fixed costs of a task
# (imports, verification, gallery) a few seconds.
EVALUATION_SHARE = 0.25
TASK_SECONDS = 4.0


def estimate_seconds(tasks: Sequence[Task], jobs: int) -> float:
    """Return the expected wall seconds for what is left of ``tasks``, ``jobs`` at a time."""
    seconds = [0.0]
    for task in tasks:
        digits = data.load(task.settings.data, task.settings.dataset)
        left = task.config.epochs - len(epochs_so_far(task.folder))
        if left:
            each = _epoch_seconds(task.config, task.settings, digits)
            seconds.append(TASK_SECONDS + left * each)
    return max(sum(seconds) / jobs, *seconds)


def _epoch_seconds(config: TrialConfig, settings: Settings, digits: Digits) -> float:
    evaluations = config.views * len(digits.test_labels)
    images = len(digits.train_labels) + EVALUATION_SHARE * evaluations
    return images * _seconds_per_image(config, settings)


@lru_cache(maxsize=64)
def _seconds_per_image(config: TrialConfig, settings: Settings) -> float:
    prepare(settings.threads)
    digits = data.load(settings.data, settings.dataset)
    few = replace(
        digits,
        train_images=digits.train_images[: config.batch_size],
        train_labels=digits.train_labels[: config.batch_size],
        test_images=digits.test_images[:1],
        test_labels=digits.test_labels[:1],
    )
    trainer = Trainer(config, few, 0, settings.device, settings.precision, settings.backend)
    trainer.model.train()
    times = []
    for epoch in range(1, WARM_STEPS + TIMED_STEPS + 1):
        started = time.perf_counter()
        for x, y in data.get_iterator(few, config, 0, epoch):
            trainer.train_step(x.to(settings.device), y.to(settings.device))
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return sorted(times[WARM_STEPS:])[TIMED_STEPS // 2] / len(few.train_labels)
