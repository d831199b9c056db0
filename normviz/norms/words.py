"""What the axes of a pattern are called in a sentence: images, tokens, features."""

from collections.abc import Iterable
from typing import NamedTuple

from normviz.norms.notation import REST, Pattern


class Word(NamedTuple):
    """The name of one index of an axis, and of several."""

    one: str
    many: str


_WORDS = {
    "s": Word("split", "splits"),
    "m": Word("image of a split", "images of a split"),
    "c": Word("channel", "channels"),
    "g": Word("group", "groups"),
    "k": Word("channel of a group", "channels of a group"),
    "t": Word("token", "tokens"),
    "d": Word("feature", "features"),
    "w": Word("column", "columns"),
    "l": Word("position", "positions"),
    "o": Word("output channel", "output channels"),
    "i": Word("input channel", "input channels"),
}
_IMAGE, _SAMPLE = Word("image", "images"), Word("sample", "samples")
_SEQUENCE = Word("sequence", "sequences")


def axis_words(pattern: Pattern) -> dict[str, Word]:
    """The words for every axis of a pattern; a name that is not a usual one stands for itself.

    What n and h are depends on the others: beside tokens they are sequences and heads, beside
    channels and columns images and rows.

    >>> from normviz.norms.notation import parse
    >>> [word.many for word in axis_words(parse("n t (h [d])")).values()]
    ['sequences', 'tokens', 'heads', 'features']
    """
    names = pattern.names
    images = bool({"c", "g", "k"} & {*names})
    special = {
        "n": _SEQUENCE if "t" in names else _IMAGE if images else _SAMPLE,
        "h": Word("row", "rows") if "w" in names else Word("head", "heads"),
        REST: Word("pixel", "pixels") if images else _SAMPLE,
    }
    known = _WORDS | special
    return {name: known.get(name, Word(f"index of {name}", f"indices of {name}")) for name in names}


def sets_in_words(pattern: Pattern, centered: bool = True) -> str:
    """A sentence on the statistics sets of a pattern.

    >>> from normviz.norms.notation import parse
    >>> sets_in_words(parse("n t (h [d])"), centered=False)
    'One mean square for each sequence, token and head, over its features.'
    """
    words = axis_words(pattern)
    what = "One mean and one variance" if centered else "One mean square"
    each = listed(words[axis.name].one for axis in pattern.axes if not axis.shared)
    over = listed(words[axis.name].many for axis in pattern.axes if axis.shared)
    if not over:
        return f"{what} for each element by itself."
    return f"{what} for each {each}, over its {over}." if each else f"{what} in all, over {over}."


def listed(words: Iterable[str]) -> str:
    """Words in a row.

    >>> listed(["image", "row", "column"])
    'image, row and column'
    """
    *first, last = [*words] or [""]
    return f"{', '.join(first)} and {last}" if first else last
