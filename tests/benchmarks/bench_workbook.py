"""Building a workbook beside writing the same cells with bare openpyxl, from 1,000 formulas on.

Each measurement is a process of its own, taken in turn: the processor time of the work alone
(imports and preparation left out) and the peak memory of the process. "normviz" runs the whole way:
traces, formulas with their values, openpyxl, cached values, lint, file; without torch, as `make
workbook` installs it. The rivals get the finished list of cells and write it, formulas without
values: "styled" with the same looks, "plain" without any. LibreOffice opens the file, recalculates
every formula and saves it, where it is installed.

    python -m tests.benchmarks workbook
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.workbook.engines import PROFILE

SHAPES = ((2, 2, 1, 2), (4, 4, 2, 2), (8, 8, 4, 2), (12, 8, 4, 4), (16, 16, 4, 4))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
WAYS = ("ours", "styled", "plain")
GOAL_RATIO, GOAL_MEGABYTES, GOAL_CELLS = 1.5, 300, 100_000


def build_ours(shape: tuple[int, ...], file: Path) -> dict[str, Any]:
    """Build the workbook of a shape into a file."""
    sys.modules["torch"] = None  # type: ignore[assignment]
    from normviz.workbook.build import build
    from normviz.workbook.sheets.subject.case import Settings
    from normviz.workbook.write import save

    start = time.process_time()
    save(build(Settings(shape)), file)
    return {"seconds": time.process_time() - start}


def list_cells(shape: tuple[int, ...], file: Path) -> dict[str, Any]:
    """Write every cell of that workbook as a list: what the rival has to write."""
    sys.modules["torch"] = None  # type: ignore[assignment]
    from normviz.workbook.build import build
    from normviz.workbook.sheets.subject.case import Settings

    book = build(Settings(shape))
    looks: dict[Any, int] = {}
    pages = [
        (
            page.title,
            [
                (
                    r,
                    c,
                    "=" + cell.formula if cell.formula else cell.value,
                    _index(looks, cell.style),
                )
                for r, line in sorted(page.rows.items())
                for c, cell in sorted(line.items())
            ],
        )
        for page in book.pages
    ]
    styles = [
        (s.size, s.bold, s.italic, s.mono, s.color, s.fill, s.edge, s.horizontal, s.wrap, s.number)
        for s in looks
    ]
    file.write_text(json.dumps([pages, styles]), encoding="utf-8")
    formulas = sum(1 for page in book.pages for _ in page.formulas())
    return {"formulas": formulas, "cells": sum(len(cells) for _, cells in pages)}


def _index(looks: dict[Any, int], style: Any) -> int:
    return looks.setdefault(style, len(looks))


def write_plain(cells: Path, file: Path) -> dict[str, Any]:
    """Write the list with openpyxl and no looks at all."""
    from openpyxl import Workbook

    pages, _ = json.loads(cells.read_text(encoding="utf-8"))
    start = time.process_time()
    book = Workbook()
    book.remove(book.active)
    for title, rows in pages:
        sheet = book.create_sheet(title)
        for row, column, value, _look in rows:
            sheet.cell(row, column, value)
    book.save(file)
    return {"seconds": time.process_time() - start}


def write_styled(cells: Path, file: Path) -> dict[str, Any]:
    """Write the list with openpyxl as one does: a cell, its value, its style objects."""
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

    pages, styles = json.loads(cells.read_text(encoding="utf-8"))
    start = time.process_time()
    looks = []
    for size, bold, italic, mono, color, fill, edge, horizontal, wrap, number in styles:
        side = Side("thin", color=edge) if edge else Side()
        looks.append(
            (
                Font("Courier New" if mono else "Arial", size, bold, italic, color=color),
                PatternFill("solid", fgColor=fill) if fill else None,
                Border(side, side, side, side),
                Alignment(horizontal, "center", wrap_text=wrap),
                number,
            )
        )
    book = Workbook()
    book.remove(book.active)
    for title, rows in pages:
        sheet = book.create_sheet(title)
        for row, column, value, look in rows:
            cell = sheet.cell(row, column, value)
            font, background, border, alignment, number = looks[look]
            cell.font, cell.border, cell.alignment = font, border, alignment
            cell.number_format = number
            if background is not None:
                cell.fill = background
    book.save(file)
    return {"seconds": time.process_time() - start}


def recalculate(file: Path, scratch: Path) -> float | None:
    """The seconds LibreOffice takes to open, recalculate and save a file."""
    office = shutil.which("soffice")
    if office is None:
        return None
    profile = scratch / "profile"
    (profile / "user").mkdir(parents=True, exist_ok=True)
    (profile / "user" / "registrymodifications.xcu").write_text(PROFILE)
    options = [f"-env:UserInstallation=file://{profile}", "--headless", "--convert-to", "xlsx"]
    command = [office, *options, "--outdir", str(scratch / "out"), str(file)]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, timeout=900)
    return time.perf_counter() - start


def child(task: str, *arguments: object) -> dict[str, Any]:
    """Run one of the tasks above in a process of its own."""
    words = [sys.executable, __file__, task, *map(str, arguments)]
    done = subprocess.run(words, check=True, capture_output=True, text=True, env=dict(os.environ))
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(shape: tuple[int, ...], folder: Path) -> dict[str, Any]:
    """All ways in turn, the fastest of several rounds each; the largest of the peaks."""
    text = ",".join(map(str, shape))
    row = child("list", text, folder / "cells.json")
    for name in WAYS:
        row |= {f"{name}_seconds": float("inf"), f"{name}_megabytes": 0.0}
    for _ in range(ROUNDS):
        for name in WAYS:
            source = text if name == "ours" else folder / "cells.json"
            found = child(name, source, folder / f"{name}.xlsx")
            row[f"{name}_seconds"] = min(row[f"{name}_seconds"], found["seconds"])
            row[f"{name}_megabytes"] = max(row[f"{name}_megabytes"], found["megabytes"])
    row["office"] = recalculate(folder / "ours.xlsx", folder)
    return row


def main() -> None:
    """Print the table."""
    print(f"best of {ROUNDS} rounds taken in turn; memory is the peak of the whole process")
    print(
        f"{'':33}{'seconds':^27}{'ratio to':^16}{'us a':>6}{'megabytes':^26}{'LibreOffice':>12}\n"
        f"{'shape of x':>14}{'formulas':>10}{'cells':>9}{'normviz':>9}{'styled':>9}{'plain':>9}"
        f"{'styled':>8}{'plain':>8}{'cell':>6}{'normviz':>9}{'styled':>9}{'plain':>8}{'seconds':>12}"
    )
    with tempfile.TemporaryDirectory() as scratch:
        for shape in SHAPES:
            print(_line(shape, measure(shape, Path(scratch))), flush=True)
    goal = f"ratio {GOAL_RATIO} to styled and {GOAL_MEGABYTES} MB at {GOAL_CELLS:,} formulas"
    print(f"goals: {goal}, us a cell flat")


def _line(shape: tuple[int, ...], row: dict[str, Any]) -> str:
    seconds, megabytes = (
        [row[f"{name}_{what}"] for name in WAYS] for what in ("seconds", "megabytes")
    )
    office = f"{row['office']:12.1f}" if row["office"] else "not here".rjust(12)
    return (
        f"{','.join(map(str, shape)):>14}{row['formulas']:>10,}{row['cells']:>9,}"
        + "".join(f"{value:>9.2f}" for value in seconds)
        + "".join(f"{seconds[0] / rival:>8.2f}" for rival in seconds[1:])
        + f"{1e6 * seconds[0] / row['cells']:>6.0f}"
        + "".join(f"{value:>{width}.0f}" for value, width in zip(megabytes, (9, 9, 8), strict=True))
        + office
    )


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        task, source, target = sys.argv[1], sys.argv[2], Path(sys.argv[3])
        if task in ("styled", "plain"):
            made = {"styled": write_styled, "plain": write_plain}[task](Path(source), target)
        else:
            wanted = tuple(int(n) for n in source.split(","))
            made = {"ours": build_ours, "list": list_cells}[task](wanted, target)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({**made, "megabytes": peak}))
