"""One meaning a symbol: what every book and every step writes is in the Glossary's list.

A text is read sign by sign: letters that stand alone, letters with a hat, an index or a power, and
all that is not plain English. "σ = √(σ² + ε)" is found by its right side, which the list does not
have for σ; "Σ x / n" because n counts nothing; "dγ" because the list has no such sign.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import normviz
from normviz.reference import layers, steps
from normviz.reference.spread import Spread
from normviz.reference.steps import StepText
from normviz.workbook.book.cells import Book
from normviz.workbook.build import build
from normviz.workbook.exercise.exercise import exercise
from normviz.workbook.explain.in_notebook import Explained
from normviz.workbook.lint.sheets import parse_area
from normviz.workbook.sheets.lessons.why.sheet import LETTERS
from normviz.workbook.sheets.subject.case import Settings
from normviz.workbook.sheets.symbols import AXES, GRADIENTS, PLACES, QUANTITIES, WORDS
from tests.workbook import books

pytestmark = pytest.mark.xdist_group("symbols")  # the books are made once

SYMBOLS = (*QUANTITIES, *GRADIENTS, *PLACES, *dict.fromkeys(sum(AXES.values(), ())))
SIGNS = {sign for symbol in SYMBOLS for sign in symbol.signs}
OF_SETS_ALONE = {"g", "k", "s"}
"""Letters that name nothing but an axis in a norm's sets, as `n (g [k]) [...]`."""


def of_sets(sheet: str, text: str) -> bool:
    """Whether a text is about the lines of sets, where such letters are explained."""
    return sheet == "Glossary" or text == LETTERS


OF_SETS = re.compile(r"[\[\](). ]*[a-z]?[\[\](). ]*")
"""A piece of such a line, in the formula that puts one together."""

DIVISORS = ("m", "m - 1")
SPREADS = [Spread(where, divisor) for where in ("inside", "outside", "max") for divisor in DIVISORS]
DECLARED = [text for text in vars(steps).values() if isinstance(text, StepText)]
STEPS = (
    *DECLARED,
    *(
        s.worded(text)
        for text in DECLARED
        for s in SPREADS
        if "′" not in text.symbol + text.formula
    ),
)


def default() -> Book:
    return books.default_book()


def tokens() -> Book:
    return books.book_of(Settings((2, 5, 8)))


def rows() -> Book:
    return build(Settings((3, 6)))


def volumes() -> Book:
    return build(Settings((2, 2, 2, 1, 2)))


def signals() -> Book:
    return build(Settings((2, 2, 3), axes=("n", "c", "l")))


def answers() -> Book:
    return exercise(answers=True)


def _numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _explained(layer: object, x: np.ndarray, **arguments: Any) -> Book:
    shown = normviz.explain(layer, x, **arguments)
    assert isinstance(shown, Explained)
    return shown.book


def large() -> Book:
    """A layer of which the book shows a part, and sums of the rest."""
    x = _numbers(24, 24, 6, 6)
    return _explained(
        layers.BatchNorm2d(24), x, samples=[0, 3], channels=[0, 2], pixels=(slice(2), slice(2))
    )


def evaluated() -> Book:
    layer = layers.BatchNorm2d(3)
    layer.eval()
    return _explained(layer, _numbers(2, 3, 2, 2))


def uncentered() -> Book:
    return _explained(layers.RMSNorm(6), _numbers(2, 3, 6))


MAKERS = (default, tokens, rows, volumes, signals, exercise, answers, large, evaluated, uncentered)


@cache
def book_of(maker: object) -> Book:
    assert callable(maker)
    made = maker()
    assert isinstance(made, Book)
    return made


@cache
def texts(maker: object) -> frozenset[tuple[str, str]]:
    """Every text that a reader of a book meets, with its sheet."""
    return frozenset(_texts(book_of(maker)))


def _texts(book: Book) -> Iterator[tuple[str, str]]:
    for page in book.pages:
        for line in page.rows.values():
            for cell in line.values():
                if cell.formula is not None:
                    for quoted in re.findall(r'"((?:[^"]|"")*)"', cell.formula):
                        if not OF_SETS.fullmatch(quoted):
                            yield page.title, quoted
                if isinstance(cell.value, str):
                    yield page.title, cell.value
        for block in page.blocks:
            for text in (block.name, block.symbol, block.formula, block.sentence):
                yield page.title, text
        for chart in page.charts:
            names = [chart.title, chart.across.title, chart.up.title]
            for text in (*names, *(line.name for line in chart.lines)):
                yield page.title, text
        for choice in page.choices:
            for text in (choice.title, choice.hint, *choice.options):
                yield page.title, text
    for stop in book.tour:
        yield stop.title, f"{stop.heading}: {stop.words}"


