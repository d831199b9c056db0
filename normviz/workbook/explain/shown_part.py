"""The part of a tensor that a sheet shows, and what the part not shown adds to every sum.

A mean over a set is (sum of the elements shown + sum of those not shown) / n. The second sum is a
constant of the sheet; so are the few others below. They are chosen so that every step stays exact
when a shown number changes: the squares of the elements not shown are counted from their own mean,
from which the set's mean may move away (Chan, Golub & LeVeque 1983, eq. 2.1).
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.partition import StatisticsSets
from normviz.reference.trace import Trace
from normviz.workbook.book.layout import (
    Labels,
    Layout,
    Regions,
    Span,
)
from normviz.workbook.draw.tensor import Frame, axes_of, parameter_labels
from normviz.workbook.explain.selection import Selection

Array = npt.NDArray[Any]


class ShownRegions(Regions):
    """Sets of a slice that know how far they reach in the whole tensor."""

    def __init__(self, layout: Layout, labels: Labels, spans: list[tuple[Span, Span]]) -> None:
        super().__init__(layout, labels)
        self.spans = spans

    def images(self, label: int) -> Span:
        """The images a set reaches over in the whole tensor."""
        return self.spans[label - 1][0]

    def channels(self, label: int) -> Span:
        """The channels a set reaches over in the whole tensor."""
        return self.spans[label - 1][1]


class ShownFrame(Frame):
    """A frame of the elements shown; sets and parameters are numbered anew as they appear.

    `set_numbers` and `parameter_numbers` are their numbers (from 0) in the whole tensor.
    """

    def __init__(self, sets: StatisticsSets, selection: Selection) -> None:
        self.selection = selection
        whole, parameters = sets.labels(), parameter_labels(sets)
        images, channels = selection.numbers[:2]
        shape = selection.shown_shape
        letters = axes_of(sets) or ("n", "c")
        inner = selection.numbers[2:]
        self.layout = Layout(shape, False, images, channels, letters, False, inner)
        labels, self.set_numbers = _renumbered(selection.take(whole))
        self.sets = ShownRegions(self.layout, labels, _spans(whole, selection, labels))
        shown, self.parameter_numbers = _renumbered(selection.take(parameters))
        spans = _spans(parameters, selection, shown)
        self.parameters = ShownRegions(self.layout, shown, spans)
        one = bool((shown == shown[:1]).all())
        self.one_image = replace(self.layout, shape=(1, *shape[1:])) if one else self.layout
        self.shown_parameters = (
            ShownRegions(self.one_image, shown[:1], spans) if one else self.parameters
        )
        pairs = labels * (int(shown.max()) + 1) + shown
        self.pair_labels = _renumbered(pairs)[0]
        self.set_of: list[int] = labels.ravel().tolist()
        self.parameter_of: list[int] = shown.ravel().tolist()
        reach = [
            (self.sets.images(k + 1), self.parameters.channels(p + 1)) for k, p in self.pair_table
        ]
        self.pairs = ShownRegions(self.layout, self.pair_labels, reach)

    @property
    def of_pairs(self) -> Frame:
        """The same elements, in sets that are pairs of a set and a parameter."""
        found = copy(self)
        found.sets = self.pairs
        return found

    def pick(self, per: str, values: Array) -> list[float]:
        """The values that are shown, of those of all elements, sets or parameters."""
        if per == "element":
            values = self.selection.take(values.reshape(self.selection.shape))
        elif per == "set":
            values = values.ravel()[self.set_numbers]
        elif per == "parameter":
            values = values.ravel()[self.parameter_numbers]
        flat: list[float] = values.ravel().tolist()
        return flat

    @property
    def parameter_of_set(self) -> list[int]:
        """For every set, the parameter (from 0) of one of its elements."""
        found = dict(zip(reversed(self.set_of), reversed(self.parameter_of), strict=True))
        return [found[label] - 1 for label in sorted(found)]

    @property
    def pair_table(self) -> list[tuple[int, int]]:
        """For every pair of a set and a parameter that share elements, both (from 0)."""
        found = dict(
            zip(
                self.pair_labels.ravel().tolist(),
                zip(self.set_of, self.parameter_of, strict=True),
                strict=True,
            )
        )
        return [(found[label][0] - 1, found[label][1] - 1) for label in sorted(found)]


def _renumbered(labels: Labels) -> tuple[Labels, npt.NDArray[np.int64]]:
    """Labels as 1, 2, ... in order of first appearance, and the old ones, counted from 0."""
    old, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(old), dtype=np.int64)
    rank[order] = np.arange(1, len(old) + 1)
    return rank[inverse].reshape(labels.shape), old[order] - 1


def _spans(whole: Labels, selection: Selection, shown: Labels) -> list[tuple[Span, Span]]:
    """How far every shown set reaches in the whole tensor, over images and over channels."""
    spans = []
    for place in np.unique(shown.ravel(), return_index=True)[1]:
        at = np.unravel_index(int(place), shown.shape)
        index = [axis[i] for axis, i in zip(selection.axes, at, strict=True)]
        label = whole[tuple(index)]
        reach = []
        for axis in (0, 1):
            line: list[Any] = list(index)
            line[axis] = slice(None)
            members = np.flatnonzero(whole[tuple(line)] == label)
            if selection.part:
                members = np.asarray(selection.part[axis])[members]
            numbers = tuple(members.tolist())
            reach.append(Span(numbers[0], numbers[-1], selection.tensor[axis], numbers))
        spans.append((reach[0], reach[1]))
    return spans


@dataclass(frozen=True)
class RestSums:
    """Sums over the elements not shown, of the sets and parameters shown; all float64.

    Per set: `count`, `total` (sum of x), `scatter` (squares from their own mean `center`),
    `outside` and `outside_product` (of dx̂, and of dx̂ times the distance from `center`, over
    parameters not shown). Per pair of set and parameter: `grad` and `grad_product` likewise of dy.
    Per parameter, from sets that are not shown at all: `bias`, `weight`, `means`, `variances`
    (`weight` is of dy · x̂, with stored statistics of dy · x).
    """

    count: Array
    total: Array
    scatter: Array
    center: Array
    outside: Array
    outside_product: Array
    grad: Array
    grad_product: Array
    bias: Array
    weight: Array
    means: Array
    variances: Array


def rest_sums(trace: Trace, frame: ShownFrame) -> RestSums:
    """The sums over what `frame` does not show of a trace with its backward pass."""
    sets, hidden = trace.sets, ~frame.selection.mask().ravel()
    x, dy = trace.x.ravel()[hidden], trace["grad_output"].ravel()[hidden]
    dxhat, xhat = trace["grad_normalized"].ravel()[hidden], trace["normalized"].ravel()[hidden]
    # The number of each hidden element's set and parameter among those shown; 0: not among them.
    of_set = _new_numbers(sets.count, frame.set_numbers)[sets.labels().ravel()[hidden]]
    parameters = parameter_labels(sets).ravel()[hidden]
    most = int(np.prod(sets.parameter_view))
    of_parameter = _new_numbers(most, frame.parameter_numbers)[parameters]
    k, p = len(frame.set_numbers), len(frame.parameter_numbers)

    count, total = _sums(of_set, None, k), _sums(of_set, x, k)
    center = total / np.maximum(count, 1) if sets.centered else np.zeros(k)
    distance = x - np.concatenate([[0.0], center])[of_set]
    table = frame.pair_table
    number = np.zeros((k + 1, p + 1), dtype=np.int64)
    for at, (s, q) in enumerate(table, start=1):
        number[s + 1, q + 1] = at
    pair, alone = number[of_set, of_parameter], np.where(of_parameter == 0, of_set, 0)
    foreign = np.where(of_set == 0, of_parameter, 0)
    foreign_bias = _sums(foreign, dy, p) + _not_traced(trace, frame, "grad_bias")
    foreign_weight = _sums(foreign, dy * (xhat if trace.training else x), p)
    foreign_weight += _not_traced(trace, frame, "grad_weight")
    means, variances = _other_statistics(trace, frame)
    return RestSums(
        count=count,
        total=total,
        scatter=_sums(of_set, distance**2, k),
        center=center,
        outside=_sums(alone, dxhat, k),
        outside_product=_sums(alone, dxhat * distance, k),
        grad=_sums(pair, dy, len(table)),
        grad_product=_sums(pair, dy * distance, len(table)),
        bias=foreign_bias,
        weight=foreign_weight,
        means=means,
        variances=variances,
    )


def _not_traced(trace: Trace, frame: ShownFrame, name: str) -> Array:
    """What a gradient of the parameters shown has from sets that are not even traced."""
    if not frame.selection.part or name not in trace:
        return np.zeros(len(frame.parameter_numbers))
    return np.asarray(not_traced(trace, name).ravel()[frame.parameter_numbers])


def not_traced(trace: Trace, name: str) -> Array:
    """A gradient of the parameters, less what the elements traced add to it."""
    terms = trace["grad_output"]
    if name == "grad_weight":
        terms = terms * trace["normalized"]
    own = terms.reshape(trace.sets.view).sum(axis=trace.sets.other_axes)
    return np.asarray(trace[name].ravel() - own.ravel())


def _sums(numbers: Labels, values: Array | None, most: int) -> Array:
    """The sum of the values of every number from 1 on (how many there are, without values)."""
    return np.bincount(numbers, values, minlength=most + 1)[1:].astype(np.float64)


def _new_numbers(most: int, shown: npt.NDArray[np.int64]) -> Labels:
    """From a label in the whole tensor to its number among those shown, or 0."""
    numbers = np.zeros(most + 1, dtype=np.int64)
    numbers[shown + 1] = np.arange(1, len(shown) + 1)
    return numbers


def _other_statistics(trace: Trace, frame: ShownFrame) -> tuple[Array, Array]:
    """Sums, per shown parameter, of mean and unbiased variance of the sets not shown."""
    sets, p = trace.sets, len(frame.parameter_numbers)
    if not trace.running_buffers():
        return np.zeros(p), np.zeros(p)
    numbers = np.arange(1, int(np.prod(sets.parameter_view)) + 1).reshape(sets.parameter_view)
    own = np.broadcast_to(numbers, sets.broadcast_shape).ravel()
    of_parameter = _new_numbers(numbers.size, frame.parameter_numbers)[own]
    of_parameter[frame.set_numbers] = 0
    unbiased = trace["variance"].ravel() * (sets.size / (sets.size - 1))
    return _sums(of_parameter, trace["mean"].ravel(), p), _sums(of_parameter, unbiased, p)
