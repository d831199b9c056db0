"""A tensor's axes, places and numbers in their own words and digits, whatever its rank."""

from pathlib import Path

import openpyxl
import pytest
from torch import nn

import normviz
from normviz.workbook.draw.content import PASS
from tests.workbook.explain.reading import own_checks, said, x_of


def test_heads_of_tokens_are_no_channels_of_images(tmp_path: Path) -> None:
    path = normviz.explain(nn.RMSNorm(8), x_of(2, 6, 4, 8), tmp_path / "q.xlsx")
    assert "samples 0–1 of 2, axis 1 0–3 of 6, axis 2 0–2 of 4, features 0–2 of 8" in said(path)
    sheet = openpyxl.load_workbook(path)["RMSNorm"]
    texts = [str(c.value) for row in sheet.iter_rows() for c in row if c.value is not None]
    assert any("torch.nn.RMSNorm((8,), eps)" in text for text in texts)
    assert any("One mean square for each vector along the last axis" in text for text in texts)
    assert {"i = 0", "n0 j0", "d0", "d2"} <= set(texts)
    assert not [text for text in texts if "c = " in text or "all c" in text]


def test_parameters_and_places_are_called_by_their_own_axis(tmp_path: Path) -> None:
    path = normviz.explain(nn.LayerNorm(8), x_of(2, 6, 8), tmp_path / "t.xlsx", pixels="5:8")
    texts = [c.value for row in openpyxl.load_workbook(path)["LayerNorm"].iter_rows() for c in row]
    assert {"d5", "d6", "d7"} <= set(texts)
    assert not {"d0", "all t", "w0"} & set(texts)


def test_small_numbers_in_narrow_columns_have_few_digits(tmp_path: Path) -> None:
    path = normviz.explain(nn.LayerNorm(32), 1e-3 * x_of(2, 6, 32), tmp_path / "t.xlsx")
    wide = normviz.explain(
        nn.LayerNorm(32), 1e-3 * x_of(2, 6, 32), tmp_path / "w.xlsx", pixels="0:7"
    )
    formats = [
        {c.number_format.partition(";")[0] for row in sheet.iter_rows() for c in row}
        for sheet in (openpyxl.load_workbook(each)["LayerNorm"] for each in (path, wide))
    ]
    assert "0.00E+00" in formats[0]
    assert "0.00E+00" not in formats[1]
    assert "0.0E+00" in formats[1]


@pytest.mark.parametrize("shape", [(8,), (2, 1, 2, 2, 2, 8)], ids=["1-d", "6-d"])
def test_tensors_of_one_and_of_six_dimensions(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = normviz.explain(nn.LayerNorm(8), x_of(*shape), tmp_path / "x.xlsx")
    assert own_checks(path) == [PASS, PASS]
    assert f"of shape {shape} shown as" in said(path)
