"""Where the elements of a tensor stand on a sheet, and which areas cover a statistics set.

Images go down, channels across, the pixels of one channel of one image in between, with one empty
row and column between blocks, as on a whiteboard. An area over a set may run across those empty
cells: AVERAGE, SUM and SUMPRODUCT pass over them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from normviz.workbook.book.address import Area, area_text

Shape = tuple[int, ...]
Labels = npt.NDArray[np.int64]


class Span(NamedTuple):
    """The first and the last block, counted from 0, how many there are, and which, if not all."""

    first: int
    last: int
    total: int
    among: tuple[int, ...] = ()

    @property
    def numbers(self) -> Sequence[int]:
        """The blocks in order."""
        return self.among or range(self.first, self.last + 1)


@dataclass(frozen=True)
class Layout:
    """How a tensor of shape (N, C, *spatial) is laid out, whatever place it is put at.

    The last axis runs across, the spatial axes before it run down. `flat` puts all pixels of a
    channel side by side, so that the sheet read row by row is the tensor in row-major order.
    `image_numbers` and `channel_numbers` name the blocks of a tensor cut out of a larger one,
    `inner_numbers` the places in them, axis by axis. `letters` name the axes: the first two, or all
    of them.

    Where `features_last`, as in a tensor (N, T, D) of tokens or (N, D) of rows, the features go
    across, and the tokens of one sequence stand below each other.

    >>> Layout((4, 3, 2, 2)).size, Layout((4, 3, 2, 2), flat=True).size, Layout((4, 3)).size
    ((11, 8), (4, 14), (4, 3))
    >>> Layout((2, 5, 8), features_last=True).size
    (11, 8)
    """

    shape: Shape
    flat: bool = False
    image_numbers: tuple[int, ...] = ()
    channel_numbers: tuple[int, ...] = ()
    letters: tuple[str, ...] = ("n", "c")
    features_last: bool = False
    inner_numbers: tuple[tuple[int, ...], ...] = ()

    @property
    def inner_letters(self) -> str:
        """What the axes in a block are called.

        >>> tokens = Layout((4, 3, 8), letters=("n", "t", "d"))
        >>> Layout((4, 3, 2, 2)).inner_letters, tokens.inner_letters
        ('hw', 'd')
        """
        return "".join(self.letters[2:]) or "dhw"[5 - len(self.shape) :]

    def inner_number(self, axis: int, place: int) -> int:
        """What a place in a block is called, by the axis of x and where it stands."""
        return self.inner_numbers[axis - 2][place] if self.inner_numbers else place

    def words(self, index: int) -> str:
        """An element by its index in row-major order.

        >>> Layout((4, 3, 2, 2)).words(5)
        'image 0, channel 1, pixel (0, 1)'
        """
        n, c, *pixel = (int(at) for at in np.unravel_index(index, self.shape))
        if self.features_last:
            words = _FEATURES_LAST[len(self.shape)]
            at = (n, c, *pixel)
            return ", ".join(f"{word} {i}" for word, i in zip(words, at, strict=True))
        numbers = (self.image_number(n), self.channel_number(c))
        found = [
            _span_words(self.word(letter), [at])
            for letter, at in zip(self.letters[:2], numbers, strict=True)
        ]
        if pixel:
            places = [self.inner_number(axis, at) for axis, at in enumerate(pixel, start=2)]
            if len(self.letters) > 2:
                names = zip(self.inner_letters, places, strict=True)
                found += [f"{self.word(letter)} {at}" for letter, at in names]
            else:
                word = _PLACES[len(pixel)]
                found.append(f"{word} {places[0] if len(places) == 1 else tuple(places)}")
        return ", ".join(found)

    def word(self, letter: str) -> str:
        """What an axis is called: n is images, sequences of tokens, or samples of features."""
        if letter == "n" and self.letters[1] == "c":
            return _SAMPLES_OF_CHANNELS[len(self.shape)]
        if letter == "n" and "d" in self.letters:
            return "sequence" if "t" in self.letters else "sample"
        if letter == "h":
            return "row" if "w" in self.letters else "head"
        return _AXIS_WORDS.get(letter, letter)

    def image_number(self, image: int) -> int:
        """What an image is called: its index in the tensor, of which this may be a part."""
        return self.image_numbers[image] if self.image_numbers else image

    def channel_number(self, channel: int) -> int:
        """What a channel is called."""
        return self.channel_numbers[channel] if self.channel_numbers else channel

    @property
    def images(self) -> int:
        """N: how many blocks go down."""
        return self.shape[0]

    @property
    def channels(self) -> int:
        """C: how many blocks go across."""
        return self.shape[-1 if self.features_last else 1]

    @property
    def block(self) -> tuple[int, int]:
        """Rows and columns of one block: one channel of one image."""
        spatial = self.shape[2:]
        if self.features_last:
            return math.prod(self.shape[1:-1]), 1
        if self.flat or not spatial:
            return 1, math.prod(spatial)
        return math.prod(spatial[:-1]), spatial[-1]

    @property
    def gaps(self) -> tuple[int, int]:
        """Empty rows between images and empty columns between channels."""
        height, width = self.block
        return int(height > 1), int(width > 1)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the whole grid."""
        (height, width), (down, across) = self.block, self.gaps
        rows = self.images * (height + down) - down
        columns = self.channels * (width + across) - across
        return rows, columns

    def image_row(self, image: int) -> int:
        """The first row of an image, counted from 0."""
        return image * (self.block[0] + self.gaps[0])

    def channel_column(self, channel: int) -> int:
        """The first column of a channel, counted from 0."""
        return channel * (self.block[1] + self.gaps[1])

    def places(self) -> tuple[Labels, Labels]:
        """Row and column of every element, counted from 0, each of shape `shape`."""
        height, width = self.block
        n, c, h, w = np.ogrid[: self.images, : self.channels, :height, :width]
        rows = n * (height + self.gaps[0]) + h
        columns = c * (width + self.gaps[1]) + w
        full: Shape = (self.images, self.channels, height, width)
        if self.features_last:
            rows, columns = rows[:, 0], columns.reshape(1, 1, -1)
            full = (self.images, height, self.channels)
        return (
            np.broadcast_to(rows, full).reshape(self.shape),
            np.broadcast_to(columns, full).reshape(self.shape),
        )


