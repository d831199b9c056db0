"""What torch gave for every step, to stand beside NumPy on the sheet Reference.

The values for the workbooks that are committed ship with the package, so that they are built
without torch; this module run with `python -m` writes them anew, and a test proves them current.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.files import write_whole
from normviz.torch_models.torch_steps import torch_steps
from normviz.workbook.sheets.subject.case import Case, Settings

Values = Mapping[str, Mapping[str, npt.NDArray[np.float64]]]

TOKENS = Settings((2, 5, 8))
"""The workbook of tokens that is committed beside the default one."""

SHIPPED = {"torch_default.json": Settings(), "torch_tokens.json": TOKENS}
MISSING = "torch was not installed where this file was made, so its column is empty."


def torch_values(case: Case) -> tuple[Values, str]:
    """Op to step to values, and a sentence on where they come from; empty without torch."""
    for file, settings in SHIPPED.items():
        if case.settings == settings:
            return shipped(file)
    try:
        version = _torch_version()
    except ModuleNotFoundError:
        return {}, MISSING
    return computed(case), f"Values of torch {version}, computed when this file was made."


def shipped(file: str = "torch_default.json") -> tuple[Values, str]:
    """The values that ship with the package, for the default workbook or another committed one."""
    data = json.loads(files(__package__).joinpath(file).read_text("utf-8"))
    values = {
        op: {name: np.array(numbers) for name, numbers in steps.items()}
        for op, steps in data["values"].items()
    }
    return values, f"Values of torch {data['torch']}, shipped with normviz."


def computed(case: Case) -> Values:
    """The values torch gives now.

    Raises:
        ModuleNotFoundError: without torch.
    """
    return {op: torch_steps(t) for op, t in case.traces.items() if not isinstance(t, str)}


def _torch_version() -> str:
    from normviz.errors import needs_torch

    return str(needs_torch("the torch column").__version__).partition("+")[0]


def _write_shipped(file: str, settings: Settings) -> Path:
    data: dict[str, Any] = {"torch": _torch_version(), "values": {}}
    for op, steps in computed(Case(settings)).items():
        data["values"][op] = {name: value.tolist() for name, value in steps.items()}
    text = json.dumps(data, separators=(",", ":"), sort_keys=True) + "\n"
    return write_whole(Path(__file__).parent / file, text)


if __name__ == "__main__":
    for _file, _settings in SHIPPED.items():
        print(_write_shipped(_file, _settings))
