"""The page in headless Chromium: the first sheet, an edit, a frame of scrubbing, in milliseconds.

Every sheet is opened in turn; on each, one x of Inputs is changed again and again, and one input
of the sheet itself, where it has one, is asked and slid in every frame. An edit is the
recalculation of the whole book, the cells written and the layout made; a frame is that and what the
browser does until it is painted. The smallest of many is what the page takes, the median what it
took on this machine.

    python -m tests.benchmarks page
"""

import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book
from normviz.workbook.build import build
from normviz.workbook.page.write import page_bytes

LOADS, EDITS = 5, 30
GOAL_LOAD, GOAL_EDIT, GOAL_FRAME = 500.0, 10.0, 1000 / 60
EDIT = """([sheet, cell, start, count]) => {
    const taken = [];
    for (let step = 1; step <= count; step++) {
        const begun = performance.now();
        normviz.set(sheet, cell, start + step / 100);
        document.body.getBoundingClientRect();
        taken.push(performance.now() - begun);
    }
    normviz.set(sheet, cell, start);
    return taken;
}"""
FRAMES = """count => new Promise(done => {
    const taken = [];
    const channel = new MessageChannel();
    const slider = document.querySelector(".slider");
    let begun = 0;
    const frame = () => {
        begun = performance.now();
        slider.value = String(taken.length + 1);
        slider.dispatchEvent(new Event("input"));
        // A message sent from here arrives when the frame has been painted.
        channel.port2.postMessage(null);
    };
    channel.port1.onmessage = () => {
        taken.push(performance.now() - begun);
        if (taken.length < count) return requestAnimationFrame(frame);
        slider.dispatchEvent(new Event("change"));
        document.getElementById("undo").click();
        done(taken);
    };
    requestAnimationFrame(frame);
})"""
OPEN = """([sheet, cell]) => {
    location.hash = `sheet=${encodeURIComponent(sheet)}${cell ? `&cell=${cell}` : ""}`;
}"""


def main() -> int:
    """Print the table; 1 where a goal is missed."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("Chromium is not installed")
        return 0
    book = build()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "page.html"
        file.write_bytes(page_bytes(book))
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        loads = [_load(page, file) for _ in range(LOADS)]
        print(f"{file.stat().st_size:,} bytes")
        missed = _row("first sheet drawn", loads, GOAL_LOAD)
        for sheet in book.pages:
            own = _own_number(sheet)
            page.evaluate(OPEN, [sheet.title, own or ""])
            page.wait_for_timeout(300)
            edits = page.evaluate(EDIT, ["Inputs", _first_x(book), 3.0, EDITS])
            missed += _row(f"{sheet.title}: an x of Inputs", edits, GOAL_EDIT)
            if own is not None:
                frames = page.evaluate(FRAMES, EDITS)
                missed += _row(f"{sheet.title}: scrubbing {own}", frames, GOAL_FRAME)
        browser.close()
    return int(missed > 0)


def _load(page: Page, file: Path) -> float:
    page.goto("about:blank")
    page.goto(file.as_uri())
    script = "performance.measure('load', 'begun', 'drawn').duration"
    return float(page.evaluate(script))


def _row(what: str, taken: list[float], goal: float) -> int:
    least, median = min(taken), statistics.median(taken)
    verdict = "ok" if least <= goal else "MISSED"
    print(
        f"{what:<44} {least:8.1f} ms  median {median:8.1f}  goal {goal:6.1f}  {verdict}", flush=True
    )
    return int(least > goal)


def _first_x(book: Book) -> str:
    inputs = next(page for page in book.pages if page.title == "Inputs")
    return next(address(*block.area[:2]) for block in inputs.blocks if block.name == "x, as typed")


def _own_number(sheet: Any) -> str | None:
    """The address of the first yellow number of a sheet."""
    for row, line in sorted(sheet.rows.items()):
        for column, cell in sorted(line.items()):
            if cell.style.unlocked and isinstance(cell.value, float):
                return address(row, column)
    return None


if __name__ == "__main__":
    sys.exit(main())
