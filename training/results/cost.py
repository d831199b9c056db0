"""What a run costs: forecast from a few steps before it starts, counted from its histories after.

Tasks (trial x seed) share nothing, so W workers take them one after the other as they become free;
the whole lasts as long as the busiest worker, never less than the longest task, and the serial part
(start, forecast, tables, figures, report) comes on top. An estimate: it takes other machines to be
as fast as this one.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch

from training.data import load as data
from training.data.load import Digits
from training.experiments.config import TrialConfig
from training.record.history import Record, epochs_so_far
from training.results.over_seeds import Overview
from training.run.machine import prepared
from training.run.one_network import Trainer
from training.run.task import Settings, Task

WARM_STEPS, TIMED_STEPS = 2, 6
# Measured: one view of a test digit costs a quarter of training on one; what a task costs besides
# (verification, gallery); what a worker process costs before its first one (imports).
EVALUATION_SHARE = 0.25
TASK_SECONDS = 1.5
WORKER_SECONDS = 6.0
WORKERS = (1, 2, 10, 100)
SEEDS = 5
# Measured on one core: start, loading and forecast 5 s; tables, figures, report of 17 trials 4 s.
SERIAL_SECONDS = 9.0
TEST_SHARE = 1 / 6  # test images for each training image, in all full data sets
EVALUATION = EVALUATION_SHARE * TEST_SHARE  # of one view, in seconds of training


@dataclass(frozen=True)
class Cost:
    """The seconds of one task of each trial, and what a run of them would last."""

    tasks: dict[str, float]
    longest: float
    walls: dict[int, float]  # by workers, each trial with one seed
    walls_of_seeds: dict[int, float]  # the same with SEEDS seeds


def as_it_went(record: Record) -> float:
    """Return the training seconds of a history, with whatever else the machine did meanwhile."""
    return sum(epoch.train_seconds for epoch in record.epochs)


def at_best_pace(record: Record) -> float:
    """Return the training seconds if every epoch had been as fast as the fastest."""
    return len(record.epochs) * min(epoch.train_seconds for epoch in record.epochs)


def cost(trials: Sequence[Overview], seconds: Callable[[Record], float]) -> Cost | None:
    """Return the cost of the finished trials; None without any.

    Args:
        trials: of a run.
        seconds: ``as_it_went`` or ``at_best_pace``.
    """
    tasks = {
        trial.name: _mean(
            [_task_seconds(r.record, seconds, trial.config.views) for r in trial.finished]
        )
        for trial in trials
        if trial.finished
    }
    if not tasks:
        return None
    one = list(tasks.values())
    several = [value for value in one for _seed in range(SEEDS)]
    return Cost(
        tasks,
        max(one),
        {workers: SERIAL_SECONDS + busiest(one, workers) for workers in WORKERS},
        {workers: SERIAL_SECONDS + busiest(several, workers) for workers in WORKERS},
    )


def busiest(tasks: Sequence[float], workers: int) -> float:
    """Return when the last of ``workers`` ends that take tasks in their order as they are free.

    >>> busiest([3, 1, 1, 1], 2), busiest([3, 1, 1, 1], 10), busiest([3, 1, 1, 1], 1)
    (3.0, 3.0, 6.0)
    """
    free = [0.0] * min(workers, len(tasks))
    for seconds in tasks:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


def _task_seconds(record: Record, seconds: Callable[[Record], float], views: int) -> float:
    return TASK_SECONDS + (1 + views * EVALUATION) * seconds(record)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def estimate_seconds(tasks: Sequence[Task], jobs: int) -> float:
    """Return the expected wall seconds for what is left of ``tasks``, ``jobs`` at a time."""
    seconds = [0.0]
    for task in tasks:
        digits = data.load(task.settings.data, task.settings.dataset)
        left = task.config.epochs - len(epochs_so_far(task.folder))
        if left:
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
    digits = data.load(settings.data, settings.dataset)
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


def duration(seconds: float) -> str:
    """Write a duration for people.

    >>> duration(42), duration(600), duration(8100)
    ('42 s', '10 min', '2 h 15 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
