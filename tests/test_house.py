"""The rooms of the house: which there are, who may import whom, and that nothing goes in a circle.

Imports are read as text, those under TYPE_CHECKING and inside functions too: a module that
continues another one's class is a circle, whatever it does at run time.
"""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_MODULES = 12
"""In one folder, so that a look at it shows its rooms ("about a dozen")."""

CORE = ("normviz.norms", "normviz.reference")
SHEET = (*CORE, "normviz.workbook.book", "normviz.workbook.formulas", "normviz.workbook.draw")
MEDIUM = ("normviz.workbook.book", "normviz.workbook.lint")

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "normviz.norms": (),
    "normviz.reference": ("normviz.norms",),
    "normviz.tensors": (),
    "normviz.torch_layers": CORE,
    "normviz.torch_models": (*CORE, "normviz.torch_layers"),
    "normviz.workbook.book": (),
    "normviz.workbook.lint": ("normviz.workbook.book",),
    "normviz.workbook.formulas": (*CORE, "normviz.workbook.book"),
    "normviz.workbook.draw": (*CORE, "normviz.workbook.book"),
    "normviz.workbook.sheets": (*SHEET, "normviz.torch_models"),
    "normviz.workbook.xlsx": MEDIUM,
    "normviz.workbook.page": MEDIUM,
    "normviz.workbook.explain": (
        *SHEET,
        "normviz.workbook.sheets",
        "normviz.workbook.xlsx",
        "normviz.workbook.page",
        "normviz.tensors",
        "normviz.torch_models",
    ),
    "normviz.workbook.exercise": (*SHEET, "normviz.workbook.sheets", "normviz.workbook.xlsx"),
    "normviz.grading": (
        *CORE,
        "normviz.workbook.book",
        "normviz.workbook.formulas",
        "normviz.workbook.exercise",
        "normviz.workbook.lint",
    ),
    "normviz.cli": ("normviz",),
    "training.experiments": (),
    "training.data": ("normviz.tensors", "training.experiments"),
    "training.model": ("normviz", "training.experiments"),
    "training.record": ("training.experiments", "training.data"),
    "training.run": (
        "normviz",
        "training.experiments",
        "training.data",
        "training.model",
        "training.record",
    ),
    "training.results": (
        "training.experiments",
        "training.data",
        "training.record",
        "training.run",
    ),
    "training.report": (
        "normviz",
        "training.experiments",
        "training.data",
        "training.model",
        "training.record",
        "training.run",
        "training.results",
    ),
    "training.cli": ("normviz", "training"),
}
"""What each room may import besides itself, and rooms within these. What any room may is `FREE`."""

FREE = (
    "normviz.errors",
    "normviz.files",
    "normviz.numbers",
    "normviz.workbook.write",
    "training.errors",
    "training.files",
)


def modules() -> dict[str, Path]:
    """Every module of the two packages, by its dotted name."""
    found = {}
    for package in ("normviz", "training"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


KNOWN = modules()

PACKAGES = sorted(
    path.parent.relative_to(ROOT).as_posix()
    for top in ("normviz", "training", "tests")
    for path in (ROOT / top).rglob("__init__.py")
)
FEWEST_LINES, MOST_LINES = 3, 12


def imported(name: str) -> Iterator[str]:
    """The modules of ours that a module names in an import (relative ones are not used here)."""
    for node in ast.walk(ast.parse(KNOWN[name].read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            targets = [f"{node.module}.{alias.name}" for alias in node.names]
            named = [target if target in KNOWN else node.module for target in targets]
        elif isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        else:
            continue
        yield from (target for target in named if target in KNOWN and target != name)


ARROWS = {name: sorted(set(imported(name))) for name in KNOWN}


def within(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def room_of(name: str) -> str | None:
    return next((room for room in MAY_IMPORT if within(name, (room,))), None)


def test_no_module_reaches_itself() -> None:
    try:
        TopologicalSorter(ARROWS).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


def test_no_two_folders_import_each_other() -> None:
    """But for the packages' own folders, which hold what any room may import, and the entry."""
    folders: dict[str, set[str]] = {}
    for name, targets in ARROWS.items():
        folders.setdefault(folder_of(name), set()).update(map(folder_of, targets))
    pairs = [(a, b) for a, reached in folders.items() for b in reached if a < b]
    both = [(a, b) for a, b in pairs if a in folders.get(b, ()) and "." in a]
    assert both == []


def folder_of(name: str) -> str:
    """The package that a module lies in, a package itself."""
    return name if KNOWN[name].name == "__init__.py" else name.rpartition(".")[0]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    allowed = (room, *MAY_IMPORT[room], *FREE)
    wrong = [
        f"{name} -> {target}"
        for name, targets in ARROWS.items()
        if room_of(name) == room
        for target in targets
        if not within(target, allowed)
    ]
    assert not wrong


def test_the_explainer_never_imports_the_experiments() -> None:
    wrong = [n for n, t in ARROWS.items() if within(n, ("normviz",)) and within_any(t, "training")]
    assert not wrong


def within_any(targets: list[str], package: str) -> bool:
    return any(within(target, (package,)) for target in targets)


@pytest.mark.parametrize("folder", PACKAGES)
def test_a_folder_shows_its_rooms_at_a_glance(folder: str) -> None:
    names = [p.name for p in (ROOT / folder).glob("*.py") if p.name != "__init__.py"]
    assert len(names) <= MOST_MODULES, sorted(names)


@pytest.mark.parametrize("folder", PACKAGES)
def test_each_package_says_what_it_is_for(folder: str) -> None:
    """In about five lines, which name what lies there: where to begin."""
    path = ROOT / folder / "__init__.py"
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    assert FEWEST_LINES <= len(docstring.splitlines()) <= MOST_LINES, docstring
    found = re.findall(r"`\.?([a-z_]+)(?:[./][a-z_]+)*`", docstring)
    there = {p.stem for p in path.parent.iterdir()} | {"normviz"}
    assert {*found} & there, "an __init__ opens with what the room is for and where to begin"


def test_no_folder_at_the_top_but_the_agreed_ones() -> None:
    found = {
        p.name
        for p in ROOT.iterdir()
        if p.is_dir() and any(p.rglob("*.py")) and not p.name.startswith(".")
    }
    assert found - {"runs", "data", "build"} <= {"normviz", "training", "tests", "workbooks"}


def test_contributing_names_places_that_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = re.findall(r"`((?:normviz|training|tests|\.ci)/[\w./]+)`", text)
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).exists()] == []
