"""What the conditional formats paint, held to an independent engine; and the dark edition."""

from __future__ import annotations

from pathlib import Path

import ironcalc
import pytest
from playwright.sync_api import Page

from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book
from normviz.workbook.book.cells import Page as Sheet
from normviz.workbook.book.styles import (
    ACCENT,
    BAD,
    BAD_INK,
    GOOD,
    GOOD_INK,
    INK,
    INPUT,
    SET_COLORS,
    SOFT,
)
from normviz.workbook.page.style_rules import dark_fill, dark_ink
from normviz.workbook.sheets.subject.case import Settings
from tests.workbook.conftest import FileOf
from tests.workbook.page.conftest import Opened, until


def ruled_cells(sheet: Sheet) -> list[tuple[int, int]]:
    """Every cell of a sheet that a conditional format may paint, by row and column.

    Rules with a star in a criterion are left out: for ironcalc's COUNTIF that is an error (those of
    the page's functions are held in node/functions.test.js).
    """
    found = {
        (row, column)
        for rule in sheet.rules
        if '*"' not in rule.formula
        for row in range(rule.area[0], rule.area[2] + 1)
        for column in range(rule.area[1], rule.area[3] + 1)
        if column in sheet.rows.get(row, {})
    }
    hidden = {
        (row, column)
        for top, left, bottom, right in sheet.merges
        for row in range(top, bottom + 1)
        for column in range(left, right + 1)
        if (row, column) != (top, left)
    }
    return sorted(found - hidden)


def page_looks(page: Page, cells: list[tuple[int, int]]) -> list[list[str]]:
    """The backgrounds that the browser shows, as RRGGBB, and texts; white is that of the paper.

    What is out of sight is painted a moment later, or at once where it is to be printed.
    """
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    script = """cells => cells.map(([row, column]) => {
        const line = document.querySelector(`tr[aria-rowindex="${row}"]`);
        const td = line.querySelector(`td[aria-colindex="${column}"]`);
        const parts = getComputedStyle(td).backgroundColor.match(/[\\d.]+/g).map(Number);
        const hex = parts.slice(0, 3).map(part => part.toString(16).padStart(2, '0')).join('');
        return [parts[3] === 0 ? 'FFFFFF' : hex.toUpperCase(), td.textContent];
    })"""
    found: list[list[str]] = page.evaluate(script, [list(cell) for cell in cells])
    return found


def sign_of(form: str) -> str:
    """What a number format writes before every value.

    >>> sign_of('"✗ "0.0;"✗ "-0.0;"✗ "0;"✗ "@'), sign_of("0.00")
    ('✗ ', '')
    """
    return form.split('"')[1] if form.startswith('"') else ""


def test_colors_and_signs_follow_every_drop_down_and_switch(
    opened: Opened, default_book: Book, default_page: Path, file_of: FileOf
) -> None:
    model = ironcalc.UserModel.from_xlsx(str(file_of(Settings())), "en", "UTC", "en")
    page = opened(default_page, color_scheme="light")
    turned, signs = 0, set()
    for number, sheet in enumerate(default_book.pages):
        cells = ruled_cells(sheet)
        switches = [choice for choice in sheet.choices if choice.options]
        if not cells or not switches:
            continue
        page.evaluate(
            "title => { location.hash = `sheet=${encodeURIComponent(title)}` }", sheet.title
        )
        until(page, f"document.title.startsWith({sheet.title!r})")
        for choice in switches:
            row, column = choice.area[:2]
            shipped = sheet.rows[row][column].value
            others = [option for option in choice.options if str(option) != str(shipped)]
            for option in (*others, shipped):  # as the other choices are judged with it
                value = float(option) if str(option).isdigit() else option
                model.set_user_input(number, row, column, "" if option is None else str(option))
                page.evaluate(
                    "([title, cell, value]) => normviz.set(title, cell, value)",
                    [sheet.title, address(row, column), value],
                )
                looks = [model.get_extended_cell_style(number, *cell)["style"] for cell in cells]
                wanted = [look["fill"].get("color") or "FFFFFF" for look in looks]
                wanted = [color.removeprefix("#").upper() for color in wanted]
                shown = page_looks(page, cells)
                at = (sheet.title, choice.title, option)
                assert [fill for fill, _ in shown] == wanted, at
                for cell, look, (_, text) in zip(cells, looks, shown, strict=True):
                    sign = sign_of(look["num_fmt"])
                    assert text.startswith(sign), (*at, cell, text)
                    signs.add(sign)
                turned += 1
    assert signs >= {"", "✓ ", "! ", "(", "▸ "}
    assert turned > 20


def test_what_is_wrong_has_a_cross_in_the_page(
    opened: Opened, default_book: Book, default_page: Path
) -> None:
    sheet = next(sheet for sheet in default_book.pages if sheet.title == "Numerics")
    shown = page_looks(opened(default_page, "#sheet=Numerics"), ruled_cells(sheet))
    signs = {fill: {text[:2] for got, text in shown if got == fill} for fill in (GOOD, BAD)}
    assert signs == {GOOD: {"✓ "}, BAD: {"✗ "}}


@pytest.mark.parametrize("light", ["FFFFFF", INPUT, ACCENT, GOOD, BAD, *SET_COLORS])
def test_the_dark_edition_can_be_read(light: str) -> None:
    fill = dark_fill(light)
    for ink in (INK, SOFT, GOOD_INK, BAD_INK) if light != ACCENT else ("FFFFFF",):
        assert contrast(dark_ink(ink, light), fill) >= 4.5, (ink, light)


def contrast(one: str, other: str) -> float:
    """The contrast of two colors, as WCAG 2 measures it."""

    def luminance(color: str) -> float:
        parts = [int(color[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
