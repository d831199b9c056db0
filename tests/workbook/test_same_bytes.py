"""The same book gives the same bytes in any process, as a file and as a page."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from normviz.workbook.sheets.subject.case import Settings
from tests.workbook.books import bytes_of

BOTH = """
import hashlib
from normviz.workbook.build import build
from normviz.workbook.page.write import page_bytes
from normviz.workbook.xlsx.write import workbook_bytes

book = build()
for content in (workbook_bytes(book), page_bytes(book)):
    print(hashlib.sha256(content).hexdigest())
"""


def test_building_twice_gives_the_same_bytes_in_any_process() -> None:
    made = set()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "OPENPYXL_LXML": str(seed == "1")}
        done = subprocess.run(
            [sys.executable, "-c", BOTH],
            cwd=Path(__file__).parents[2],
            env=environment,
            capture_output=True,
            check=True,
            text=True,
        )
        made.add(tuple(done.stdout.split()))
    ((file, _page),) = made
    assert file == hashlib.sha256(bytes_of(Settings())).hexdigest()
