"""Formulas by their shape: one JavaScript arrow function for all that differ in their cells only.

A workbook of many thousand formulas has a few hundred shapes. A shape is a function of the cells'
places, the tree that its text is written from, and what each of its slots holds; a cell is then
the number of its shape and its places. Only the functions of the lint's safe list compile.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from normviz.workbook.book.changes import SHIPPED
from normviz.workbook.book.formula import (
    Call,
    FormulaError,
    Logical,
    Number,
    Operation,
    Reference,
    Text,
    Tree,
)

VALUES = {"ABS": 1, "INT": 1, "MOD": 2, "NOT": 1, "RANDBETWEEN": 2, "ROUND": 2, "SQRT": 1}
"""Functions of values, and how many they take."""

AGGREGATES = frozenset(
    {"SUM", "AVERAGE", "COUNT", "MIN", "MAX", "SUMSQ", "DEVSQ", "VARP", "AND", "OR"}
)
"""Functions of any number of areas and values; in an area they skip texts."""

BY_CRITERION = {"AVERAGEIF": (2, 3), "SUMIF": (2, 3), "COUNTIF": (2, 2)}
LAZY = {"IF": (2, 3), "IFERROR": (2, 2), "CHOOSE": (2, 255)}
OTHERS = frozenset({"INDEX", "MATCH", "SUMPRODUCT"})
FUNCTIONS = frozenset({*VALUES, *AGGREGATES, *BY_CRITERION, *LAZY, *OTHERS})

_OPERATORS = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "^": "pow", "&": "cat", "=": "eq", "<>": "ne",
    "<": "lt", ">": "gt", "<=": "le", ">=": "ge", "u-": "neg", "u+": "same", "%": "percent",
}  # fmt: skip
_EACH = frozenset({"ABS", "INT", "MOD", "ROUND", "SQRT"})
"""Functions that inside SUMPRODUCT work element by element."""

Shown = list[Any]
"""A formula's text as pieces: a text, the number of a slot, or [function, node, arguments...]."""

Place = tuple[int, int, int, int]
"""First cell, rows, columns, and how many cells of its sheet lie between two rows."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A formula without its cells: JavaScript, text, and one description for each slot.

    A slot is [is an area, dollar signs as bits, names its sheet], or [name, *place] where a
    defined name stands.
    """

    script: str
    shown: str
    slots: str
    is_random: bool


def compile_formula(tree: Tree, place: Callable[[Reference], Place]) -> tuple[Shape, list[Place]]:
    """The shape of a formula, and the places of its slots.

    Raises:
        FormulaError: a function or a way to use one that no medium may be given.
    """
    compiler = _Compiler(place)
    script = compiler.value(tree)
    shown = json.dumps(_joined(compiler.show(tree)), ensure_ascii=True, separators=(",", ":"))
    slots = json.dumps([slot for slot, _ in compiler.slots], separators=(",", ":"))
    shape = Shape(f"(r,p)=>{script}", shown, slots, "RANDBETWEEN(" in script)
    return shape, [at for _, at in compiler.slots]


