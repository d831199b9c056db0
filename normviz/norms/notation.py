"""Statistics sets in one line of text: which axes of a tensor share one mean and one variance.

A pattern names the axes of a tensor in the style of einx. Parentheses compose an axis of several
factors, brackets mark what shares statistics, ``...`` stands for any number of further axes::

    [n] c [...]        batch norm: a set for each channel, over the samples and all of space
    n (g [k]) [...]    group norm: the channels are g groups of k; a set for each sample and group
    ([m] s) c [...]    ghost batches whose samples are interleaved
    n t (h [d])        each head of each token by itself

A pattern is one reshape and the axes to reduce; no transpose is ever needed. A name that is given
a tuple as its size stands for as many axes (layer norm's ``... [d]``, d being normalized_shape).

What cannot be said: sets of unequal size or with a mask, windows that overlap, statistics of what
came before (causal ones), and channels in another order than they lie in.
"""

import math
import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from normviz.errors import unknown_name

Shape = tuple[int, ...]
Size = int | Shape

REST = "..."
"""The name of the axes that are not named one by one."""

_TOKEN = re.compile(r"(?P<name>\.\.\.|[^\W\d]\w*)|(?P<mark>[()\[\]])|\s+")
_CLOSES = {")": "(", "]": "["}


@dataclass(frozen=True)
class Axis:
    """A name in a pattern; ``shared`` where brackets say that its elements share statistics."""

    name: str
    shared: bool


@dataclass(frozen=True)
class Factor:
    """An axis of a pattern on one shape of x.

    ``lengths`` has one number for each dimension of x that the axis stands for, from
    ``dimension`` on; a factor of a composed dimension has one.
    """

    name: str
    shared: bool
    dimension: int
    lengths: Shape

    @property
    def length(self) -> int:
        """How many indices it has in all."""
        return math.prod(self.lengths)


@dataclass(frozen=True)
class Pattern:
    """A pattern as :func:`parse` reads it: its dimensions, each the factors it is composed of."""

    text: str
    dimensions: tuple[tuple[Axis, ...], ...]

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Every axis in the order in which it is written."""
        return tuple(axis for dimension in self.dimensions for axis in dimension)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every axis."""
        return tuple(axis.name for axis in self.axes)

    def fit(self, shape: Shape, sizes: Mapping[str, Size] | None = None) -> tuple[Factor, ...]:
        """Every axis with its length on a tensor of ``shape``.

        ``sizes`` holds what the shape does not tell: all but one of the factors of a composed
        axis, or a tuple for a name that stands for several axes.

        Raises:
            ValueError: for another number of dimensions, a size that does not divide, an axis of
                unknown size, or a size for an axis that is not there.
            TypeError: for a size that is no int or tuple of ints.

        >>> [(f.name, f.length) for f in parse("n (g [k])").fit((5, 6), {"g": 2})]
        [('n', 5), ('g', 2), ('k', 3)]
        """
        known = {name: checked_size(name, size) for name, size in (sizes or {}).items()}
        for name in known:
            if name not in self.names or name == REST:
                names = [n for n in self.names if n != REST]
                raise ValueError(f"{unknown_name('a size', name, names)} ({self.text!r})")
        ranks = self._ranks(shape, known)
        factors: list[Factor] = []
        at = 0
        for dimension, rank in zip(self.dimensions, ranks, strict=True):
            lengths = shape[at : at + rank]
            if len(dimension) == 1:
                axis = dimension[0]
                self._check_lengths(axis.name, lengths, known)
                factors.append(Factor(axis.name, axis.shared, at, lengths))
            else:
                found = self._compose(dimension, lengths[0], known)
                factors += [
                    Factor(axis.name, axis.shared, at, (length,))
                    for axis, length in zip(dimension, found, strict=True)
                ]
            at += rank
        return tuple(factors)

    def _ranks(self, shape: Shape, known: Mapping[str, Size]) -> list[int]:
        """How many dimensions of x each dimension of the pattern stands for."""
        ranks = []
        for dimension in self.dimensions:
            size = known.get(dimension[0].name, 1)
            ranks.append(len(size) if len(dimension) == 1 and isinstance(size, tuple) else 1)
        if REST in self.names:
            rest = next(i for i, d in enumerate(self.dimensions) if d[0].name == REST)
            ranks[rest] = 0
            ranks[rest] = max(0, len(shape) - sum(ranks))
        if sum(ranks) != len(shape):
            many = f"at least {sum(ranks)}" if REST in self.names else str(sum(ranks))
            raise ValueError(
                f"x must have {many} dimensions for the pattern {self.text!r}, got shape {shape}"
            )
        return ranks

    def _check_lengths(self, name: str, lengths: Shape, known: Mapping[str, Size]) -> None:
        size = known.get(name)
        if size is not None and (size if isinstance(size, tuple) else (size,)) != lengths:
            found = lengths if isinstance(size, tuple) else lengths[0]
            raise ValueError(
                f"{name} must be {found}, its size in x, got {name}={size} {self._where(name)}"
            )

    def _compose(self, dimension: Sequence[Axis], length: int, known: Mapping[str, Size]) -> Shape:
        """The length of every factor of a composed dimension."""
        sizes: list[Any] = [known.get(axis.name) for axis in dimension]
        for axis, size in zip(dimension, sizes, strict=True):
            if isinstance(size, tuple):
                raise ValueError(
                    f"{axis.name} must be an int, being a factor of a composed axis, got {size} "
                    f"{self._where(axis.name)}"
                )
        unknown = [a.name for a, size in zip(dimension, sizes, strict=True) if size is None]
        if len(unknown) > 1:
            raise ValueError(
                f"the size of {' or '.join(unknown)} must be given, for example "
                f'sizes={{"{unknown[0]}": 2}}, for the composed axis {self._where(unknown[0])}'
            )
        product = math.prod(size for size in sizes if size is not None)
        if (length % product) if unknown else (product != length):
            given = ", ".join(
                f"{a.name}={s}" for a, s in zip(dimension, sizes, strict=True) if s is not None
            )
            if unknown:
                wanted = f"divide {length}, the length of its axis in x"
                hint = f": use one of {divisors(length)}" if given.count("=") == 1 else ""
            else:
                wanted, hint = f"have the product {length}, the length of its axis in x", ""
            raise ValueError(
                f"the sizes must {wanted}, got {given}{hint} {self._where(dimension[0].name)}"
            )
        return tuple(length // product if size is None else size for size in sizes)

    def _where(self, name: str) -> str:
        """The place of an axis in words."""
        found = next(m for m in _TOKEN.finditer(self.text) if m["name"] == name)
        return f"(at character {found.start() + 1} of {self.text!r})"

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=1024)
def parse(text: str) -> Pattern:
    """Read a pattern.

    Raises:
        ValueError: for one that cannot be read, with the pattern and the place.
        TypeError: for one that is no text.

    >>> [(axis.name, axis.shared) for axis in parse("n (g [k]) [...]").axes]
    [('n', False), ('g', False), ('k', True), ('...', True)]
    """
    if not isinstance(text, str):
        raise TypeError(f"a pattern must be a text such as '[n] c [...]', got {text!r}")
    dimensions: list[tuple[Axis, ...]] = []
    composed: list[Axis] = []
    opened: list[tuple[str, int]] = []  # the marks that are open, and how many axes came before
    names: list[str] = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            _fail(text, at, f"{text[at]!r} is no axis, '...', parenthesis or bracket")
        marks = [mark for mark, _ in opened]
        if token["name"]:
            name = token["name"]
            if name in names:
                _fail(text, at, f"the axis {name!r} is named twice")
            if name == REST and "(" in marks:
                _fail(text, at, "'...' cannot be a factor of a composed axis")
            names.append(name)
            axis = Axis(name, "[" in marks)
            if "(" in marks:
                composed.append(axis)
            else:
                dimensions.append((axis,))
        elif token["mark"] in _CLOSES:
            mark = token["mark"]
            if not opened or opened[-1][0] != _CLOSES[mark]:
                _fail(text, at, f"{mark!r} closes nothing that is open")
            if opened.pop()[1] == len(names):
                _fail(text, at, f"there is no axis between {_CLOSES[mark]!r} and {mark!r}")
            if mark == ")":
                dimensions.append(tuple(composed))
                composed = []
        elif token["mark"]:
            if token["mark"] in marks:
                _fail(text, at, f"{token['mark']!r} is open already")
            opened.append((token["mark"], len(names)))
        at = token.end()
    if opened:
        _fail(text, len(text), f"{opened[-1][0]!r} is never closed")
    return Pattern(text, tuple(dimensions))


