"""A formula as a tree: what the page compiles, in Excel's own order of operators.

The unary minus binds tighter than `^`, and `^` runs from left to right: -2^2 is 4, 2^3^2 is 64.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from normviz.workbook.book.address import Area, column_number


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written, 1E-300 say."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text in quotes, given without them."""

    text: str


@dataclass(frozen=True, slots=True)
class Logical:
    """TRUE or FALSE."""

    value: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """Cells: their sheet ("" for the formula's own), where they are, and how it was written.

    `pins` says of first row, first column, last row, last column which has a dollar sign; `name`
    is the defined name that stood there instead of an address.
    """

    sheet: str
    area: Area
    is_area: bool
    pins: tuple[bool, bool, bool, bool] = (False, False, False, False)
    name: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments."""

    function: str
    arguments: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator between two trees, before one ("u-", "u+"), behind one ("%") or around ("()")."""

    operator: str
    operands: tuple[Tree, ...]


Tree = Number | Text | Logical | Reference | Call | Operation

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)?(?![A-Za-z_]))
  | (?P<text>"(?:[^"]|"")*")
  | (?P<sheet>(?:'(?:[^']|'')+'|[A-Za-z_][\w.]*)!)
  | (?P<cell>\$?[A-Za-z]{1,3}\$?\d{1,7}(?![\w(]))
  | (?P<word>[A-Za-z_][\w.]*)
  | (?P<sign><=|>=|<>|[-+*/^&=<>%(),:])
    """,
    re.VERBOSE,
)
_CELL = re.compile(r"(\$?)([A-Za-z]+)(\$?)(\d+)")
_LOOSE_TO_TIGHT = (("=", "<>", "<", ">", "<=", ">="), ("&",), ("+", "-"), ("*", "/"), ("^",))
_BINDING = {sign: at for at, signs in enumerate(_LOOSE_TO_TIGHT, start=1) for sign in signs}
_TIGHTEST = len(_LOOSE_TO_TIGHT) + 1


class FormulaError(ValueError):
    """A formula that cannot be read, in a sentence."""


def parse(formula: str, names: dict[str, str] | None = None) -> Tree:
    """The tree of a formula given without its leading "="; `names` are the book's defined names.

    Raises:
        FormulaError: what it is about the formula that cannot be read.

    >>> parse("-A1^2").operator
    '^'
    >>> parse("SUM(B2:C3)").arguments[0].area
    (2, 2, 3, 3)
    """
    return _Parser(formula, names or {}).whole()


class _Parser:
    """Precedence climbing over a formula's tokens."""

    def __init__(self, formula: str, names: dict[str, str]) -> None:
        self.formula = formula
        self.names = {name.casefold(): (name, target) for name, target in names.items()}
        self.tokens = [*self._split(), ("end", "")]
        self.at = 0

    def _split(self) -> Iterator[tuple[str, str]]:
        place = 0
        while place < len(self.formula):
            match = _TOKEN.match(self.formula, place)
            if not match:
                self._fail(f"{self.formula[place]!r} means nothing")
            place = match.end()
            if match.lastgroup and match.lastgroup != "space":
                yield match.lastgroup, match.group()

    def _fail(self, why: str) -> NoReturn:
        raise FormulaError(f"the formula {self.formula!r} cannot be read: {why}")

    def _take(self, sign: str | None = None) -> tuple[str, str]:
        token = self.tokens[self.at]
        if sign is not None and token != ("sign", sign):
            self._fail(f"{sign!r} is missing before {token[1] or 'its end'!r}")
        self.at += 1
        return token

    def _is_next(self, sign: str) -> bool:
        return self.tokens[self.at] == ("sign", sign)

    def whole(self) -> Tree:
        tree = self._climb(0)
        if self.tokens[self.at][0] != "end":
            self._fail(f"{self.tokens[self.at][1]!r} is one too many")
        return tree

    def _climb(self, lowest: int) -> Tree:
        left = self._before()
        while True:
            kind, sign = self.tokens[self.at]
            binding = _BINDING.get(sign, 0) if kind == "sign" else 0
            if binding == 0 or binding < lowest:
                return left
            self._take()
            left = Operation(sign, (left, self._climb(binding + 1)))

    def _before(self) -> Tree:
        for sign in "-+":
            if self._is_next(sign):
                self._take()
                return Operation(f"u{sign}", (self._climb(_TIGHTEST),))
        tree = self._operand()
        while self._is_next("%"):
            self._take()
            tree = Operation("%", (tree,))
        return tree

    def _operand(self) -> Tree:
        kind, token = self._take()
        if kind == "number":
            return Number(token)
        if kind == "text":
            return Text(token[1:-1].replace('""', '"'))
        if (kind, token) == ("sign", "("):
            inner = self._climb(0)
            self._take(")")
            return Operation("()", (inner,))
        if kind == "sheet":
            return self._reference(self._take()[1], token[:-1].strip("'").replace("''", "'"))
        if kind == "cell":
            return self._reference(token, "")
        if kind == "word":
            return self._word(token)
        return self._fail(f"{token or 'its end'!r} is at the place of a value")

    def _word(self, word: str) -> Tree:
        if self._is_next("("):
            return Call(word.upper(), self._arguments())
        if word.upper() in ("TRUE", "FALSE"):
            return Logical(word.upper() == "TRUE")
        if word.casefold() not in self.names:
            self._fail(f"the name {word!r} is not defined")
        name, target = self.names[word.casefold()]
        made = parse(target)
        if not isinstance(made, Reference):
            self._fail(f"the name {name!r} is no area")
        return Reference(made.sheet, made.area, made.is_area, made.pins, name)

    def _arguments(self) -> tuple[Tree, ...]:
        self._take("(")
        found: list[Tree] = []
        while not self._is_next(")"):
            if found:
                self._take(",")
            found.append(self._climb(0))
        self._take(")")
        return tuple(found)

    def _reference(self, first: str, sheet: str) -> Reference:
        top, left, pins = self._cell(first)
        if not self._is_next(":"):
            return Reference(sheet, (top, left, top, left), False, (*pins, *pins))
        self._take()
        kind, second = self._take()
        if kind != "cell":
            self._fail(f"{second!r} ends no area")
        bottom, right, others = self._cell(second)
        return Reference(sheet, (top, left, bottom, right), True, (*pins, *others))

    def _cell(self, text: str) -> tuple[int, int, tuple[bool, bool]]:
        match = _CELL.fullmatch(text)
        if not match:
            self._fail(f"{text!r} is no address")
        column, row = column_number(match[2].upper()), int(match[4])
        return row, column, (bool(match[3]), bool(match[1]))


def references(tree: Tree) -> Iterator[Reference]:
    """The cells and areas that a formula reads, from left to right.

    >>> [reference.area for reference in references(parse("A1+SUM(B2:C3)"))]
    [(1, 1, 1, 1), (2, 2, 3, 3)]
    """
    if isinstance(tree, Reference):
        yield tree
    inner = tree.operands if isinstance(tree, Operation) else ()
    for part in tree.arguments if isinstance(tree, Call) else inner:
        yield from references(part)
