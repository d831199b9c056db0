"""What a run folder was asked for, so that a report can say what is not there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.files import read_json, write_json

FILE = "asked.json"


def remember(folder: Path, tasks: Iterable[tuple[str, int]]) -> None:
    """Keep which seeds of each trial were asked for last.

    Raises:
        TrainingError: when it cannot be written.
    """
    now: dict[str, list[int]] = {}
    for trial, seed in tasks:
        now.setdefault(trial, []).append(seed)
    write_json(folder / FILE, read(folder) | now)


def read(folder: Path) -> dict[str, list[int]]:
    """Return the seeds of each trial; nothing where it is not known, or damaged."""
    try:
        found: Any = read_json(folder / FILE)
        return {str(trial): [int(seed) for seed in seeds] for trial, seeds in found.items()}
    except (TrainingError, AttributeError, TypeError, ValueError):
        return {}


def not_begun(folder: Path) -> list[str]:
    """Return what was asked and has no folder of its own, trial by trial, in words.

    A task whose files are damaged, or that failed at once, has begun.
    """
    left = {
        trial: [str(seed) for seed in seeds if not (folder / trial / f"seed-{seed}").exists()]
        for trial, seeds in read(folder).items()
    }
    return [
        f"{trial}, seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}"
        for trial, seeds in left.items()
        if seeds
    ]
