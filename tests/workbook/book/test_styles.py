"""Looks, decimals and the word for the input color stand in one place each."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import normviz.workbook
import training
from normviz.workbook.book import styles
from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import INPUT, INPUT_WORD
from normviz.workbook.draw.columns import even
from normviz.workbook.draw.content import Line, judged
from normviz.workbook.draw.sheet import Sheet
from tests.workbook.books import default_book

ROOM = Path(normviz.workbook.__file__).parent
HERE = ROOM / "book" / "styles.py"
COLOR = "[0-9A-F]{6}"


def texts(path: Path) -> Iterator[str]:
    """The texts of a file that a reader of a book may meet: no comment, no docstring."""
    source = path.read_text("utf-8")
    if path.suffix in (".js", ".css", ".html"):
        yield re.sub(r"//.*|/\*.*?\*/", "", source)
        return
    tree = ast.parse(source)
    said = {
        id(node.value)
        for block in ast.walk(tree)
        if isinstance(statements := getattr(block, "body", None), list)
        for node in statements
        if isinstance(node, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value


def files() -> list[Path]:
    suffixes = (".py", ".js", ".css", ".html")
    return sorted(p for p in ROOM.rglob("*") if p.suffix in suffixes and p != HERE)


@pytest.mark.parametrize("what", [INPUT_WORD, INPUT], ids=["the word", "the color"])
def test_what_an_input_looks_like_is_said_in_one_place(what: str) -> None:
    """Not even a comment names the color: another one would make it wrong."""
    of_training = Path(training.__file__).parent.rglob("*.py")
    found = [p for p in [*files(), *of_training] if what.lower() in p.read_text("utf-8").lower()]
    assert not found
    assert any(what in text for text in texts(HERE))


def test_no_sheet_has_decimals_of_its_own() -> None:
    """A number format with decimals is `decimals(...)`, so that one more is one line."""
    written = re.compile(r"0\.0{2,}(?![\dE])")
    found = {
        (path.relative_to(ROOM).as_posix(), text)
        for path in files()
        if path.suffix == ".py" and path.name != "charts.py"
        for text in texts(path)
        if written.search(text)
    }
    assert not found


def test_no_number_that_rounds_to_nothing_has_a_sign() -> None:
    """A negative section of its own, as in 0.00;-0.00, would show -0.00."""
    formats = {
        cell.style.number
        for page in default_book().pages
        for line in page.rows.values()
        for cell in line.values()
    }
    signed = {form for form in formats if re.search(r";-0(\.0+)?(;|$)", form)}
    assert "0.000" in formats
    assert not signed


def test_a_number_that_rounds_to_nothing_has_no_sign_behind_a_word_either() -> None:
    """A cross before a number is in a format of three sections, of which the second has a sign."""
    worded = [
        (cell.value, cell.style.number)
        for page in default_book().pages
        for line in page.rows.values()
        for cell in line.values()
        if isinstance(cell.value, float) and cell.style.number.startswith('"')
    ]
    signed = [
        (value, form)
        for value, form in worded
        if abs(value) < styles.rounded_off(form.split(";")[0].split('"')[2])
        and "-" in form.split(";")[1]
    ]
    assert len(worded) > 9
    assert not signed


def test_a_rule_that_puts_a_word_before_a_number_leaves_the_sign_of_nothing_away() -> None:
    sheet = Sheet(Book("book"), "title", "heading", "words", even(24, (3,), 9.0))
    sheet.draw(Line("a", "a", -0.0004, look=styles.NUMBER, marks=judged("{this}<1")))
    wrong = [rule for rule in sheet.page.rules if "✗" in rule.number]
    (cell,) = {address(*rule.area[:2]) for rule in wrong}
    nothing = f"IFERROR(ABS({cell})<0.0005,FALSE)"
    assert [(rule.formula, rule.number) for rule in wrong] == [
        (f"AND({cell}<1,{nothing})", '"✗ "0.000;"✗ "0.000;"✗ "0.000;"✗ "@'),
        (f"AND({cell}<1,NOT({nothing}))", '"✗ "0.000;"✗ "-0.000;"✗ "0.000;"✗ "@'),
    ]


def test_one_more_decimal_is_one_line() -> None:
    program = """
from normviz import numbers
numbers.DECIMALS = 4
from normviz.workbook.book.styles import NUMBER_FORMAT, SCIENTIFIC_FORMAT, SHORT_FORMAT
print(numbers.written(0.5), NUMBER_FORMAT, SHORT_FORMAT, SCIENTIFIC_FORMAT)
"""
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout == "0.5000 0.0000 0.000 0.000E+00;-0.000E+00;0\n"


def test_no_color_of_the_palette_is_typed_again() -> None:
    palette = {c for c in vars(styles).values() if isinstance(c, str) and re.fullmatch(COLOR, c)}
    again = {
        (path.relative_to(ROOM).as_posix(), text)
        for path in files()
        for text in texts(path)
        if text in palette
    }
    assert len(palette) > 10
    assert not again
