"""The number of an element's statistics set as a spreadsheet formula, read off sets.py.

Where groups and splits are built into a sheet, a set is a fixed area. Where a student turns them,
the label itself has to be a formula of the sample n, the channel c and the number of groups or
splits. It is found from the view in which sets.py reduces: an axis of the view is a whole axis of x
or the first factor of one, as the G of (N, G, C / G, space) is of C.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from normviz.norms.declared import NORMS
from normviz.norms.partition import StatisticsSets
from normviz.norms.sets import statistics_sets

PROBE = (6, 15, 7)
PROBED: Mapping[str, Any] = {"num_groups": 3, "num_splits": 2, "normalized_shape": (15, 7)}
"""Sizes that share no factor by accident, so that each axis of a view shows where it is from."""


def label_formula(
    op: str, shape: tuple[int, ...], at: tuple[str, str], counts: Mapping[str, str]
) -> str | None:
    """The label of the elements of sample and channel `at`, as a formula; None where pixels of
    one channel of one image are in different sets.

    ``counts`` holds the cells of num_groups and num_splits.

    >>> cells = {"num_groups": "G", "num_splits": "S"}
    >>> [label_formula(op, (4, 8, 2, 2), ("n", "c"), cells) for op in ("batch_norm", "layer_norm")]
    ['c+1', 'n+1']
    >>> label_formula("group_norm", (4, 8, 2, 2), ("n", "c"), cells)
    'n*G+INT(c*G/8)+1'
    >>> label_formula("ghost_batch_norm", (4, 8, 2, 2), ("n", "c"), cells)
    'INT(n*S/4)*8+c+1'
    """
    arguments = {name: PROBED[name] for name in NORMS[op].size_arguments}
    sets = statistics_sets(op, PROBE, **arguments)
    label = ""
    for axis in sets.kept:
        origin = _origin(sets, axis)
        if origin is None:
            return None
        where, size = at[origin[0]], str(shape[origin[0]])
        if origin[1]:
            count = next(counts[n] for n in arguments if PROBED[n] == sets.view[axis])
            where, size = f"INT({where}*{count}/{size})", count
        label = f"{_factor(label)}*{size}+{where}" if label else where
    return f"{label}+1" if label else "1"


def _origin(sets: StatisticsSets, axis: int) -> tuple[int, bool] | None:
    """The axis of x that an axis of the view is from (0 or 1), and whether it is a factor only."""
    before = 1
    for size in sets.view[:axis]:
        before *= size
    start = 1
    for dimension, size in enumerate(PROBE[:2]):
        if before == start and size % sets.view[axis] == 0:
            return dimension, size != sets.view[axis]
        start *= size
    return None


def _factor(label: str) -> str:
    return f"({label})" if "+" in label else label
