"""A headless Chromium for the tests of the page, and books opened in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book
from normviz.workbook.page.write import page_bytes
from tests.workbook import books

Opened = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="session")
def default_book() -> Book:
    return books.default_book()


@pytest.fixture(scope="session")
def default_page(default_book: Book, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "normalization.html"
    path.write_bytes(page_bytes(default_book, "normalization.xlsx"))
    return path


@pytest.fixture
def faults() -> list[str]:
    """What the script and the browser complained of; a test that expects some clears it."""
    return []


@pytest.fixture
def opened(browser: Browser, tmp_path: Path, faults: list[str]) -> Iterator[Opened]:
    """Open a book or a file in a window of its own; a fault in its script fails the test."""
    contexts = []

    def open_(
        what: Book | Path, hash_: str = "", size: tuple[int, int] = (1366, 768), **more: Any
    ) -> Page:
        path = what
        if isinstance(what, Book):
            path = tmp_path / "book.html"
            path.write_bytes(page_bytes(what))
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **more)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text))
        page.goto(f"{path.as_uri()}{hash_}")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert faults == []


def until(page: Page, expression: str) -> None:
    """Wait for something to be true; Playwright's own way needs eval, which the page forbids."""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"it never came true: {expression}")


def first_of(book: Book, sheet: str, block: str) -> str:
    """The first cell of a step on a sheet."""
    page = next(page for page in book.pages if page.title == sheet)
    return next(address(*found.area[:2]) for found in page.blocks if found.name == block)
