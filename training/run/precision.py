"""In what precision a task computes: as asked, as it began, as the run began, or what is fast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from training.errors import TrainingError
from training.files import read_json

PRECISIONS = ("float32", "bfloat16")
AUTO = "auto"


def choose(asked: str, device: str, backend: str, task_folder: Path) -> str:
    """Return the precision that ``asked`` means for the task in RUN/TRIAL/seed-K.

    "auto" is that in which the task began, else that of all other tasks of the run if they agree,
    else the fastest. The reference, which is NumPy, has float32 alone.

    Raises:
        TrainingError: for bfloat16 with the reference.
    """
    if backend == "reference" and asked == "bfloat16":
        raise TrainingError(
            "--backend reference cannot compute in bfloat16, which NumPy does not have: "
            "use --precision float32"
        )
    if asked != AUTO:
        return asked
    if backend == "reference":
        return "float32"
    begun = _precision(task_folder / "config.json")
    if begun is None:
        others = {_precision(path) for path in task_folder.parents[1].glob("*/seed-*/config.json")}
        others.discard(None)
        begun = others.pop() if len(others) == 1 else None
    return begun or fastest(device, backend)


def fastest(device: str, backend: str) -> str:
    """Return "bfloat16" where this machine's processor multiplies such numbers, else "float32".

    Measured on CPUs: with those instructions a step takes two thirds of the time that it takes in
    float32, without them several times as long.
    """
    fast = device == "cpu" and backend == "torch" and torch.cpu._is_avx512_bf16_supported()
    return "bfloat16" if fast else "float32"


def _precision(path: Path) -> str | None:
    try:
        config: Any = read_json(path)
    except TrainingError:  # missing, or damaged: who needs the file will say so
        return None
    precision = config.get("precision") if isinstance(config, dict) else None
    return precision if precision in PRECISIONS else None