NOT_SIGNS = re.compile(
    r"(?<![\w\u0302])\d[\d.,]*(?:[eE][-−+]?\d+)?(?![\w\u0302])"  # a number
    r"|['’]s\b|\b[A-Z]\d+\b|(?<!\S)-\w\b"  # a genitive; a key or a cell; an option, -o
    r"|\b[\w.]+\.\w[\w.]*|\w+_\w+"  # names of programs
    r"|(?<!E)\[[^\]]*\]|\(?\b[gs] (?=\[)"  # a norm's sets
)
RUN = re.compile(r"∂L/∂[^\W\d_][₀₁]?|[\w\u0302′₊₋⁻]+")
OF_NUMPY = {"X", "dY"}
"""Names in the NumPy expressions of steps, which a test runs."""


def signs_in(text: str) -> Iterator[str]:
    """The signs of a text: what stands alone as a letter, or is more than letters.

    >>> list(signs_in("dx = dx̂ / r + dσ² · 2u / m, for each of 3 sets"))
    ['dx', 'dx̂', 'r', 'dσ²', 'u', 'm']
    """
    for run in RUN.findall(NOT_SIGNS.sub(" ", text)):
        sign = re.sub(r"^[\d²₊₋⁻]+|(?<=^[a-z])\d+$", "", run)
        if sign.isascii() and (len(sign) > 2 or (len(sign) == 2 and sign[0] != "d")):
            continue  # a word
        if sign:
            yield sign


def base(sign: str) -> str:
    """A sign without its power or index, and what a gradient is by, unless the list has it so."""
    if sign in SIGNS:
        return sign
    plain = re.sub(r"[⁻²³]+$|[₀₁₂ᵢ]+$", "", sign)
    return plain if plain in SIGNS else plain.removeprefix("∂L/∂")


def listed() -> set[str]:
    """The signs of the list, one by one: E[x²] is an E and an x²."""
    return {base(sign) for name in SIGNS for sign in signs_in(name)} | SIGNS


ENGLISH = {"do", "I"}


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_every_sign_of_every_text_is_in_the_list(maker: object) -> None:
    known = listed() | OF_NUMPY | ENGLISH
    unknown = {
        (sign, sheet, text)
        for sheet, text in texts(maker)
        for sign in signs_in(text)
        if base(sign) not in (known | OF_SETS_ALONE if of_sets(sheet, text) else known)
    }
    assert not unknown


def test_every_sign_of_every_step_is_in_the_list() -> None:
    written = " ".join(f"{s.symbol} {s.formula} {s.sentence}" for s in STEPS)
    assert {base(sign) for sign in signs_in(written)} <= listed()


DEFINITION = re.compile(
    r"(?:^|(?<=[^·/+−√Σ] ))(?P<sign>[^\s=()]+) = "
    r"(?P<right>(?:[^=;:(]|\([^)]*\))+?)(?=$|[;:]|  |, |\. )"
)


def definitions(text: str) -> Iterator[tuple[str, str]]:
    """What a text says that signs are: "r = √(v + ε)"; not a value, as "ε = 0" or "n = 0 to 2".

    >>> list(definitions("4   q = u · u, and m = 3"))
    [('q', 'u · u')]
    """
    for found in DEFINITION.finditer(text):
        sign, right = found["sign"], found["right"].removesuffix(" and").strip()
        if list(signs_in(sign)) == [sign] and any(signs_in(right)):
            yield sign, right


def _said() -> set[tuple[str, str, str]]:
    """Sheet, sign and right side of all that is said anywhere."""
    texts_of_all = [pair for maker in MAKERS for pair in texts(maker)]
    texts_of_all += [("steps", step.formula) for step in STEPS]
    return {(sheet, *found) for sheet, text in texts_of_all for found in definitions(text)}


def test_no_sign_is_said_to_be_two_things() -> None:
    """Each right side is one that the list has; a gradient is made of gradients, in many forms."""
    forms = {symbol.signs[0]: set(symbol.forms) for symbol in SYMBOLS}
    gradients = {sign for symbol in GRADIENTS for sign in symbol.signs if sign != "L"}

    def known(sign: str, right: str) -> bool:
        if base(sign) in gradients:
            return bool(gradients & {base(used) for used in signs_in(right)}) or "∂L/∂" in right
        return right in forms.get(sign, ()) or any(
            right.startswith(f"{form} ") and not any(signs_in(right.removeprefix(form)))
            for form in forms.get(sign, ())
        )

    assert not [said for said in _said() if not known(*said[1:])]


def test_no_sign_is_said_by_itself() -> None:
    wrong = {(sign, right) for _, sign, right in _said() if sign in signs_in(right)}
    assert not wrong


def test_the_list_has_no_form_that_nothing_shows() -> None:
    shown = _said()
    missing = {
        (symbol.signs[0], form)
        for symbol in SYMBOLS
        for form in symbol.forms
        if not any(s == symbol.signs[0] and right.startswith(form) for _, s, right in shown)
    }
    assert not missing


def test_the_list_has_no_sign_that_nothing_shows() -> None:
    used = {
        base(sign)
        for maker in MAKERS
        for sheet, text in texts(maker)
        if sheet != "Glossary"
        for sign in signs_in(text)
    } | {base(sign) for step in STEPS for sign in signs_in(step.formula)}
    in_formulas = {sign for symbol in SYMBOLS for sign in symbol.signs if signs_in_only(sign)}
    assert in_formulas <= used


