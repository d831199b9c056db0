"""Steps as a table, for a notebook."""

import html
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.numbers import written

MOST_VALUES = 24
_LOOK = "text-align:left"
_AS_WRITTEN: Any = {"float_kind": written}


def as_html(title: str, steps: Iterable[tuple[str, str, npt.NDArray[Any]]]) -> str:
    """One row for each step: its name, its formula, its shape, and its values.

    >>> as_html("x < 1", [("mean", "a & b", np.array([0.5]))]).count("<tr>")
    2
    """
    rows = []
    for name, formula, value in steps:
        about = (name, formula, str(value.shape))
        cells = "".join(f"<td style='{_LOOK}'>{html.escape(text)}</td>" for text in about)
        values = np.array2string(value, threshold=MOST_VALUES, edgeitems=2, formatter=_AS_WRITTEN)
        look = f"{_LOOK};white-space:pre;font-family:monospace"
        rows.append(f"<tr>{cells}<td style='{look}'>{html.escape(values)}</td></tr>")
    head = "".join(f"<th>{name}</th>" for name in ("step", "formula", "shape", "values"))
    caption = f"<caption>{html.escape(title)}</caption>"
    return f"<table>{caption}<tr>{head}</tr>{''.join(rows)}</table>"
