"""Pictures of sheets: cut to what is printed; a sentence where they cannot be made."""

from pathlib import Path

import pytest

from normviz.workbook.xlsx import libreoffice
from normviz.workbook.xlsx.libreoffice import MARGIN, PreviewError, previews, slug

Image = pytest.importorskip("PIL.Image")


def test_a_page_is_cut_to_what_is_printed(tmp_path: Path) -> None:
    page = Image.new("L", (200, 100), 255)
    page.paste(0, (50, 20, 90, 60))
    page.save(tmp_path / "page.pgm")
    assert libreoffice._printed_part(tmp_path / "page.pgm") == (
        20 - MARGIN,
        50 - MARGIN,
        60 + MARGIN,
        90 + MARGIN,
    )


def test_an_empty_page_is_shown_whole(tmp_path: Path) -> None:
    Image.new("L", (30, 20), 255).save(tmp_path / "page.pgm")
    assert libreoffice._printed_part(tmp_path / "page.pgm") == (0, 0, 20, 30)


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libreoffice, "_office", lambda: None)
    with pytest.raises(PreviewError, match=r"previews need LibreOffice \(soffice\)"):
        previews(tmp_path / "book.xlsx", tmp_path)


def test_a_title_becomes_a_name() -> None:
    assert slug("n t (h [d])") == "n-t-h-d"
