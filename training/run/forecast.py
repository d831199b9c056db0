"""How long a run will last: a few steps of each trial are timed before it starts.

An estimate: it takes the workers to be as fast as this process is now.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import torch

from training.data import load as data
from training.data.load import Digits
from training.experiments.config import TrialConfig
from training.record.history import epochs_so_far
from training.record.task_folder import divergence
from training.run.machine import prepared
from training.run.one_network import Trainer
from training.run.task import Settings, Task

WARM_STEPS, TIMED_STEPS = 2, 6
# Measured: one view of a test digit costs a quarter of training on one; what a task costs besides
# (verification, gallery); what a worker process costs before its first one (imports).
EVALUATION_SHARE = 0.25
TASK_SECONDS = 1.5
WORKER_SECONDS = 6.0


def estimate_seconds(tasks: Sequence[Task], jobs: int) -> float:
    """Return the expected wall seconds for what is left of ``tasks``, ``jobs`` at a time."""
    seconds = [0.0]
    for task in tasks:
        digits = data.load(task.settings.data, task.settings.dataset)
        left = task.config.epochs - len(epochs_so_far(task.folder))
        if left and not divergence(task.folder):
            each = _epoch_seconds(task.config, task.settings, digits)
            seconds.append(TASK_SECONDS + left * each)
    start = WORKER_SECONDS if jobs > 1 and len(seconds) > 1 else 0.0
    return start + max(sum(seconds) / jobs, *seconds)


def _epoch_seconds(config: TrialConfig, settings: Settings, digits: Digits) -> float:
    train, test = len(digits.train_labels), len(digits.test_labels)
    if config.train_size:
        train, test = config.train_size, train + test - config.train_size
    images = config.passes * train + EVALUATION_SHARE * config.views * test
    return images * _seconds_per_image(replace(config, passes=1), settings)


@lru_cache(maxsize=64)
def _seconds_per_image(config: TrialConfig, settings: Settings) -> float:
    digits = data.drawn(data.load(settings.data, settings.dataset), config.train_size, 0)
    count = (WARM_STEPS + TIMED_STEPS) * config.batch_size
    few = replace(
        digits,
        train_images=digits.train_images[:count],
        train_labels=digits.train_labels[:count],
        test_images=digits.test_images[:1],
        test_labels=digits.test_labels[:1],
    )
    with prepared(settings.threads):
        trainer = Trainer(config, few, 0, settings.device, settings.precision, settings.backend)
        trainer.model.train()
        times: list[float] = []
        # As an epoch does it, one batch after another: what a pass begins with is shared by all.
        for epoch in itertools.count(1):
            started = time.perf_counter()
            for x, y in data.get_iterator(few, config, 0, epoch):
                trainer.train_step(x.to(settings.device), y.to(settings.device))
                if torch.cuda.is_available():
                    torch.cuda.synchronize()
                now = time.perf_counter()
                times.append((now - started) / len(y))
                started = now
            if len(times) >= WARM_STEPS + TIMED_STEPS:
                break
    return sorted(times[WARM_STEPS:])[(len(times) - WARM_STEPS) // 2]