def _fail(text: str, at: int, what: str) -> NoReturn:
    raise ValueError(f"the pattern {text!r} cannot be read at character {at + 1}: {what}")


def parameter_axes(pattern: Pattern, affine: str) -> tuple[tuple[str, ...], ...]:
    """The axes of a pattern that weight and bias have, each the names it is composed of.

    ``affine`` is a pattern without brackets, such as "c" or "(g k)"; its axes come in the order of
    the pattern.

    Raises:
        ValueError: for an axis that the pattern does not have, or brackets.

    >>> parameter_axes(parse("n (g [k]) [...]"), "(g k)")
    (('g', 'k'),)
    """
    wanted = parse(affine)
    places = {name: at for at, name in enumerate(pattern.names)}
    for axis in wanted.axes:
        if axis.name not in places:
            raise ValueError(
                f"{unknown_name('an affine axis', axis.name, places)} (of the pattern "
                f"{pattern.text!r})"
            )
        if axis.shared:
            raise ValueError(f"affine must be without brackets, got {affine!r}")
    entries = [sorted((a.name for a in d), key=places.__getitem__) for d in wanted.dimensions]
    entries.sort(key=lambda names: places[names[0]])
    flat = [places[name] for names in entries for name in names]
    if flat != sorted(flat):
        raise ValueError(
            f"affine must compose axes that follow each other in {pattern.text!r}, got {affine!r}"
        )
    return tuple(tuple(names) for names in entries)


def positive_integer(name: str, value: Any) -> int:
    """``value`` as an int of at least 1.

    Raises:
        TypeError, ValueError: for anything else, naming ``name``.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name} must be an int, got {value!r} of type {type(value).__name__}"
        ) from None
    if number < 1:
        raise ValueError(f"{name} must be at least 1, got {number}")
    return number


def checked_size(name: str, value: Any) -> Size:
    """The size of an axis, an int of at least 1 or a tuple of ints.

    Raises:
        TypeError, ValueError: for anything else, naming ``name``.
    """
    if not isinstance(value, tuple):
        return positive_integer(name, value)
    try:
        return tuple(operator.index(n) for n in value)
    except TypeError:
        raise TypeError(f"{name} must be an int or a tuple of ints, got {value!r}") from None


def divisors(n: int) -> str:
    """The divisors of n, as an error lists them.

    >>> divisors(6)
    '1, 2, 3, 6'
    """
    return ", ".join(str(d) for d in range(1, n + 1) if n % d == 0)
