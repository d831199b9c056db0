"""Files of books that many tests read."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

from normviz.workbook.sheets.subject.case import Settings
from tests.workbook.books import KEPT, bytes_of

FileOf = Callable[[Settings], Path]


@pytest.fixture(scope="session")
def file_of(tmp_path_factory: pytest.TempPathFactory) -> FileOf:
    """The .xlsx file of a book, written once in a process; no test changes it."""

    @lru_cache(KEPT)
    def written(settings: Settings) -> Path:
        path = tmp_path_factory.mktemp("books") / "workbook.xlsx"
        path.write_bytes(bytes_of(settings))
        return path

    return written
