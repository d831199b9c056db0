"""What a run of all trials costs, counted from the histories of one.

Tasks (trial x seed) share nothing, so W workers take them one after the other as they become free;
the whole lasts as long as the busiest worker, never less than the longest task, and the serial part
(start, forecast, tables, figures, report) comes on top. An estimate: it takes other machines to be
as fast as this one.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.record.history import Record
from training.record.task_folder import Result
from training.results.over_seeds import Overview
from training.run.forecast import EVALUATION_SHARE, TASK_SECONDS

WORKERS = (1, 2, 10, 100)
SEEDS = 5
# Measured on one core: start, loading and forecast 5 s; tables, figures, report of 17 trials 4 s.
SERIAL_SECONDS = 9.0


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
        trial.name: _mean([_task_seconds(result, seconds) for result in trial.finished])
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


def _task_seconds(result: Result, seconds: Callable[[Record], float]) -> float:
    trained = sum(e.train_seconds * e.images_per_second for e in result.record.epochs)
    tested = len(result.record.epochs) * result.test_images
    evaluation = EVALUATION_SHARE * result.config.views * tested / trained
    return TASK_SECONDS + (1 + evaluation) * seconds(result.record)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def duration(seconds: float) -> str:
    """Write a duration for people.

    >>> duration(42), duration(600), duration(8100)
    ('42 s', '10 min', '2 h 15 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
