"""explain on what users bring: real calls of models, layers that depart, numbers that burst."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import normviz
from normviz.torch_models.capture import capture
from normviz.workbook.book.styles import BAD
from normviz.workbook.draw.content import FAIL, PASS, RESTS
from normviz.workbook.write import save
from tests.workbook.engines import differences, expected, ironcalc_values


class OnePlus(nn.Module):
    """A norm whose class nobody knows, with γ = 1 + weight."""

    def __init__(self, size: int = 8) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-0.5, 0.5, size))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        wide = x.float()
        wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + 1e-6)
        return ((1.0 + self.weight.float()) * wide).to(x.dtype)


class Model(nn.Module):
    """A norm that is called twice, behind a mask; its output is a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(8, 8), OnePlus(), nn.Linear(8, 2)

    def forward(self, x: torch.Tensor, mask: Any = None) -> dict[str, Any]:
        h = self.norm(self.first(x))
        h = h if mask is None else h * mask
        return {"logits": self.last(F.relu(self.norm(h), inplace=True)), "hidden": (h,)}


def x_of(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(5))


def rows_of(path: Path) -> list[list[Any]]:
    book = openpyxl.load_workbook(path, data_only=True)
    return [[cell.value for cell in row] for row in book["Contents"].iter_rows()]


def said(path: Path) -> str:
    return " | ".join(str(value) for row in rows_of(path) for value in row if value is not None)


def own_checks(path: Path) -> list[str]:
    return [
        row[1]
        for row in rows_of(path)
        if " is y here" in str(row[2]) or " is dx here" in str(row[2])
    ]


def test_a_layer_of_an_unknown_class_in_a_model(tmp_path: Path) -> None:
    model = Model()
    path = normviz.explain(
        model,
        (x_of(3, 4, 8),),
        tmp_path / "m.xlsx",
        layer="norm",
        call=2,
        loss="sum",
        kwargs={"mask": torch.ones(8)},
    )
    text = said(path)
    for words in (
        "norm: OnePlus",
        "rms_norm",
        "γ = 1 + weight",
        "call 2 of 2",
        "what reaches the layer of the loss that was given",
        "All 4 checks pass",
    ):
        assert words in text
    assert own_checks(path) == [PASS, PASS]
    inputs = openpyxl.load_workbook(path)["Inputs"]
    formulas = [
        str(c.value) for row in inputs.iter_rows() for c in row if str(c.value).startswith("=1+")
    ]
    assert len(formulas) >= 6


