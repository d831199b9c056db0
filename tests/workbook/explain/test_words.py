"""A tensor's axes, places and numbers in their own words and digits, whatever its rank."""

import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
import torch
from torch import nn

import normviz
from normviz.torch_models.capture import capture
from normviz.workbook.draw.content import PASS
from normviz.workbook.explain.inputs_sheet import TYPED
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


@pytest.mark.parametrize("suffix", [".xlsx", ".html"])
def test_a_layer_by_a_name_that_nothing_can_show(suffix: str, tmp_path: Path) -> None:
    """Control characters and a mark that turns the direction of writing are replaced."""
    name = "b\x07\x1b[2J\u202e"
    model = nn.Sequential(OrderedDict([(name, nn.BatchNorm2d(3))]))
    path = normviz.explain(model, x_of(4, 3, 2, 2), tmp_path / f"e{suffix}", layer=name)
    text = path.read_text("utf-8") if suffix == ".html" else said(path)
    assert "b\ufffd\ufffd[2J\ufffd" in text
    assert not {"\x07", "\x1b", "\u202e"} & set(text)


class Reshaped(nn.Module):
    """A model of texts or images whose norm sees them in four dimensions."""

    def __init__(self, how: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.tokens, self.norm, self.how = nn.Embedding(9, 24), nn.RMSNorm(8), how

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.how(x if x.is_floating_point() else self.tokens(x)))


TEXTS = torch.arange(10).reshape(2, 5) % 9
SQUARE = TEXTS[:, :3]


@pytest.mark.parametrize(
    ("given", "how", "axes"),
    [
        (TEXTS, lambda h: h.unflatten(-1, (3, 8)), "nthd"),
        (TEXTS, lambda h: h.unflatten(-1, (3, 8)).transpose(1, 2), "nhtd"),
        (x_of(2, 5, 24), lambda h: h.unflatten(-1, (3, 8)), "nthd"),
        (x_of(2, 8, 4, 6), lambda h: h.movedim(1, -1), "nhwd"),
        (x_of(2, 8, 4, 6), lambda h: h[:, :, ::2, ::2].movedim(1, -1), "nhwd"),
        (x_of(2, 8, 4, 6), lambda h: h[:, :, :3, :5].movedim(1, -1), ""),
        (SQUARE, lambda h: h.unflatten(-1, (3, 8)), ""),
    ],
    ids=[
        *("tokens, heads", "heads, tokens", "embedded tokens", "pixels", "fewer pixels"),
        *("no proportions of the image", "as many heads as tokens"),
    ],
)
def test_axes_are_named_where_the_models_own_input_tells(
    given: torch.Tensor, how: Callable[[torch.Tensor], torch.Tensor], axes: str
) -> None:
    assert "".join(capture(Reshaped(how), given, layer="norm").axes) == axes


def test_heads_of_tokens_are_called_so(tmp_path: Path) -> None:
    model = Reshaped(lambda h: h.unflatten(-1, (3, 8)))
    path = normviz.explain(model, TEXTS, tmp_path / "h.xlsx", layer="norm")
    assert "a block has the heads h down and the features d across" in said(path)
    assert own_checks(path) == [PASS, PASS]
    sheet = openpyxl.load_workbook(path)["RMSNorm"]
    texts = [str(c.value) for row in sheet.iter_rows() for c in row if c.value is not None]
    assert any(
        text.startswith("One mean square for each sequence, token and head") for text in texts
    )
    assert {"t = 0", "n0 h0"} <= set(texts)


def test_a_pattern_of_ones_own_names_the_axes(tmp_path: Path) -> None:
    path = normviz.explain(nn.RMSNorm(8), x_of(2, 6, 4, 8), tmp_path / "p.xlsx", sets="n t h [d]")
    assert "sequences 0–1 of 2, tokens 0–3 of 6, heads 0–2 of 4, features 0–2 of 8" in said(path)


def test_without_a_mean_no_sum_and_no_word_is_about_one(tmp_path: Path) -> None:
    path = normviz.explain(nn.RMSNorm(32), x_of(2, 6, 32), tmp_path / "r.xlsx")
    book = openpyxl.load_workbook(path)
    texts = {str(c.value) for sheet in book for row in sheet.iter_rows() for c in row}
    assert {"Σ x² not shown", "Σ dx̂ · x not shown", "Parameters of the layer"} <= texts
    assert not {"Σ u² not shown", "Σ dx̂ not shown", "dy in sets not shown"} & texts
    assert not [text for text in texts if "running" in text or "stored statistics" in text]


def test_what_was_given_has_as_many_digits_on_every_sheet(tmp_path: Path) -> None:
    path = normviz.explain(nn.BatchNorm2d(3), x_of(2, 3, 2, 2), tmp_path / "d.xlsx")
    book = openpyxl.load_workbook(path)
    cells = [c for row in book["BatchNorm"].iter_rows() for c in row]
    given = [c for c in cells if re.fullmatch(r"=Inputs![A-Z]+\d+", str(c.value))]
    assert len(given) >= 2 * 24
    assert {c.number_format for c in given} - {"General"} == {TYPED.number}
