"""A task is one trial with one seed: what a worker, here or elsewhere, can run alone.

Tasks are idempotent and resumable: run twice, the second time does nothing; killed, the next time
goes on after its last checkpoint. That is all a runner needs to know about them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.experiments.trials import TrialConfig

# Words about a trial, which do not decide its numbers.
DESCRIPTIVE = ("summary", "recipe", "published")


@dataclass(frozen=True)
class Settings:
    """What a whole run has in common."""

    data: str  # "sample", or the folder that holds MNIST/raw/
    device: str = "cpu"
    precision: str = "float32"
    threads: int = 1
    backend: str = "torch"
    resume: bool = False
    processes: int = 1  # that train one trial together, under torchrun
    synchronize: bool = False  # whether these share the statistics of BatchNorm
    command: str = ""
    dataset: str = "mnist"  # not decisive by itself: the digest of what was read is


@dataclass(frozen=True)
class Task:
    """One trial with one seed, in its own folder of the run folder."""

    config: TrialConfig
    seed: int
    settings: Settings
    run_folder: Path

    @property
    def name(self) -> str:
        """``TRIAL/seed-K``, which is also its place in the run folder."""
        return f"{self.config.name}/seed-{self.seed}"

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.run_folder / self.config.name / f"seed-{self.seed}"

    def decisive(self, digest: str) -> dict[str, Any]:
        """Return the flat dictionary of everything that decides the numbers of this task."""
        config = {k: v for k, v in self.config.to_dict().items() if k not in DESCRIPTIVE}
        settings = dataclasses.asdict(self.settings)
        chosen = {k: settings[k] for k in ("device", "precision", "threads", "backend")}
        if self.settings.processes > 1:
            chosen |= {k: settings[k] for k in ("processes", "synchronize")}
        return {"trial": config.pop("name"), **config, **chosen, "seed": self.seed, "data": digest}


@dataclass(frozen=True)
class Outcome:
    """How a task ended."""

    task: str
    error: str | None = None  # None: finished
    summary: dict[str, Any] | None = None
