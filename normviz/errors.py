"""Sentences for what went wrong, so that every room words the same mistake the same way."""

import importlib
import re
from collections.abc import Iterable
from typing import Any


def unknown_name(argument: str, value: object, known: Iterable[str]) -> str:
    """A sentence for a name that does not exist, with the nearest ones that do.

    >>> unknown_name("op", "batchnorm", ["batch_norm", "layer_norm"])
    "op must be one of batch_norm, layer_norm; got 'batchnorm': did you mean batch_norm?"
    """
    names = list(known)
    return (
        f"{argument} must be one of {', '.join(names)}; got {value!r}{did_you_mean(value, names)}"
    )


def did_you_mean(value: object, known: Iterable[str], prefix: str = "") -> str:
    """The end of such a sentence: the nearest names, whatever their case, or nothing.

    >>> did_you_mean("sed", ["seed", "shape"], "--"), did_you_mean("C", ["n", "c"])
    (': did you mean --seed?', ': did you mean c?')
    """
    import difflib

    names = list(known)
    folded = dict.fromkeys(name.casefold() for name in names)
    alike = difflib.get_close_matches(str(value).casefold(), folded, n=2)
    near = [prefix + name for fold in alike for name in names if name.casefold() == fold][:2]
    return f": did you mean {' or '.join(near)}?" if near else ""


_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def visible(text: str) -> str:
    """Text of a user as every terminal, file and page can show it.

    What moves a cursor, is refused by XML or stands for bytes that are no text shows as �.

    >>> visible("a\\x1b[2Jb\\udcff c")
    'a�[2Jb� c'
    """
    return _UNPRINTABLE.sub("�", text)


def printable(text: str) -> str:
    """As :func:`visible`, in one line.

    >>> printable("  no\\n\\n  file ")
    'no file'
    """
    return visible(" ".join(text.split()))


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
