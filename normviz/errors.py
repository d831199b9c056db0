"""Sentences for what went wrong, so that every room words the same mistake the same way."""

import difflib
import importlib
from collections.abc import Iterable
from typing import Any


def unknown_name(argument: str, value: object, known: Iterable[str]) -> str:
    """A sentence for a name that does not exist, with the nearest ones that do.

    >>> unknown_name("op", "batchnorm", ["batch_norm", "layer_norm"])
    "op must be one of batch_norm, layer_norm; got 'batchnorm': did you mean batch_norm?"
    """
    names = list(known)
    near = difflib.get_close_matches(str(value), names, n=2)
    hint = f": did you mean {' or '.join(near)}?" if near else ""
    return f"{argument} must be one of {', '.join(names)}; got {value!r}{hint}"


def needs_torch(what: str) -> Any:
    """The torch module, for the parts that need it.

    Raises:
        ModuleNotFoundError: without torch, with one line on how to get it.
    """
    try:
        return importlib.import_module("torch")
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"{what} needs torch, which is not installed: pip install 'normviz[torch]'"
        ) from None
