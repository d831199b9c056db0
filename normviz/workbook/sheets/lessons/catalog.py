"""The sheets that teach: each complete in itself, with input cells of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from normviz.workbook.book.cells import Book
from normviz.workbook.sheets.lessons import questions
from normviz.workbook.sheets.lessons.batches import sheet as batches
from normviz.workbook.sheets.lessons.conventions import sheet as conventions
from normviz.workbook.sheets.lessons.evaluation import sheet as evaluation
from normviz.workbook.sheets.lessons.four_numbers import sheet as four_numbers
from normviz.workbook.sheets.lessons.layer_to_layer import sheet as layer_to_layer
from normviz.workbook.sheets.lessons.numerics import sheet as numerics
from normviz.workbook.sheets.lessons.which_layer_norm import sheet as which_layer_norm
from normviz.workbook.sheets.lessons.why import sheet as why


@dataclass(frozen=True)
class Lesson:
    """A teaching sheet: its title, how it is drawn, what it shows and what to try on it."""

    title: str
    draw: Callable[[Book], object]
    shows: str
    tries: str

    @property
    def row(self) -> tuple[str, str, str]:
        """Its row in the table of contents."""
        return self.title, self.shows, self.tries


FIRST: tuple[Lesson, ...] = (
    Lesson(
        why.TITLE,
        why.build,
        "Eight layers with and without a norm: activations and gradients vanish, explode or stay. "
        "And which norm when.",
        "Set the scale to 2, then to 4; then choose another norm.",
    ),
    Lesson(
        four_numbers.TITLE,
        four_numbers.build,
        "BatchNorm on four values, every arrow of the backward pass with its number, the three "
        "paths to dx, and a nudge that checks them.",
        "Type 100 over one x: which gradients stay? (dy, dx̂ and ∂L/∂β.)",
    ),
)
"""What a reader meets first."""

LESSONS: tuple[Lesson, ...] = (
    Lesson(
        evaluation.TITLE,
        evaluation.build,
        "Four mini-batches move the running statistics step by step; then one batch is normalized "
        "in training and in evaluation. torch's momentum beside Keras', and Ghost BN.",
        "Type momentum 0.5 and watch the lines; then evaluate after step 24.",
    ),
    Lesson(
        layer_to_layer.TITLE,
        layer_to_layer.build,
        "x, a norm by drop-down, ReLU and a 1×1 convolution: where the mean and variance of layer "
        "N+1 come from.",
        "Turn the norm from BatchNorm to LayerNorm: the next layer's statistics follow.",
    ),
    Lesson(
        which_layer_norm.TITLE,
        which_layer_norm.build,
        "LayerNorm over (C, H, W), GroupNorm with one group and LayerNorm over the channels of "
        "each pixel: their sets, parameters and differences.",
        "Type 5 over one γ of an element: only one of the three follows.",
    ),
    Lesson(
        numerics.TITLE,
        numerics.build,
        "E[x²] − E[x]² against two passes against Welford; float32 and float16; what ε does; why "
        "one value per channel is refused.",
        "Type the offset 1E9: what becomes of the variance?",
    ),
    Lesson(
        conventions.TITLE,
        conventions.build,
        "Biased and unbiased variance, each traced to its use; RMSNorm's ε inside and outside the "
        "root; groups or group size; the defaults of torch, Keras and flax.",
        "Type 3 groups, then 4: read what normviz answers.",
    ),
    Lesson(
        batches.TITLE,
        batches.build,
        "A bias before BatchNorm is dead; accumulated gradients are not those of a big batch; "
        "devices that do not talk, and how their statistics are merged.",
        "Change b: nothing behind BatchNorm moves.",
    ),
    Lesson(
        questions.TITLE,
        questions.build,
        "What people ask about these layers, answered in a sentence, with a link to the sheet.",
        "Follow the question that brought you here.",
    ),
)


def build(book: Book) -> None:
    """Every teaching sheet, in order."""
    for lesson in (*FIRST, *LESSONS):
        lesson.draw(book)