class _Compiler:
    """One walk for the JavaScript, one for the text; both meet slots and nodes in one order."""

    def __init__(self, place: Callable[[Reference], Place]) -> None:
        self.place = place
        self.slots: list[tuple[list[Any], Place]] = []
        self.offset = 0
        self.nodes = 0
        self.slot_of: dict[int, int] = {}
        self.node_of: dict[int, int] = {}

    def value(self, tree: Tree) -> str:
        """JavaScript of one value."""
        if isinstance(tree, Number):
            return repr(float(tree.text)).removesuffix(".0")
        if isinstance(tree, Text):
            return literal(tree.text)
        if isinstance(tree, Logical):
            return "true" if tree.value else "false"
        if isinstance(tree, Reference):
            if tree.is_area:
                raise FormulaError("an area stands where a single value is needed")
            return f"C({self._slot(tree)})"
        if isinstance(tree, Operation):
            if tree.operator == "()":
                return self.value(tree.operands[0])
            inner = ",".join(self.value(operand) for operand in tree.operands)
            return f"{_OPERATORS[tree.operator]}({inner})"
        return self._call(tree, self.value)

    def reference(self, tree: Tree) -> str:
        """JavaScript of an argument that stays an area where it is one."""
        if isinstance(tree, Operation) and tree.operator == "()":
            return self.reference(tree.operands[0])
        if not isinstance(tree, Reference):
            return self.value(tree)
        slot = self._slot(tree)
        return f"A({slot})" if tree.is_area else f"A({slot},1,1,1)"

    def array(self, tree: Tree) -> str:
        """JavaScript of an argument of SUMPRODUCT, where operators work element by element."""
        if isinstance(tree, Operation):
            if tree.operator == "()":
                return self.array(tree.operands[0])
            inner = ",".join(self.array(operand) for operand in tree.operands)
            return f"each({_OPERATORS[tree.operator]},{inner})"
        if isinstance(tree, Reference):
            return f"grid({self.reference(tree)})" if tree.is_area else self.value(tree)
        if isinstance(tree, Call) and tree.function == SHIPPED:
            self._counted(tree, 1, 1)
            return f"shipped({self._area(tree.arguments[0], SHIPPED)})"
        if isinstance(tree, Call) and tree.function in _EACH:
            inner = ",".join(self.array(argument) for argument in tree.arguments)
            self._counted(tree, VALUES[tree.function], VALUES[tree.function])
            return f"each({tree.function},{inner})"
        if isinstance(tree, Call) and tree.function in AGGREGATES:
            return self._call(tree, self.array)
        return self.value(tree)

    def _call(self, tree: Call, aggregated: Callable[[Tree], str]) -> str:
        name, given = tree.function, tree.arguments
        if name in VALUES:
            self._counted(tree, VALUES[name], VALUES[name])
            return f"{name}({','.join(map(self.value, given))})"
        if name in AGGREGATES:
            self._counted(tree, 1, 255)
            each = self.reference if aggregated == self.value else aggregated
            return f"{name}({','.join(map(each, given))})"
        if name == "SUMPRODUCT":
            self._counted(tree, 1, 255)
            return f"SUMPRODUCT({','.join(map(self.array, given))})"
        if name in LAZY:
            return self._lazy(tree)
        if name in BY_CRITERION:
            self._counted(tree, *BY_CRITERION[name])
            node = self._node(tree)
            tested, criterion, *summed = given
            inner = [self._area(tested, name), self.value(criterion)]
            inner += [self._area(argument, name) for argument in summed]
            return f"{name}({node},{','.join(inner)})"
        if name == "INDEX":
            self._counted(tree, 2, 3)
            node = self._node(tree)
            area, *numbers = given
            return f"INDEX({node},{self._area(area, name)},{','.join(map(self.value, numbers))})"
        if name == "MATCH":
            self._counted(tree, 2, 3)
            sought, area, *kind = given
            inner = [self.value(sought), self._area(area, name), *map(self.value, kind)]
            return f"MATCH({','.join(inner)})"
        known = ", ".join(sorted(FUNCTIONS))
        raise FormulaError(f"a page has no function {name}; it has {known}")

    def _lazy(self, tree: Call) -> str:
        """Only the branch that is taken is evaluated, and which one that was can be asked."""
        name, given = tree.function, tree.arguments
        self._counted(tree, *LAZY[name])
        node = self._node(tree)
        if name == "IF":
            condition, yes, *no = given
            otherwise = self.value(no[0]) if no else "false"
            return f"(taken({node},{self.value(condition)})?{self.value(yes)}:{otherwise})"
        if name == "IFERROR":
            tried, instead = given
            return f"IFERROR({node},()=>{self.value(tried)},()=>{self.value(instead)})"
        number, *choices = given
        inner = ",".join(f"()=>{self.value(choice)}" for choice in choices)
        return f"CHOOSE({node},{self.value(number)},{inner})"

    def _area(self, tree: Tree, function: str) -> str:
        if not isinstance(tree, Reference):
            raise FormulaError(f"{function} needs an area")
        return self.reference(tree)

    def _counted(self, tree: Call, least: int, most: int) -> None:
        if not least <= len(tree.arguments) <= most:
            takes = str(least) if least == most else f"{least} to {most}"
            raise FormulaError(
                f"{tree.function} takes {takes} arguments, not {len(tree.arguments)}"
            )

    def _node(self, tree: Call) -> int:
        self.node_of[id(tree)] = self.nodes
        self.nodes += 1
        return self.nodes - 1

    def _slot(self, tree: Reference) -> str:
        """What reads a slot: the numbers of a name's place, or where the cell has them."""
        place = self.place(tree)
        self.slot_of[id(tree)] = len(self.slots)
        if tree.name:
            self.slots.append(([tree.name, *place], place))
            return ",".join(map(str, place if tree.is_area else place[:1]))
        pins = sum(pin << at for at, pin in enumerate(tree.pins))
        self.slots.append(([int(tree.is_area), pins, int(bool(tree.sheet))], place))
        first = self.offset
        self.offset += 4 if tree.is_area else 1
        return ",".join(f"r[p+{at}]" if at else "r[p]" for at in range(first, self.offset))

    def show(self, tree: Tree) -> Shown:
        """The text of a tree, in pieces."""
        if isinstance(tree, Number):
            return [tree.text]
        if isinstance(tree, Text):
            quoted = tree.text.replace('"', '""')
            return [f'"{quoted}"']
        if isinstance(tree, Logical):
            return [str(tree.value).upper()]
        if isinstance(tree, Reference):
            return [self.slot_of[id(tree)]]
        if isinstance(tree, Call):
            node = self.node_of.get(id(tree), -1)
            return [[tree.function, node, *(_joined(self.show(a)) for a in tree.arguments)]]
        sign, inner = tree.operator, [self.show(operand) for operand in tree.operands]
        if sign == "()":
            return ["(", *inner[0], ")"]
        if len(inner) == 2:
            return [*inner[0], sign, *inner[1]]
        return [*inner[0], sign] if sign == "%" else [sign[1], *inner[0]]


def _joined(pieces: Shown) -> Shown:
    """The pieces with neighboring texts put together."""
    made: Shown = []
    for piece in pieces:
        if isinstance(piece, str) and made and isinstance(made[-1], str):
            made[-1] += piece
        else:
            made.append(piece)
    return made


def literal(text: str) -> str:
    """A text as JavaScript: it can end neither its quotes nor the script around it.

    >>> literal('</script>')
    '"\\\\u003c/script>"'
    """
    return json.dumps(text).replace("<", "\\u003c")
