"""verify passes what is right and fails what is wrong, and leaves the module as it was."""

import copy
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, prune

import normviz
from normviz.reference import layers
from normviz.torch_layers import (
    GhostBatchNorm2d,
    Norm,
    ReferenceNorm2d,
    RMSNorm2d,
    SyncBatchNorm2d,
)
from normviz.torch_models.verify.standard_layers import standard_layers, verify_all
from tests.reference.layer_pairs import PAIRS, inputs_of, layer_of
from tests.torch_models.wrong_layers import BESIDE_LARGE, WRONG

SHAPE = (4, 6, 5, 3)


def batch(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return (2.0 * torch.randn(SHAPE, generator=generator) + 1.0).to(dtype)


def drawn(*shape):
    return torch.randn(shape, generator=torch.manual_seed(0))


def failed(report):
    return {d.tensor for d in report.differences if not d.passed}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", PAIRS)
def test_right_layers_pass(name, dtype, training):
    report = normviz.verify(layer_of(name, dtype).train(training), inputs_of(name, dtype)[0])
    assert report, str(report)
    assert (report.dtype, report.training) == (dtype, training)


def test_every_standard_layer_passes_in_both_dtypes_and_modes():
    reports = verify_all()
    assert all(reports), [str(report) for report in reports if not report]
    names = [name for name, _, _ in standard_layers("float32")]
    assert len(reports) == 4 * len(names)
    found = {(r.layer, r.dtype, r.training) for r in reports}
    assert found == {
        (n, d, t) for n in names for d in ("float32", "float64") for t in (True, False)
    }
    for wanted in ("BatchNorm2d", "GroupNorm", "LayerNorm", "InstanceNorm3d", "RMSNorm"):
        assert wanted in names


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("fault", WRONG)
def test_wrong_layers_fail_and_the_report_says_where(fault, dtype):
    make, tensors = WRONG[fault]
    report = normviz.verify(make().to(dtype), batch(dtype))
    assert not report
    assert tensors <= failed(report)
    assert "FAIL" in str(report)
    assert report.as_dict()["passed"] is False
    json.dumps(report.as_dict())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("fault", BESIDE_LARGE)
def test_what_is_large_elsewhere_hides_no_fault(fault, dtype):
    make, shape, weight, sizes, tensors = BESIDE_LARGE[fault]
    per_channel = (-1, 1, 1) if len(shape) == 4 else (-1,)
    x = drawn(*shape) * torch.tensor(sizes).view(per_channel)
    right = nn.LayerNorm if issubclass(make, nn.LayerNorm) else nn.BatchNorm2d
    layers = [make(len(weight)), right(len(weight))]
    for layer in layers:
        layer.weight.data = torch.tensor(weight)
        layer.to(dtype)
    report = normviz.verify(layers[0], x.to(dtype))
    assert tensors <= failed(report), str(report)
    assert normviz.verify(layers[1], x.to(dtype))


@pytest.mark.parametrize("fault", ["biased running variance", "stale buffers"])
def test_nothing_but_the_fault_is_blamed(fault):
    make, tensors = WRONG[fault]
    blamed = failed(normviz.verify(make().double(), batch()))
    assert blamed - {"num_batches_tracked"} == tensors


@pytest.mark.parametrize("name", ["BatchNorm2d", "InstanceNorm2d-tracked", "GhostBatchNorm2d"])
def test_the_module_is_left_as_it_was(name):
    module = layer_of(name)
    x = torch.from_numpy(inputs_of(name)[0]).requires_grad_()
    module.weight.grad = torch.full_like(module.weight, 3.0)
    before, x_before = copy.deepcopy(module.state_dict()), x.detach().clone()
    normviz.verify(module, x)
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert torch.equal(module.weight.grad, torch.full_like(module.weight, 3.0))
    assert module.training
    assert torch.equal(x, x_before)
    assert x.grad is None


def test_frozen_parameters_are_not_asked_for_a_gradient():
    module = nn.BatchNorm2d(6).double().requires_grad_(False)
    report = normviz.verify(module, batch())
    assert report
    assert {d.tensor for d in report.differences} == {
        "output",
        "grad_input",
        "running_mean",
        "running_var",
        "num_batches_tracked",
    }


def test_works_where_gradients_are_switched_off():
    with torch.no_grad():
        assert normviz.verify(nn.GroupNorm(2, 6).double(), batch())
    with torch.inference_mode():
        assert normviz.verify(nn.GroupNorm(2, 6).double(), batch())


def test_takes_arrays_and_tensors_and_an_upstream_gradient():
    module = nn.GroupNorm(2, 6).double()
    x, upstream = batch(), torch.ones(SHAPE).double()
    reports = [
        normviz.verify(module, x, upstream),
        normviz.verify(module, x.numpy(), upstream.numpy()),
    ]
    assert reports[0] == reports[1]
    assert reports[0]


def test_the_report_lists_every_tensor_and_is_plain_data():
    report = normviz.verify(nn.BatchNorm2d(6).double(), batch())
    data = json.loads(json.dumps(report.as_dict()))
    assert data["layer"] == "BatchNorm2d"
    assert data["passed"] is True
    assert data["shape"] == list(SHAPE)
    assert [d["tensor"] for d in data["differences"]] == [
        "output",
        "grad_input",
        "grad_weight",
        "grad_bias",
        "running_mean",
        "running_var",
        "num_batches_tracked",
    ]
    assert report.worst.relative == max(d.relative for d in report.differences)
    text = str(report)
    assert text.startswith("PASS  BatchNorm2d  float64  training")
    for difference in report.differences:
        assert difference.tensor in text


def test_an_unknown_module_is_refused():
    with pytest.raises(TypeError, match=r"Linear is no normalization"):
        normviz.verify(nn.Linear(3, 3), torch.ones(2, 3))


class OfNoKnownClass(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(0.5, 2.0, 8))

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_a_layer_of_another_class_is_held_to_what_is_recognized_in_it(dtype):
    x = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    report = normviz.verify(OfNoKnownClass().to(dtype), x.to(dtype))
    assert report, str(report)
    assert [d.tensor for d in report.differences] == ["output", "grad_input", "grad_weight"]


def test_what_the_layer_refuses_is_refused():
    with pytest.raises(ValueError, match="more than 1 value"):
        normviz.verify(nn.BatchNorm1d(3), torch.ones(1, 3))
    with pytest.raises(TypeError, match="float64"):
        normviz.verify(nn.BatchNorm1d(3), torch.ones(2, 3).double())


def test_empty_batch():
    report = normviz.verify(nn.BatchNorm1d(3), np.zeros((0, 3), np.float32))
    assert report, str(report)


class EditsItsBuffer(nn.BatchNorm2d):
    def forward(self, x):
        self.eval()
        y = super().forward(x)
        self.running_var.mul_(0.9)
        return y


class ReturnsTwo(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x), x


class Raises(nn.GroupNorm):
    def forward(self, x):
        raise KeyError("no such group")


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (EditsItsBuffer(6), "the layer raised RuntimeError: one of the variables needed"),
        (ReturnsTwo((6, 5, 3)), "the layer raised TypeError: its output must be a tensor, got tup"),
        (Raises(2, 6), "the layer raised KeyError: 'no such group'"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_a_layer_that_does_not_run_to_the_end_fails_with_the_reason(layer, sentence):
    report = normviz.verify(layer, batch(torch.float32))
    assert not report
    assert report.failure is not None
    assert report.failure.startswith(sentence)
    assert sentence in str(report)
    assert json.loads(json.dumps(report.as_dict()))["passed"] is False


@pytest.mark.parametrize("grad", [torch.randn(1, 3), torch.tensor(1.0), torch.randn(3, 4)])
def test_grad_output_is_never_broadcast(grad):
    with pytest.raises(ValueError, match=r"grad_output must have the shape of x, \(4, 3\), got"):
        normviz.verify(nn.BatchNorm1d(3), torch.randn(4, 3), grad)


MADE = {
    "parametrized": lambda layer: parametrizations.weight_norm(layer, dim=None),
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight", 0.4),
    "pruned for good": lambda layer: prune.remove(
        prune.l1_unstructured(layer, "weight", 0.4), "weight"
    ),
}


class TwiceTheWeightGradient(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x) + (self.weight - self.weight.detach())


@pytest.mark.parametrize("how", MADE)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_gradient_of_a_weight_made_of_others_is_compared(how, dtype):
    x = drawn(4, 6).to(dtype)
    report = normviz.verify(MADE[how](nn.LayerNorm(6).to(dtype)), x)
    assert report, str(report)
    assert "grad_weight" in {d.tensor for d in report.differences}
    wrong = normviz.verify(MADE[how](TwiceTheWeightGradient(6).to(dtype)), x)
    assert "grad_weight" in failed(wrong)


def test_a_frozen_parametrized_weight_is_not_compared():
    layer = MADE["parametrized"](nn.LayerNorm(6)).requires_grad_(False)
    report = normviz.verify(layer, drawn(4, 6))
    assert report, str(report)
    assert "grad_weight" not in {d.tensor for d in report.differences}


@pytest.mark.parametrize("samples", [1, 2])
def test_the_verdict_on_instance_norm_of_channels_last_images_is_that_of_autograd(samples):
    """torch 2.14 gives a wrong gradient for one such image: that is no false alarm."""
    x, dy = drawn(2, samples, 3, 2, 2).double()
    x, dy = (t.contiguous(memory_format=torch.channels_last) for t in (x, dy))
    gradients = []
    for kind in ("torch's", "by hand"):
        leaf = x.clone().requires_grad_()
        var, mean = torch.var_mean(leaf, (2, 3), correction=0, keepdim=True)
        y = (leaf - mean) / torch.sqrt(var + 1e-5)
        y = F.instance_norm(leaf) if kind == "torch's" else y
        gradients.append(torch.autograd.grad(y, leaf, dy)[0])
    right = torch.allclose(*gradients)
    assert bool(normviz.verify(nn.InstanceNorm2d(3), x, dy)) == right


@pytest.mark.parametrize("tolerance", [0, -1.0, float("nan"), float("inf"), True, "1e-5"])
def test_a_tolerance_that_says_nothing_is_refused(tolerance):
    with pytest.raises((ValueError, TypeError), match="tolerance must be"):
        normviz.verify(nn.LayerNorm(5), drawn(3, 5), tolerance=tolerance)


class GammaMinusOne(nn.RMSNorm):
    def forward(self, x):
        return F.rms_norm(x, self.normalized_shape, None, self.eps) * (1.0 + self.weight)


def test_a_tolerance_is_also_for_a_class_of_its_own_reading():
    report = normviz.verify(GammaMinusOne(5, eps=1e-6), drawn(3, 5), tolerance=3e-4)
    assert report, str(report)
    assert {d.tolerance for d in report.differences} == {3e-4}


def channels_first(kind):
    class ChannelsFirst(kind):
        def forward(self, x):
            return super().forward(x.movedim(1, -1)).movedim(-1, 1)

    return ChannelsFirst(6)


@pytest.mark.parametrize("shape", [(2, 6, 4, 4), (2, 6, 6, 6), (2, 6, 6), (2, 4, 6, 6)], ids=str)
@pytest.mark.parametrize("kind", [nn.LayerNorm, nn.RMSNorm])
def test_channels_first_are_read_so_whatever_their_neighbors_lengths(kind, shape):
    if shape[1] == 6:
        report = normviz.verify(channels_first(kind), drawn(*shape))
        assert report, str(report)
    else:
        assert not normviz.verify(channels_first(kind), drawn(*shape))


class WeightOfOtherAxis(nn.RMSNorm):
    """Normalized over the channels, scaled along the last axis."""

    def forward(self, x):
        return F.rms_norm(x.movedim(1, -1), self.normalized_shape).movedim(-1, 1) * self.weight


def test_a_weight_of_another_axis_than_the_statistics_fails():
    layer = WeightOfOtherAxis(6)
    nn.init.normal_(layer.weight, generator=torch.manual_seed(0))
    assert not normviz.verify(layer, drawn(2, 6, 6))


OTHER_CHANNELS = {
    "Norm": lambda: Norm("n [c] h w", (None, 6, None, None)),
    "GhostBatchNorm2d": lambda: GhostBatchNorm2d(6, 2, affine=False, track_running_stats=False),
    "SyncBatchNorm2d": lambda: SyncBatchNorm2d(6, affine=False, track_running_stats=False),
    "ReferenceNorm2d": lambda: ReferenceNorm2d("group_norm", 6, 2, affine=False),
    "RMSNorm2d": lambda: RMSNorm2d(6, affine=False),
}


@pytest.mark.parametrize("name", OTHER_CHANNELS)
def test_channels_that_a_layer_of_ours_refuses_its_twin_refuses(name):
    layer, x = OTHER_CHANNELS[name](), drawn(2, 4, 3, 3)
    for run in (layer, lambda x: normviz.from_torch(layer)(x.numpy()), normviz.verify):
        with pytest.raises(ValueError, match=r"x must .*6"):
            run(layer, x) if run is normviz.verify else run(x)


def test_a_numpy_layer_is_refused():
    with pytest.raises(TypeError, match="layer must be of torch, got the NumPy layer BatchNorm1d"):
        normviz.verify(layers.BatchNorm1d(3), np.ones((2, 3), np.float32))


def three_times(graph, _):
    return lambda *args: tuple(3.0 * value for value in graph(*args))


def compiled_in_place():
    layer = nn.GroupNorm(2, 6)
    layer.compile(backend=three_times)
    return layer


WRAPPED = {
    "compiled": lambda: torch.compile(nn.GroupNorm(2, 6), backend=three_times),
    "compiled in place": compiled_in_place,
    "parallel": lambda: nn.DataParallel(nn.GroupNorm(2, 6)),
}


@pytest.mark.parametrize("how", WRAPPED)
def test_of_a_wrapped_layer_the_inner_one_runs_and_the_report_says_so(how):
    x, module = batch(torch.float32), WRAPPED[how]()
    report, plain = normviz.verify(module, x), normviz.verify(nn.GroupNorm(2, 6), x)
    assert report
    assert [d.tensor for d in report.differences] == [d.tensor for d in plain.differences]
    said = "its compiled code was not run"
    is_compiled = how.startswith("compiled")
    assert (said in str(report)) == (said in str(normviz.identify(module, x))) == is_compiled
    assert said not in str(plain)
