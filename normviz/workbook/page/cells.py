"""Every cell of a book as one number, and its formulas in an order in which they can be computed.

The sheets lie one after the other, each as a full rectangle read row by row. So a cell is one
number, an area a first cell with rows, columns and the width of its sheet, and the values of the
whole book are one flat array.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from normviz.workbook.book.address import Area, address
from normviz.workbook.book.cells import Book, Page, Rule
from normviz.workbook.book.formula import FormulaError, Reference, Tree, parse
from normviz.workbook.page.shapes import Place, Shape, compile_formula

MOST_CELLS = 200_000
"""Places of all sheets together: above it a page takes seconds to load and more than 1.5 MB."""


class PageError(ValueError):
    """A book that cannot become a page, in a sentence that names the cell."""


@dataclass(frozen=True, slots=True)
class Live:
    """A formula at its cell, or of a rule: the number of its shape, and where its slots point."""

    at: int
    shape: int
    places: tuple[Place, ...]


@dataclass(slots=True)
class Rectangle:
    """A sheet among all cells: its first number, its rows and its columns."""

    page: Page
    base: int
    rows: int
    columns: int

    def at(self, row: int, column: int) -> int:
        """The number of a cell."""
        return self.base + (row - 1) * self.columns + column - 1


@dataclass(slots=True)
class Compiled:
    """A book's rectangles, its shapes, and its formulas in order."""

    rectangles: list[Rectangle]
    shapes: list[Shape]
    formulas: list[Live]
    rules: list[list[Live]] = field(default_factory=list)
    choices: list[list[Live | None]] = field(default_factory=list)


class Compiler:
    """Numbers the cells of a book and compiles what is live on it."""

    def __init__(self, book: Book) -> None:
        self.names = book.names
        self.rectangles: list[Rectangle] = []
        self.shapes: dict[Shape, int] = {}
        self.trees: dict[str, Tree] = {}
        base = 0
        for page in book.pages:
            rows, columns = _extent(page)
            self.rectangles.append(Rectangle(page, base, rows, columns))
            base += rows * columns
        if base > MOST_CELLS:
            raise PageError(
                f"the book {book.title!r} has {base:,} cells and a page holds {MOST_CELLS:,}: "
                "write it as .xlsx, or show a slice of the tensor"
            )
        self.by_title = {r.page.title.casefold(): r for r in self.rectangles}

    def compile(self) -> Compiled:
        """Everything that is live on the book.

        Raises:
            PageError: a formula that does not compile, or that depends on itself, with its cell.
        """
        formulas = [
            self._live(rectangle, rectangle.at(row, column), cell.formula)
            for rectangle in self.rectangles
            for row, line in sorted(rectangle.page.rows.items())
            for column, cell in sorted(line.items())
            if cell.formula is not None
        ]
        rules = [[self._rule(r, rule) for rule in r.page.rules] for r in self.rectangles]
        choices = [
            [
                None
                if choice.formula is None
                else self._live(r, r.at(choice.area[0], choice.area[1]), choice.formula)
                for choice in r.page.choices
            ]
            for r in self.rectangles
        ]
        ordered = self._ordered(formulas)
        return Compiled(self.rectangles, list(self.shapes), ordered, rules, choices)

    def _rule(self, rectangle: Rectangle, rule: Rule) -> Live:
        return self._live(rectangle, rectangle.at(rule.area[0], rule.area[1]), rule.formula)

    def _live(self, rectangle: Rectangle, at: int, formula: str) -> Live:
        def place(reference: Reference) -> Place:
            return self._place(rectangle, reference)

        try:
            tree = self.trees.get(formula)
            if tree is None:
                tree = self.trees[formula] = parse(formula, self.names)
            shape, places = compile_formula(tree, place)
        except FormulaError as error:
            raise PageError(f"cell {self._said(at)}: {error}") from None
        number = self.shapes.setdefault(shape, len(self.shapes))
        return Live(at, number, tuple(places))

    def _place(self, rectangle: Rectangle, reference: Reference) -> Place:
        if reference.sheet:
            found = self.by_title.get(reference.sheet.casefold())
            if found is None:
                raise FormulaError(f"the sheet {reference.sheet!r} does not exist")
            rectangle = found
        top, left, bottom, right = reference.area
        if bottom > rectangle.rows or right > rectangle.columns:
            raise FormulaError(f"{address(bottom, right)} lies outside of {rectangle.page.title}")
        return rectangle.at(top, left), bottom - top + 1, right - left + 1, rectangle.columns

    def _said(self, at: int) -> str:
        rectangle = next(r for r in reversed(self.rectangles) if r.base <= at)
        row, column = divmod(at - rectangle.base, rectangle.columns)
        return f"{rectangle.page.title}!{address(row + 1, column + 1)}"

    def _ordered(self, formulas: list[Live]) -> list[Live]:
        """Each formula behind all that it reads: first those that read inputs alone, and so on."""
        live_cells = {live.at for live in formulas}
        waits_for = {live.at: live_cells.intersection(cells_of(live.places)) for live in formulas}
        read_by: dict[int, list[int]] = {at: [] for at in waits_for}
        for at, reads in waits_for.items():
            for cell in reads:
                read_by[cell].append(at)
        missing = {at: len(reads) for at, reads in waits_for.items()}
        by_cell = {live.at: live for live in formulas}
        ready = [at for at, count in missing.items() if count == 0]
        ordered: list[Live] = []
        while ready:
            ordered += [by_cell[at] for at in ready]
            following = []
            for at in ready:
                for reader in read_by[at]:
                    missing[reader] -= 1
                    if missing[reader] == 0:
                        following.append(reader)
            ready = sorted(following)
        if len(ordered) < len(formulas):
            circular = min(at for at, count in missing.items() if count)
            raise PageError(f"cell {self._said(circular)} depends on itself")
        return ordered


def cells_of(places: Iterable[Place]) -> Iterator[int]:
    """The numbers of all cells that some places cover."""
    for first, rows, columns, stride in places:
        for row in range(rows):
            yield from range(first + row * stride, first + row * stride + columns)


def _extent(page: Page) -> tuple[int, int]:
    """Rows and columns that hold all cells and all areas of a sheet."""
    areas: list[Area] = [*page.merges, *(rule.area for rule in page.rules)]
    areas += [choice.area for choice in page.choices]
    rows = max([1, *page.rows, *(area[2] for area in areas)])
    columns = max(
        [1, *(max(line) for line in page.rows.values() if line), *(area[3] for area in areas)]
    )
    return rows, columns
