"""Layers whose own numbers are NaN or infinite, as those of a training that diverged are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest

import normviz

torch = pytest.importorskip("torch")
nn = torch.nn


class OwnRMS(nn.Module):  # type: ignore[misc]
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
    said = [str(c.value) for row in book["Contents"].iter_rows() for c in row if c.value]
    own = burst.rpartition(".")[2]
    assert any(f"the layer's {own} is" in text and "at index (2,)" in text for text in said)
    assert not value.isfinite().all()  # the user's stays as it was