def signs_in_only(sign: str) -> bool:
    """Whether a sign of the list is one sign, and no line of a norm's sets."""
    return list(signs_in(sign)) == [sign]


COUNTED = re.compile(
    r"[/√Σ]\s*\(?[ncd]\b(?! ?\()|\b[nd] −|\b[ncd]\)?²|\bd [·/]|[·/] d\b"  # an operand
    r"|\bn = \d+ (?:samples|elements|images)|\bof n = "
)


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_a_letter_of_a_place_counts_nothing(maker: object) -> None:
    """n, c and d say which image, channel and feature; m is how many elements a set has."""
    found = {(sheet, text) for sheet, text in texts(maker) if COUNTED.search(text)}
    assert not found


@pytest.mark.parametrize(
    ("text", "finds"),
    [
        ("μ = Σ x / n", True),
        ("s² = σ² · n / (n − 1)", True),
        ("Σ d² / m", True),
        ("dx̂ · d", True),
        ("from n = 3 samples only", True),
        ("image n = 3, channel c", False),
        ("n · 4 + c + 1", False),
        ("n = 0 to 2", False),
    ],
)
def test_what_counts_as_counting(text: str, finds: bool) -> None:
    assert bool(COUNTED.search(text)) == finds


@pytest.mark.parametrize("text", ["σ = √(σ² + ε)", "dγ = Σ dy · x̂", "m² = Σ x² / m", "x̂ = d / σ"])
def test_the_old_ambiguities_would_be_found(text: str) -> None:
    unknown = {base(sign) for sign in signs_in(text)} - listed()
    forms = {symbol.signs[0]: symbol.forms for symbol in SYMBOLS}
    assert unknown or all(right not in forms.get(sign, ()) for sign, right in definitions(text))


@pytest.mark.parametrize("maker", MAKERS[:4], ids=lambda maker: maker.__name__)
def test_a_glossary_says_each_sign_and_word_once_and_leads_somewhere(maker: object) -> None:
    book = book_of(maker)
    page = next(page for page in book.pages if page.title == "Glossary")
    lines = [line for line in page.rows.values() if len(line) == 3 and line[2].value != "symbol"]
    said = [name for line in lines for name in str(line[2].value).split(", ")]
    assert len(said) == len(set(said)) > 30
    titles = {page.title for page in book.pages}
    assert all(link.title in titles for link in page.links.values())


@pytest.mark.parametrize("maker", MAKERS[:5], ids=lambda maker: maker.__name__)
def test_a_glossary_leads_to_texts_that_show_its_signs(maker: object) -> None:
    """Not to a number beside a text, nor to a heading of the section."""
    pages = {page.title: page for page in book_of(maker).pages}
    glossary = pages["Glossary"]
    wrong = []
    for (row, column), link in glossary.links.items():
        if column == 4:
            target = pages[link.title].rows[parse_area(link.reference)[0]]
            text = target[parse_area(link.reference)[1]].value
            signs = str(glossary.rows[row][2].value).split(", ")
            if not (isinstance(text, str) and any(s.lower() in text.lower() for s in signs)):
                wrong.append((signs, link, text))
    assert not wrong


@pytest.mark.parametrize("maker", MAKERS[:5], ids=lambda maker: maker.__name__)
def test_a_glossary_has_no_sign_that_its_book_does_not_show(maker: object) -> None:
    page = next(page for page in book_of(maker).pages if page.title == "Glossary")
    said = [
        s for line in page.rows.values() if len(line) == 3 for s in str(line[2].value).split(", ")
    ]
    used = {
        base(sign) for sheet, text in texts(maker) if sheet != "Glossary" for sign in signs_in(text)
    }
    assert len(said) > 30
    assert {sign for sign in said if signs_in_only(sign)} <= used


def test_every_sheet_that_the_list_names_exists() -> None:
    titles = {page.title for maker in MAKERS[:4] for page in book_of(maker).pages}
    assert {title for symbol in (*SYMBOLS, *WORDS) for title in symbol.see} <= titles


@pytest.mark.parametrize(
    "word", ["torch", "upstream gradient", "affine", "Welford", "SyncBatchNorm"]
)
def test_a_word_is_explained_once(word: str) -> None:
    assert [symbol.signs for symbol in WORDS].count((word,)) == 1


def test_the_readme_of_the_workbooks_has_every_sheet_and_its_picture() -> None:
    folder = Path(__file__).parents[3] / "workbooks"
    readme = (folder / "README.md").read_text("utf-8")
    titles = [page.title for page in book_of(default).pages if not page.hidden]
    assert re.findall(r"^\*\*(.+?)\.\*\* .*\?", readme, re.M) == titles
    assert len(re.findall(r"^!\[.+\]\(previews/normalization-", readme, re.M)) == len(titles)
    linked = {*re.findall(r"\(previews/([^)]+)\)", readme), "playground.png"}  # of the front page
    assert linked == {path.name for path in (folder / "previews").iterdir()}
