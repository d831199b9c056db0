"""A layer explained in a notebook, run by nbclient and looked at in the browser."""

from __future__ import annotations

from pathlib import Path

import nbclient
import nbformat
import numpy as np
import pytest
from playwright.sync_api import Browser, expect

import normviz
from normviz.reference.layers import GroupNorm
from normviz.workbook.explain.in_notebook import Explained

CELLS = (
    """
import numpy as np
import normviz
from normviz.reference.layers import GroupNorm
x = np.random.default_rng(0).normal(3, 2, (2, 4, 2, 2)).astype(np.float32)
normviz.explain(GroupNorm(2, 4), x)
""",
    'normviz.trace("group_norm", x, num_groups=2)',
)


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).normal(3, 2, (2, 4, 2, 2)).astype(np.float32)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_notebook_shows_the_layer_and_the_trace(browser: Browser, tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    layer, trace = (cell.outputs[0].data for cell in notebook.cells)
    assert layer["text/plain"].startswith("GroupNorm")
    assert "\n" not in layer["text/plain"]
    assert "<table>" in trace["text/html"]
    assert "grad" not in trace["text/html"]

    page = browser.new_page()
    page.set_content(f"<h1>notebook</h1>{layer['text/html']}{trace['text/html']}")
    frame = page.frame_locator("iframe")
    expect(frame.locator("#tabs [aria-current]")).to_contain_text("GroupNorm")
    frame.locator("td.number").first.click()
    expect(frame.locator("#ask-what .where")).to_contain_text("GroupNorm")
    frame.locator("td a").first.click()
    expect(frame.locator("#tabs [aria-current]")).to_have_text("Contents")
    assert page.locator("iframe").bounding_box()["height"] > 600  # type: ignore[index]
    page.close()


@pytest.mark.parametrize("name", ["mine.html", "mine.xlsx"])
def test_what_is_explained_can_be_saved(x: np.ndarray, tmp_path: Path, name: str) -> None:
    explained = normviz.explain(GroupNorm(2, 4), x)
    assert isinstance(explained, Explained)
    saved = explained.save(tmp_path / name).read_bytes()
    again = normviz.explain(GroupNorm(2, 4), x, tmp_path / f"again-{name}")
    assert again == tmp_path / f"again-{name}"
    assert saved == again.read_bytes()


def test_another_suffix_is_refused_before_anything_is_written(
    x: np.ndarray, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"ends in \.xlsx or \.html, got"):
        normviz.explain(GroupNorm(2, 4), x).save(tmp_path / "mine.pdf")
    assert list(tmp_path.iterdir()) == []
