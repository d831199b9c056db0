"""What goes on inside a network: a row a layer and epoch in ``inside.csv``."""

from __future__ import annotations

import csv
import dataclasses
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.files import write_whole

FILE = "inside.csv"


@dataclass(frozen=True)
class Inside:
    """One row of ``inside.csv``: a layer with weights after an epoch; None for what it has not."""

    epoch: int
    layer: str  # "block1", or "squeeze" and "classify", which are convolutions alone
    input_mean: float | None  # of what enters the norm; without one, of what the ReLU gives
    input_spread: float | None  # its standard deviation
    stale: float | None  # of the running means from the batch's, in its standard deviations
    weight_norm: float  # of the convolution
    gradient_norm: float
    dead: float | None  # share of ReLUs that are 0 for the whole batch
    stale_variance: float | None = None  # of the running variances, as a logarithm of the ratio


COLUMNS = tuple(f.name for f in dataclasses.fields(Inside))


def write_inside(path: Path, rows: list[Inside]) -> None:
    """Write ``inside.csv``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        values = dataclasses.astuple(row)
        writer.writerow([format(v, ".6g") if isinstance(v, float) else v for v in values])
    write_whole(path, text.getvalue())


def read_inside(path: Path, epochs: int | None = None) -> list[Inside]:
    """Read ``inside.csv``, of the first epochs if so many are given; nothing where it is not there.

    Raises:
        TrainingError: when it is damaged.
    """
    if not path.exists():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            found = [_row(row) for row in csv.DictReader(stream)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} is damaged: {error}") from error
    return [row for row in found if epochs is None or row.epoch <= epochs]


def _row(texts: dict[str, str]) -> Inside:
    # The last column is younger than the others.
    numbers: list[Any] = [
        float(texts[name]) if texts[name] else None for name in COLUMNS[2:] if name in texts
    ]
    return Inside(int(texts["epoch"]), texts["layer"], *numbers)
