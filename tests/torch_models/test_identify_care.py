"""identify leaves all things of the user as they are, and takes a layer however it comes."""

import copy
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, prune

import normviz
from tests.torch_models.shown import IMAGES, TOKENS, drawn, x_of


class TestNothingIsTouched:
    """Of the user's."""

    def layer(self):
        layer = nn.BatchNorm2d(6)
        layer.weight.grad = torch.full((6,), 3.0)
        return layer

    def test_state_gradients_and_mode(self):
        layer, x = self.layer(), x_of(*IMAGES).requires_grad_()
        before, given = copy.deepcopy(layer.state_dict()), x.detach().clone()
        assert normviz.identify(layer, x)
        assert all(torch.equal(value, before[key]) for key, value in layer.state_dict().items())
        assert torch.equal(layer.weight.grad, torch.full((6,), 3.0))
        assert layer.training
        assert torch.equal(x, given)
        assert x.grad is None

    def test_random_generators(self):
        torch.manual_seed(0)
        numpy = np.random.mtrand._rand.get_state()[1].copy()
        before = (torch.get_rng_state(), numpy, random.getstate())
        normviz.identify(nn.Dropout(), x_of(3, 4))
        assert torch.equal(torch.get_rng_state(), before[0])
        assert (np.random.mtrand._rand.get_state()[1] == before[1]).all()
        assert random.getstate() == before[2]

    def test_hooks_are_not_called_and_stay(self):
        layer, calls = nn.LayerNorm(8), []
        layer.register_forward_hook(lambda *_: calls.append(1))
        assert normviz.identify(layer, x_of(3, 8))
        assert calls == []
        assert len(layer._forward_hooks) == 1

    def test_a_function_and_the_module_in_it(self):
        layer, seen = nn.BatchNorm1d(8), []

        def function(x):
            seen.append(1)
            return layer(x)

        assert normviz.identify(function, x_of(5, 8)).name == "batch_norm"
        assert seen == []
        assert int(layer.num_batches_tracked) == 0

    @pytest.mark.parametrize(
        "context",
        [torch.no_grad, torch.inference_mode, lambda: torch.autocast("cpu", torch.bfloat16)],
        ids=["no_grad", "inference_mode", "autocast"],
    )
    def test_under_any_context(self, context):
        layer, x = nn.LayerNorm(8), x_of(*TOKENS)
        with context():
            assert normviz.identify(layer, x).name == "layer_norm"
            assert normviz.identify(nn.LayerNorm(8), x_of(*TOKENS)).name == "layer_norm"


def test_a_hook_that_changes_the_output_is_told():
    layer = nn.LayerNorm(8)
    layer.register_forward_hook(lambda module, x, y: 2 * y)
    found = normviz.identify(layer, x_of(3, 8))
    assert not found
    assert "a hook changes its output" in found.sentence


WRAPPED = {
    "frozen": lambda: nn.LayerNorm(8).requires_grad_(False),
    "pruned": lambda: prune.random_unstructured(nn.LayerNorm(8), "weight", 0.25),
    "parametrized": lambda: parametrizations.weight_norm(nn.LayerNorm(8), dim=None),
    "compiled": lambda: torch.compile(nn.LayerNorm(8)),
    "parallel": lambda: nn.DataParallel(nn.LayerNorm(8)),
    "in a block": lambda: nn.Sequential(nn.Identity(), nn.LayerNorm(8)),
    "its forward": lambda: nn.LayerNorm(8).forward,
}


@pytest.mark.parametrize("how", WRAPPED)
def test_however_it_is_wrapped(how):
    found = normviz.identify(WRAPPED[how](), x_of(*TOKENS))
    assert found.name == "layer_norm", found.sentence


def test_shared_weights():
    first, second = nn.LayerNorm(8), nn.LayerNorm(8)
    second.weight = first.weight
    assert normviz.identify(second, x_of(*TOKENS)).gamma_is == "weight"


