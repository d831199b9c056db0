"""A task's numbers for TensorBoard: scalars and histograms, a point an epoch (``--tensorboard``).

The events lie in the task's own folder, so ``tensorboard --logdir RUN`` shows every trial and seed
of a run by its name. They repeat what ``history.csv`` and ``inside.csv`` hold and add histograms.
"""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

from torch import Tensor

from training.errors import TrainingError
from training.record.history import Epoch


def check_tensorboard() -> None:
    """See whether TensorBoard is installed.

    Raises:
        TrainingError: when it is not.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise TrainingError("--tensorboard needs TensorBoard: pip install 'normviz[tensorboard]'")


class Board:
    """Writes the events of one task from ``first`` epoch on; later ones of before are not shown."""

    def __init__(self, folder: Path, first: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer: Any = SummaryWriter(str(folder), purge_step=first)

    def epoch(self, row: Epoch) -> None:
        """Add the row of the history."""
        for name, value in dataclasses.asdict(row).items():
            if name != "epoch":
                self.writer.add_scalar(f"history/{name}", value, row.epoch)

    def number(self, name: str, value: float, epoch: int) -> None:
        """Add one number of a layer."""
        self.writer.add_scalar(name, value, epoch)

    def values(self, name: str, tensor: Tensor, epoch: int) -> None:
        """Add a histogram."""
        self.writer.add_histogram(name, tensor.detach().float(), epoch)

    def close(self) -> None:
        """Write what is left."""
        self.writer.close()
