"""The sheet as it ships, and one engine that is typed into again and again."""

from collections.abc import Mapping
from pathlib import Path

import ironcalc
import pytest

from normviz.workbook.book.cells import Value
from normviz.workbook.lint.sheets import parse_area
from normviz.workbook.sheets.playground import sheet as playground
from normviz.workbook.write import save
from tests.workbook.engines import (
    Place,
    titles_of,
)
from tests.workbook.sheets.playground.typed import Typing, default_book


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(default_book(), tmp_path_factory.mktemp("play") / "playground.xlsx")


@pytest.fixture(scope="module")
def typing(shipped: Path) -> Typing:
    """One ironcalc model that is typed into again and again; every yellow cell each time."""
    model = ironcalc.load_from_xlsx(str(shipped), "en", "UTC", "en")
    sheet = titles_of(shipped).index(playground.TITLE)

    def values(places: Mapping[Place, Value], typed: Mapping[Place, str]) -> dict[Place, Value]:
        for (_, where), text in typed.items():
            model.set_user_input(sheet, *parse_area(where)[:2], text)
        model.evaluate()
        return {place: model.get_cell_value(sheet, *parse_area(place[1])[:2]) for place in places}

    return values
