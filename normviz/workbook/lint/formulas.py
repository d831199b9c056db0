"""Rules for formulas, on the tokens of openpyxl's tokenizer.

A sheet repeats a few formulas at many places, so what is checked is a formula's *shape*, the text
with every address replaced by A1, once for each shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from openpyxl.formula.tokenizer import Token, Tokenizer, TokenizerError

from normviz.workbook.lint.source import Package

SAFE_FUNCTIONS = frozenset(
    {"SUM", "AVERAGE", "AVERAGEIF", "SUMIF", "COUNTIF", "COUNT", "SUMPRODUCT", "SUMSQ", "DEVSQ"}
    | {"VARP", "SQRT", "ABS", "MIN", "MAX", "ROUND", "INT", "MOD", "IF", "AND", "OR", "NOT"}
    | {"IFERROR", "CHOOSE", "INDEX", "MATCH", "RANDBETWEEN"}
)
"""They mean the same in Excel since 2010, LibreOffice and Google Sheets."""

LONGEST_FORMULA, MOST_ARGUMENTS, LONGEST_LITERAL = 8_192, 255, 255
_ADDRESS = re.compile(
    r"(\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*')"  # none is in a text, or in a title as 'bn L2'
    r"|\$?[A-Z]{1,3}\$?\d{1,7}\b(?!\()"
)
_RANGE = re.compile(r"A1(:A1)?|A1:A1:A1")


class Parsed(NamedTuple):
    """A formula's shape, its tokens, and what its workbook knows."""

    shape: str
    tokens: list[Token]
    titles: frozenset[str]
    names: frozenset[str]


class FormulaChecker:
    """Checks formulas, each shape once."""

    def __init__(self, package: Package) -> None:
        self.titles = frozenset(title.casefold() for title in package.titles)
        self.names = frozenset(name.casefold() for name in package.names)

    def check(self, formula: str) -> list[tuple[str, str]]:
        """Rule and sentence for every problem of one formula, given without its '='."""
        problems = []
        if len(formula) > LONGEST_FORMULA:
            sentence = f"a formula of {len(formula)} characters; {LONGEST_FORMULA} is the most"
            problems.append(("formula_length", sentence))
        shape = _ADDRESS.sub(lambda found: found[1] or "A1", formula)
        return [*problems, *_check_shape(shape, self.titles, self.names)]


@lru_cache(maxsize=16_384)
def _check_shape(
    shape: str, titles: frozenset[str], names: frozenset[str]
) -> tuple[tuple[str, str], ...]:
    """Each shape once, in all files that have the same sheets and names."""
    try:
        tokens = Tokenizer("=" + shape).items
    except (TokenizerError, IndexError) as error:
        return (("readable", f"the formula cannot be read: {shape!r} ({error})"),)
    parsed = Parsed(shape, tokens, titles, names)
    return tuple((rule.__name__, text) for rule in FORMULA_RULES for text in rule(parsed))


def safe_function(formula: Parsed) -> Iterator[str]:
    """Only functions that mean the same everywhere; _xlfn. and dotted names show #NAME?."""
    for token in formula.tokens:
        if token.type == Token.FUNC and token.subtype == Token.OPEN:
            name = token.value[:-1].upper()
            if name not in SAFE_FUNCTIONS:
                yield f"the function {name} is not on the safe list"


def guarded_random(formula: Parsed) -> Iterator[str]:
    """A random number stands behind a switch, or no result could ever be compared."""
    if "RANDBETWEEN(" in formula.shape.upper() and not formula.shape.upper().startswith("IF("):
        yield 'RANDBETWEEN without a switch: IF(switch="Random",RANDBETWEEN(...),...)'


def balanced(formula: Parsed) -> Iterator[str]:
    """As many brackets are opened as closed."""
    depth = 0
    for token in formula.tokens:
        depth += (token.subtype == Token.OPEN) - (token.subtype == Token.CLOSE)
        if depth < 0:
            break
    if depth:
        yield f"the brackets of {formula.shape!r} do not match"


def comma_separates(formula: Parsed) -> Iterator[str]:
    """A file separates arguments by commas, whatever the language of the program."""
    if ";" in _without_literals(formula.shape):
        yield f"';' separates nothing in a file: {formula.shape!r}"


def ascii_only(formula: Parsed) -> Iterator[str]:
    """Typographic minus signs and quotes look right and are not understood."""
    strange = sorted({c for c in _without_literals(formula.shape) if not c.isascii()})
    if strange:
        yield f"the formula has characters that are not ASCII: {' '.join(strange)}"


def no_array_constant(formula: Parsed) -> Iterator[str]:
    """Array constants and spill references make a formula an array formula."""
    outside = _without_literals(formula.shape)
    if "{" in outside or re.search(r"A1#|@", outside):
        yield f"an array constant or a spilled area in {formula.shape!r}"


def no_prose(formula: Parsed) -> Iterator[str]:
    """Two words in a row are a sentence that began with '=', or the intersection of areas."""
    tokens = formula.tokens
    for first, between, second in zip(tokens, tokens[1:], tokens[2:], strict=False):
        words = first.type == second.type == Token.OPERAND
        if words and between.type == Token.WSPACE:
            yield f"prose that begins with '=' became a formula: {formula.shape!r}"
            return


def no_union(formula: Parsed) -> Iterator[str]:
    """A union of areas, (A1,B2), is read differently by different programs."""
    for token in formula.tokens:
        if token.type == Token.OP_IN and token.value == ",":
            yield f"a union of areas in {formula.shape!r}"
            return


def known_references(formula: Parsed) -> Iterator[str]:
    """Every name and every sheet that a formula mentions exists."""
    for token in formula.tokens:
        if token.type != Token.OPERAND or token.subtype != Token.RANGE:
            continue
        title, _, reference = token.value.rpartition("!")
        title = title.strip("'").replace("''", "'")
        if title and title.casefold() not in formula.titles:
            yield f"the sheet {title!r} does not exist"
        if not _RANGE.fullmatch(reference) and reference.casefold() not in formula.names:
            yield f"the name {reference!r} does not exist"


def argument_count(formula: Parsed) -> Iterator[str]:
    """A function takes at most 255 arguments."""
    open_calls: list[int] = []
    for token in formula.tokens:
        if token.subtype == Token.OPEN:
            open_calls.append(1)
        elif token.type == Token.SEP and open_calls:
            open_calls[-1] += 1
        elif token.subtype == Token.CLOSE and open_calls and open_calls.pop() > MOST_ARGUMENTS:
            yield f"a function with more than {MOST_ARGUMENTS} arguments"


def literal_length(formula: Parsed) -> Iterator[str]:
    """A text inside a formula has at most 255 characters."""
    for token in formula.tokens:
        if token.subtype == Token.TEXT and len(token.value) - 2 > LONGEST_LITERAL:
            yield f"a text of {len(token.value) - 2} characters in a formula; 255 is the most"


def _without_literals(shape: str) -> str:
    return re.sub(r"\"[^\"]*\"|'[^']*'", "", shape)


FORMULA_RULES: tuple[Callable[[Parsed], Iterator[str]], ...] = (
    safe_function,
    guarded_random,
    balanced,
    comma_separates,
    ascii_only,
    no_array_constant,
    no_prose,
    no_union,
    known_references,
    argument_count,
    literal_length,
)
