"""The words and symbols of the workbook, each explained once."""

from __future__ import annotations

import re

from normviz.workbook.book.cells import Book, Link
from normviz.workbook.book.styles import BODY, BODY_CENTER, LINE, LINK
from normviz.workbook.draw.columns import texts
from normviz.workbook.draw.content import Banner, Entry, Listing
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.sheets.kinds import OF_IMAGES, spoken

TITLE = "Glossary"

SYMBOLS = (
    ("x, y", "the input of the layer, and its output", "Inputs"),
    (
        "n = 0, c = 0",
        "before a grid: the number of an image, of a channel, counted from 0",
        "Inputs",
    ),
    (
        "n in a formula",
        "how many elements a statistics set has; it stands at the top",
        "BatchNorm",
    ),
    ("μ", "the mean of a set", "BatchNorm"),
    ("x − μ, or d", "how far an element is from the mean of its set", "BatchNorm"),
    ("σ²", "the biased variance of a set: the mean of d², divided by n", "Conventions"),
    ("s²", "the unbiased variance, divided by n − 1; it goes into running_var", "Conventions"),
    ("σ", "the root that divides, √(variance + ε); the step std", "Numerics"),
    ("ε, eps", "a small number inside the root, so that nothing is divided by 0", "Numerics"),
    ("m², r", "RMSNorm's mean square, and its root √(m² + ε)", "RMSNorm"),
    ("x̂", "x normalized: d / σ, or x / r", "BatchNorm"),
    ("γ, β", "weight and bias, learned: y = γ · x̂ + β", "Which LayerNorm"),
    ("dy, dx, ...", "the gradient of the loss L by y, by x; dγ is that by γ", "Four numbers"),
    ("a, b", "on a norm's sheet: the means of dx̂ and of dx̂ · x̂ over a set", "BatchNorm"),
    ("M", "Σ (x − μ)², what devices or Welford add up instead of a variance", "Batches"),
)

TERMS = (
    ("torch", "PyTorch, the library whose layers these are; normviz computes as it does", "Checks"),
    ("NumPy", "the library in which every number here was computed once more", "Checks"),
    ("statistics set", "the elements that share one mean and one variance: one color", "Sets"),
    ("affine", "the last step, y = γ · x̂ + β, with learned γ and β", "Which LayerNorm"),
    ("upstream gradient", "dy, what comes back to the layer from what follows it", "Four numbers"),
    ("loss L", "the number that training makes small; all gradients are of it", "Four numbers"),
    (
        "training, evaluation",
        "with the batch's own statistics, or the running ones",
        "Evaluation",
    ),
    ("running statistics", "averages that training keeps for evaluation", "Evaluation"),
    ("momentum", "the weight of the new value in them; Keras calls 1 − momentum so", "Evaluation"),
    ("group", "neighboring channels that share statistics (GroupNorm)", "GroupNorm"),
    ("split", "a part of the batch with statistics of its own (Ghost BN)", "GhostBatchNorm"),
    ("SyncBatchNorm", "BatchNorm over the batches of several devices, merged", "Batches"),
    ("Welford", "a variance in one pass that stays right far from zero (1962)", "Numerics"),
    ("Bessel's correction", "dividing by n − 1: s² instead of σ²", "Conventions"),
    (
        "float64, float32",
        "numbers of about 16 and 7 digits; a sheet has float64",
        "Numerics",
    ),
    ("ReLU", "max(y, 0): what is negative becomes 0", "Layer to layer"),
    ("1×1 convolution", "each pixel's channels mixed by one small matrix", "Layer to layer"),
    ("chain rule", "a gradient is the product of the derivatives on its way", "Four numbers"),
    ("closed form", "dx in one formula, without the steps in between", "BatchNorm"),
)


def build(book: Book, dimensions: int = 4) -> None:
    """The sheet; a word leads to the sheet that shows it, where the book has that sheet.

    A book of tokens or rows has no word that is about images, one of volumes says it of those.
    """
    sheet = Sheet(
        book,
        TITLE,
        "Glossary: every symbol and word, once",
        "Click a sheet's name to see the thing itself.",
        texts(24, 78, 22),
        tab="9AA5B1",
    )
    known = {page.title for page in book.pages}
    linked = LINK.but(edge=LINE, indent=1)

    def listing(rows: tuple[tuple[str, str, str], ...], head: str) -> Listing:
        found = [
            (
                name,
                spoken(words, dimensions),
                Entry(where, linked, link=Link(where)) if where in known else Entry("", BODY),
            )
            for name, words, where in rows
            if dimensions > 3 or not re.search(OF_IMAGES, words)
        ]
        looks = (BODY_CENTER.but(bold=True, wrap=True), BODY, BODY)
        return Listing(found, (head, "what it means", "see"), looks)

    sheet.draw(
        Banner("Symbols"),
        listing(SYMBOLS, "symbol"),
        Banner("Words"),
        listing(TERMS, "word"),
    )