_FEATURES_LAST = {2: ("sample", "feature"), 3: ("sequence", "token", "feature")}
"""What the axes of a tensor are called whose last one are features, by how many there are."""

_SAMPLES_OF_CHANNELS = {2: "sample", 3: "sample", 4: "image", 5: "volume"}
_PLACES = {1: "position", 2: "pixel", 3: "voxel"}
"""What an index of the first axis is called, by how many there are, and one of the last axes."""

_AXIS_WORDS = {"n": "image", "c": "channel", "out": "output channel", "in": "input channel"}
_AXIS_WORDS |= {"t": "token", "d": "feature", "w": "column"}


MOST_LISTED = 5


def numbers_text(numbers: Sequence[int]) -> str:
    """Numbers in order: those in a row by the first and the last, others one by one.

    >>> numbers_text([2]), numbers_text([0, 1, 2]), numbers_text([0, 4])
    ('2', '0–2', '0, 4')
    >>> numbers_text(range(0, 99, 3))
    '0, 3, ..., 96'
    """
    first, last = numbers[0], numbers[-1]
    if len(numbers) == 1:
        return str(first)
    if len(numbers) == last - first + 1:
        return f"{first}–{last}"
    shown = numbers if len(numbers) <= MOST_LISTED else (*numbers[:2], "...", last)
    return ", ".join(map(str, shown))


def _only(numbers: Labels) -> int | None:
    """The number that all of them are, if they are one."""
    first = int(numbers[0])
    return first if bool((numbers == first).all()) else None


def _span_words(word: str, numbers: Sequence[int]) -> str:
    return f"{word}{'s' * (len(numbers) > 1)} {numbers_text(numbers)}"