def test_the_gradient_is_that_of_the_loss() -> None:
    model, x = Model(), x_of(3, 4, 8)
    seen = capture(
        model, {"x": x}, layer="norm", call=2, loss=lambda out: out["logits"].square().sum()
    )
    h = model.norm(model.first(x)).detach().requires_grad_()
    y = model.norm(h)
    y.retain_grad()
    model.last(torch.relu(y)).square().sum().backward()
    np.testing.assert_allclose(seen.grad_output, y.grad, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(seen.grad_input, h.grad, rtol=1e-5, atol=1e-6)


class Wrapped(nn.Module):
    """A norm in a checkpoint, or under no_grad."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.norm, self.last, self.how = nn.LayerNorm(8), nn.Linear(8, 2), how

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.how == "no_grad":
            with torch.no_grad():
                h = self.norm(x)
        else:
            h = checkpoint(self.norm, x.requires_grad_(), use_reentrant=self.how == "reentrant")
        return self.last(h)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_a_nested_tensor_is_refused_in_a_sentence() -> None:
    nested = torch.nested.nested_tensor([x_of(2, 8), x_of(3, 8)])
    for ask in (normviz.identify, normviz.explain):
        with pytest.raises(TypeError, match="x must be a dense tensor of real numbers, got a nest"):
            ask(nn.LayerNorm(8), nested)


@pytest.mark.parametrize("given", ["tensor", "array"])
def test_under_inference_mode_the_gradient_is_known_too(given: str) -> None:
    with torch.inference_mode():
        x = torch.ones(3, 8)
        seen = capture(Model(), x if given == "tensor" else x.numpy(), layer="norm", loss="sum")
    assert seen.grad_input is not None


@pytest.mark.parametrize("how", ["reentrant", "not reentrant", "no_grad"])
def test_checkpoints_and_no_grad(how: str) -> None:
    model = Wrapped(how)
    seen = capture(model, x_of(3, 8), layer="norm", loss="sum")
    wanted = model.last.weight.detach().sum(0).expand(3, 8)
    np.testing.assert_allclose(seen.grad_output, wanted, rtol=1e-5)
    assert seen.grad_input is not None


def test_names_with_the_prefixes_of_wrappers() -> None:
    model = nn.DataParallel(Model())
    for name in ("norm", "module.norm"):
        assert capture(model, x_of(3, 8), layer=name).title == "norm: OnePlus"


def test_a_model_in_bfloat16_is_said_to_be_upcast(tmp_path: Path) -> None:
    path = normviz.explain(
        Model().bfloat16(), x_of(3, 4, 8).numpy(), tmp_path / "b.xlsx", layer="norm"
    )
    assert "upcast from bfloat16" in said(path)
    assert own_checks(path) == [PASS, PASS]


def test_nothing_of_the_user_changes(tmp_path: Path) -> None:
    model, calls = Model(), []
    model.norm.register_forward_hook(lambda *_: calls.append(1))
    before, numbers = torch.get_rng_state(), random.getstate()
    normviz.explain(model, x_of(3, 8), tmp_path / "m.xlsx", layer="norm", loss="sum")
    assert calls == []
    assert torch.equal(torch.get_rng_state(), before)
    assert random.getstate() == numbers
    assert all(p.grad is None for p in model.parameters())


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
    sheet = openpyxl.load_workbook(path)["LayerNorm"]
    red = [c for row in sheet.iter_rows() for c in row if str(c.fill.fgColor.rgb).endswith(BAD)]
    departs = int((F.layer_norm(x, (8,)).abs() > 1.0).sum())
    assert len(red) >= departs > 0


def test_a_pattern_says_what_it_should_be(tmp_path: Path) -> None:
    path = normviz.explain(nn.LayerNorm(8), x_of(3, 8), tmp_path / "p.xlsx", sets="[n] d")
    assert own_checks(path) == [FAIL, FAIL]
    path = normviz.explain(nn.LayerNorm(8), x_of(3, 8), tmp_path / "p.xlsx", sets="n [d]")
    assert own_checks(path) == [PASS, PASS]


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


def test_the_own_checks_rest_while_the_inputs_are_others(tmp_path: Path) -> None:
    path = normviz.explain(nn.LayerNorm(8), x_of(3, 8), tmp_path / "r.xlsx")
    contents = openpyxl.load_workbook(path)["Contents"]
    rows = [row for row in contents.iter_rows() if " here" in str(row[2].value)]
    places = [("Contents", row[1].coordinate) for row in rows if row[1].value]
    inputs = openpyxl.load_workbook(path)["Inputs"]
    numbers = [c for row in inputs.iter_rows(min_row=8) for c in row if isinstance(c.value, float)]
    found = ironcalc_values(path, places, {("Inputs", numbers[0].coordinate): "7.5"})
    assert set(found.values()) & {PASS, FAIL, RESTS} == {RESTS}


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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"layer": 0}, "layer must name a layer of the model, got 0"),
        ({"layer": "nrom"}, "layer must name a layer of the model, got 'nrom': did you mean norm"),
        ({"layer": "norm", "call": 3}, "call must be from 1 to 2, the calls of 'norm', got 3"),
        ({"layer": "norm", "loss": "mean"}, "loss must be a function of the model's output or"),
        (
            {"layer": "norm", "x": torch.ones(2, 3)},
            "the model must run on a tensor of shape (2, 3)",
        ),
        (
            {"layer": "norm", "x": torch.ones(2, 8, dtype=torch.uint8)},
            "the model must run on a ten",
        ),
        (
            {"layer": "norm", "x": torch.empty(1).expand(103_000_000)},
            "x must have at most 50,000,0",
        ),
        (
            {"layer": None, "x": torch.empty(1).expand(103_000_000)},
            "x must have at most 50,000,000 elements, got 103,000,000: give a part of it",
        ),
        (
            {"layer": None, "x": torch.eye(8).to_sparse()},
            "x must be a dense tensor of real numbers, got a sparse one",
        ),
        ({"layer": None}, "the layer's output must be a tensor, Model gives dict; name a layer of"),
        ({"path": "m.xls"}, "a workbook is a file that ends in .xlsx or .html, got"),
        ({"path": "nowhere/m.xlsx"}, "[Errno 2] its folder does not exist"),
    ],
    ids=[
        "number",
        "name",
        "call",
        "loss",
        "shape",
        "integers",
        "huge",
        "huge alone",
        "sparse",
        "no layer",
        "suffix",
        "folder",
    ],
)
def test_right_sentences(arguments: dict[str, Any], words: str, tmp_path: Path) -> None:
    arguments = {"x": x_of(3, 8), "path": "m.xlsx", **arguments}
    x, path = arguments.pop("x"), tmp_path / arguments.pop("path")
    with pytest.raises((ValueError, TypeError, OSError)) as caught:
        normviz.explain(Model(), x, path, **arguments)
    assert str(caught.value).startswith(words)
    assert list(tmp_path.iterdir()) == []


def test_the_norms_of_a_model_are_listed() -> None:
    found = normviz.layers_of(Model(), x_of(3, 4, 8))
    assert [(each.name, each.calls, each.shape) for each in found] == [("norm", 2, (3, 4, 8))]
    assert repr(found).splitlines()[1].split()[:2] == ["norm", "OnePlus"]
    assert "<td>OnePlus</td>" in found._repr_html_()


def test_the_prefix_of_torch_compile_is_optional() -> None:
    model = torch.compile(Model())
    for name in ("norm", "_orig_mod.norm"):
        assert capture(model, x_of(3, 8), layer=name).title == "norm: OnePlus"


class OfPixels(nn.Module):
    """A network that takes whole numbers from 0 to 255."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x / 255)


def test_images_of_whole_numbers_and_lists_are_taken_as_the_model_takes_them() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 4), dtype=np.uint8)
    for given in (images, torch.from_numpy(images), images.tolist()):
        seen = capture(OfPixels(), given, layer="norm")
        np.testing.assert_allclose(seen.x, images / np.float32(255), rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.LazyBatchNorm1d(), "layer must have been run once"),
        (nn.LayerNorm(8, device="meta"), "layer must hold numbers"),
        (torch.ao.nn.quantized.BatchNorm2d(8), "layer must compute in floating point, BatchNorm2d"),
    ],
    ids=["lazy", "meta", "quantized"],
)
def test_a_layer_that_has_no_numbers_yet_is_refused_in_a_sentence(
    layer: nn.Module, words: str, tmp_path: Path
) -> None:
    with pytest.raises(TypeError, match=words):
        normviz.explain(layer, x_of(3, 8), tmp_path / "n.xlsx")
    assert list(tmp_path.iterdir()) == []
