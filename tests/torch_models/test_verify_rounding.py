"""What the dtypes round: verify allows it and says so, and finds what it could hide."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import normviz
from normviz.torch_layers import RMSNorm2d
from tests.torch_models.test_verify import drawn, failed


class EpsOutsideTheRoot(nn.BatchNorm2d):
    def forward(self, x):
        var, mean = torch.var_mean(x, (0, 2, 3), correction=0, keepdim=True)
        super().forward(x)
        y = (x - mean) / (torch.sqrt(var) + self.eps)
        return y * self.weight.view(-1, 1, 1) + self.bias.view(-1, 1, 1)


class TwiceTheEps(nn.LayerNorm):
    def forward(self, x):
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, 2 * self.eps)


class WiderOutput(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x).double()


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(EpsOutsideTheRoot(3), (4, 3, 5, 5)), (TwiceTheEps(64), (32, 64)), (WiderOutput(8), (4, 8))],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_what_float32_rounding_could_hide_fails(layer, shape):
    report = normviz.verify(layer, 1.5 * torch.randn(shape, generator=torch.manual_seed(0)))
    assert not report
    assert "output in float64" in failed(report) or "output" in failed(report)


class WorksInFloat32(nn.LayerNorm):
    def forward(self, x):
        weight, bias = self.weight.float(), self.bias.float()
        return F.layer_norm(x.float(), self.normalized_shape, weight, bias, self.eps).to(x.dtype)


def test_a_layer_that_works_in_float32_inside_passes():
    assert normviz.verify(WorksInFloat32(64), torch.randn(32, 64))


def test_a_tolerance_of_ones_own_is_for_the_one_run():
    layer = TwiceTheEps(64)
    report = normviz.verify(layer, torch.randn(32, 64), tolerance=1e-3)
    assert report
    assert not any("float64" in d.tensor for d in report.differences)


@pytest.mark.parametrize("layer", [nn.BatchNorm2d(4), nn.GroupNorm(2, 4), RMSNorm2d(4)], ids=repr)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_bfloat16_as_autocast_gives_it(layer, layout):
    x = torch.randn(3, 4, 5, 5).bfloat16().contiguous(memory_format=layout)
    report = normviz.verify(layer, x)
    assert report, str(report)
    assert report.dtype == "bfloat16"
    assert "output in float64" in {d.tensor for d in report.differences}


class Widening(nn.BatchNorm2d):
    def forward(self, x):
        return super().forward(x).float()


def causes(report):
    return " | ".join({d.cause: None for d in report.differences if d.cause})


@pytest.mark.parametrize(
    ("layer", "x", "cause"),
    [
        (nn.LayerNorm(64), 1000.0 + drawn(4, 64), "float32 rounding at mean / spread = 1,"),
        (
            nn.InstanceNorm1d(3, eps=1e-12),
            drawn(4, 3, 2),
            "float32 rounding in sets of two, where terms cancel",
        ),
        (
            nn.GroupNorm(2, 4),
            (1000.0 + drawn(2, 4, 16, 16)).contiguous(memory_format=torch.channels_last),
            "float32 rounding of a variance that is E[x²] − mean², at mean / spread = 1,",
        ),
    ],
    ids=["offset", "sets of two", "one pass"],
)
def test_what_rounding_does_is_no_failure_and_said_in_words(layer, x, cause):
    report = normviz.verify(layer, x)
    assert report, str(report)
    assert cause in causes(report)
    assert cause in str(report)


def test_nothing_is_said_where_rounding_does_not_show():
    assert causes(normviz.verify(nn.LayerNorm(64), drawn(4, 64))) == ""


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", [nn.BatchNorm1d, nn.RMSNorm, nn.LayerNorm])
def test_nan_and_infinity_on_both_sides_agree(kind, value):
    x = drawn(5, 4)
    x[1, 2] = value
    report = normviz.verify(kind(4), x)
    assert report, str(report)


def test_float16_that_bursts_on_both_sides_agrees():
    layer = nn.LayerNorm(8).half()
    with torch.no_grad():
        layer.weight.fill_(60_000.0)
    report = normviz.verify(layer, drawn(3, 8).half())
    assert report, str(report)


def test_nan_on_one_side_alone_fails():
    """1 / √1e-12 is infinite in float16, and times 0 no number."""
    report = normviz.verify(nn.InstanceNorm1d(2, eps=1e-12), torch.zeros(3, 2, 4).half())
    assert "output" in failed(report)


def test_bfloat16_does_not_hide_a_wrong_eps():
    report = normviz.verify(TwiceTheEps(64), torch.randn(32, 64).bfloat16())
    assert "output in float64" in {d.tensor for d in report.differences if not d.passed}


def test_an_output_that_is_not_bfloat16_fails():
    report = normviz.verify(Widening(4), torch.randn(3, 4, 5, 5).bfloat16())
    assert not report
    assert "its output must be bfloat16 as x, got torch.float32" in report.failure


def test_a_bfloat16_module_is_refused_with_a_remedy():
    layer = nn.LayerNorm(4).bfloat16()
    with pytest.raises(TypeError, match=r"module must be of float32 where x is bf.* \.float\(\)"):
        normviz.verify(layer, torch.randn(2, 4).bfloat16())
