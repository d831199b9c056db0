"""A picture of every sheet, made by LibreOffice, poppler and Pillow where they are installed."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils import get_column_letter

from normviz.files import write_whole

WIDTH = 1300
COARSE, FINEST = 72, 600
MARGIN = 6
COLORS, WHITE = 256, 250
SECONDS = 180
MOST_ROWS = 260
"""A longer sheet is shown by its beginning: on one page it could not be read."""


class PreviewError(Exception):
    """The programs that make previews are missing or failed; one sentence says which."""


def available() -> bool:
    """Whether previews can be made on this machine."""
    return _missing() == ""


def _missing() -> str:
    found = {
        "LibreOffice (soffice)": _office(),
        "poppler (pdftoppm)": shutil.which("pdftoppm"),
        "Pillow": importlib.util.find_spec("PIL"),
    }
    return " and ".join(name for name, there in found.items() if not there)


def previews(workbook: Path, folder: Path, width: int = WIDTH) -> list[Path]:
    """One PNG for each sheet, whole and without margins, named after workbook and sheet.

    Raises:
        PreviewError: LibreOffice, pdftoppm or Pillow is missing, or failed.
    """
    office = _office()
    if office is None or not available():
        raise PreviewError(f"previews need {_missing()}")
    made = []
    with tempfile.TemporaryDirectory() as scratch:
        pages = _pages(office, workbook, Path(scratch), width)
        for title, picture in pages:
            target = folder / f"{workbook.stem}-{slug(title)}.png"
            write_whole(target, picture.read_bytes())
            made.append(target)
    return made


def _pages(office: str, workbook: Path, scratch: Path, width: int) -> list[tuple[str, Path]]:
    """Title and picture of every sheet; each sheet is printed on one page of its own."""
    book = openpyxl.load_workbook(workbook, read_only=True)
    titles = [sheet.title for sheet in book.worksheets if sheet.sheet_state == "visible"]
    book.close()
    single, pdf = scratch / "single.xlsx", scratch / "single.pdf"
    _one_page_each(workbook, single)
    profile = f"-env:UserInstallation=file://{scratch}/profile"
    _run(office, profile, "--headless", "--convert-to", "pdf", "--outdir", scratch, single)
    _run("pdftoppm", "-r", COARSE, "-gray", pdf, scratch / "coarse")
    drafts = sorted(scratch.glob("coarse-*.pgm"))
    if len(drafts) != len(titles):
        raise PreviewError(f"{len(titles)} sheets gave {len(drafts)} pages; see {workbook}")
    pictures = [_cut_out(pdf, at, draft, width) for at, draft in enumerate(drafts, start=1)]
    return list(zip(titles, pictures, strict=True))


def _cut_out(pdf: Path, page: int, draft: Path, width: int) -> Path:
    """The printed part of a page, `width` pixels wide."""
    top, left, bottom, right = _printed_part(draft)
    resolution = min(FINEST, round(width * COARSE / (right - left)))
    scale = resolution / COARSE
    corner = [round(left * scale), round(top * scale)]
    size = [round((right - left) * scale), round((bottom - top) * scale)]
    target = draft.with_suffix("")
    window = ["-x", corner[0], "-y", corner[1], "-W", size[0], "-H", size[1]]
    only = ["-f", page, "-l", page, "-singlefile"]
    _run("pdftoppm", "-r", resolution, *only, *window, pdf, target)
    picture = target.with_suffix(".png")
    with _image().open(target.with_suffix(".ppm")) as full:
        # A rendered sheet is text and flat fills: few colors hold it, at a quarter of the size.
        full.quantize(COLORS).save(picture, optimize=True)
    return picture


def _printed_part(picture: Path) -> tuple[int, int, int, int]:
    """Top, left, bottom and right of what is not white in a gray picture, with a thin margin."""
    with _image().open(picture) as page:
        width, height = page.size
        found = page.point(lambda gray: 255 * (gray < WHITE)).getbbox() or (0, 0, width, height)
    left, top, right, bottom = found
    return (
        max(top - MARGIN, 0),
        max(left - MARGIN, 0),
        min(bottom + MARGIN, height),
        min(right + MARGIN, width),
    )


def _image() -> Any:
    """Pillow, which only pictures need."""
    return importlib.import_module("PIL.Image")


def _one_page_each(workbook: Path, single: Path) -> None:
    """A copy whose sheets print on one page each, so that a picture shows a sheet whole."""
    book = openpyxl.load_workbook(workbook)
    for sheet in book:
        sheet.page_setup.fitToHeight = 1
        sheet.row_breaks.brk = []
        sheet.print_title_rows = None
        if sheet.max_row > MOST_ROWS:
            sheet.print_area = f"A1:{get_column_letter(sheet.max_column)}{MOST_ROWS}"
        sheet.oddFooter.left.text = sheet.oddFooter.center.text = sheet.oddFooter.right.text = None
    book.save(single)


def _run(*command: object) -> None:
    words = [str(word) for word in command]
    name = Path(words[0]).name
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise PreviewError(f"{name} took longer than {SECONDS} s") from None
    if done.returncode:
        raise PreviewError(f"{name} failed: {done.stderr.strip()[-200:]}")


def _office() -> str | None:
    return shutil.which("soffice") or shutil.which("libreoffice")


def slug(title: str) -> str:
    """A sheet's title as a part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
