"""Real calls of models: inputs and outputs of any form, the true gradient, wrappers, refusals."""

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
from normviz.workbook.draw.content import PASS
from tests.workbook.explain.reading import own_checks, said, x_of


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
        "what reaches the layer from the loss that was given",
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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"layer": 0}, "layer must name a layer of the model, got 0"),
        ({"layer": "nrom"}, "layer must name a layer of the model, got 'nrom': did you mean norm"),
        ({"layer": "NORM"}, "layer must name a layer of the model, got 'NORM': did you mean norm"),
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
        (
            {"layer": "norm", "loss": lambda out: out.logits},
            "loss must be a function of the model's output, a dict; it raised AttributeError",
        ),
        ({"layer": "norm", "x": [[1.0] * 8, [2.0]]}, "x must be lists of equal length"),
        (
            {"layer": "norm", "x": torch.ones(2, 8, device="meta")},
            "x must hold numbers, got a tensor on the meta device",
        ),
        ({"path": x_of(3, 8)}, "path must be the name of a file, got Tensor: an upstream"),
        ({"path": "m.xls"}, "a workbook is a file that ends in .xlsx or .html, got"),
        ({"path": "nowhere/m.xlsx"}, "[Errno 2] its folder does not exist"),
    ],
    ids=[
        "number",
        "name",
        "case",
        "call",
        "loss",
        "shape",
        "integers",
        "huge",
        "huge alone",
        "sparse",
        "no layer",
        "loss that raises",
        "unequal lists",
        "meta",
        "gradient as path",
        "suffix",
        "folder",
    ],
)
def test_right_sentences(arguments: dict[str, Any], words: str, tmp_path: Path) -> None:
    arguments = {"x": x_of(3, 8), "path": "m.xlsx", **arguments}
    x, path = arguments.pop("x"), arguments.pop("path")
    path = tmp_path / path if isinstance(path, str) else path
    with pytest.raises((ValueError, TypeError, OSError)) as caught:
        normviz.explain(Model(), x, path, **arguments)
    assert str(caught.value).startswith(words)
    assert list(tmp_path.iterdir()) == []


def test_the_norms_of_a_model_are_listed() -> None:
    found = normviz.layers_of(Model(), x_of(3, 4, 8))
    assert [(each.name, each.calls, each.shape) for each in found] == [("norm", 2, (3, 4, 8))]
    assert repr(found).splitlines()[1].split()[:2] == ["norm", "OnePlus"]
    assert "<td>OnePlus</td>" in found._repr_html_()


def test_norms_that_cannot_be_told_on_this_x_are_listed_and_stored_statistics_named() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.LayerNorm(8))
    found = normviz.layers_of(model, x_of(2, 6))
    rows = [(each.name, each.normalization, each.sets) for each in found]
    assert rows == [("1", "undecided", ""), ("3", "layer_norm", "... [d], d = (8,)")]
    in_evaluation = normviz.layers_of(model.eval(), x_of(2, 6))
    assert [each.normalization for each in in_evaluation] == [
        "batch_norm (constants)",
        "layer_norm",
    ]
    pixels = normviz.layers_of(nn.Sequential(nn.GroupNorm(2, 4), nn.Sigmoid()), x_of(3, 4, 1, 1))
    assert [(each.name, each.normalization) for each in pixels] == [("0", "undecided")]


def test_a_norm_that_a_hook_makes_none_is_not_listed() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8))
    model[1].register_forward_hook(lambda module, given, output: torch.relu(output))
    assert not list(normviz.layers_of(model, x_of(3, 6)))
    assert not normviz.identify(model[1], x_of(3, 8))


class EpsOfItsOwn(nn.Module):
    """A learned eps for each channel, and a threshold (filter response normalization)."""

    def __init__(self, eps: object) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        eps = self.eps.abs() if isinstance(self.eps, torch.Tensor) else 1e-6
        return torch.relu(x * torch.rsqrt(x.square().mean((2, 3), keepdim=True) + eps) + 0.1)


@pytest.mark.parametrize("eps", [nn.Parameter(torch.full((1, 4, 1, 1), 1e-6)), "1e-6", (1, 2)])
def test_a_layer_may_call_anything_eps(eps: object) -> None:
    layer = EpsOfItsOwn(eps)
    assert not normviz.identify(layer, x_of(3, 4, 5, 5))
    found = normviz.layers_of(nn.Sequential(layer, nn.GroupNorm(2, 4)), x_of(3, 4, 5, 5))
    assert [each.name for each in found] == ["1"]


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


def test_whole_numbers_in_a_list_are_of_the_layers_dtype() -> None:
    assert capture(nn.BatchNorm1d(2), [[1, 2], [3, 4], [5, 9]]).dtype == "float32"


def test_a_model_that_has_no_numbers_yet_is_refused_in_a_sentence() -> None:
    model = nn.Sequential(nn.LazyLinear(8), nn.LayerNorm(8))
    with pytest.raises(TypeError, match=r"model must have been run once .* 0: LazyLinear is lazy"):
        capture(model, x_of(3, 8), layer="1")


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.LayerNorm, "layer must be a module or a function of a tensor, got the class LayerN"),
        (nn.LazyBatchNorm1d(), "layer must have been run once"),
        (nn.LayerNorm(8, device="meta"), "layer must hold numbers"),
        (torch.ao.nn.quantized.BatchNorm2d(8), "layer must compute in floating point, BatchNorm2d"),
    ],
    ids=["class", "lazy", "meta", "quantized"],
)
def test_a_layer_that_has_no_numbers_yet_is_refused_in_a_sentence(
    layer: nn.Module, words: str, tmp_path: Path
) -> None:
    with pytest.raises(TypeError, match=words):
        normviz.explain(layer, x_of(3, 8), tmp_path / "n.xlsx")
    assert list(tmp_path.iterdir()) == []
