"""A case of the playground, and what is typed into the sheet to get it."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl

from normviz.norms.declared import NORMS
from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book, Value
from normviz.workbook.draw.page_head import CONTENTS, begin
from normviz.workbook.lint.sheets import parse_area
from normviz.workbook.sheets.playground import sheet as playground
from normviz.workbook.sheets.playground.case import (
    PlayCase,
    play_case,
)
from normviz.workbook.sheets.playground.reach import (
    AXES,
    OWN,
    norm_called,
)
from normviz.workbook.sheets.subject.case import Settings
from tests.workbook.engines import (
    Place,
)

SHAPE = (4, 4, 2, 2)
ERRORS = ("#", "Err:")
TURNS = [
    *((op, 2, 2) for op in NORMS),
    *(("group_norm", groups, 2) for groups in (1, 4)),
    *(("ghost_batch_norm", 2, splits) for splits in (1, 4)),
    ("batch_norm", 3, 3),
]


def case_of(op: str, groups: int, splits: int, eps: float = 1e-3) -> PlayCase:
    """Other numbers than those that ship, with a large offset in one channel."""
    draw = np.random.default_rng(11)
    x = 3 * draw.standard_normal(SHAPE)
    x[:, 1] += 100
    gamma, beta = draw.standard_normal(4), draw.standard_normal(4)
    return PlayCase(x, draw.standard_normal(SHAPE), gamma, beta, op, groups, splits, eps)


def book_of(case: PlayCase) -> Book:
    book = Book("playground")
    begin(book, CONTENTS, "Contents")
    playground.draw(book, case)
    return book


@cache
def default_book() -> Book:
    return book_of(play_case(Settings()))


@cache
def loaded(path: Path) -> Any:
    return openpyxl.load_workbook(path, data_only=True)


@cache
def named(path: Path) -> dict[str, list[str]]:
    """Addresses of the cells of every name, row by row, as a program finds them in the file."""
    sheet = loaded(path)
    found = {}
    for name, target in sheet.defined_names.items():
        title, _, area = target.attr_text.rpartition("!")
        assert title == playground.TITLE
        top, left, bottom, right = parse_area(area.replace("$", ""))
        rows, columns = range(top, bottom + 1), range(left, right + 1)
        found[name] = [address(row, column) for row in rows for column in columns]
    return found


@cache
def filled(path: Path, name: str) -> list[Place]:
    """The cells of a name that are not blank, in their order."""
    cells = loaded(path)[playground.TITLE]
    return [(playground.TITLE, a) for a in named(path)[name] if cells[a].value is not None]


def typed_for(path: Path, case: PlayCase) -> dict[Place, str]:
    """What is typed to get a case: each array by ravel() into the filled cells of its name."""
    arrays = {"x": case.x, "dy": case.grad_output, "gamma": case.gamma, "beta": case.beta}
    arrays |= {n: np.array(getattr(case, n)) for n in ("groups", "splits", "eps")}
    arrays |= {f"share_{axis}": np.array(on) for axis, on in zip(AXES, case.own.all, strict=False)}
    arrays |= {"interleaved": np.array(case.own.all[-1]), "images": np.array(case.batch[0])}
    typed: dict[Place, str] = {}
    for name, array in arrays.items():
        places = filled(path, f"play_{name}")
        typed |= dict(zip(places, map(repr, array.ravel().tolist()), strict=True))
    norm = norm_called(case.op)
    return typed | {filled(path, "play_norm")[0]: norm.title if norm else OWN}


Typing = Callable[[Mapping[Place, Value], Mapping[Place, str]], dict[Place, Value]]
