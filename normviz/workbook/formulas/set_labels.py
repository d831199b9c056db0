"""The number of an element's statistics set as a spreadsheet formula, read off a norm's pattern.

Where groups and splits are built into a sheet, a set is a fixed area. Where a drop-down chooses the
norm, and cells hold the number of groups or splits, the label itself has to be a formula: every run
of axes that a set does not reach over gives one digit of it. Statistics are AVERAGEIF over labels
then, and conditional formats paint every element by its label.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.norms.notation import Factor
from normviz.workbook.book.address import Area, address
from normviz.workbook.book.cells import Page, Rule
from normviz.workbook.book.styles import set_color

Shape = tuple[int, ...]
AXES = ("n", "c", "h", "w")


def label_formula(norm: Norm, shape: Shape, at: Sequence[str], counts: Mapping[str, str]) -> str:
    """The label of the element at an index, one text a dimension of x, as a formula.

    ``counts`` holds the cells of "groups" and of "splits".

    >>> counts, at = {"groups": "G", "splits": "S"}, ("n", "c", "h", "w")
    >>> [label_formula(NORMS[op], (4, 8, 2, 2), at, counts) for op in ("batch_norm", "layer_norm")]
    ['c+1', 'n+1']
    >>> label_formula(NORMS["group_norm"], (4, 8, 2, 2), at, counts)
    'n*G+INT(c*G/8)+1'
    >>> label_formula(NORMS["ghost_batch_norm"], (4, 8, 2, 2), at, counts)
    'INT(n*S/4)*8+c+1'
    >>> label_formula(Norm("interleaved", "([m] s) c [...]", fixed={"s": 2}), (4, 8), at, counts)
    'MOD(n,2)*8+c+1'
    """
    sizes = {size.axis: counts[size.parts] for size in norm.sizes if size.parts}
    sizes |= {name: str(size) for name, size in (norm.fixed or {}).items()}
    digits: list[tuple[str, str]] = []
    factors = norm.on(shape, norm.sizes_of_parts(shape)).factors
    for dimension, group in groupby(factors, key=lambda factor: factor.dimension):
        composed = list(group)
        if len(composed) > 1:
            digits += _digits(composed, sizes, at[dimension], shape[dimension])
        elif not composed[0].shared:
            places = range(dimension, dimension + len(composed[0].lengths))
            digits += [(at[place], str(shape[place])) for place in places if shape[place] > 1]
    label = ""
    for digit, size in digits:
        label = f"{_factor(label)}*{_factor(size)}+{digit}" if label else digit
    return f"{label}+1" if label else "1"


def _digits(
    factors: list[Factor], sizes: Mapping[str, str], at: str, length: int
) -> list[tuple[str, str]]:
    """The digits that a composed axis gives, each with the number of its values."""
    found, first = [], 0
    for shared, group in groupby(factors, key=lambda factor: factor.shared):
        last = first + len(list(group))
        if not shared:
            before, run, after = factors[:first], factors[first:last], factors[last:]
            inner = _product(after, sizes, at, length)
            size = _size(run, [*before, *after], sizes, length)
            found.append((f"MOD({inner},{size})" if before else inner, size))
        first = last
    return found


def _product(after: list[Factor], sizes: Mapping[str, str], at: str, length: int) -> str:
    """The index of what stands before some factors, by the index of the whole axis."""
    if not after:
        return at
    if all(factor.name in sizes for factor in after):
        return f"INT({at}/{_times(after, sizes)})"
    others = [name for name in sizes if name not in [factor.name for factor in after]]
    return f"INT({at}*{'*'.join(sizes[name] for name in others)}/{length})"


def _size(run: list[Factor], others: list[Factor], sizes: Mapping[str, str], length: int) -> str:
    """How many values the index of some factors has."""
    if all(factor.name in sizes for factor in run):
        return _times(run, sizes)
    return f"{length}/{_times(others, sizes)}"


def _times(factors: list[Factor], sizes: Mapping[str, str]) -> str:
    product = "*".join(sizes[factor.name] for factor in factors)
    return f"({product})" if "*" in product else product


def _factor(text: str) -> str:
    return f"({text})" if "+" in text or ("/" in text and "(" not in text) else text


@dataclass(frozen=True)
class LabelChoice:
    """The norms that a drop-down offers on a shape, and the cells that choose: the number of the
    norm (from 1, as listed), groups and splits.
    """

    shape: Shape
    number: str = ""
    groups: str = "groups"
    splits: str = "splits"

    @property
    def norms(self) -> Sequence[Norm]:
        """Every declared norm that there is on a tensor of this shape."""
        return _norms_on(self.shape, tuple(NORMS.values()))

    @property
    def titles(self) -> list[str]:
        """The norms as the drop-down names them."""
        return [norm.title for norm in self.norms]

    def label(self, index: Sequence[int]) -> str:
        """The formula for the number of the set of an element, whatever norm is chosen."""
        at = list(map(str, index))
        labels = (label_formula(norm, self.shape, at, self._counts) for norm in self.norms)
        return f"CHOOSE({self.number},{','.join(labels)})"

    def in_words(self, norm: Norm) -> str:
        """The number of the set of an element, as one reads it.

        >>> LabelChoice((4, 4, 1, 3)).in_words(NORMS["group_norm"])
        'n · groups + INT(c · groups / 4) + 1'
        """
        formula = label_formula(norm, self.shape, AXES, self._counts)
        return re.sub(r" ?([+*/]) ?", r" \1 ", formula).replace("*", "·")

    def is_uncentered(self) -> str:
        """The condition under which the mean is taken as zero."""
        return self._is_one_of([not norm.centered for norm in self.norms])

    def has_no_bias(self) -> str:
        """The condition under which there is no β."""
        return self._is_one_of([not norm.bias for norm in self.norms])

    def _is_one_of(self, chosen: Sequence[bool]) -> str:
        conditions = [f"{self.number}={at}" for at, is_one in enumerate(chosen, start=1) if is_one]
        return conditions[0] if len(conditions) == 1 else f"OR({','.join(conditions or ['1=0'])})"

    @property
    def most_sets(self) -> int:
        """The largest number that a set can have."""
        images, channels = self.shape[:2]
        cut = [(norm, norm.sizes_of_parts(self.shape, channels, images)) for norm in self.norms]
        return max(norm.on(self.shape, sizes).count for norm, sizes in cut)

    @property
    def _counts(self) -> dict[str, str]:
        return {"groups": self.groups, "splits": self.splits}


def paint_by_label(page: Page, areas: Sequence[Area], labels: Area, most: int) -> None:
    """Color every cell of the areas by the set number at the same place among the labels."""
    corner = address(labels[0], labels[1])
    for area in areas:
        for label in range(1, most + 1):
            page.rules.append(Rule(area, f"{corner}={label}", set_color(label)))


@lru_cache
def _norms_on(shape: Shape, norms: tuple[Norm, ...]) -> tuple[Norm, ...]:
    return tuple(norm for norm in norms if norm.fits(shape))
