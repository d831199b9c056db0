"""The whole workbook, sheet by sheet."""

from __future__ import annotations

from collections.abc import Mapping

from normviz.norms.norm import Norm
from normviz.workbook.book.cells import Book
from normviz.workbook.draw.page_head import CONTENTS
from normviz.workbook.sheets import (
    glossary,
    identities,
    inputs,
    refused,
    sets,
)
from normviz.workbook.sheets.checks import sheet as checks
from normviz.workbook.sheets.contents import lecture
from normviz.workbook.sheets.contents import sheet as contents
from normviz.workbook.sheets.landing import land
from normviz.workbook.sheets.lessons import catalog
from normviz.workbook.sheets.norm import sheet as norm
from normviz.workbook.sheets.norm.page import NormPage
from normviz.workbook.sheets.playground import sheet as playground
from normviz.workbook.sheets.reference_values import sheet as reference
from normviz.workbook.sheets.subject.case import Case, Settings
from normviz.workbook.sheets.subject.kinds import IMAGES, Kind
from normviz.workbook.sheets.tour import add_tour

TITLE = "Normalization, step by step"


def build(settings: Settings | None = None, case: Case | None = None) -> Book:
    """The workbook for some settings, the default being the one that ships, or for a case."""
    case = case or Case(settings or Settings())
    book = Book(TITLE)
    first = contents.begin(book, case)
    cells = inputs.build(book, case)
    sets.build(book, case)
    kind = case.kind
    images = kind == IMAGES
    if images:
        playground.build(book, case.settings)
    sheets: dict[str, NormPage] = {}
    for op, trace in case.traces.items():
        if isinstance(trace, str):
            refused.build(book, case.norms[op], trace)
        else:
            sheets[op] = norm.build(book, trace, cells, case.gamma_of(op))
    equal = identities.build(book, case, cells, sheets)
    if images:  # the lessons speak of images, whatever this book is about
        catalog.build(book)
    constants = reference.build(book, case)
    glossary.build(book, kind)
    verdict = checks.build(book, case, cells, sheets, equal, constants)
    _arrange(book)
    norms = {norm.title: norm for norm in case.norms.values()}
    rows = [_row(page.title, norms, kind) for page in book.pages[1:]]
    stops = lecture.path(case.shape[0], case.settings.groups) if images else ()
    contents.fill(first, verdict, rows, kind.laid_out, stops)
    land(book)
    if images:
        book.opening = catalog.FIRST[0].title
        add_tour(book)
    return book


def _arrange(book: Book) -> None:
    """Put the pages into groups, in the order of a first reading."""
    order = list(GROUPS)
    places = {
        title: (order.index(group), at, group)
        for group, titles in GROUPS.items()
        for at, title in enumerate(titles)
    }
    others = (order.index(NORMS_OF_THE_CASE), len(places), NORMS_OF_THE_CASE)
    for page in book.pages:
        page.group = places.get(page.title, others)[2]
    book.pages.sort(key=lambda page: places.get(page.title, others))


def _row(title: str, norms: Mapping[str, Norm], kind: Kind) -> contents.Row:
    """What the table of contents says of a sheet, in the words of the tensor."""
    if title in norms:
        shows, tries = norms[title].shows or SHOWS, norms[title].tries or TRIES
    else:
        _, shows, tries = ROWS[title]
    tries = tries.replace("pixel", "element") if kind.features_last else tries
    return title, kind.spoken(shows), kind.spoken(tries)


SHOWS = "Every step of forward and backward, the closed form of dx, and what must hold."
TRIES = "Change one x on Inputs: in the steps only its set changes, and ∂L/∂γ."
ROWS: dict[str, contents.Row] = {
    row[0]: row
    for row in (
        (
            "Inputs",
            "x with a scale and an offset, dy, γ, β, ε, momentum, the running statistics.",
            "Type 40 over one x, or set Numbers to Random and press F9.",
        ),
        (
            "Sets",
            "The one idea in one picture: which elements share a mean and a variance.",
            "Take one pixel: find its set in every picture.",
        ),
        (
            playground.TITLE,
            "One sheet for every norm: a drop-down, five switches and the order of the splits "
            "say what a set reaches over, and every grid is painted and calculated anew; x, x̂ and "
            "y as dots, set by set.",
            "Take one image out of the batch: does image 0's output move?",
        ),
        identities.ROW,
        (
            "Checks",
            "Each live step against NumPy and torch: how far it is from them, and PASS or FAIL.",
            "Overwrite a formula of a norm's sheet with a number: a check fails.",
        ),
        (
            glossary.TITLE,
            "The symbols and words of this workbook, each explained once.",
            "Look up what you stumble over, and follow its link.",
        ),
        (
            "Reference",
            "The constants behind the checks: NumPy's and torch's values, side by side.",
            "Click a number of each: their digits agree.",
        ),
        *(lesson.row for lesson in (*catalog.FIRST, *catalog.LESSONS)),
    )
}

NORMS_OF_THE_CASE = "Norms"
GROUPS: dict[str, tuple[str, ...]] = {
    "Begin": (CONTENTS, *(lesson.title for lesson in catalog.FIRST), sets.TITLE, playground.TITLE),
    "Lessons": tuple(lesson.title for lesson in catalog.LESSONS),
    NORMS_OF_THE_CASE: (inputs.TITLE,),
    "Proof": (identities.TITLE, checks.TITLE, reference.TITLE, glossary.TITLE),
}
"""The groups of pages; one that no group names is the sheet of a norm."""
