"""In what precision a run computes: as asked, as it began, or what is fast here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from training.errors import TrainingError
from training.files import read_json

PRECISIONS = ("float32", "bfloat16")
AUTO = "auto"


def choose(asked: str, device: str, backend: str, run_folder: Path) -> str:
    """Return the precision that ``asked`` means; "auto": that of the run so far, else the fastest.

    Raises:
        TrainingError: for bfloat16 with the reference, which is NumPy.
    """
    if asked == AUTO:
        return recorded(run_folder) or fastest(device, backend)
    if backend == "reference" and asked == "bfloat16":
        raise TrainingError(
            "--backend reference cannot compute in bfloat16, which NumPy does not have: "
            "use --precision float32"
        )
    return asked


def fastest(device: str, backend: str) -> str:
    """Return "bfloat16" where the processor multiplies such numbers itself, else "float32".

    Measured on CPUs alone: there a step takes two thirds of the time, elsewhere longer.
    """
    fast = device == "cpu" and backend == "torch" and torch.cpu._is_avx512_bf16_supported()
    return "bfloat16" if fast else "float32"


def recorded(run_folder: Path) -> str | None:
    """Return the precision in which all tasks of a run folder began; None: in none or several."""
    found = {_precision(path) for path in run_folder.glob("*/*/config.json")}
    return found.pop() if len(found) == 1 else None


def _precision(path: Path) -> str | None:
    try:
        config: Any = read_json(path)
    except TrainingError:  # damaged: who needs the file will say so
        return None
    precision = config.get("precision") if isinstance(config, dict) else None
    return precision if precision in PRECISIONS else None
