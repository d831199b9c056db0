"""From a book to one HTML file that loads nothing and asks nobody anything."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib.resources import files

from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import INPUT, INPUT_WORD
from normviz.workbook.page.cells import Compiler, PageError
from normviz.workbook.page.content import Content
from normviz.workbook.page.script import script
from normviz.workbook.page.style_rules import both, dark_fill, rule_rules, style_rules

MOST_BYTES = 8_000_000
"""Above it browsers take seconds to open a page."""


def page_bytes(book: Book, download: str = "") -> bytes:
    """The page of a book; the same book gives the same bytes.

    `download` names the .xlsx file of the same book beside the page, where there is one.

    Raises:
        PageError: a book too large for a page, or a formula that does not compile, with its cell.
    """
    compiled = Compiler(book).compile()
    content = Content(book, compiled)
    data = content.data() | {"download": download}
    style = f":root {{ --input: {both(INPUT, dark_fill(INPUT))}; }}\n{_part('style.css')}"
    style += style_rules(content.styles) + "\n" + rule_rules(content.paint_rules()) + "\n"
    code = script(compiled.shapes)
    filled = {
        "title": html.escape(book.title),
        "input": INPUT_WORD if any(style.unlocked for style in content.styles) else "",
        "policy": _policy(code, style),
        "style": style,
        # JSON knows no "<" outside of texts, and in a text this is the same letter.
        "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        "script": code,
    }
    pieces = _part("page.html").split("%%")
    page = "".join(filled[piece] if at % 2 else piece for at, piece in enumerate(pieces))
    made = page.encode()
    if len(made) > MOST_BYTES:
        raise PageError(
            f"the page of {book.title!r} would have {len(made):,} bytes, and {MOST_BYTES:,} are "
            "the most: write it as .xlsx, or show a slice of the tensor"
        )
    return made


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _policy(code: str, style: str) -> str:
    """A Content-Security-Policy: this script, this style, pictures from the page itself."""

    def own(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    return (
        f"default-src 'none'; script-src 'sha256-{own(code)}'; style-src 'sha256-{own(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
