"""What a run folder was asked for, so that a report can say what is not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.files import read_json, write_json

FILE = "asked.json"


def remember(folder: Path, tasks: Iterable[tuple[str, int]]) -> None:
    """Add trials and seeds to what the folder was asked for before.

    Raises:
        TrainingError: when it cannot be written.
    """
    asked = read(folder)
    for trial, seed in tasks:
        seeds = asked.setdefault(trial, [])
        seeds += [seed] if seed not in seeds else []
    write_json(folder / FILE, asked)


def read(folder: Path) -> dict[str, list[int]]:
    """Return the seeds of each trial; nothing where it is not known, or damaged."""
    try:
        found: Any = read_json(folder / FILE)
        return {str(trial): [int(seed) for seed in seeds] for trial, seeds in found.items()}
    except (TrainingError, AttributeError, TypeError, ValueError):
        return {}


def not_begun(asked: Mapping[str, Iterable[int]], begun: Iterable[tuple[str, int]]) -> list[str]:
    """Return what was asked and has not begun, trial by trial, in words.

    >>> not_begun({"bn": [0, 1], "gn": [0, 1]}, [("bn", 0), ("bn", 1), ("gn", 1)])
    ['gn, seed 0']
    """
    there = set(begun)
    left = {
        trial: [str(seed) for seed in seeds if (trial, seed) not in there]
        for trial, seeds in asked.items()
    }
    return [
        f"{trial}, seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}"
        for trial, seeds in left.items()
        if seeds
    ]
