"""The torch module of a pattern under torch's tools: compiled, traced, differentiated twice."""

import pytest
import torch
from torch import nn

import normviz
from normviz.torch_layers import GhostBatchNorm2d, Norm, RMSNorm2d, SyncBatchNorm2d

LAYERS = {
    "pixels": (lambda: Norm("n [c] h w", (None, 8, None, None), affine="c"), (2, 8, 3, 4)),
    "heads": (
        lambda: Norm("n t (h [d])", (None, None, 8), sizes={"h": 2}, affine="d", centered=False),
        (2, 3, 8),
    ),
    "splits": (lambda: Norm("([m] s) c [...]", (None, 4, None), sizes={"s": 2}), (6, 4, 5)),
}


@pytest.fixture(params=LAYERS)
def made(request):
    """A layer with parameters unlike 1 and 0, and an x."""
    make, shape = LAYERS[request.param]
    torch.manual_seed(0)
    layer = make().double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, 1.0, 0.3)
    return layer, torch.randn(shape, dtype=torch.double, requires_grad=True)


def test_it_can_be_differentiated_twice(made):
    layer, x = made
    assert torch.autograd.gradcheck(layer, (x,))
    assert torch.autograd.gradgradcheck(layer, (x,))


def test_vmap_and_grad_of_torch_func(made):
    layer, x = made
    many = torch.stack([x, 2 * x + 1])
    torch.testing.assert_close(torch.func.vmap(layer)(many), torch.stack([*map(layer, many)]))
    found = torch.func.grad(lambda v: layer(v).pow(3).sum())(x.detach())
    (expected,) = torch.autograd.grad(layer(x).pow(3).sum(), x)
    torch.testing.assert_close(found, expected)


def test_it_is_one_node_to_fx(made):
    layer, x = made
    traced = torch.fx.symbolic_trace(nn.Sequential(layer, nn.Tanh()))
    assert [node.op for node in traced.graph.nodes][1:3] == ["call_module", "call_module"]
    torch.testing.assert_close(traced(x), layer(x).tanh())


def test_compiled_once_for_every_length_that_varies(made):
    layer, x = made
    graphs = []

    def keep(graph, _):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    compiled = torch.compile(layer, backend=keep, dynamic=True, fullgraph=True)
    larger = [torch.cat([x.detach()] * times) for times in (1, 2, 3)]
    for value in larger:
        torch.testing.assert_close(compiled(value), layer(value))
    assert len(graphs) == 1


def test_exported_with_sizes_that_vary():
    layer, x = Norm("n [c] h w", (None, 8, None, None), affine="c"), torch.randn(2, 8, 3, 4)
    sizes = {"x": {at: torch.export.Dim(name) for at, name in ((0, "n"), (2, "h"), (3, "w"))}}
    exported = torch.export.export(layer, (x,), dynamic_shapes=sizes).module()
    other = torch.randn(5, 8, 2, 7)
    torch.testing.assert_close(exported(other), layer(other))


def test_a_length_that_a_size_does_not_divide_is_refused_in_the_words_of_the_notation():
    layer = LAYERS["splits"][0]()
    with pytest.raises(ValueError, match=r"must divide 5.*got s=2: use one of 1, 5"):
        layer(torch.randn(5, 4, 2))


@pytest.mark.parametrize(
    ("sets", "shape", "sizes", "told"),
    [
        ("(s [m]) c", (None, 4), {"s": 2, "m": 3}, (6, 4)),
        ("[n] c (s [m])", (None, 4, None), {"n": 3, "s": 2}, (3, 4, None)),
        ("n ... (h [d])", (None, None, None), {"h": 2, "d": 4}, (None, None, 8)),
        ("... [d]", (None, None, None), {"d": (2, 3)}, (None, 2, 3)),
    ],
)
def test_a_length_that_sizes_tell_need_not_be_given_and_is_held(sets, shape, sizes, told):
    layer = Norm(sets, shape, sizes=sizes)
    assert layer.shape == told
    given = [2 if n is None else n for n in told]
    assert layer(torch.randn(given)).shape == tuple(given)
    for at in (at for at, n in enumerate(shape) if n is None and told[at]):
        wrong = [*given[:at], given[at] + 1, *given[at + 1 :]]
        with pytest.raises(ValueError, match=r"^x must have shape \("):
            layer(torch.randn(wrong))


@pytest.mark.parametrize(
    "own", [{"eps": 1e-2}, {"eps": None}, {"bias": False, "centered": False}], ids=str
)
def test_a_declared_norms_own_settings_hold(own):
    declared = normviz.Norm("mine", "n [c] h w", affine="c", **own)
    layer = Norm(declared, (None, 4, None, None), dtype=torch.double)
    x = 1e-2 * torch.randn(2, 4, 3, 5, dtype=torch.double, generator=torch.manual_seed(0))
    expected = normviz.trace(declared, x.numpy())["output"]
    torch.testing.assert_close(layer(x).detach(), torch.from_numpy(expected))
    assert layer.eps == declared.eps
    assert (layer.bias is None) == (not declared.bias)
    assert normviz.verify(layer, x)


OURS = {
    "Norm": lambda **own: Norm("n [c] h w", (None, 4, None, None), **own),
    "RMSNorm2d": lambda **own: RMSNorm2d(4, **own),
    "GhostBatchNorm2d": lambda **own: GhostBatchNorm2d(4, 2, **own),
    "SyncBatchNorm2d": lambda **own: SyncBatchNorm2d(4, **own),
}


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("dtype", [torch.cfloat, torch.int64], ids=str)
def test_whole_and_complex_numbers_are_refused(name, dtype):
    with pytest.raises(TypeError, match="x must be a floating-point tensor, got torch"):
        OURS[name]()(torch.ones(2, 4, 3, 3, dtype=dtype))


@pytest.mark.parametrize("name", ["Norm", "RMSNorm2d"])
@pytest.mark.parametrize("eps", [-1.0, float("nan"), 1e-5 + 1j])
def test_an_eps_that_is_none_is_refused(name, eps):
    with pytest.raises((ValueError, TypeError), match="eps must be"):
        OURS[name](eps=eps)
