"""Where content is placed on a page, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

Write = Callable[[], None]


class Placed(NamedTuple):
    """The last row that was taken, and what writes there."""

    bottom: int
    write: Write


@dataclass(frozen=True)
class Spot:
    """Where something is placed: its first row, its columns of cells, and the rows kept for words.

    Names stand in the column before `left`.
    """

    top: int
    left: int
    right: int
    room: int = 0
    alone: bool = True
