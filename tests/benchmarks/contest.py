"""Contestants that each live in a process of their own, warmed up and idle until their turn."""

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

Step = Callable[[], int]
"""Takes one optimizer step and returns how many images it used."""
WARM_STEPS = 8


def contestant(
    pipe: Connection, make: Callable[..., dict[str, Step]], arguments: tuple[Any, ...]
) -> None:
    """A process: warm up, then for every (event, seconds) received, return images a second."""
    steps = make(*arguments)
    for step in steps.values():
        for _ in range(WARM_STEPS):
            step()
    pipe.send(0.0)
    for event, seconds in iter(pipe.recv, None):
        step = steps[event]
        images, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            images += step()
        pipe.send(images / (time.perf_counter() - start))


class Team:
    """``size`` contestants that work at the same time, each at what ``make(*arguments)`` says."""

    def __init__(self, size: int, make: Callable[..., dict[str, Step]], *arguments: Any) -> None:
        self.lines = []
        context = multiprocessing.get_context("spawn")
        for _ in range(size):
            here, there = multiprocessing.Pipe()
            process = context.Process(target=contestant, args=(there, make, arguments), daemon=True)
            process.start()
            there.close()  # so that a contestant that died is an error here, not silence
            self.lines.append(here)
        for line in self.lines:
            line.recv()

    def turn(self, event: str, seconds: float) -> float:
        """Let the contestants work; their images a second together."""
        for line in self.lines:
            line.send((event, seconds))
        return sum(line.recv() for line in self.lines)

    def dismiss(self) -> None:
        """End the contestants' processes."""
        for line in self.lines:
            line.send(None)
