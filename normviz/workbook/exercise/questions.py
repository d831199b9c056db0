"""Questions to answer before anything is computed: what a norm does follows from its sets.

They are drawn from the norms themselves, so a norm of one's own makes its questions by itself; the
sheet on which they are answered stands at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from normviz.norms.norm import Norm
from normviz.norms.partition import StatisticsSets
from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book
from normviz.workbook.book.layout import Layout
from normviz.workbook.book.styles import BODY, BODY_CENTER, INPUT_TEXT, INPUT_WORD, PLAIN
from normviz.workbook.draw.columns import of_tensor
from normviz.workbook.draw.content import Caption, Entry, Listing, Rule, Step
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.draw.tensor import Frame, by_set
from normviz.workbook.sheets.subject.case import Case

TITLE = "Questions"
POINTS = 1
"""Of each question."""

ANSWER = INPUT_TEXT.but(bold=False, wrap=True)
HINT = "Choose one of the answers in the menu."

SAME, GAINS, OTHERWISE = "it stays the same", "every y gains 100", "it changes in another way"
ONE_IMAGE, SOME_IMAGES, ALL_IMAGES = "only that image", "some others too but not all", "every image"
NOWHERE, ONE_CHANNEL = "nowhere", "only in that channel"
SOME_CHANNELS, ALL_CHANNELS = "in some channels but not all", "in every channel"


@dataclass(frozen=True)
class Question:
    """A question with the options to choose from; `painted` are sets shown as colors."""

    text: str
    options: tuple[str, ...]
    answer: str
    painted: StatisticsSets | None = None


def questions(case: Case, ops: Sequence[str], seed: int) -> list[Question]:
    """The questions of one student: each kind once, about norms and places of her own.

    >>> from normviz.workbook.exercise.exercise import OPS, SETTINGS
    >>> [q.answer for q in questions(Case(SETTINGS), OPS, 1)][:2]
    ['only that image', 'it stays the same']
    """
    draw = Random(f"{seed} questions")
    return [kind(case, ops[int(draw.random() * len(ops))], ops, draw) for kind in _KINDS]


def called(norm: Norm) -> str:
    """What a norm is called: by its title, one of a pattern by its pattern.

    >>> from normviz.norms.sets import norm_of
    >>> called(norm_of("n [c] h w", {})[0]), called(norm_of("batch_norm", {})[0])
    ('n [c] h w', 'BatchNorm')
    """
    return norm.title if norm.name.isidentifier() else norm.sets


def _changed_image(case: Case, op: str, ops: Sequence[str], draw: Random) -> Question:
    sets = case.sets(op)
    image = int(draw.random() * case.shape[0])
    return Question(
        f"{called(case.norms[op])}, training: image {image} of x changes. "
        "Which images of y can change?",
        (ONE_IMAGE, SOME_IMAGES, ALL_IMAGES),
        reach(sets, image),
    )


def reach(sets: StatisticsSets, image: int) -> str:
    """Which images share a statistics set with one of them."""
    labels = sets.labels().reshape(sets.shape[0], -1)
    others = np.delete(labels, image, axis=0)
    touched = sum(bool(np.isin(other, labels[image]).any()) for other in others)
    if not touched:
        return ONE_IMAGE
    return ALL_IMAGES if touched == len(others) else SOME_IMAGES


def _shifted(case: Case, op: str, ops: Sequence[str], draw: Random) -> Question:
    return Question(
        f"{called(case.norms[op])}, training: 100 is added to every x. What happens to y?",
        (SAME, GAINS, OTHERWISE),
        SAME if case.sets(op).centered else OTHERWISE,
    )


def _scaled(case: Case, op: str, ops: Sequence[str], draw: Random) -> Question:
    sets = case.sets(op)
    channel = int(draw.random() * case.shape[1])
    return Question(
        f"{called(case.norms[op])}, training, ε almost 0: channel {channel} of x is "
        "multiplied by 10. Where does y change?",
        (NOWHERE, ONE_CHANNEL, SOME_CHANNELS, ALL_CHANNELS),
        spread_of(sets, channel),
    )


def spread_of(sets: StatisticsSets, channel: int) -> str:
    """In which channels y changes when one channel of x is scaled.

    A set that lies in the channel is scaled as a whole, and comes out as before.
    """
    labels = np.moveaxis(sets.labels(), 1, 0).reshape(sets.shape[1], -1)
    others = np.delete(labels, channel, axis=0)
    mixed = np.intersect1d(labels[channel], others)
    touched = int(np.isin(others, mixed).any(axis=1).sum())
    if not len(mixed):
        return NOWHERE
    return ALL_CHANNELS if touched == len(others) else SOME_CHANNELS


def _counted(case: Case, op: str, ops: Sequence[str], draw: Random) -> Question:
    every = {case.sets(name).count for name in case.norms}
    n, c, h, w = case.shape
    found = sorted(every | {1, n * c * h * w})
    return Question(
        f"{called(case.norms[op])}: x has {n} images of {c} channels of {h} × {w} pixels. How many "
        "statistics sets are there?",
        tuple(map(str, found)),
        str(case.sets(op).count),
    )


def _painted(case: Case, op: str, ops: Sequence[str], draw: Random) -> Question:
    titles: dict[bytes, list[str]] = {}
    for name in case.norms:
        titles.setdefault(case.sets(name).labels().tobytes(), []).append(called(case.norms[name]))
    sets = case.sets(op)
    return Question(
        "What has one color shares its statistics. Which norm is this?",
        tuple(" or ".join(names) for names in titles.values()),
        " or ".join(titles[sets.labels().tobytes()]),
        sets,
    )


_KINDS: tuple[Callable[[Case, str, Sequence[str], Random], Question], ...] = (
    _changed_image,
    _shifted,
    _scaled,
    _counted,
    _painted,
)


def draw(book: Book, asked: Sequence[Question], shape: tuple[int, ...]) -> list[str]:
    """The sheet: a line for each question, with a drop-down; the cells of the answers."""
    sheet = Sheet(
        book,
        TITLE,
        "Before you compute",
        f"Choose an answer in each {INPUT_WORD} cell, before you compute anything. There are no "
        "marks here: a menu that turns green could be tried through.",
        of_tensor(Layout(shape), 2),
    )
    sheet.page.protected = sheet.page.answers = True
    rows = [
        (
            number,
            question.text,
            Entry(None, ANSWER, name=f"answer_{number}", rule=Rule(HINT, options=question.options)),
            POINTS,
        )
        for number, question in enumerate(asked, start=1)
    ]
    sheet.draw(
        Listing(
            rows,
            ("", "Question", "Your answer", "points"),
            (BODY_CENTER, BODY, BODY, BODY_CENTER),
            shares=(5, 60, 34, 9),
        ),
        *(_painted_sets(at, q.painted) for at, q in enumerate(asked, start=1) if q.painted),
    )
    return [address(*sheet.placed[f"answer_{at}"].area[:2]) for at in range(1, len(asked) + 1)]


def _painted_sets(number: int, sets: StatisticsSets) -> Step:
    """A tensor whose elements wear the color of their set."""
    frame, size = Frame(sets), math.prod(sets.shape)
    words = Caption(f"For question {number}", "What has one color shares its statistics.")
    paint = by_set(PLAIN, frame.set_of)
    return Step(f"painted_{number}", words, [None] * size, "element", None, paint, frame)
