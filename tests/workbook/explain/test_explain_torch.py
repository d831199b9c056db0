"""Torch layers and models explained; nothing of them changes."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest

import normviz
from normviz.workbook.draw.content import FAIL, PASS


class TestTorch:
    """Torch layers and models; nothing of them changes."""

    @pytest.fixture(autouse=True)
    def torch(self) -> Any:
        return pytest.importorskip("torch")

    def layers(self, torch: Any) -> list[tuple[Any, tuple[int, ...]]]:
        from normviz import torch_layers

        nn = torch.nn
        return [
            (nn.BatchNorm1d(6), (5, 6)),
            (nn.BatchNorm2d(4, momentum=None), (3, 4, 5, 5)),
            (nn.BatchNorm2d(4, affine=False, track_running_stats=False), (3, 4, 5, 5)),
            (nn.BatchNorm3d(4), (3, 4, 2, 3, 4)),
            (nn.GroupNorm(2, 6), (3, 6, 4)),
            (nn.LayerNorm(8), (3, 5, 8)),
            (nn.LayerNorm(8, elementwise_affine=False), (3, 8)),
            (nn.InstanceNorm2d(3, affine=True, track_running_stats=True), (2, 3, 4, 4)),
            (nn.InstanceNorm2d(3), (3, 4, 4)),
            (nn.RMSNorm(8), (3, 5, 8)),
            (torch_layers.GhostBatchNorm2d(4, 2), (4, 4, 5, 5)),
            (torch_layers.RMSNorm2d(4), (4, 4, 5, 5)),
            (torch_layers.ReferenceNorm2d("group_norm", 4, num_groups=2), (4, 4, 5, 5)),
        ]

    @pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
    def test_every_layer_and_its_own_results(
        self, torch: Any, training: bool, tmp_path: Path
    ) -> None:
        for at, (layer, shape) in enumerate(self.layers(torch)):
            torch.manual_seed(at)
            layer.train(training)
            before = {k: v.clone() for k, v in layer.state_dict().items()}
            path = normviz.explain(layer, torch.randn(shape), tmp_path / f"{at}.xlsx")
            assert all(torch.equal(v, before[k]) for k, v in layer.state_dict().items())
            rows = [
                [c.value for c in row]
                for row in openpyxl.load_workbook(path, data_only=True)["Contents"].iter_rows()
            ]
            told = [[value for value in row if value is not None] for row in rows]
            own = [row[:3] for row in told if " is " in str(row[1:2]) and " here" in str(row[1:2])]
            assert [verdict for verdict, _, _ in own] == [PASS, PASS], layer
            assert max(gap for _, _, gap in own) < 1e-4, layer
            assert not any(FAIL in row for row in rows)

    def model(self, torch: Any) -> Any:
        torch.manual_seed(0)
        nn = torch.nn
        return nn.Sequential(
            nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True)),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.Linear(4 * 36, 3),
        )

    def test_a_gradient_given_for_the_layer_does_not_pass_the_relu_behind_it(
        self, torch: Any
    ) -> None:
        from normviz.torch_models.capture import capture

        seen = capture(self.model(torch), torch.randn(5, 1, 8, 8), torch.ones(5, 4, 6, 6), "1")
        assert (seen.grad_output == 1).all()

    def test_a_layer_that_is_called_by_keyword(self, torch: Any) -> None:
        from normviz.torch_models.capture import capture

        class Named(torch.nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.norm = torch.nn.LayerNorm(4)

            def forward(self, x: Any) -> Any:
                return self.norm(input=x)

        x = torch.randn(3, 4)
        seen = capture(Named(), x, torch.ones(3, 4), "norm")
        np.testing.assert_array_equal(seen.x, x)
        assert seen.grad_input.shape == (3, 4)

    def test_a_layer_inside_a_model_sees_what_the_model_gives_it(
        self, torch: Any, tmp_path: Path
    ) -> None:
        from normviz.torch_models.capture import capture

        model = self.model(torch)
        x, grad = torch.randn(5, 1, 8, 8), torch.randn(5, 3)
        seen = capture(model, x, layer="1", model_grad_output=grad)
        h = model[0](x).detach().requires_grad_()
        copied = torch.nn.BatchNorm2d(4)
        y = copied(h)
        y.retain_grad()
        copy.deepcopy(model[4])(torch.relu(y).flatten(1)).backward(grad)
        np.testing.assert_allclose(seen.x, h.detach(), rtol=0, atol=1e-6)
        np.testing.assert_allclose(seen.output, y.detach(), rtol=0, atol=1e-6)
        np.testing.assert_allclose(seen.grad_output, y.grad, rtol=0, atol=1e-6)
        np.testing.assert_allclose(seen.grad_input, h.grad, rtol=0, atol=1e-6)
        assert float(model[1].num_batches_tracked) == 0
        assert all(p.grad is None for p in model.parameters())
        assert not model[1]._forward_hooks
        path = normviz.explain(model, x, tmp_path / "m.xlsx", layer="1", model_grad_output=grad)
        texts = [
            c.value for row in openpyxl.load_workbook(path)["Contents"].iter_rows() for c in row
        ]
        assert "1: BatchNorm2d" in texts

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"layer": "features.1"}, "layer must name a layer of the model, got 'features.1'"),
            ({"layer": "2"}, "layer '2' must be a normalization layer: ReLU is no normalization: "),
            ({}, "module must be a normalization layer: Sequential is no normalization: its out"),
            ({"layer": "1", "grad_output": np.ones((2, 2))}, "grad_output must have the shape"),
            (
                {"layer": "1", "grad_output": np.ones((5, 3))},
                r"grad_output must have the shape of the layer's output, \(5, 4, 6, 6\), got "
                r"\(5, 3\): that is model_grad_output",
            ),
            (
                {"layer": "1", "model_grad_output": np.ones((5, 2))},
                r"model_grad_output must have the shape of an output of the model, \(5, 3\), got ",
            ),
            ({"loss": "sum"}, "loss is for a model whose layer is named by layer="),
            ({"kwargs": {"a": 1}}, "kwargs is for a model whose layer is named by layer="),
            ({"call": 2}, "call is for a model whose layer is named by layer="),
            ({"layer": "1", "sizes": {"c": 4}}, "sizes must be None without sets"),
            (
                {"layer": "1", "sets": "group_norm", "sizes": {"q": 2}},
                "a size must be one of n, g, k, ",
            ),
            (
                {"layer": "1", "loss": "sum", "model_grad_output": np.ones((5, 3))},
                "model_grad_output must be None where loss is given",
            ),
        ],
        ids=[
            *("unknown", "no norm", "no name", "gradient", "the model's gradient"),
            *("neither's gradient", "no model", "no model's arguments", "no model's call"),
            *("sizes of no sets", "a size", "two gradients"),
        ],
    )
    def test_what_is_refused(
        self, torch: Any, arguments: dict[str, Any], words: str, tmp_path: Path
    ) -> None:
        with pytest.raises((ValueError, TypeError), match="^" + words.replace(".", r"\.")):
            normviz.explain(
                self.model(torch), torch.randn(5, 1, 8, 8), tmp_path / "m.xlsx", **arguments
            )
        assert list(tmp_path.iterdir()) == []

    def test_nearest_names(self, torch: Any, tmp_path: Path) -> None:
        model = torch.nn.ModuleDict({"features": self.model(torch)})
        with pytest.raises(ValueError, match=r"got 'feature\.1': did you mean features\.1 or"):
            normviz.explain(model, torch.randn(5, 1, 8, 8), tmp_path / "m.xlsx", layer="feature.1")

    def test_an_infinity_in_x_is_shown_where_it_came_in(self, torch: Any, tmp_path: Path) -> None:
        x = torch.randn(4, 3)
        x[2, 1] = float("inf")
        path = normviz.explain(torch.nn.BatchNorm1d(3), x, tmp_path / "m.xlsx")
        book = openpyxl.load_workbook(path)
        texts = [str(c.value) for row in book["Contents"].iter_rows() for c in row]
        assert "first the given x is ∞ at index (2, 1)" in texts
        cells = [c.value for row in book["Inputs"].iter_rows() for c in row]
        assert cells.count("∞") == 1
        steps = [c.value for row in book["BatchNorm"].iter_rows() for c in row]
        assert steps.count("NaN") >= 4 * 3
