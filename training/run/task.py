"""A task is one trial with one seed: what a worker, here or elsewhere, can run alone.

Tasks are idempotent and resumable: run twice, the second time does nothing; killed, the next time
goes on after its last checkpoint. That is all a runner needs to know about them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.experiments.config import DESCRIPTIVE, TrialConfig

PRECISIONS = ("float32", "bfloat16")
OF_SEVERAL = ("processes", "synchronize")  # which say nothing of one process
# What decides the numbers of a task beside its threads, of which a study's table may have several.
DECISIVE = ("device", "precision", "backend", *OF_SEVERAL)


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
    record: bool = True  # what goes on inside the network, see inside.py
    study: str = ""  # its name and digest, where the task belongs to one
    tensorboard: bool = False
    recount: bool = False  # the error with statistics of BatchNorm counted anew, see inside.py


@dataclass(frozen=True)
class Task:
    """One trial with one seed, in its own folder of the run folder."""

    config: TrialConfig
    seed: int
    settings: Settings
    run_folder: Path

    @property
    def name(self) -> str:
        """``TRIAL/seed-K``, its place in the run folder; of a study, which may have several data
        sets, with the name of the data set before it."""
        before = f"{self.settings.dataset}/" if self.settings.study else ""
        return f"{before}{self.config.name}/seed-{self.seed}"

    @property
    def is_begun(self) -> bool:
        """Whether its folder holds something of a run."""
        kept = ("config.json", "checkpoint.pt", "summary.json")
        return any((self.folder / name).exists() for name in kept)

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.run_folder / self.config.name / f"seed-{self.seed}"

    def decisive(self, digest: str) -> dict[str, Any]:
        """Return the flat dictionary of everything that decides the numbers of this task."""
        config = {k: v for k, v in self.config.to_dict().items() if k not in DESCRIPTIVE}
        settings = dataclasses.asdict(self.settings)
        alone = self.settings.processes == 1
        names = [k for k in (*DECISIVE, "threads") if not (alone and k in OF_SEVERAL)]
        chosen = {k: settings[k] for k in names}
        return {"trial": self.config.name, **config, **chosen, "seed": self.seed, "data": digest}


@dataclass(frozen=True)
class Outcome:
    """How a task ended."""

    task: str
    error: str | None = None  # None: finished
    summary: dict[str, Any] | None = None
    diverged: bool = False  # an error that is a result

    @property
    def has_result(self) -> bool:
        """Whether the task finished or diverged, which is a result too."""
        return self.summary is not None or self.diverged