@pytest.mark.parametrize(
    ("layer", "x", "words"),
    [
        (3, x_of(2, 3), "layer must be a module or a function of a tensor, got int"),
        (
            nn.LayerNorm(3),
            torch.ones(2, 3, dtype=torch.int64),
            "x must hold floating-point numbers",
        ),
        (nn.LayerNorm(3), "text", "x must be a tensor of numbers, got str"),
        (nn.LayerNorm(3), x_of(0, 3), "x must have elements, got shape (0, 3)"),
        (nn.LayerNorm(3), torch.empty(1, device="meta").expand(103_000_000), "x must have at most"),
        (nn.LayerNorm(3), x_of(2, 4), "x must be a tensor that the layer takes, got shape (2, 4)"),
        (nn.LazyBatchNorm1d(), x_of(2, 4), "layer must have been run once"),
        (nn.LayerNorm(3, device="meta"), x_of(2, 3), "layer must hold numbers"),
        (nn.MultiheadAttention(4, 2), x_of(2, 4), "x must be a tensor that the layer takes, got"),
    ],
    ids=[
        *("no layer", "integers", "text", "empty", "huge", "refused", "lazy", "meta"),
        "more arguments",
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(layer, x, words):
    with pytest.raises((TypeError, ValueError)) as caught:
        normviz.identify(layer, x)
    assert str(caught.value).startswith(words)


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
def test_a_traced_layer_is_refused_in_a_sentence():
    with pytest.raises(TypeError, match=r"layer must be an eager module, .* is one of torch\.jit"):
        normviz.identify(torch.jit.trace(nn.LayerNorm(8), x_of(*TOKENS)), x_of(*TOKENS))


class Shorter(nn.Module):
    """Takes float32 and gives a shorter dtype, as a layer before one of 16 bits does."""

    def __init__(self, dtype):
        super().__init__()
        self.norm, self.gives = nn.LayerNorm(8), dtype

    def forward(self, x):
        return self.norm(x).to(self.gives)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_an_output_in_a_shorter_dtype_than_x(dtype):
    layer, x = drawn(Shorter(dtype)), x_of(*TOKENS)
    assert normviz.identify(layer, x).name == "layer_norm"
    assert normviz.verify(layer, x, tolerance=2e-2)


def test_a_function_of_constants_is_asked_in_float64_throughout():
    found = normviz.identify(lambda x: F.batch_norm(x, torch.ones(6), torch.ones(6)), x_of(*IMAGES))
    assert "every output is its own input times a number" in found.sentence


def through_numpy(x):
    array = x.numpy()
    return torch.from_numpy((array - array.mean(-1, keepdims=True)) / array.std(-1, keepdims=True))


def test_a_function_without_a_gradient_is_told_so():
    found = normviz.identify(through_numpy, x_of(*TOKENS))
    assert not found
    assert "its gradient of x cannot be computed (Can't call numpy()" in found.sentence


def test_lists_and_arrays_take_the_dtype_of_the_layer():
    assert normviz.identify(nn.LayerNorm(3), [[1.0, 2.0, 4.0], [0.0, 1.0, 5.0]]).dtype == "float32"
    assert normviz.identify(nn.LayerNorm(8), x_of(5, 8).double().numpy()).dtype == "float32"


DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
"""All that this machine has, so that where there is a GPU it is asked too."""


@pytest.mark.parametrize("device", DEVICES)
def test_wherever_the_module_lives(device, tmp_path):
    model, x = nn.Sequential(nn.Conv2d(6, 6, 1), nn.BatchNorm2d(6)).to(device), x_of(*IMAGES)
    for given in (x, x.to(device)):
        assert normviz.identify(model[1], given).name == "batch_norm"
    assert normviz.verify(model[1], x.to(device))
    assert [layer.name for layer in normviz.layers_of(model, x.to(device))] == ["1"]
    path = normviz.explain(model, x.to(device), tmp_path / "d.xlsx", layer="1", loss="sum")
    assert path.exists()
    assert {p.device.type for p in model.parameters()} == {device}


@pytest.mark.parametrize("call", [normviz.identify, normviz.verify, normviz.layers_of])
def test_a_masked_array_is_refused(call):
    masked = np.ma.masked_array(x_of(3, 8).numpy(), mask=True)
    layer = nn.LayerNorm(8)
    with pytest.raises(TypeError, match="x must be a plain NumPy array, got MaskedArray"):
        call(nn.Sequential(layer) if call is normviz.layers_of else layer, masked)


MADE_BY_SIGN = {
    "|w|": (lambda hat, w, b: hat * w.abs() + b, None, "b"),
    "relu(w)": (lambda hat, w, b: hat * w.relu() + b, None, "b"),
    "|b|": (lambda hat, w, b: hat * w + b.abs(), "w", None),
    "relu(−b)": (lambda hat, w, b: hat * w + (-b).relu(), "w", None),
    "w and b": (lambda hat, w, b: hat * w + b, "w", "b"),
}


@pytest.mark.parametrize("made", MADE_BY_SIGN)
def test_a_name_is_only_given_to_what_has_its_numbers(made):
    """Where numbers are drawn they are positive, and |w| is w."""
    make, gamma_is, beta_is = MADE_BY_SIGN[made]

    class Made(nn.Module):
        def __init__(self):
            super().__init__()
            self.w, self.b = nn.Parameter(x_of(8)), nn.Parameter(x_of(8).flip(0))

        def forward(self, x):
            return make(F.layer_norm(x, (8,)), self.w, self.b)

    layer = Made()
    found = normviz.identify(layer, x_of(5, 8))
    assert (found.name, found.gamma_is, found.beta_is) == ("layer_norm", gamma_is, beta_is)
    zero = torch.zeros(8)
    beta = make(zero, layer.w, layer.b).detach()
    gamma = (make(zero + 1.0, layer.w, layer.b) - beta).detach()
    assert np.allclose(found.gamma.ravel(), gamma.numpy(), atol=1e-5)
    assert np.allclose(found.beta.ravel(), beta.numpy(), atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_a_layer_is_no_activation_where_few_of_its_inputs_carry_the_statistics(seed):
    """Partial RMSNorm (Zhang & Sennrich, 2019): those that are probed may all be others."""

    def partial(x):
        part = x[..., : x.shape[-1] // 4]
        return x * torch.rsqrt(part.square().mean(-1, keepdim=True) + 1e-6)

    found = normviz.identify(partial, x_of(3, 7, 12), seed=seed)
    assert not found
    assert "its own input alone" not in found.sentence
    alone = normviz.identify(torch.tanh, x_of(3, 7, 12), seed=seed)
    assert "its own input alone" in alone.sentence