class Regions:
    """The areas that cover each set of a labeled tensor, counted from the grid's own corner."""

    def __init__(self, layout: Layout, labels: Labels) -> None:
        self.layout = layout
        rows, columns = layout.places()
        self._plane = np.zeros(layout.size, dtype=np.int64)
        self._plane[rows, columns] = labels
        order = np.argsort(labels, axis=None, kind="stable")
        sizes = np.bincount(labels.ravel())[1:]
        ends = np.cumsum(sizes)
        self._members = [
            (rows.ravel()[order[end - size : end]], columns.ravel()[order[end - size : end]])
            for size, end in zip(sizes, ends, strict=True)
        ]
        self.areas = [self._cover(label) for label in range(1, len(self._members) + 1)]

    def box(self, label: int) -> Area:
        """The smallest rectangle around a set."""
        rows, columns = self._members[label - 1]
        return int(rows.min()), int(columns.min()), int(rows.max()), int(columns.max())

    def images(self, label: int) -> Span:
        """The images a set reaches over: first, last, and how many there are."""
        return self._span(label, 0, self.layout.images)

    def channels(self, label: int) -> Span:
        """The channels a set reaches over: first, last, and how many there are."""
        return self._span(label, 1, self.layout.channels)

    def _span(self, label: int, axis: int, total: int) -> Span:
        size = self.layout.block[axis] + self.layout.gaps[axis]
        numbers = np.unique(self._members[label - 1][axis] // size).tolist()
        return Span(numbers[0], numbers[-1], total, tuple(numbers))

    def pixel(self, label: int) -> tuple[str | None, str | None]:
        """The row and the column of its blocks that a set lies in, where they have several."""
        layout = self.layout
        if layout.features_last:
            return None, None
        row, column = (
            _only(places % (size + gap)) if size > 1 else None
            for places, size, gap in zip(
                self._members[label - 1], layout.block, layout.gaps, strict=True
            )
        )
        above, last = layout.inner_letters[:-1], layout.inner_letters[-1:]
        if layout.flat or row is None:
            down = None
        else:
            at = np.unravel_index(row, layout.shape[2:-1])
            down = " ".join(
                f"{letter}{layout.inner_number(axis, int(i))}"
                for axis, (letter, i) in enumerate(zip(above, at, strict=True), start=2)
            )
        end = len(layout.shape) - 1
        across = None if column is None else f"{last}{layout.inner_number(end, column)}"
        return down, across

    def words(self, label: int) -> str:
        """A set by the images and channels it reaches over."""
        if self.layout.features_last:
            return f"set {label}: {', '.join(self._token_words(label))}"
        spans = zip(
            self.layout.letters[:2], (self.images(label), self.channels(label)), strict=True
        )
        word = self.layout.word
        found = [_span_words(word(name), span.numbers) for name, span in spans]
        return f"set {label}: {', '.join(found)}"

    def tokens(self, label: int) -> Span:
        """The tokens of a sequence that a set reaches over; those of all where it has several."""
        top, _, bottom, _ = self.box(label)
        height = self.layout.block[0]
        first, last, *_ = self.images(label)
        if first != last:
            return Span(0, height - 1, height)
        start = self.layout.image_row(first)
        return Span(top - start, bottom - start, height)

    def _token_words(self, label: int) -> list[str]:
        spans = [self.images(label), self.channels(label)]
        if len(self.layout.shape) == 3:
            spans.insert(1, self.tokens(label))
        words = _FEATURES_LAST[len(self.layout.shape)]
        return [_span_words(word, span.numbers) for word, span in zip(words, spans, strict=True)]

    def _cover(self, label: int) -> list[Area]:
        """Rectangles that hold all of a set and nothing of another."""
        box = self.box(label)
        if self._is_pure(box, label):
            return [box]
        rows, columns = self._members[label - 1]
        runs: list[Area] = []
        for row, column in sorted(zip(rows.tolist(), columns.tolist(), strict=True)):
            if (
                runs
                and runs[-1][0] == row
                and self._is_pure((row, runs[-1][1], row, column), label)
            ):
                runs[-1] = (row, runs[-1][1], row, column)
            else:
                runs.append((row, column, row, column))
        return self._stacked(runs, label)

    def _stacked(self, runs: list[Area], label: int) -> list[Area]:
        """Runs of the same columns with nothing foreign between them, put on top of each other."""
        stacks: list[Area] = []
        for top, left, bottom, right in runs:
            for at, (first, start, _, stop) in enumerate(stacks):
                joined = (first, left, bottom, right)
                if (start, stop) == (left, right) and self._is_pure(joined, label):
                    stacks[at] = joined
                    break
            else:
                stacks.append((top, left, bottom, right))
        return stacks

    def _is_pure(self, area: Area, label: int) -> bool:
        part = self._plane[area[0] : area[2] + 1, area[1] : area[3] + 1]
        return bool(((part == label) | (part == 0)).all())


def shifted(area: Area, top: int, left: int) -> Area:
    """An area counted from a corner, as an area of the sheet."""
    return area[0] + top, area[1] + left, area[2] + top, area[3] + left


def areas_text(areas: list[Area], top: int, left: int) -> str:
    """Areas as the arguments of a function.

    >>> areas_text([(0, 0, 1, 1), (3, 0, 4, 1)], top=5, left=2)
    'B5:C6,B8:C9'
    """
    return ",".join(area_text(shifted(area, top, left)) for area in areas)
