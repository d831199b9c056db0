"""Rows of studies that nobody trained, and those that were."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.training.conftest import ROOT
from training.experiments.study import read_study
from training.results.study_table import StudyTable
from training.run.task import Settings, Task

ORDER = replace(read_study("order"), seeds=tuple(range(8)))


def fill(table: StudyTable, errors: dict[str, list[float | None]], dataset: str = "mnist") -> None:
    """Add finished tasks with these errors by arm and seed; None diverged."""
    for arm, values in errors.items():
        for seed, error in enumerate(values):
            settings = Settings(data="data", dataset=dataset, study="order")
            task = Task(table.study.arms[arm], seed, settings, Path("run"))
            measures = {"weight_norm": 10.0, "error_recounted": error and error / 1.1}
            summary = error and {"last_accuracy": 100 - error, "measures": measures}
            table.add(task, summary, "abc")


def around(error: float, ratio: float = 1.0, seeds: int = 8, own_sd: float = 0.03) -> list[float]:
    """Errors of seeds that share what a seed draws, and little else."""
    shared = np.random.default_rng(0).normal(0, 0.2, seeds)
    own = np.random.default_rng(int(1000 * ratio)).normal(0, own_sd, seeds)
    return [float(v) for v in error * ratio * np.exp(shared + own)]


def committed(name: str) -> StudyTable:
    """The table of a study of the package as it was measured."""
    return StudyTable(ROOT / f"workbooks/studies/{name}.csv", read_study(name))
