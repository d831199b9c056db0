"""Which of several tensors in one file is meant."""

from collections.abc import Sequence
from pathlib import Path

from normviz.errors import unknown_name

SHOWN = 8


def chosen(file: Path, inside: str, names: Sequence[str], what: str) -> str:
    """The name that was asked for, or the only one there is.

    Raises:
        ValueError: naming what there is.
    """
    if inside:
        if inside not in names:
            raise ValueError(unknown_name(f"the name in {file}", inside, names[:1000]))
        return inside
    if len(names) != 1:
        shown = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
        example = f"{file}:{names[0]}" if names else "another file"
        raise ValueError(
            f"{file} holds {len(names)} {what} ({shown}): say which one, for example {example}"
        )
    return names[0]
