"""NaN and infinity: in a layer's own numbers, as after a training that diverged; in a step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest
import torch
from torch import nn

import normviz
from normviz.workbook.book.styles import INPUT
from normviz.workbook.draw.content import FAIL, PASS
from tests.workbook.explain.reading import own_checks, said, x_of


class OwnRMS(nn.Module):
    """As language models have it, one of which adds 1 to the weight."""

    def __init__(self, added: float) -> None:
        super().__init__()
        self.added, self.eps = added, 1e-6
        self.weight = nn.Parameter(torch.ones(6))

    def forward(self, x: Any) -> Any:
        root = torch.rsqrt((x * x).mean(-1, keepdim=True) + self.eps)
        return (self.added + self.weight) * x * root


LAYERS = {
    "LayerNorm, weight": (lambda: nn.LayerNorm(6), "weight", "layer_norm", True),
    "LayerNorm, bias": (lambda: nn.LayerNorm(6), "bias", "layer_norm", True),
    "BatchNorm, weight": (lambda: nn.BatchNorm1d(6), "weight", "batch_norm", True),
    "BatchNorm, running mean": (lambda: nn.BatchNorm1d(6), "running_mean", "batch_norm", True),
    "in evaluation": (lambda: nn.BatchNorm1d(6), "running_var", "batch_norm", False),
    "in a block": (
        lambda: nn.Sequential(nn.Identity(), nn.BatchNorm1d(6)),
        "1.running_var",
        "batch_norm",
        False,
    ),
    "RMSNorm of one's own": (lambda: OwnRMS(0.0), "weight", "rms_norm", True),
    "1 + weight": (lambda: OwnRMS(1.0), "weight", "rms_norm", True),
}


@pytest.mark.parametrize("number", [float("nan"), float("inf")], ids=["NaN", "infinity"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_that_burst_is_recognized_and_explained(
    name: str, number: float, tmp_path: Path
) -> None:
    make, burst, op, training = LAYERS[name]
    layer = make().train(training)
    value = dict([*layer.named_parameters(), *layer.named_buffers()])[burst]
    value.data[2] = number
    x = torch.randn(4, 6, generator=torch.manual_seed(1))
    found = normviz.identify(layer, x)
    assert found
    assert found.name == op
    assert f"not finite in {burst}" in found.sentence
    book = openpyxl.load_workbook(normviz.explain(layer, x, tmp_path / "b.xlsx"), data_only=True)
    texts = [str(c.value) for row in book["Contents"].iter_rows() for c in row if c.value]
    own = burst.rpartition(".")[2]
    assert any(f"the layer's {own} is" in text and "at index (2,)" in text for text in texts)
    assert not value.isfinite().all()  # the user's stays as it was


def test_an_output_that_is_not_finite_is_shown(tmp_path: Path) -> None:
    layer = nn.LayerNorm(8).half()
    with torch.no_grad():
        layer.weight.fill_(60_000.0)
    path = normviz.explain(layer, (3.0 * x_of(3, 8)).half(), tmp_path / "h.xlsx")
    text = said(path)
    assert "it is not finite, first at the step output: " in text
    assert "is too large for float16, though not for float64" in text
    assert own_checks(path)[0] == FAIL
    values = [c.value for row in openpyxl.load_workbook(path)["LayerNorm"].iter_rows() for c in row]
    assert {"∞", "−∞"} & set(values)


def test_a_nan_is_shown_with_the_step_where_it_first_happened(tmp_path: Path) -> None:
    layer, x = nn.InstanceNorm1d(2, eps=1e-12).half(), torch.zeros(3, 2, 4).half()
    assert layer(x).isnan().all()
    path = normviz.explain(layer, x, tmp_path / "n.xlsx", sets="instance_norm")
    assert "it is not finite, first at 1 / r, by which layers multiply: 1e+06" in said(path)
    assert own_checks(path)[0] == FAIL
    sheet = openpyxl.load_workbook(path)["InstanceNorm"]
    assert sum(c.value == "NaN" for row in sheet.iter_rows() for c in row) >= 24


def rms_without_eps(x: torch.Tensor) -> torch.Tensor:
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True))


@pytest.mark.parametrize(
    ("layer", "shape", "first"),
    [
        (rms_without_eps, (3, 8), "normalized (x̂ = x / r) is NaN at index (1, 0) and 7 more"),
        (rms_without_eps, (3, 40, 8), "normalized (x̂ = x / r) is NaN at index (1, 0, 0) and 319"),
        (nn.LayerNorm(8, eps=0.0), (3, 8), "normalized (x̂ = u / r) is NaN at index (1, 0) and 7"),
    ],
    ids=["whole", "a slice", "a layer of torch"],
)
def test_a_step_that_is_not_finite_even_in_float64_is_shown(
    layer: Any, shape: tuple[int, ...], first: str, tmp_path: Path
) -> None:
    x = x_of(*shape)
    x[1] = 0.0
    path = normviz.explain(layer, x, tmp_path / "n.xlsx")
    text = said(path)
    assert f"first the step {first}" in text
    assert "as they came: one is not finite" in text
    assert own_checks(path) == [PASS, PASS]
    sheet = openpyxl.load_workbook(path).worksheets[2]
    cells = [c.value for row in sheet.iter_rows() for c in row if c.value is not None]
    assert cells.count("NaN") >= 3 * 8 - 4
    assert not [c for c in cells if str(c).startswith("=") and "inputs" not in str(c).lower()][2:]


def test_nothing_is_to_be_changed_where_nothing_follows(tmp_path: Path) -> None:
    x = torch.tensor([[1.0, float("nan")], [2.0, 3.0]])
    book = openpyxl.load_workbook(normviz.explain(nn.BatchNorm1d(2), x, tmp_path / "n.xlsx"))
    cells = [c for sheet in book for row in sheet.iter_rows() for c in row]
    assert not [c.coordinate for c in cells if str(c.fill.fgColor.rgb).endswith(INPUT)]
    assert not [c.value for c in cells if "yours to change" in str(c.value)]
