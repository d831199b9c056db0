"""A layer shown as what it was recognized as, or held to what it should be: formulas follow it."""

from pathlib import Path

import numpy as np
import openpyxl
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import normviz
from normviz.reference.layers import BatchNorm1d
from normviz.workbook.book.styles import BAD
from normviz.workbook.draw.content import FAIL, PASS, RESTS
from normviz.workbook.write import save
from tests.workbook.engines import differences, expected, ironcalc_values
from tests.workbook.explain.reading import own_checks, said, x_of


class Clipped(nn.LayerNorm):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).clamp(-1.0, 1.0)


def test_a_layer_that_departs_is_refused_or_shown_in_red(tmp_path: Path) -> None:
    layer, x = Clipped(8), x_of(3, 8)
    with pytest.raises(TypeError, match="Clipped is no normalization: it is hardtanh of"):
        normviz.explain(layer, x, tmp_path / "c.xlsx")
    path = normviz.explain(layer, x, tmp_path / "c.xlsx", sets="layer_norm")
    assert own_checks(path) == [FAIL, FAIL]
    assert "checks FAIL" in said(path)
    assert "the layer departs from that. Clipped is no normalization: it is hardtanh of" in said(
        path
    )
    sheet = openpyxl.load_workbook(path)["LayerNorm"]
    red = [c for row in sheet.iter_rows() for c in row if str(c.fill.fgColor.rgb).endswith(BAD)]
    departs = int((F.layer_norm(x, (8,)).abs() > 1.0).sum())
    assert len(red) >= departs > 0


@pytest.mark.parametrize(("size", "form"), [(1.0, "0.000"), (1e-6, "0.00E+00")])
def test_what_departs_has_a_cross_however_small_its_step_is(
    size: float, form: str, tmp_path: Path
) -> None:
    x = x_of(3, 8)
    grad = size * x_of(3, 8).flip(0)
    path = normviz.explain(Clipped(8), x, tmp_path / "c.xlsx", sets="layer_norm", grad_output=grad)
    sheet = openpyxl.load_workbook(path)["LayerNorm"]
    cells = [cell for row in sheet.iter_rows() for cell in row if isinstance(cell.value, float)]
    red = [cell for cell in cells if str(cell.fill.fgColor.rgb).endswith(BAD)]
    assert any(form in cell.number_format for cell in red)
    assert all(cell.number_format.startswith('"✗ "') for cell in red)


def test_a_pattern_says_what_it_should_be(tmp_path: Path) -> None:
    path = normviz.explain(nn.LayerNorm(8), x_of(3, 8), tmp_path / "p.xlsx", sets="[n] d")
    assert own_checks(path) == [FAIL, FAIL]
    path = normviz.explain(nn.LayerNorm(8), x_of(3, 8), tmp_path / "p.xlsx", sets="n [d]")
    assert own_checks(path) == [PASS, PASS]


class HalfTooHigh(nn.BatchNorm2d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) + torch.tensor([0.0, 0.5], dtype=x.dtype).view(2, 1, 1)


def test_a_small_channel_departs_beside_a_large_one(tmp_path: Path) -> None:
    layer = HalfTooHigh(2)
    layer.weight.data = torch.tensor([1e6, 1.0])
    path = normviz.explain(layer, x_of(4, 2, 2, 2), tmp_path / "h.xlsx", sets="batch_norm")
    assert own_checks(path) == [FAIL, PASS]
    assert "departs from that" in said(path)


def mean(x: torch.Tensor) -> torch.Tensor:
    return x.mean(-1, keepdim=True)


UNUSUAL = {
    "eps added to the root": lambda x: (
        (x - mean(x)) / ((x - mean(x)).square().mean(-1, keepdim=True).sqrt() + 0.3)
    ),
    "eps added, m - 1": lambda x: (x - mean(x)) / (x.std(-1, keepdim=True) + 0.3),
    "eps inside, m - 1": lambda x: (x - mean(x)) / (x.var(-1, keepdim=True) + 0.3).sqrt(),
    "eps added, mean square": lambda x: x / (mean(x.square()).sqrt() + 0.3),
    "at least eps": lambda x: F.normalize(x, dim=-1, eps=3.0),
}


@pytest.mark.parametrize("shape", [(3, 4, 8), (3, 40, 8)], ids=["whole", "a slice"])
@pytest.mark.parametrize("how", UNUSUAL)
def test_another_arithmetic_is_followed_by_live_formulas(
    how: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    layer, x = UNUSUAL[how], x_of(*shape)
    assert normviz.verify(layer, x)
    book = normviz.explain(layer, x).book
    path = save(book, tmp_path / "u.xlsx")
    assert own_checks(path) == [PASS, PASS]
    wanted = expected(book)
    assert differences(wanted, ironcalc_values(path, wanted)) == []


class Interleaved(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (
            F.layer_norm(x.unflatten(1, (4, 2)).transpose(1, 2), (4,)).transpose(1, 2).flatten(1, 2)
        )


def test_sets_that_no_declared_norm_has(tmp_path: Path) -> None:
    path = normviz.explain(Interleaved(), x_of(3, 8), tmp_path / "i.xlsx")
    assert own_checks(path) == [PASS, PASS]
    assert "n ([k] g)" in said(path)


def test_the_own_checks_rest_while_the_inputs_are_others(tmp_path: Path) -> None:
    path = normviz.explain(nn.LayerNorm(8), x_of(3, 8), tmp_path / "r.xlsx")
    contents = openpyxl.load_workbook(path)["Contents"]
    rows = [row for row in contents.iter_rows() if " here" in str(row[2].value)]
    places = [("Contents", row[1].coordinate) for row in rows if row[1].value]
    inputs = openpyxl.load_workbook(path)["Inputs"]
    numbers = [c for row in inputs.iter_rows(min_row=8) for c in row if isinstance(c.value, float)]
    found = ironcalc_values(path, places, {("Inputs", numbers[0].coordinate): "7.5"})
    assert set(found.values()) & {PASS, FAIL, RESTS} == {RESTS}


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(3), BatchNorm1d(3)], ids=["torch", "NumPy"])
def test_a_complex_gradient_is_refused(layer: object) -> None:
    x, grad = np.arange(12, dtype=np.float32).reshape(4, 3), np.ones((4, 3)) * 1j
    with pytest.raises(TypeError, match="grad_output must hold real numbers, got dtype complex"):
        normviz.explain(layer, x, grad_output=grad)
