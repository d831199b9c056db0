"""Normalizations of one's own: any pattern against its definition and torch's autograd."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import normviz
from normviz import torch_layers
from normviz.norms.notation import parse
from normviz.reference import blockwise, core, layers

NAMES = "abcdef"


@st.composite
def patterns(draw):
    """A pattern, the shape it fits, the sizes it needs, and affine axes."""
    dimensions, shape, sizes, names = [], [], {}, iter(NAMES)
    for _ in range(draw(st.integers(1, 4))):
        factors = [next(names, "z") for _ in range(draw(st.sampled_from([1, 1, 2])))]
        lengths = [draw(st.integers(1, 4)) for _ in factors]
        if "z" in factors:
            break
        marked = [f"[{f}]" if draw(st.booleans()) else f for f in factors]
        dimensions.append(f"({' '.join(marked)})" if len(marked) > 1 else marked[0])
        sizes |= dict(itertools.islice(zip(factors, lengths, strict=True), len(factors) - 1))
        shape.append(int(np.prod(lengths)))
    rest = draw(st.sampled_from(["", "...", "[...]"]))
    if rest:
        at = draw(st.integers(0, len(dimensions)))
        dimensions.insert(at, rest)
        shape[at:at] = draw(st.lists(st.integers(1, 3), max_size=2))
    text = " ".join(dimensions)
    if "[" not in text:
        text, shape = f"{text} [y]", [*shape, 3]
    pattern = parse(text)
    chosen = [a.name for a in pattern.axes if a.name != "..." and draw(st.booleans())]
    return text, tuple(shape), sizes, " ".join(chosen)


def coordinates(text, shape, sizes):
    """For every axis of the pattern its index at every element of x."""
    factors = parse(text).fit(shape, sizes)
    lengths = [n for f in factors for n in (f.lengths or (1,))]
    grid = iter(np.indices(lengths).reshape(len(lengths), *shape))
    found = {}
    for factor in factors:
        parts = [next(grid) for _ in (factor.lengths or (1,))]
        found[factor.name] = np.ravel_multi_index(parts, factor.lengths or (1,))
    return {f.name: f for f in factors}, found


@settings(deadline=None, max_examples=60)
@given(patterns())
def test_labels_are_those_of_the_coordinates(made):
    text, shape, sizes, _ = made
    factors, at = coordinates(text, shape, sizes)
    kept = [at[name].ravel() for name, f in factors.items() if not f.shared]
    keys = list(zip(*kept, strict=True)) if kept else [()] * int(np.prod(shape))
    numbers: dict[tuple[int, ...], int] = {}
    expected = [numbers.setdefault(tuple(key), len(numbers) + 1) for key in keys]
    labels = normviz.set_labels(text, shape, sizes=sizes)
    assert labels.ravel().tolist() == expected


@settings(deadline=None, max_examples=60)
@given(patterns(), st.booleans(), st.booleans(), st.integers(0, 99))
def test_output_and_gradients_are_torch_s(made, centered, small_blocks, seed):
    text, shape, sizes, affine = made
    rng = np.random.default_rng(seed)
    x, dy = rng.normal(1.0, 2.0, (2, *shape))
    parameter = normviz.statistics_sets(text, shape, sizes=sizes, affine=affine).parameter_shape
    given_ = {n: rng.normal(1.0, 0.5, parameter) for n in ("weight", "bias")} if affine else {}
    call = {"sizes": sizes, "affine": affine, "centered": centered, "eps": 0.1, **given_}
    with pytest.MonkeyPatch.context() as patch:
        if small_blocks:
            patch.setattr(blockwise, "BLOCK_BYTES", 64)
        y = normviz.normalize(x, text, **call)
        found = normviz.normalize_backward(dy, x, text, **call)
    leaves = {n: torch.tensor(v, requires_grad=True) for n, v in {"x": x, **given_}.items()}
    expected = by_torch(text, sizes, affine, centered, **leaves)
    expected.backward(torch.tensor(dy))
    np.testing.assert_allclose(y, expected.detach(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.grad_input, leaves["x"].grad, rtol=1e-10, atol=1e-12)
    for name in given_:
        gradient = getattr(found, f"grad_{name}")
        np.testing.assert_allclose(gradient, leaves[name].grad, rtol=1e-10, atol=1e-12)


def by_torch(text, sizes, affine, centered, x, weight=None, bias=None):
    """The definition, set by set and parameter by parameter, gathered by their numbers."""
    factors, at = coordinates(text, tuple(x.shape), sizes)
    labels = torch.tensor(normviz.set_labels(text, tuple(x.shape), sizes=sizes) - 1)
    ones = torch.ones_like(x)

    def means(values):
        total = torch.zeros(int(labels.max()) + 1, dtype=x.dtype)
        counts = total.index_add(0, labels.ravel(), ones.ravel())
        return (total.index_add(0, labels.ravel(), values.ravel()) / counts)[labels]

    centered_x = x - means(x) if centered else x
    y = centered_x / torch.sqrt(means(centered_x**2) + 0.1)
    names = [name for name in factors if name in affine.split()]
    if names:
        lengths = [factors[name].length for name in names]
        index = np.ravel_multi_index([at[name] for name in names], lengths)
        y = y * weight.ravel()[index] + bias.ravel()[index]
    return y


PATTERNS = [
    ("[n] c [...]", "c", {}),
    ("n [c] ...", "c", {}),
    ("... [d]", "d", {"d": (6, 4)}),
    ("n (g [k]) [...]", "(g k)", {"g": 3}),
    ("([m] s) c [...]", "c", {"s": 2}),
    ("[n c h]", "n h", {}),
    ("n [c] [h]", "c", {}),
    ("n c h", "c", {}),
]


@pytest.mark.parametrize("centered", [True, False])
@pytest.mark.parametrize(("text", "affine", "sizes"), PATTERNS, ids=[p[0] for p in PATTERNS])
def test_the_fifteen_plain_lines_are_what_runs(text, affine, sizes, centered):
    shape = (4, 6, 4)
    norm = normviz.Norm("own", text, affine, fixed=sizes, centered=centered)
    sets = norm.on(shape)
    rng = np.random.default_rng(1)
    x, dy = rng.normal(1.0, 2.0, (2, *shape))
    weight, bias = rng.normal(1.0, 0.5, (2, *sets.parameter_shape))
    plain = core.normalize(x, sets, weight, bias, 1e-3)
    np.testing.assert_allclose(
        blockwise.normalize(x, sets, weight, bias, 1e-3), plain, rtol=1e-12, atol=1e-12
    )
    runs = blockwise.differentiate(dy, x, sets, weight, bias, 1e-3)
    for found, expected in zip(
        runs, core.differentiate(dy, x, sets, weight, bias, 1e-3), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("call", ["set_labels", "statistics_sets"])
@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"sizes": [2]}, TypeError, "sizes must be a dict"),
        ({"sizes": {"g": 2.0}}, TypeError, "g must be an int"),
        ({"sizes": {"q": 2}}, ValueError, "a size must be one of n, g, k; got 'q'"),
        ({"sizes": {"g": 4}}, ValueError, "use one of 1, 2, 3, 6"),
        ({}, ValueError, "the size of g or k must be given"),
        ({"sizes": {"g": 2}, "affine": "c"}, ValueError, "an affine axis must be one of"),
        ({"sizes": {"g": 2}, "affine": None}, TypeError, "affine must be a text"),
        ({"sizes": {"g": 2}, "centered": 1}, TypeError, "centered must be True or False"),
    ],
    ids=str,
)
def test_what_a_pattern_refuses(call, arguments, error, sentence):
    with pytest.raises(error, match=sentence):
        getattr(normviz, call)("n (g [k])", (2, 6), **arguments)


def test_words_without_brackets_are_no_pattern():
    with pytest.raises(ValueError, match=r"op must be one of .* a pattern has brackets"):
        normviz.set_labels("batch norm", (2, 6))


def test_a_weight_needs_its_axes_named():
    x = np.ones((2, 3))
    with pytest.raises(ValueError, match="affine must name the axes of weight"):
        normviz.normalize(x, "n [c]", weight=np.ones(3))


def test_a_trace_of_a_pattern_has_the_steps_of_every_norm():
    x, dy = np.random.default_rng(0).normal(size=(2, 2, 3, 4, 5))
    weight = np.array([1.0, 2.0, 3.0])
    made = normviz.trace("n [c] h w", x, affine="c", weight=weight).backward(dy)
    assert made["mean"].shape == (2, 4, 5)
    np.testing.assert_allclose(
        made["output"], normviz.normalize(x, "n [c] h w", affine="c", weight=weight), rtol=1e-12
    )
    expected = normviz.normalize_backward(dy, x, "n [c] h w", affine="c", weight=weight)
    np.testing.assert_allclose(made["grad_input"], expected.grad_input, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(made["grad_weight"], expected.grad_weight, rtol=1e-9)


DECLARED = {"by name": "pixel_norm", "given": normviz.NORMS["pixel_norm"]}
ALONG_CHANNELS = [
    lambda norm, **told: normviz.normalize(np.ones((2, 6, 4)), norm, **told),
    lambda norm, **told: normviz.normalize_backward(*np.ones((2, 2, 6, 4)), norm, **told),
    lambda norm, **told: torch_layers.Norm(norm, (None, 6, None), **told),
    lambda norm, **told: layers.Norm(norm, (None, 6, None), **told),
]
CALLERS = ["normalize", "normalize_backward", "torch's Norm", "NumPy's Norm"]


@pytest.mark.parametrize("told", [{"centered": False}, {"sizes": {"c": 6}}, {"affine": "h"}])
@pytest.mark.parametrize("norm", DECLARED)
@pytest.mark.parametrize("call", ALONG_CHANNELS, ids=CALLERS)
def test_a_declared_norm_is_not_told_otherwise(call, norm, told):
    (name,) = told
    with pytest.raises(TypeError, match=f"{name} must be .*, as pixel_norm has it, got"):
        call(DECLARED[norm], **told)


@pytest.mark.parametrize("call", ALONG_CHANNELS, ids=CALLERS)
def test_a_declared_norm_may_be_told_what_it_has(call):
    call("pixel_norm", sizes={}, affine="c", centered=True)


@pytest.mark.parametrize("name", ["batch_norm", "instance_norm"])
@pytest.mark.parametrize("kind", [torch_layers.Norm, layers.Norm], ids=CALLERS[2:])
def test_a_layer_of_a_pattern_has_no_running_statistics(kind, name):
    own = normviz.NORMS[name].layers[0]
    with pytest.raises(ValueError, match=rf"sets must be .*, got {name}: use {own}"):
        kind(name, (None, 6, None, None))


@pytest.mark.parametrize("bias", [True, False])
def test_the_numpy_layer_of_a_declared_norm_has_its_parameters(bias):
    kinds = layers.Norm, torch_layers.Norm
    made = [kind("pixel_norm", (None, 6, None), bias=bias) for kind in kinds]
    assert [sorted(layer.state_dict()) for layer in made] == [["bias", "weight"][1 - bias :]] * 2
