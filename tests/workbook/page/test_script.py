"""The script by node's own test runner and a linter, the page by the rules of accessibility."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.workbook.page.conftest import Opened, until

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
TOOLS = HERE / "node_modules"


def tool(name: str) -> Path:
    """A file that npm installs, or the test is skipped."""
    path = TOOLS / name
    if not path.exists():
        pytest.skip(f"{name} is not installed (make lint installs it, with npm)")
    return path


def test_the_meaning_of_functions_and_formats() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    tests = sorted(str(path) for path in (HERE / "node").glob("*.test.js"))
    done = subprocess.run([node, "--test", *tests], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "# pass 0" not in done.stdout


def test_the_script_is_linted_and_formatted() -> None:
    command = [str(tool(".bin/biome")), "check", "--error-on-warnings"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def serious(page: Page) -> list[str]:
    """What axe-core finds serious or worse: the rule, and the first place."""
    page.evaluate(tool("axe-core/axe.min.js").read_text())
    script = "axe.run(document, {resultTypes: ['violations']}).then(found => JSON.stringify(found))"
    found: dict[str, Any] = json.loads(page.evaluate(script))
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:160]} ({len(one['nodes'])} places)"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize(
    ("sheet", "scheme"),
    [
        ("Why", "light"),
        ("Playground", "light"),
        ("Playground", "dark"),
        ("BatchNorm", "light"),
        ("BatchNorm", "dark"),
        ("Checks", "dark"),
        ("Reference", "light"),
    ],
)
def test_nothing_serious_stands_in_anybodys_way(
    opened: Opened, default_page: Path, sheet: str, scheme: str
) -> None:
    page = opened(default_page, f"#sheet={sheet}", color_scheme=scheme)
    until(page, f"document.title.startsWith({sheet!r})")
    page.locator("td.number").first.click()
    page.click("#ask-expand")
    assert serious(page) == []
