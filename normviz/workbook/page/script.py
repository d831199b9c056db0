"""The page's script: the modules of `script/`, each in a scope of its own, in one text.

The files are modules as node and every editor know them, so they are tested as they are. A page
that must load nothing cannot import, so each becomes the value of what it exports.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from importlib.resources import files

from normviz.workbook.page.shapes import Shape

FIRST = "main"
_IMPORT = re.compile(
    r'^import\s+(?:\*\s+as\s+(?P<all>\w+)|\{(?P<some>[^}]*)\})\s+from\s+"(?P<file>[./\w]+)\.js";\n',
    re.MULTILINE,
)
_EXPORT = re.compile(r"^export\s+(?=(?:class|function|const|let)\s+(\w+))", re.MULTILINE)
_EXPORTED_LIST = re.compile(r"^export\s*\{([^}]*)\};\n", re.MULTILINE)
_NAME = re.compile(r"(?<![\w.])[A-Za-z]+")
_OWN_NAMES = {"r", "p", "true", "false"}


def script(shapes: Sequence[Shape]) -> str:
    """The whole script of a page whose formulas have these shapes."""
    made = [f"const makeShapes = {shape_factory(shapes)};"]
    seen: set[str] = set()
    _add(FIRST, made, seen)
    made.append("$main.start(document.getElementById('book').textContent, makeShapes);")
    return '"use strict";\n(() => {\n' + "\n".join(made) + "\n})();\n"


def shape_factory(shapes: Sequence[Shape]) -> str:
    """A function from the functions of a sheet to the list of the shapes' own."""
    names = {name for shape in shapes for name in _NAME.findall(_quoteless(shape.script))}
    used = sorted(names - _OWN_NAMES)
    inner = ",\n".join(shape.script for shape in shapes)
    return f"({{ {', '.join(used)} }}) => [\n{inner}\n]"


def _quoteless(script: str) -> str:
    return re.sub(r'"(?:[^"\\]|\\.)*"', "", script)


def _add(name: str, made: list[str], seen: set[str]) -> None:
    """Append a module behind those that it imports."""
    if name in seen:
        return
    seen.add(name)
    text = files(__package__).joinpath("script", f"{name}.js").read_text("utf-8")

    def imported(match: re.Match[str]) -> str:
        return posixpath.normpath(posixpath.join(posixpath.dirname(name), match["file"]))

    def bound(match: re.Match[str]) -> str:
        module = _variable(imported(match))
        if match["all"]:
            return f"const {match['all']} = {module};\n"
        return f"const {{{match['some'].replace(' as ', ': ')}}} = {module};\n"

    for match in _IMPORT.finditer(text):
        _add(imported(match), made, seen)
    text = _IMPORT.sub(bound, text)
    exported = _EXPORT.findall(text)
    for names in _EXPORTED_LIST.findall(text):
        exported += [part.strip() for part in names.split(",") if part.strip()]
    text = _EXPORTED_LIST.sub("", _EXPORT.sub("", text))
    made.append(
        f"const {_variable(name)} = (() => {{\n{text}return {{ {', '.join(exported)} }};\n}})();"
    )


def _variable(module: str) -> str:
    """What a module is called in the one text.

    >>> _variable("engine/values")
    '$engine_values'
    """
    return "$" + module.replace("/", "_")
